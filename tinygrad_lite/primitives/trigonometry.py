"""Circular and hyperbolic functions, their inverses, and angles in degrees: each as in a table of derivatives."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_lite.primitive import pointwise
from tinygrad_lite.primitives.limits import or_one


def _per_square(part: Any, a: Any, b: Any) -> Any:
    """part / (a^2 + b^2), and 0 at the origin: divided twice by the root, for the square may overflow or be lost."""
    radius = or_one(np.hypot(a, b))
    return part / radius / radius


sin = pointwise(np.sin, r"\sin #1", lambda y, x: np.cos(x), numpy=np.sin)
cos = pointwise(np.cos, r"\cos #1", lambda y, x: -np.sin(x), numpy=np.cos)
tan = pointwise(np.tan, r"\tan #1", lambda y, x: 1 + y * y, numpy=np.tan)
arcsin = pointwise(np.arcsin, r"\arcsin #1", lambda y, x: 1 / np.sqrt((1 - x) * (1 + x)), numpy=np.arcsin)
arccos = pointwise(np.arccos, r"\arccos #1", lambda y, x: -1 / np.sqrt((1 - x) * (1 + x)), numpy=np.arccos)
arctan = pointwise(np.arctan, r"\arctan #1", lambda y, x: 1 / (1 + x * x), numpy=np.arctan)
sinh = pointwise(np.sinh, r"\sinh #1", lambda y, x: np.cosh(x), numpy=np.sinh)
cosh = pointwise(np.cosh, r"\cosh #1", lambda y, x: np.sinh(x), numpy=np.cosh)
arcsinh = pointwise(  # hypot: x * x would overflow long before sqrt(1 + x^2) does
    np.arcsinh, r"\operatorname{arsinh} #1", lambda y, x: 1 / np.hypot(1, x), numpy=np.arcsinh
)
arccosh = pointwise(
    np.arccosh, r"\operatorname{arcosh} #1", lambda y, x: 1 / (np.sqrt(x - 1) * np.sqrt(x + 1)), numpy=np.arccosh
)
arctanh = pointwise(np.arctanh, r"\operatorname{artanh} #1", lambda y, x: 1 / ((1 - x) * (1 + x)), numpy=np.arctanh)
hypot = pointwise(  # a length: its derivative at the origin is 0
    np.hypot,
    r"\sqrt{#1^2 + #2^2}",
    lambda y, a, b: a / or_one(y),
    lambda y, a, b: b / or_one(y),
    numpy=np.hypot,
)
arctan2 = pointwise(  # the angle of (b, a), which the origin does not have: derivative 0 there
    np.arctan2,
    r"\operatorname{atan2}(#1, #2)",
    lambda y, a, b: _per_square(b, a, b),
    lambda y, a, b: -_per_square(a, a, b),
    numpy=np.arctan2,
)
deg2rad = pointwise(np.deg2rad, r"\tfrac{\pi}{180} #1", lambda y, x: math.pi / 180, numpy=np.deg2rad)
rad2deg = pointwise(np.rad2deg, r"\tfrac{180}{\pi} #1", lambda y, x: 180 / math.pi, numpy=np.rad2deg)
