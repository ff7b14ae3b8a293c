"""Rewritings that are right for real numbers, and for floating-point numbers but for rounding."""

from __future__ import annotations

from typing import Any

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives import elementwise as entries
from tinygrad_lite.primitives import linear_algebra, reductions, shaping
from tinygrad_lite.primitives.arithmetic import add, divide, multiply, negative, subtract
from tinygrad_lite.readings.rewriting.call import (
    RESHAPING,
    Call,
    close,
    made_by,
    operands,
    scalar,
    shape_of,
)
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size, full, is_number


@close
def divisions(c: Call) -> Any:
    """x * (1 / b) is x / b, and x * (a / b) is (x / b) * a."""
    if c.op is multiply:
        for x, q in (c.args, c.args[::-1]):
            if isinstance(q, Quotient) and q.above == 1:
                return c.make(divide, x, q.below)
            if made_by(q, divide) and scalar(operands(q)[0]) == 1 and shape_of(x) == c.shape:
                return c.make(divide, x, operands(q)[1])
            if made_by(q, divide) and isinstance(scalar(operands(q)[0]), Quotient) and shape_of(x) == c.shape:
                return c.make(multiply, c.make(divide, x, operands(q)[1]), scalar(operands(q)[0]))
    return None


@close
def minus_inside(c: Call) -> Any:
    """(a - b) * -c is (b - a) * c."""
    if c.op is not multiply:
        return None
    for x, number in (c.args, c.args[::-1]):
        if isinstance(number, Size) or not is_number(number) or number >= 0 or not made_by(x, subtract):
            continue
        number = Quotient(-number, -number.above, number.below) if isinstance(number, Quotient) else -number
        return c.make(multiply, c.make(subtract, *reversed(operands(x))), number)
    return None


@close
def transposed_products(c: Call) -> Any:
    """(a.T @ b).T is b.T @ a."""
    if c.op is shaping.transpose and len(c.shape) == 2 and made_by(c.args[0], linear_algebra.matmul):
        a, b = operands(c.args[0])
        if len(shape_of(a)) == len(shape_of(b)) == 2:
            axes = {"axes": None}
            return c.make(
                linear_algebra.matmul, c.make(shaping.transpose, b, **axes), c.make(shaping.transpose, a, **axes)
            )
    return None


@close
def softmax_adds_up_to_one(c: Call) -> Any:
    """The sum of e^(x - logsumexp x) is 1."""
    if c.op is reductions.sum and made_by(c.args[0], entries.exp) and made_by(d := operands(c.args[0])[0], subtract):
        x, lse = operands(d)
        while isinstance(lse, Node) and lse.op in RESHAPING:
            lse = operands(lse)[0]
        if made_by(lse, reductions.logsumexp) and operands(lse)[0] is x and isinstance(x, Node):
            n = len(shape_of(x))
            if _axes(lse.kwargs["axis"], n) == _axes(c.kwargs["axis"], n):
                return c.make(full, 1, shape=c.shape, dtype=c.dtype) if c.shape else 1
    return None


def _axes(axis: Any, n: int) -> set[int]:
    return set(range(n)) if axis is None else {int(a) % n for a in (axis if isinstance(axis, tuple) else (axis,))}


@close
def numbers_that_cancel(c: Call) -> Any:
    """2 * (x / 2) and (2 * x) / 2 are x. N stays, as it is another number on another batch."""
    for x, number in [c.args, c.args[::-1]] if c.op is multiply else [c.args] if c.op is divide else []:
        if c.op is multiply and made_by(x, divide) and _same_number(operands(x)[1], number):
            return operands(x)[0]
        if c.op is divide and made_by(x, multiply):
            for factor, rest in (operands(x), operands(x)[::-1]):
                if _same_number(factor, number):
                    return rest
    return None


@close
def numbers_together(c: Call) -> Any:
    """a * (b * x) is (a * b) * x where a * b is whole or one over a whole number, which no page has to round."""
    for number, x in (c.args, c.args[::-1]) if c.op is multiply else ():
        if not made_by(x, multiply):
            continue
        for factor, rest in (operands(x), operands(x)[::-1]):
            both = _whole_together(scalar(number), scalar(factor))
            if both is not None and shape_of(rest) == c.shape:
                return c.make(multiply, both, rest)
    return None


def _whole_together(a: Any, b: Any) -> float | None:
    """The product of two numbers if it is whole or one over a whole number; None too for what goes by the batch."""
    if a is None or b is None or any(isinstance(getattr(x, "below", x), Size) for x in (a, b)):
        return None
    product = float(a) * float(b)
    if not 1e-6 < abs(product) < 1e6:
        return None
    whole = round(product) or round(1 / product)
    return product if product in (whole, 1 / whole) else None


def _same_number(a: Any, b: Any) -> bool:
    """Whether both are one number, which is not 0, whatever the batch."""
    return all(is_number(x) and not isinstance(x, (Size, Quotient)) for x in (a, b)) and bool(a == b != 0)


@close
def sigmoid_of_the_negative(c: Call) -> Any:
    """1 - sigmoid(-z) is sigmoid(z), and (1 - y) - sigmoid(-z) is sigmoid(z) - y."""
    if c.op is not subtract or not made_by(s := c.args[1], entries.sigmoid) or not made_by(operands(s)[0], negative):
        return None
    one, (z,) = c.args[0], operands(operands(s)[0])
    if scalar(one) == 1:
        return c.make(entries.sigmoid, z)
    if made_by(one, subtract) and scalar(operands(one)[0]) == 1:
        return c.make(subtract, c.make(entries.sigmoid, z), operands(one)[1])
    return None


@close
def common_factors(c: Call) -> Any:
    """a * c + b * c is (a + b) * c, and a / c + b / c is (a + b) / c."""
    if c.op not in (add, subtract) or not all(isinstance(a, Node) for a in c.args):
        return None
    a, b = c.args
    if a.op is not b.op or a.op not in (multiply, divide):
        return None
    (a1, a2), (b1, b2) = operands(a), operands(b)
    if _same(a2, b2):
        return c.make(a.op, c.make(c.op, a1, b1), a2)
    if a.op is multiply:
        for one, left, other, right in ((a1, a2, b1, b2), (a1, a2, b2, b1), (a2, a1, b1, b2)):
            if _same(one, other):
                return c.make(multiply, one, c.make(c.op, left, right))
    return None


def _same(a: Any, b: Any) -> bool:
    return a is b or (is_number(a) and is_number(b) and a == b)
