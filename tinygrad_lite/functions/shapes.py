"""The same entries under other axes, joined, and taken apart."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand, operands
from tinygrad_lite.primitives import shaping
from tinygrad_lite.tensor import Tensor, as_tensor

# -- axes ------------------------------------------------------------------------------------------------------


@answers(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    if order != "C":
        raise ValueError(f"np.reshape on a Tensor keeps C order; order={order!r} is refused")
    return as_tensor(a).reshape(shape)


@answers(np.ravel)
def _ravel(a: Any, order: str = "C") -> Any:
    return _reshape(a, -1, order)


@answers(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Any:
    return as_tensor(a).transpose(axes)


@answers(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Any:
    return as_tensor(a).swapaxes(axis1, axis2)


@answers(np.matrix_transpose, np.linalg.matrix_transpose)
def _matrix_transpose(x: Any) -> Any:
    return as_tensor(x).swapaxes(-1, -2)


@answers(np.moveaxis)
def _moveaxis(a: Any, source: Any, destination: Any) -> Any:
    t = as_tensor(a)
    sources = normalize_axis_tuple(source, t.ndim, "source")
    destinations = normalize_axis_tuple(destination, t.ndim, "destination")
    if len(sources) != len(destinations):
        raise ValueError(f"np.moveaxis: {len(sources)} axes to move, but {len(destinations)} places for them")
    order = [axis for axis in range(t.ndim) if axis not in sources]
    for place, axis in sorted(zip(destinations, sources, strict=True)):
        order.insert(place, axis)
    return t.transpose(order)


@answers(np.rollaxis)
def _rollaxis(a: Any, axis: int, start: int = 0) -> Any:
    t = as_tensor(a)
    axis = normalize_axis_index(axis, t.ndim)
    start += t.ndim if start < 0 else 0
    normalize_axis_index(start, t.ndim + 1)
    return _moveaxis(t, axis, start - (axis < start))


@answers(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return Tensor.record(shaping.expand_dims, (as_tensor(a),), {"axis": axis})


@answers(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return as_tensor(a).squeeze(axis)


def _at_least(function: Callable[..., Any]) -> None:
    @answers(function)
    def answer(*arys: Any) -> Any:
        results = []
        for t in operands(arys):
            shape = function(np.empty(t.shape)).shape
            results.append(t if shape == t.shape else t.reshape(shape))
        return results[0] if len(results) == 1 else tuple(results)


for _function in (np.atleast_1d, np.atleast_2d, np.atleast_3d):
    _at_least(_function)


@answers(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Any:
    shape = (operator.index(shape),) if np.ndim(shape) == 0 else tuple(shape)
    return Tensor.record(shaping.broadcast_to, (as_tensor(array),), {"shape": shape})


@answers(np.broadcast_arrays)
def _broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    shape = np.broadcast_shapes(*(np.shape(a) for a in args))
    return tuple(a if np.shape(a) == shape else _broadcast_to(a, shape) for a in args)


@answers(np.meshgrid)
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    n = len(xi)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [
        as_tensor(x).reshape((1,) * place + (-1,) + (1,) * (n - 1 - place)) for x, place in zip(xi, places, strict=True)
    ]
    return tuple(grids) if sparse else _broadcast_arrays(*grids)


# -- joining ---------------------------------------------------------------------------------------------------


@answers(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Any:
    if axis is None:
        arrays, axis = [np.ravel(a) for a in arrays], 0
    return Tensor.record(shaping.concatenate, tuple(arrays), {"axis": axis})


@answers(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0) -> Any:
    return Tensor.record(shaping.stack, tuple(arrays), {"axis": axis})


@answers(np.vstack)
def _vstack(tup: Sequence[Any]) -> Any:
    return _concatenate([np.atleast_2d(a) for a in tup], 0)


@answers(np.hstack)
def _hstack(tup: Sequence[Any]) -> Any:
    arrays = [np.atleast_1d(a) for a in tup]
    return _concatenate(arrays, 0 if arrays[0].ndim == 1 else 1)


@answers(np.dstack)
def _dstack(tup: Sequence[Any]) -> Any:
    return _concatenate([np.atleast_3d(a) for a in tup], 2)


@answers(np.column_stack)
def _column_stack(tup: Sequence[Any]) -> Any:
    return _concatenate([a if a.ndim > 1 else a.reshape((-1, 1)) for a in operands(tup)], 1)


@answers(np.append)
def _append(arr: Any, values: Any, axis: int | None = None) -> Any:
    return _concatenate([operand(arr), operand(values)], axis)


@answers(np.block)
def _block(arrays: Any) -> Any:
    def depth(part: Any) -> int:
        return 1 + max(map(depth, part)) if isinstance(part, list) else 0

    def join(part: Any, level: int) -> Any:
        if not isinstance(part, list):
            part = operand(part)
            return part if part.ndim >= ndim else part.reshape((1,) * (ndim - part.ndim) + part.shape)
        return np.concatenate([join(p, level + 1) for p in part], level - levels)

    def widest(part: Any) -> int:
        return max(map(widest, part)) if isinstance(part, list) else np.ndim(part)

    levels = depth(arrays)
    ndim = max(levels, widest(arrays))
    return join(arrays, 0)


# -- taking apart ----------------------------------------------------------------------------------------------


@answers(np.array_split)
def _array_split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    t = as_tensor(ary)
    n, axis = t.shape[axis], normalize_axis_index(axis, t.ndim)
    if np.ndim(indices_or_sections):
        cuts = [0, *(int(i) for i in indices_or_sections), n]
    else:
        sections = operator.index(indices_or_sections)
        if sections < 1:
            raise ValueError(f"np.array_split: the number of sections has to be at least 1, not {sections}")
        larger, size = n % sections, n // sections
        cuts = [i * size + min(i, larger) for i in range(sections + 1)]
    before = (slice(None),) * axis
    return [t[(*before, slice(start, stop))] for start, stop in itertools.pairwise(cuts)]


@answers(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    if not np.ndim(indices_or_sections) and np.shape(ary)[axis] % indices_or_sections:
        raise ValueError(
            f"np.split: axis {axis} of size {np.shape(ary)[axis]} does not divide into {indices_or_sections} equal "
            "parts; np.array_split makes parts of unequal size"
        )
    return _array_split(ary, indices_or_sections, axis)


@answers(np.hsplit)
def _hsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    return _split(ary, indices_or_sections, min(_ndim_at_least(ary, 1, "hsplit") - 1, 1))


@answers(np.vsplit)
def _vsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    _ndim_at_least(ary, 2, "vsplit")
    return _split(ary, indices_or_sections, 0)


@answers(np.dsplit)
def _dsplit(ary: Any, indices_or_sections: Any) -> list[Any]:
    _ndim_at_least(ary, 3, "dsplit")
    return _split(ary, indices_or_sections, 2)


@answers(np.unstack)
def _unstack(x: Any, *, axis: int = 0) -> tuple[Any, ...]:
    return tuple(np.moveaxis(x, axis, 0))


def _ndim_at_least(a: Any, n: int, name: str) -> int:
    if np.ndim(a) < n:
        raise ValueError(f"np.{name} works on arrays of {n} or more axes; this one has shape {np.shape(a)}")
    return np.ndim(a)
