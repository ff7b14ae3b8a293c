"""Operations that only move entries: NumPy's own function run on an array of positions tells where each came from.

`positions = f(arange(x.size).reshape(x.shape))` holds, at each place of the output, which entry of `x` stands there.
The adjoint of all of them is then one row, `put_back`: add each cotangent to the entry it belongs to.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, general, linear


def _put_back(g: Any, positions: Any, shape: tuple[int, ...]) -> Any:
    size = int(np.prod(shape, dtype=int))
    return np.bincount(positions.reshape(-1), g.reshape(-1), size).astype(g.dtype).reshape(shape)


def _numbered(shape: tuple[int, ...]) -> Any:
    return np.arange(np.prod(shape, dtype=int)).reshape(shape)


put_back: Primitive = linear(
    _put_back,
    r"\mathrm{scatter}(#1)",
    lambda h, y, g, positions, shape: np.reshape(h, -1)[positions],
    name="put_back",
)


def moving(function: Callable[..., Any], tex: str, **more: Any) -> Primitive:
    """The row of a NumPy function that moves entries, repeats them or leaves them out, and nothing else."""

    def adjoint(g: Any, y: Any, x: Any, **arguments: Any) -> Any:
        return put_back(g, function(_numbered(x.shape), **arguments), shape=x.shape)

    return linear(function, tex, adjoint, **more)


def _choose_padding(x: Any, pad_width: Any, mode: str) -> Any:
    return np.pad(x, pad_width, mode)  # type: ignore[call-overload]  # the stub wants a literal


def _unpadded(x: Any, pad_width: tuple[tuple[int, int], ...]) -> tuple[slice, ...]:
    return tuple(slice(before, before + n) for (before, _), n in zip(pad_width, x.shape, strict=True))


def _by_rank(y_order: Any, x_order: Any, axis: int) -> Any:
    # x_order[r] is where the r-th smallest entry stood before, y_order[r] where it stands after.
    where = np.empty_like(x_order)
    np.put_along_axis(where, x_order, y_order, axis)
    return where


roll = moving(np.roll, r"\mathrm{roll}(#1)", name="roll")
flip = moving(np.flip, r"\mathrm{flip}(#1)", name="flip")
rot90 = moving(np.rot90, r"\mathrm{rot90}(#1)", name="rot90")
tile = moving(lambda x, reps: np.tile(x, reps), r"\mathrm{tile}(#1)", name="tile")
repeat = moving(lambda x, repeats, axis: np.repeat(x, repeats, axis), r"\mathrm{repeat}(#1)", name="repeat")
delete = moving(lambda x, obj, axis: np.delete(x, obj, axis), r"\mathrm{delete}(#1)", name="delete")
diagonal = moving(np.diagonal, r"\operatorname{diag}(#1)", name="diagonal")
pad_by_entries = moving(_choose_padding, r"\mathrm{pad}(#1)", name="pad_by_entries")
pad = linear(  # with zeros
    lambda x, pad_width: np.pad(x, pad_width),
    r"\mathrm{pad}(#1)",
    lambda g, y, x, pad_width: g[_unpadded(x, pad_width)],
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
