"""Rewritings of book-keeping: shapes, axes and broadcasting."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives import arithmetic, indexing, reductions, shaping
from tinygrad_lite.readings.rewriting.call import (
    RESHAPING,
    SAME_ANYWHERE,
    Call,
    exact,
    made_by,
    operands,
    scalar,
    shape_of,
)
from tinygrad_lite.readings.rewriting.numbers import full


@exact
def nothing_done(c: Call) -> Any:
    """The same dtype, the same shape, the same order of axes: the operand itself."""
    if not c.args or not isinstance(c.args[0], Node):
        return None
    x = c.args[0]
    if c.op.name in ("identity", "positive", "detach"):
        return x
    if c.op is arithmetic.astype and x.value.dtype == c.dtype:
        return x
    if c.op in (shaping.reshape, shaping.broadcast_to) and shape_of(x) == c.shape:
        return x
    if c.op is shaping.transpose and (len(c.shape) < 2 or _order(c.kwargs["axes"], len(c.shape)) == _identity(c)):
        return x
    if c.op is reductions.sum and len(c.args) == 1 and c.kwargs["axis"] == ():
        return x
    return None


def _order(axes: Any, n: int) -> tuple[int, ...]:
    return tuple(range(n))[::-1] if axes is None else tuple(int(a) % n for a in axes)


def _identity(c: Call) -> tuple[int, ...]:
    return tuple(range(len(c.shape)))


@exact
def there_and_back(c: Call) -> Any:
    """Two transpositions, reshapings or new axes in a row are one, or none."""
    x = c.args[0] if c.args else None
    if c.op is shaping.transpose and isinstance(x, Node) and x.op is shaping.transpose:
        n = len(c.shape)
        first, second = _order(x.kwargs["axes"], n), _order(c.kwargs["axes"], n)
        return c.make(shaping.transpose, operands(x)[0], axes=tuple(first[k] for k in second))
    if c.op in RESHAPING and isinstance(x, Node) and x.op in RESHAPING:
        inner = operands(x)[0]
        if shape_of(inner) == c.shape:
            return inner
        if c.op is shaping.reshape:
            return c.make(shaping.reshape, inner, **c.kwargs)
    return None


@exact
def kept_axes(c: Call) -> Any:
    """A sum whose lost axes are put back keeps them, and one that loses the axes it kept does not."""
    x = c.args[0] if c.args else None
    if c.op not in RESHAPING or not isinstance(x, Node) or x.op not in KEEPING:
        return None
    inner = operands(x)[0]
    axis = x.kwargs["axis"]
    axes = range(len(shape_of(inner))) if axis is None else axis if isinstance(axis, tuple) else (axis,)
    gone = {int(a) % len(shape_of(inner)) for a in axes}
    for keep in (True, False):
        left = (1 if k in gone else n for k, n in enumerate(shape_of(inner)) if keep or k not in gone)
        if x.kwargs["keepdims"] is not keep and tuple(left) == c.shape:
            return c.make(x.op, inner, **{**x.kwargs, "keepdims": keep})
    return None


@exact
def put_back_without_new_axes(c: Call) -> Any:
    """What x[:, None] reads is all of x, so its cotangent goes back into the shape of x."""
    if c.op is not indexing.scatter_add or len(c.args) != 1:
        return None
    if all(part is None or part is Ellipsis or part == slice(None) for part in c.kwargs["index"]):
        return c.make(shaping.reshape, c.args[0], shape=c.kwargs["shape"])
    return None


KEEPING = (reductions.sum, reductions.mean, reductions.max, reductions.min, reductions.var)


@exact
def numbers_have_any_dtype(c: Call) -> Any:
    """A number in another dtype is that number."""
    if c.op is arithmetic.astype and c.dtype.kind == "f" and (number := scalar(c.args[0])) is not None:
        return number if not c.shape else c.make(full, number, shape=c.shape, dtype=c.dtype)
    return None


@exact
def full_stays_full(c: Call) -> Any:
    """However an array of equal entries is shaped, it is one."""
    moved = (*RESHAPING, shaping.broadcast_to, shaping.transpose, indexing.getitem)
    if c.op in moved and len(c.args) == 1 and (number := scalar(c.args[0])) is not None:
        return c.make(full, number, shape=c.kwargs.get("shape", c.shape) if c.op is not indexing.getitem else c.shape,
                      dtype=c.dtype)  # fmt: skip
    return None


@exact
def broadcasting_is_implied(c: Call) -> Any:
    """An operation on entries broadcasts by itself."""
    if c.op.name not in SAME_ANYWHERE or len(c.args) < 2:
        return None
    args = tuple(_before_broadcast(a) for a in c.args)
    if all(a is b for a, b in zip(args, c.args, strict=True)):
        return None
    for some in _fewest(c.args, args):
        changed = any(a is not b for a, b in zip(some, c.args, strict=True))
        if changed and np.broadcast_shapes(*(shape_of(a) for a in some)) == c.shape:
            return c.make(c.op, *some, **c.kwargs)
    return None


def _before_broadcast(a: Any) -> Any:
    """What `a` was before it was broadcast, or before axes of size 1 were put before its own."""
    if made_by(a, shaping.broadcast_to):
        return operands(a)[0]
    if isinstance(a, Node) and a.op in RESHAPING:
        shape, ones = shape_of(operands(a)[0]), len(shape_of(a)) - len(shape_of(operands(a)[0]))
        if ones > 0 and shape and shape_of(a) == (1,) * ones + shape:
            return operands(a)[0]
    number = scalar(a)
    return a if number is None else number


def _fewest(old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    yield new
    for k in range(len(old)):
        yield (*new[:k], old[k], *new[k + 1 :])


@exact
def broadcast_later(c: Call) -> Any:
    """An operation on entries of a broadcast array is done before it is broadcast."""
    if c.op.name in SAME_ANYWHERE and len(c.args) == 1 and made_by(c.args[0], shaping.broadcast_to):
        x = operands(c.args[0])[0]
        return c.make(shaping.broadcast_to, c.make(c.op, x, **c.kwargs), **c.args[0].kwargs)
    return None
