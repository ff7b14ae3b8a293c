"""Rewritings of numbers, ones and zeros, and signs."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitives import indexing, linear_algebra, products, reductions, shaping
from tinygrad_lite.primitives.arithmetic import add, divide, multiply, negative, power, subtract
from tinygrad_lite.readings.rewriting.call import (
    Call,
    elementwise,
    exact,
    made_by,
    negated,
    operands,
    scalar,
)
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size, full, is_number, onehot, plain


@exact
def numbers_are_computed(c: Call) -> Any:
    """1 / 5, - 0.2: what is made of numbers alone is a number, or an array full of it."""
    if not elementwise(c.op) or c.dtype.kind != "f" or c.op.name == "where":
        return None
    values = [scalar(a) for a in c.args]
    if not values or any(v is None for v in values):
        return None
    number = _quotient(c, *values) if c.op in (multiply, divide) else None
    if number is None:
        if any(isinstance(v, (Size, Quotient)) for v in values):
            return None
        number = plain(_run(c, values))
    return number if not c.shape else c.make(full, number, shape=c.shape, dtype=c.dtype)


def _run(c: Call, values: Any) -> Any:
    """The operation on numbers, in the precision of the result."""
    return np.asarray(c.op.run(*(c.dtype.type(v) for v in values), **c.kwargs), dtype=c.dtype)[()]


def _quotient(c: Call, a: Any, b: Any) -> Quotient | None:
    """a / b, (a / b) * c and c * (a / b) as a quotient of numbers, if that is the same number to the last bit."""
    if c.op is divide:
        if isinstance(a, (Quotient, Size)) or isinstance(b, Quotient) or not b:
            return None
        above, below = a, b
    else:
        q, k = (a, b) if isinstance(a, Quotient) else (b, a)
        if not isinstance(q, Quotient) or isinstance(k, (Quotient, Size)):
            return None
        above, below = q.above * k, q.below
    value = _run(c, (a, b))
    same = value == c.dtype.type(above) / c.dtype.type(below)
    return Quotient(plain(value), above, below) if same else None


@exact
def ones_and_zeros(c: Call) -> Any:
    """x * 1, x / 1, x ** 1, x + 0, x - 0 are x; -1 * x is -x; x ** 0 is 1."""
    if len(c.args) != 2:
        return None
    (a, b), (m, n) = c.args, (scalar(x) for x in c.args)
    if c.op is power and n == 0 and c.dtype.kind == "f":
        return 1.0 if not c.shape else c.make(full, 1.0, shape=c.shape, dtype=c.dtype)
    if c.op is multiply:
        return b if m == 1 else a if n == 1 else negated(c, b) if m == -1 else negated(c, a) if n == -1 else None
    if c.op in (divide, power):
        return a if n == 1 and not isinstance(n, Size) else None
    if c.op is add:
        return b if m == 0 else a if n == 0 else None
    return a if c.op is subtract and n == 0 else negated(c, b) if c.op is subtract and m == 0 else None


@exact
def signs(c: Call) -> Any:
    """-(-x) is x, -(a - b) is b - a, a + (-b) is a - b, a - (-b) is a + b."""
    if c.op is negative:
        if made_by(c.args[0], negative):
            return operands(c.args[0])[0]
        if made_by(c.args[0], subtract):
            return c.make(subtract, *reversed(operands(c.args[0])))
    if c.op in (add, subtract):
        a, b = c.args
        other = subtract if c.op is add else add
        if made_by(b, negative):
            return c.make(other, a, operands(b)[0])
        if c.op is add and made_by(a, negative):
            return c.make(subtract, b, operands(a)[0])
    return None


@exact
def signs_of_products(c: Call) -> Any:
    """(-a) * b, a * (-b), (-a) / b and a / (-b) are the negative of the product or quotient."""
    if c.op in (multiply, divide):
        a, b = c.args
        if made_by(a, negative):
            return negated(c, c.make(c.op, operands(a)[0], b))
        if made_by(b, negative):
            return negated(c, c.make(c.op, a, operands(b)[0]))
    return None


@exact
def signs_of_sums(c: Call) -> Any:
    """A sum or product of matrices changes its sign with its operand, and entries only move with it."""
    if c.op in LINEAR and (len(c.args) == 1 or c.op in (linear_algebra.matmul, products.outer)):
        for k, a in enumerate(c.args):
            if made_by(a, negative):
                args = (*c.args[:k], operands(a)[0], *c.args[k + 1 :])
                return negated(c, c.make(c.op, *args, **c.kwargs))
    return None


LINEAR = (
    reductions.sum, reductions.mean, shaping.reshape, shaping.expand_dims, shaping.squeeze, shaping.transpose,
    indexing.getitem, linear_algebra.matmul, products.outer,
)  # fmt: skip


@exact
def twice(c: Call) -> Any:
    """x + x is 2 * x, and -x - x is -2 * x."""
    if c.op is add and c.args[0] is c.args[1]:
        return c.make(multiply, 2, c.args[0])
    if c.op is subtract and made_by(c.args[0], negative) and operands(c.args[0])[0] is c.args[1]:
        return c.make(multiply, -2, c.args[1])
    return None


@exact
def numbers_first(c: Call) -> Any:
    """2 * x for x * 2, but x * (1 / N)."""
    if c.op is multiply and isinstance(c.args[0], Quotient) and not is_number(c.args[1]):
        return c.make(multiply, c.args[1], c.args[0])
    if c.op is multiply and made_by(c.args[0], onehot) and isinstance(c.args[1], Quotient) and c.args[1].above == 1:
        return c.make(divide, c.args[0], c.args[1].below)  # 0 / N and 1 / N need no rounding but their own
    if c.op is multiply and is_number(c.args[1]) and not is_number(c.args[0]) and not isinstance(c.args[1], Quotient):
        return c.make(multiply, c.args[1], c.args[0])
    return None
