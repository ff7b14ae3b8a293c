"""Operations that only move entries: NumPy's own function run on an array of positions tells where each came from.

`positions = f(arange(x.size).reshape(x.shape))` holds, at each place of the output, which entry of `x` stands there.
The adjoint of all of them is then one row, `put_back`: add each cotangent to the entry it belongs to.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, general, linear


def _put_back(g: Any, positions: Any, shape: tuple[int, ...]) -> Any:
    size = math.prod(shape)
    return np.bincount(positions.reshape(-1), g.reshape(-1), size).astype(g.dtype).reshape(shape)


def _numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(math.prod(shape)).reshape(shape)


put_back: Primitive = linear(
    _put_back,
    r"\mathrm{scatter}(#1)",
    lambda h, y, g, positions, shape: np.reshape(h, -1)[positions],
    name="put_back",
)


bincount = linear(  # with weights x: y_k is the sum of those at places k
    lambda x, places, minlength: np.bincount(places, x, minlength),
    r"\mathrm{bincount}(#1)",
    lambda g, y, x, places, minlength: g[places],
    None,
    name="bincount",
)


def moving(function: Callable[..., Any], tex: str, **more: Any) -> Primitive:
    """The row of a NumPy function that moves entries, repeats them or leaves them out, and nothing else."""

    def adjoint(g: Any, y: Any, x: Any, **arguments: Any) -> Any:
        return put_back(g, function(_numbered(x.shape), **arguments), shape=x.shape)

    return linear(function, tex, adjoint, **more)


def _inserted(x: Any, v: Any, obj: Any, axis: int | None) -> Any:
    return np.insert(x, obj, v, axis)


def _inserted_back(i: int, g: Any, y: Any, x: Any, v: Any, obj: Any, axis: int | None) -> Any:
    # One put_back for both: the entries of v are numbered after those of x.
    n = x.size
    places = np.insert(_numbered(x.shape), obj, n + _numbered(v.shape), axis)
    entries = put_back(g, places, shape=(n + v.size,))
    return np.reshape(entries[n:], v.shape) if i else np.reshape(entries[:n], x.shape)


def _padded_by_entries(x: Any, pad_width: Any, mode: str) -> Any:
    return np.pad(x, pad_width, mode)  # type: ignore[call-overload]  # the stub wants a literal


def _unpadded(x: Any, pad_width: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(pad_width, x.shape, strict=True))


def _by_rank(y_order: Any, x_order: Any, axis: int) -> Any:
    # x_order[r] is where the r-th smallest entry stood before, y_order[r] where it stands after.
    return np.take_along_axis(y_order, np.argsort(x_order, axis), axis)


def _median(x: Any, axis: Any, keepdims: bool, missing: bool) -> Any:
    return (np.nanmedian if missing else np.median)(x, axis=axis, keepdims=keepdims)


def _median_rule(g: Any, y: Any, x: Any, axis: tuple[int, ...], keepdims: bool, missing: bool) -> Any:
    if not x.size:  # nobody stands in the middle of nothing
        return np.zeros_like(x)
    kept = [k for k in range(x.ndim) if k not in axis]
    shape = (*(x.shape[k] for k in kept), math.prod(x.shape[k] for k in axis))
    numbers = np.transpose(_numbered(x.shape), [*kept, *axis]).reshape(shape)
    values = np.reshape(np.transpose(x, [*kept, *axis]), shape)
    order = np.argsort(values, -1)  # what is missing comes last
    n = np.sum(~np.isnan(values), axis=-1, keepdims=True) if missing else shape[-1] + np.zeros((*shape[:-1], 1), int)
    middle = np.concatenate([np.maximum(n - 1, 0) // 2, np.minimum(n // 2, shape[-1] - 1)], -1)
    places = np.take_along_axis(numbers, np.take_along_axis(order, middle, -1), -1)
    half = np.where(np.isnan(y), 0, g / 2).reshape((*shape[:-1], 1))
    return put_back(np.broadcast_to(half, places.shape), places, shape=x.shape)


def _back(shift: Any) -> Any:
    return tuple(-int(s) for s in shift) if np.ndim(shift) else -int(shift)  # int, for -np.uint8(1) is 255


roll = linear(
    lambda x, shift, axis: np.roll(x, shift, axis),
    r"\mathrm{roll}(#1)",
    lambda g, y, x, shift, axis: np.roll(g, _back(shift), axis),
    name="roll",
)
flip = linear(
    lambda x, axis: np.flip(x, axis), r"\mathrm{flip}(#1)", lambda g, y, x, axis: np.flip(g, axis), name="flip"
)
rot90 = linear(
    lambda x, k, axes: np.rot90(x, k, axes),
    r"\mathrm{rot90}(#1)",
    lambda g, y, x, k, axes: np.rot90(g, -k, axes),
    name="rot90",
)
tile = moving(lambda x, reps: np.tile(x, reps), r"\mathrm{tile}(#1)", name="tile")
repeat = moving(lambda x, repeats, axis: np.repeat(x, repeats, axis), r"\mathrm{repeat}(#1)", name="repeat")
delete = moving(lambda x, obj, axis: np.delete(x, obj, axis), r"\mathrm{delete}(#1)", name="delete")
insert = linear(_inserted, r"\mathrm{insert}(#1, #2)", _inserted_back, variadic=True, name="insert")
diagonal = moving(np.diagonal, r"\operatorname{diag}(#1)", name="diagonal")
pad_by_entries = moving(_padded_by_entries, r"\mathrm{pad}(#1)", name="pad_by_entries")
resize = moving(lambda x, shape: np.resize(x, shape), r"\mathrm{resize}(#1)", name="resize")
take = linear(
    lambda x, indices, axis, mode: np.take(x, indices, axis, mode=mode),
    "#1[#2]",
    lambda g, y, x, indices, axis, mode: put_back(
        g, np.take(_numbered(x.shape), indices, axis, mode=mode), shape=x.shape
    ),
    name="take",
)
take_along_axis = linear(
    lambda x, indices, axis: np.take_along_axis(x, indices, axis),
    "#1[#2]",
    lambda g, y, x, indices, axis: put_back(g, np.take_along_axis(_numbered(x.shape), indices, axis), shape=x.shape),
    name="take_along_axis",
)
choose = linear(
    lambda index, *xs, mode: np.choose(index, xs, mode=mode),
    r"\mathrm{choose}(#1)",
    lambda i, g, y, index, *xs, mode: np.where(np.choose(index, range(len(xs)), mode=mode) == i - 1, g, 0),
    variadic=True,
    name="choose",
)
difference: Primitive = linear(  # of neighbours; its adjoint is minus the difference, with zeros beyond both ends
    lambda x, axis: np.diff(x, axis=axis),
    r"\Delta #1",
    lambda g, y, x, axis: (
        -difference(np.pad(g, [(int(k == axis),) * 2 for k in range(g.ndim)]), axis=axis) if x.shape[axis] else g
    ),
    name="difference",
)
pad = general(  # with constants, which do not move
    lambda x, pad_width, filling: np.pad(x, pad_width, constant_values=filling),
    r"\mathrm{pad}(#1)",
    lambda g, y, x, pad_width, filling: g[_unpadded(x, pad_width)],
    name="pad",
)
tril = linear(lambda x, k: np.tril(x, k), r"\mathrm{tril}(#1)", lambda g, y, x, k: np.tril(g, k), name="tril")
triu = linear(lambda x, k: np.triu(x, k), r"\mathrm{triu}(#1)", lambda g, y, x, k: np.triu(g, k), name="triu")
diag = linear(  # of a vector: a matrix
    lambda x, k: np.diag(x, k), r"\operatorname{diag}(#1)", lambda g, y, x, k: np.diagonal(g, k), name="diag"
)

# Which entry goes where depends on the values: piecewise linear, and the derivative is that of the piece.
sort = general(
    lambda x, axis: np.sort(x, axis),
    r"\mathrm{sort}(#1)",
    lambda g, y, x, axis: np.take_along_axis(g, np.argsort(np.argsort(x, axis, kind="stable"), axis), axis),
    name="sort",
)
partition = general(
    lambda x, kth, axis: np.partition(x, kth, axis),
    r"\mathrm{partition}(#1)",
    lambda g, y, x, kth, axis: np.take_along_axis(g, _by_rank(np.argsort(y, axis), np.argsort(x, axis), axis), axis),
    name="partition",
)
median = general(  # the middle one, or the mean of the two; without what is missing, if that is asked for
    _median, r"\mathrm{median}(#1)", _median_rule, name="median"
)
ranked = general(  # of the last axis only the entries that would stand at `ranks` if it were sorted
    lambda x, ranks: np.partition(x, ranks, -1)[..., ranks],
    r"#1_{(\mathrm{rank})}",
    lambda g, y, x, ranks: put_back(
        g,
        np.take_along_axis(_numbered(x.shape), np.argpartition(x, ranks, -1)[..., ranks], -1),
        shape=x.shape,
    ),
    name="ranked",
)
