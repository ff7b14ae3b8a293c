"""The numerator layout: the derivative by a column is a row, by a matrix of shape (m, n) one of shape (n, m).

Both sides of a line are transposed, and the transposes are moved inwards until they stand at names.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import general, linear
from tinygrad_lite.primitives.linear_algebra import matmul
from tinygrad_lite.readings.derivation.asking import is_transpose, transposed
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity, quantities
from tinygrad_lite.readings.derivation.notation import rewritten

row = linear(np.atleast_2d, r"#1^{\mathsf T}", None, name="row")  # a column as a row
beside = general(np.outer, r"#1\,#2", None, None, name="outer")  # a column and a row
ENTRYWISE = ("multiply", "add", "subtract", "divide", "negative")


up = linear(  # a derivative as it stands in the layout of shapes, from what it is in this one
    lambda d, shape: d.reshape(shape) if len(shape) < 2 else d.T,
    r"#1^{\mathsf T}",
    None,
    name="up",
)


class _NoNotation(Exception):
    """The transpose cannot be moved inwards past an operation."""


def turned(value: Any) -> Any:
    """The value of a derivative in this layout; one with more than two axes has no transpose, and stays as it is."""
    value = np.asarray(value)
    return np.atleast_2d(value) if value.ndim == 1 else value.T if value.ndim == 2 else value


def numerator(e: Expression) -> Expression:
    """The transpose of a right-hand side, whose derivatives are in this layout already.

    Products, sums and functions of entries are transposed one by one; anything else as a whole, on derivatives that
    are transposed back.
    """
    try:
        found = _inwards(e)
        with np.errstate(all="ignore"):
            value = np.asarray(found.value)
    except (_NoNotation, ValueError, TypeError, IndexError):
        return _whole(e)
    wanted = turned(e.value)
    right = value.size == wanted.size and np.allclose(value.reshape(wanted.shape), wanted, equal_nan=True)
    return found if right else _whole(e)


def _whole(e: Expression) -> Expression:
    return _turned(_upright_everywhere(e)) if np.ndim(e.value) < 3 else _upright_everywhere(e)


def _upright_everywhere(e: Expression) -> Expression:
    if isinstance(e, Quantity) and e.cotangent:
        row_of = Quantity(e.node, turned(e.value), True)
        flat = np.size(e.value) == 1 or np.ndim(e.value) > 2
        return e if flat else Apply(up, (row_of,), {"shape": np.shape(e.value)})
    if isinstance(e, Apply):
        return Apply(e.op, tuple(_upright_everywhere(a) for a in e.args), e.kwargs)
    return e


def _inwards(e: Expression) -> Expression:
    if isinstance(e, Quantity) and e.cotangent:
        return Quantity(e.node, turned(e.value), True)
    if isinstance(e, Apply):
        if is_transpose(e):
            return _upright(e.args[0])
        if e.op.name == "matmul":
            a, b = e.args
            return Apply(matmul, (_inwards(b), _inwards(a)))
        if e.op.name == "outer":
            a, b = e.args
            return Apply(beside, (_upright(b), _inwards(a)))
        if e.op.name in ENTRYWISE:
            return rewritten(Apply(e.op, tuple(_inwards(a) for a in e.args), e.kwargs))
        if any(q.cotangent for q in quantities(e)):
            raise _NoNotation
    return _turned(e)


def _turned(e: Expression) -> Expression:
    if np.size(e.value) == 1 or (isinstance(e, Constant) and np.ndim(e.value) == 0):
        return e
    return Apply(row, (e,)) if np.ndim(e.value) == 1 else transposed(e)


def _upright(e: Expression) -> Expression:
    """An operand as it is; a derivative, which is a row here, transposed back."""
    if isinstance(e, Quantity) and e.cotangent:
        return transposed(Quantity(e.node, turned(e.value), True))
    if isinstance(e, Apply) and e.op.name in ENTRYWISE:
        return Apply(e.op, tuple(_upright(a) for a in e.args), e.kwargs)
    return e
