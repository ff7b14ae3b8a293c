"""Steps, remainders and choices between two numbers: functions with a jump or a kink.

A step function is flat wherever it has a derivative, so the derivative here is 0 everywhere; at a jump that is
the convention.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import pointwise


def _finite(y: Any, x: Any, nan: Any, posinf: Any, neginf: Any) -> Any:
    return np.isfinite(x)


# steps: derivative 0
floor = pointwise(np.floor, r"\lfloor #1 \rfloor", 0, numpy=np.floor)
ceil = pointwise(np.ceil, r"\lceil #1 \rceil", 0, numpy=np.ceil)
trunc = pointwise(np.trunc, r"\mathrm{trunc}(#1)", 0, numpy=np.trunc)
rint = pointwise(np.rint, r"\mathrm{rint}(#1)", 0, numpy=np.rint)
round = pointwise(lambda x, decimals: np.round(x, decimals), r"\mathrm{round}(#1)", 0, name="round")
floor_divide = pointwise(np.floor_divide, r"\lfloor #1 / #2 \rfloor", 0, 0, symbol="//", numpy=np.floor_divide)
heaviside = pointwise(  # the second argument is the value at 0
    np.heaviside, r"\mathrm{H}(#1, #2)", 0, lambda y, x, middle: x == 0, numpy=np.heaviside
)

# a - n b with a whole number n: floor(a / b), or a / b cut off towards 0
remainder = pointwise(
    np.remainder, r"#1 \bmod #2", 1, lambda y, a, b: -np.floor_divide(a, b), symbol="%", numpy=np.remainder
)
fmod = pointwise(np.fmod, r"\mathrm{fmod}(#1, #2)", 1, lambda y, a, b: -np.trunc(a / b), numpy=np.fmod)

# kinks
fabs = pointwise(np.fabs, r"\lvert #1 \rvert", lambda y, x: np.sign(x), numpy=np.fabs)  # fabs'(0) = 0
copysign = pointwise(
    np.copysign, r"\mathrm{copysign}(#1, #2)", lambda y, a, b: np.sign(a) * np.copysign(1, b), 0, numpy=np.copysign
)
fmax = pointwise(  # a tie is shared equally; nan loses against a number
    np.fmax,
    r"\max(#1, #2)",
    lambda y, a, b: (a > b) + 0.5 * (a == b) + np.isnan(b),
    lambda y, a, b: (a < b) + 0.5 * (a == b) + np.isnan(a),
    numpy=np.fmax,
)
fmin = pointwise(
    np.fmin,
    r"\min(#1, #2)",
    lambda y, a, b: (a < b) + 0.5 * (a == b) + np.isnan(b),
    lambda y, a, b: (a > b) + 0.5 * (a == b) + np.isnan(a),
    numpy=np.fmin,
)
positive = pointwise(np.positive, "+#1", 1, numpy=np.positive)
nan_to_num = pointwise(  # what was replaced gets no gradient
    lambda x, nan, posinf, neginf: np.nan_to_num(x, nan=nan, posinf=posinf, neginf=neginf),
    r"\mathrm{finite}(#1)",
    _finite,
    name="nan_to_num",
)
