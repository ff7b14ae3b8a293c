"""The same entries under other axes, joined, and taken apart."""

from __future__ import annotations

import itertools
import operator
from collections.abc import Callable, Sequence
from typing import Any, Literal

import numpy as np
from numpy.lib.array_utils import normalize_axis_index, normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand, operands
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import shaping
from tinygrad_lite.primitives.indexing import getitem
from tinygrad_lite.tensor import Tensor, as_tensor

Casting = Literal["no", "equiv", "safe", "same_kind", "unsafe"]

# -- axes ------------------------------------------------------------------------------------------------------


@answers(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C") -> Any:
    t = as_tensor(a)
    if order == "C":
        return t.reshape(shape)
    if order != "F":
        raise ValueError(f"np.reshape on a Tensor has the orders C and F, not {order!r}")
    sizes = (shape,) if isinstance(shape, (int, np.integer)) else tuple(shape)
    return t.transpose().reshape(sizes[::-1]).transpose()  # the first axis runs fastest: the last, from behind


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
    order = list(range(t.ndim))
    order.insert(start - (axis < start), order.pop(axis))
    return t.transpose(order)


@answers(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Any:
    axis = tuple(axis) if isinstance(axis, list) else axis
    return Tensor.record(shaping.expand_dims, (as_tensor(a),), {"axis": axis})


@answers(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Any:
    return as_tensor(a).squeeze(axis)


def _raised(a: Any, n: int) -> Any:
    """`a` with `n` axes or more: of those it lacks one comes first, if it has less than two, and the others last."""
    t = operand(a)
    shape = t.shape
    if len(shape) >= n:
        return t
    first = (1,) if len(shape) < min(n, 2) else ()
    return t.reshape(first + shape + (1,) * (n - len(first) - len(shape)))


def _at_least(function: Callable[..., Any], n: int) -> None:
    @answers(function)
    def answer(*arys: Any) -> Any:
        return _raised(arys[0], n) if len(arys) == 1 else tuple([_raised(a, n) for a in arys])


for _n, _function in enumerate((np.atleast_1d, np.atleast_2d, np.atleast_3d), 1):
    _at_least(_function, _n)


@answers(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Any:
    shape = (operator.index(shape),) if np.ndim(shape) == 0 else tuple(shape)
    return Tensor.record(shaping.broadcast_to, (as_tensor(array),), {"shape": shape})


@answers(np.broadcast_arrays)
def _broadcast_arrays(*args: Any) -> tuple[Any, ...]:
    arrays = [as_tensor(operand(a)) for a in args]
    shape = np.broadcast_shapes(*(a.shape for a in arrays))
    return tuple(a if a.shape == shape else Tensor.record(shaping.broadcast_to, (a,), {"shape": shape}) for a in arrays)


@answers(np.meshgrid)
def _meshgrid(*xi: Any, copy: bool = True, sparse: bool = False, indexing: str = "xy") -> tuple[Any, ...]:
    if indexing not in ("xy", "ij"):
        raise ValueError(f"np.meshgrid: indexing is 'xy' or 'ij', not {indexing!r}")
    n = len(xi)
    places = [1, 0, *range(2, n)] if indexing == "xy" and n > 1 else list(range(n))
    grids = [
        as_tensor(operand(x)).reshape((1,) * place + (-1,) + (1,) * (n - 1 - place))
        for x, place in zip(xi, places, strict=True)
    ]
    return tuple(grids) if sparse else _broadcast_arrays(*grids)


# -- joining ---------------------------------------------------------------------------------------------------


@answers(np.concatenate)
def _concatenate(
    arrays: Sequence[Any], axis: int | None = 0, *, dtype: Any = None, casting: Casting = "same_kind"
) -> Any:
    if axis is None:
        arrays, axis = [operand(a).reshape(-1) for a in arrays], 0
    return _joined(shaping.concatenate, arrays, axis, dtype, casting)


def _joined(row: Primitive, arrays: Sequence[Any], axis: int, dtype: Any, casting: Casting) -> Any:
    y = Tensor.record(row, tuple(arrays), {"axis": axis})
    if dtype is None:
        return y
    if not np.can_cast(y.dtype, dtype, casting):
        raise TypeError(f"np.{row.name}: {y.dtype} does not become {np.dtype(dtype)} by the rule casting={casting!r}")
    return y.astype(dtype)


@answers(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0, *, dtype: Any = None, casting: Casting = "same_kind") -> Any:
    return _joined(shaping.stack, arrays, axis, dtype, casting)


@answers(np.vstack)
def _vstack(tup: Sequence[Any], *, dtype: Any = None, casting: Casting = "same_kind") -> Any:
    return _concatenate([_raised(a, 2) for a in tup], 0, dtype=dtype, casting=casting)


@answers(np.hstack)
def _hstack(tup: Sequence[Any], *, dtype: Any = None, casting: Casting = "same_kind") -> Any:
    arrays = [_raised(a, 1) for a in tup]
    return _concatenate(arrays, 0 if arrays[0].ndim == 1 else 1, dtype=dtype, casting=casting)


@answers(np.dstack)
def _dstack(tup: Sequence[Any]) -> Any:
    return _concatenate([_raised(a, 3) for a in tup], 2)


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
    if not _is_number(indices_or_sections):
        cuts = [0, *(int(i) for i in indices_or_sections), n]
    else:
        sections = operator.index(indices_or_sections)
        if sections < 1:
            raise ValueError(f"np.array_split: the number of sections has to be at least 1, not {sections}")
        larger, size = n % sections, n // sections
        cuts = [i * size + min(i, larger) for i in range(sections + 1)]
    before = (slice(None),) * axis
    return [
        Tensor.record(getitem, (t,), {"index": (*before, slice(start, stop))})
        for start, stop in itertools.pairwise(cuts)
    ]


@answers(np.split)
def _split(ary: Any, indices_or_sections: Any, axis: int = 0) -> list[Any]:
    t = as_tensor(ary)
    if _is_number(indices_or_sections) and t.shape[axis] % indices_or_sections:
        raise ValueError(
            f"np.split: axis {axis} of size {t.shape[axis]} does not divide into {indices_or_sections} equal parts; "
            "np.array_split makes parts of unequal size"
        )
    return _array_split(t, indices_or_sections, axis)


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


def _is_number(sections: Any) -> bool:
    return isinstance(sections, int) or (not isinstance(sections, (list, tuple)) and np.ndim(sections) == 0)


def _ndim_at_least(a: Any, n: int, name: str) -> int:
    if np.ndim(a) < n:
        raise ValueError(f"np.{name} works on arrays of {n} or more axes; this one has shape {np.shape(a)}")
    return np.ndim(a)
