"""Activations that NumPy has no name for, each one row: what a layer applies to every entry by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import pointwise
from tinygrad_lite.primitives.elementwise import sigmoid


def _one_above(x: Any, below: Any) -> Any:
    # 1 where x > 0; in x's own dtype, for two bare numbers would make a float64 cotangent of a float32 one
    return np.where(x > 0, x.dtype.type(1), below)


softplus = pointwise(  # ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|), which cannot overflow
    lambda x: np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x))),
    r"\mathrm{softplus}(#1)",
    lambda y, x: sigmoid(x),
    name="softplus",
)
leaky_relu = pointwise(  # at 0 the derivative is the slope, as PyTorch's
    lambda x, slope: np.where(x > 0, x, slope * x),
    r"\mathrm{leaky\,relu}(#1)",
    lambda y, x, slope: _one_above(x, x.dtype.type(slope)),
    name="leaky_relu",
)
elu = pointwise(  # alpha (e^x - 1) below 0; at 0 the derivative is alpha, as PyTorch's
    lambda x, alpha: np.where(x > 0, x, alpha * np.expm1(np.minimum(x, 0))),
    r"\mathrm{elu}(#1)",
    lambda y, x, alpha: _one_above(x, alpha * np.exp(np.minimum(x, 0))),
    name="elu",
)
