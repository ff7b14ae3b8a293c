"""Rewritings of products, and of entries that are put back where they came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives import indexing, linear_algebra, products, reductions, shaping
from tinygrad_lite.primitives.arithmetic import add, multiply, negative, subtract
from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.rewriting.call import (
    Call,
    exact,
    made_by,
    negated,
    operands,
    scalar,
    shape_of,
)
from tinygrad_lite.readings.rewriting.numbers import counted, full, onehot


def _column(x: Any) -> Any:
    """v where x is the column v[:, None] of a vector v."""
    if isinstance(x, Node) and x.op in (indexing.getitem, shaping.expand_dims, shaping.reshape):
        inner = operands(x)[0]
        if len(shape_of(inner)) == 1 and shape_of(x) == (*shape_of(inner), 1) and len(x.inputs) == 1:
            return inner
    return None


@exact
def outer_products(c: Call) -> Any:
    """A column times a row is their outer product."""
    if c.op is multiply and all(isinstance(a, Node) or np.ndim(a) for a in c.args):
        for a, b in (c.args, c.args[::-1]):
            v, w = _column(a), b
            if made_by(b, indexing.getitem) and b.kwargs["index"] in (
                (None, slice(None)),
                (Ellipsis, None, slice(None)),
            ):
                w = operands(b)[0]
            if v is not None and len(shape_of(w)) == 1 and shape_of(v) + shape_of(w) == c.shape:
                return c.make(products.outer, v, w)
    return None


@exact
def matrix_times_vector(c: Call) -> Any:
    """(A @ v[:, None])[:, 0] is A @ v."""
    if c.op is indexing.getitem and c.kwargs["index"] == (Ellipsis, 0) and len(c.args) == 1:
        product = c.args[0]
        if made_by(product, linear_algebra.matmul):
            a, column = operands(product)
            v = _column(column)
            if v is not None:
                return c.make(linear_algebra.matmul, a, v)
    return None


@exact
def slices_joined(c: Call) -> Any:
    """Slices put back side by side, with zeros elsewhere, and added: their concatenation, or their stack."""
    if c.op is not add:
        return None
    one, other = _placed(c.args[0]), _placed(c.args[1])
    if one is None or other is None or one[1:] != other[1:]:
        return None
    found = sorted((*one[0], *other[0]), key=lambda part: part[0])
    _, axis, single = one
    ends = [0, *(stop for _, stop, _ in found)]
    if len(found) < 2 or ends != [*(start for start, _, _ in found), c.shape[axis]]:
        return None
    at = axis - len(c.shape) if axis == len(c.shape) - 1 else axis
    return c.make(shaping.stack if single else shaping.concatenate, *(x for _, _, x in found), axis=at)


def _placed(x: Any) -> tuple[list[tuple[int, int, Any]], int, bool] | None:
    """[(start, stop, part)] along an axis, for slices that were put back into zeros, and sums of such.

    And the axis, and whether the parts are entries along it, `x[0]` and not `x[0:1]`.
    """
    stack: list[Any] = [x]
    parts: list[tuple[int, int, Any]] = []
    kinds: set[tuple[int, bool]] = set()
    while stack:
        x = stack.pop()
        if made_by(x, add):
            stack += operands(x)
            continue
        if not made_by(x, indexing.scatter_add) or len(x.inputs) != 1:
            return None
        shape, index = x.kwargs["shape"], x.kwargs["index"]
        if Ellipsis in index:
            k = index.index(Ellipsis)
            index = index[:k] + (slice(None),) * (len(shape) - len(index) + 1) + index[k + 1 :]
        cut = [k for k, part in enumerate(index) if part != slice(None)]
        if len(cut) != 1 or not isinstance(index[cut[0]], (slice, int)) or len(parts) > 64:
            return None
        at, n = index[cut[0]], shape[cut[0]]
        single = isinstance(at, int)
        start, stop, step = (at % n, at % n + 1, 1) if isinstance(at, int) else at.indices(n)
        if step != 1:
            return None
        kinds.add((cut[0], single))
        parts.append((start, stop, operands(x)[0]))
    return (parts, *kinds.pop()) if len(kinds) == 1 else None


@exact
def one_entry_is_its_row_s_sum(c: Call) -> Any:
    """Rows with one entry each, that of their label, add up to these entries."""
    if c.op is not reductions.sum or not made_by(c.args[0], indexing.unpick) or c.kwargs["axis"] not in (1, -1, (1,)):
        return None
    g = operands(c.args[0])[0]
    number = scalar(g)
    if number is not None:
        return c.make(full, number, shape=c.shape, dtype=c.dtype)
    return c.make(shaping.expand_dims, g, axis=1) if c.kwargs["keepdims"] else g


@exact
def sign_of_what_is_put_back(c: Call) -> Any:
    """-x put back among zeros is the negative of x put back."""
    if c.op in (indexing.unpick, indexing.scatter_add) and made_by(c.args[0], negative):
        return negated(c, c.make(c.op, operands(c.args[0])[0], *c.args[1:], **c.kwargs))
    return None


@exact
def labels_of_rows(c: Call) -> Any:
    """z[0 1 2 ..., labels] reads one entry of each row, that of its label; what comes back goes there."""
    if c.op not in (indexing.getitem, indexing.scatter_add) or c.kwargs["index"] != (ARRAY, ARRAY):
        return None
    x, rows, labels = c.args
    shape = shape_of(x) if c.op is indexing.getitem else c.kwargs["shape"]
    if len(shape) != 2 or len(shape_of(labels)) != 1 or not _counts(rows, shape[0]):
        return None
    if c.op is indexing.getitem:
        return c.make(indexing.pick, x, labels)
    return c.make(indexing.unpick, x, labels, classes=shape[1])


def _counts(rows: Any, n: int) -> bool:
    """Whether it is 0, 1 ... n - 1, by itself and not by the user's choice."""
    return made_by(rows, counted) or (isinstance(rows, np.ndarray) and np.array_equal(rows, np.arange(n)))


@exact
def labels_as_rows(c: Call) -> Any:
    """A number put at each example's label, and zeros elsewhere, is that times the labels' one-hot rows."""
    if c.op in (add, subtract):
        a, b = c.args
        for x, s in ((a, b), (b, a)):
            if made_by(x, indexing.unpick) and (number := scalar(operands(x)[0])) is not None:
                rows = c.make(onehot, operands(x)[1], classes=x.kwargs["classes"], dtype=c.dtype)
                rows = rows if number == 1 else c.make(multiply, rows, number)
                return c.make(c.op, s, rows) if s is a or c.op is add else c.make(c.op, rows, s)
    return None
