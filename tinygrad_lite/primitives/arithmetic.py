"""+ - * / ** and their kin: the rows that a reader should meet first.

Every rule here is one a student derives in the first week: the partial derivative by each operand, all else
held fixed. `run` is Python's operator, which NumPy serves faster than the function of the same meaning.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np

from tinygrad_lite.primitive import constant, linear, pointwise


def _wide(x: Any, y: Any) -> Any:
    """An operand with as many digits as the output: where a / b is double, 1 / b of a single b would not be."""
    kind = getattr(x, "dtype", None)
    if kind is None:  # a Python number; by its own 0 Python does not divide, and NumPy does
        return x or y.dtype.type(0)
    return x if kind == y.dtype else x.astype(y.dtype)


def _power_by_base(y: Any, a: Any, b: Any) -> Any:
    # d(a^b)/da = b a^(b-1); at a = b = 0 the power is constant in a, but a^(b-1) would give 0 * inf = nan.
    if b.__class__ is int or b.__class__ is float:  # and no np.float64, which is a float too
        return b * a ** (b - 1) if b else 0.0
    b = _wide(b, y)
    return b * a ** np.where((a == 0) & (b == 0), 1, b - 1)


def _power_by_exponent(y: Any, a: Any, b: Any) -> Any:
    # d(a^b)/db = a^b ln a; at a = 0 the power is 0 for every b > 0, and so is the derivative.
    return y * np.log(np.where(a == 0, 1, _wide(a, y)))


identity = linear(lambda x: x, "#1", 1, name="identity")
detach = constant(lambda x: x, "#1", name="detach")  # the same value, not to be differentiated
add = pointwise(operator.add, "#1 + #2", 1, 1, symbol="+", numpy=np.add)
subtract = pointwise(operator.sub, "#1 - #2", 1, -1, symbol="-", numpy=np.subtract)
multiply = pointwise(operator.mul, r"#1 \odot #2", lambda y, a, b: b, lambda y, a, b: a, symbol="*", numpy=np.multiply)
divide = pointwise(
    operator.truediv,
    r"\frac{#1}{#2}",
    lambda y, a, b: 1 / _wide(b, y),
    lambda y, a, b: -y / b,
    symbol="/",
    numpy=np.divide,
)
power = pointwise(operator.pow, "#1^{#2}", _power_by_base, _power_by_exponent, symbol="**", numpy=np.power)
negative = pointwise(operator.neg, "-#1", -1, symbol="-", numpy=np.negative)
astype = linear(lambda x, dtype: x.astype(dtype), "#1", 1, name="astype")  # the engine casts g back
