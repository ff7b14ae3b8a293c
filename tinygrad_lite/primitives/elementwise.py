"""Functions of each entry by itself: the smooth ones, then those with a kink.

At a kink there is no derivative and a convention stands in for it; each is stated beside its row, and the
README's table of conventions is tested against these rows.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import linear, pointwise


def _sigmoid(x: Any) -> Any:
    # 1 / (1 + e^-x) overflows for x << 0; with e = e^-|x| <= 1 nothing can.
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def _inside(y: Any, x: Any, low: Any, high: Any) -> Any:
    above = True if low is None else x >= low
    below = True if high is None else x <= high
    return above & below


def _at_low(y: Any, x: Any, low: Any, high: Any) -> Any:
    return (x < low) & (y == low)  # y = high where the bounds are crossed: NumPy's clip is min(max(x, low), high)


def _at_high(y: Any, x: Any, low: Any, high: Any) -> Any:
    return x > high if low is None else (x > high) | (low > high)


# smooth
exp = pointwise(np.exp, "e^{#1}", lambda y, x: y, numpy=np.exp)
log = pointwise(np.log, r"\ln #1", lambda y, x: 1 / x, numpy=np.log)
sqrt = pointwise(np.sqrt, r"\sqrt{#1}", lambda y, x: 0.5 / y, numpy=np.sqrt)
square = pointwise(np.square, "#1^2", lambda y, x: 2 * x, numpy=np.square)
tanh = pointwise(np.tanh, r"\tanh #1", lambda y, x: 1 - y * y, numpy=np.tanh)
sigmoid = pointwise(_sigmoid, r"\sigma(#1)", lambda y, x: y * (1 - y), name="sigmoid")

# with a kink
relu = pointwise(  # relu'(0) = 0
    lambda x: np.maximum(x, 0), r"\mathrm{relu}(#1)", lambda y, x: x > 0, name="relu"
)
absolute = pointwise(np.absolute, r"\lvert #1 \rvert", lambda y, x: np.sign(x), numpy=np.absolute)  # abs'(0) = 0
sign = pointwise(np.sign, r"\mathrm{sign}(#1)", 0, numpy=np.sign)
maximum = pointwise(  # a tie is shared equally
    np.maximum,
    r"\max(#1, #2)",
    lambda y, a, b: (a > b) + 0.5 * (a == b),
    lambda y, a, b: (a < b) + 0.5 * (a == b),
    numpy=np.maximum,
)
minimum = pointwise(
    np.minimum,
    r"\min(#1, #2)",
    lambda y, a, b: (a < b) + 0.5 * (a == b),
    lambda y, a, b: (a > b) + 0.5 * (a == b),
    numpy=np.minimum,
)
clip = pointwise(  # passes at its edges; a bound that is in force gets the gradient instead
    np.clip,
    r"\mathrm{clip}(#1, #2, #3)",
    _inside,
    _at_low,
    _at_high,
    name="clip",
)
where = linear(  # linear in both branches; the condition is data
    np.where,
    r"\mathrm{where}(#1, #2, #3)",
    None,
    lambda g, y, condition, a, b: np.where(condition, g, 0),
    lambda g, y, condition, a, b: np.where(condition, 0, g),
    name="where",
)
