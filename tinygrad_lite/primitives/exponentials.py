"""Exponentials and logarithms to other bases, roots and reciprocals."""

from __future__ import annotations

import math

import numpy as np

from tinygrad_lite.primitive import pointwise
from tinygrad_lite.primitives.arithmetic import power
from tinygrad_lite.primitives.elementwise import sigmoid

LN2, LN10 = math.log(2), math.log(10)

reciprocal = pointwise(np.reciprocal, r"\frac{1}{#1}", lambda y, x: -y * y, numpy=np.reciprocal)
cbrt = pointwise(np.cbrt, r"\sqrt[3]{#1}", lambda y, x: 1 / (3 * y * y), numpy=np.cbrt)
exp2 = pointwise(np.exp2, "2^{#1}", lambda y, x: LN2 * y, numpy=np.exp2)
expm1 = pointwise(np.expm1, "e^{#1} - 1", lambda y, x: np.exp(x), numpy=np.expm1)  # y + 1 loses e^x for x << 0
log2 = pointwise(np.log2, r"\log_2 #1", lambda y, x: 1 / (LN2 * x), numpy=np.log2)
log10 = pointwise(np.log10, r"\log_{10} #1", lambda y, x: 1 / (LN10 * x), numpy=np.log10)
log1p = pointwise(np.log1p, r"\ln(1 + #1)", lambda y, x: 1 / (1 + x), numpy=np.log1p)
# The derivatives are the shares of a and b in the sum, e^(a-y) = 1 / (1 + e^(b-a)). Unlike the first form the second
# keeps its digits where y is large, and has a value where a or b is infinite.
logaddexp = pointwise(
    np.logaddexp,
    r"\ln(e^{#1} + e^{#2})",
    lambda y, a, b: sigmoid(a - b),
    lambda y, a, b: sigmoid(b - a),
    numpy=np.logaddexp,
)
logaddexp2 = pointwise(
    np.logaddexp2,
    r"\log_2(2^{#1} + 2^{#2})",
    lambda y, a, b: sigmoid(LN2 * (a - b)),
    lambda y, a, b: sigmoid(LN2 * (b - a)),
    numpy=np.logaddexp2,
)
float_power = pointwise(np.float_power, "#1^{#2}", *power.rules, numpy=np.float_power)
