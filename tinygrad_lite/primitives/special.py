"""Functions that need more than one formula: the error function, its complement, and sinc.

Source: W. J. Cody, Rational Chebyshev approximations for the error function, Mathematics of Computation 23 (1969),
631-637, whose coefficients these are, one set for each of three intervals. In this arithmetic: within 1e-15.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, pointwise

# erf x = x P(x^2) / Q(x^2) up to 0.46875; highest power first.
P1 = (1.85777706184603153e-1, 3.16112374387056560e0, 1.13864154151050156e2, 3.77485237685302021e2,
      3.20937758913846947e3)  # fmt: skip
Q1 = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
# erfc x = e^(-x^2) P(x) / Q(x) up to 4.
P2 = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594e0, 6.61191906371416295e1,
      2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
      1.23033935479799725e3)  # fmt: skip
Q2 = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
      3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip
# erfc x = e^(-x^2) / x (1/sqrt(pi) - R / x^2) with R = P(1/x^2) / Q(1/x^2) beyond.
P3 = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1, 1.25781726111229246e-1,
      1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
Q3 = (1.0, 2.56852019228982242e0, 1.87295284992346725e0, 5.27905102951428412e-1, 6.05183413124413191e-2,
      2.33520497626869185e-3)  # fmt: skip
NEAR, FAR, ZERO = 0.46875, 4.0, 27.3  # beyond the last e^(-x^2) is 0 in double precision


def _horner(coefficients: tuple[float, ...], x: Any) -> Any:
    y = np.full_like(x, coefficients[0])
    for c in coefficients[1:]:
        y *= x
        y += c
    return y


def _tail(x: Any) -> Any:
    """erfc x for x > 0.46875."""
    coarse = np.trunc(x * 16) / 16  # its square is exact: e^(-x^2) would turn the rounding of x^2 into x^2 ulps
    gauss = np.exp(-coarse * coarse) * np.exp(-(x - coarse) * (x + coarse))
    y = _horner(P2, x) / _horner(Q2, x)
    far = np.flatnonzero(x > FAR)
    if far.size:
        f = x[far]
        s = 1 / (f * f)
        y[far] = (1 / math.sqrt(math.pi) - s * _horner(P3, s) / _horner(Q3, s)) / f
    return gauss * y


def _erf(x: Any, complement: bool = False) -> Any:
    x = np.asarray(x)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    flat = x.astype(float).reshape(-1)
    y = np.empty_like(flat)
    size = np.abs(flat)
    tail = size > NEAR
    inner, outer = np.flatnonzero(~tail), np.flatnonzero(tail)  # by places: several times as quick as by masks
    near, x_outer = flat[inner], flat[outer]
    square = near * near
    found = near * _horner(P1, square) / _horner(Q1, square)  # nan goes this way
    beyond = _tail(np.minimum(size[outer], ZERO))
    y[inner] = 1 - found if complement else found
    y[outer] = np.where(x_outer > 0, beyond, 2 - beyond) if complement else np.copysign(1 - beyond, x_outer)
    return y.astype(dtype).reshape(x.shape)[()]


def _sinc(x: Any, order: int = 0) -> Any:
    if not order:
        return np.sinc(x)
    # With f = sin u / u the n-th derivative of u f = sin u is u f(n) + n f(n-1) = sin(u + n pi/2); solved for f(n) it
    # divides by u, which loses digits near 0, where the power series has them all.
    x = np.asarray(x)
    u = math.pi * np.asarray(x, dtype=np.result_type(x, np.float64))
    near = np.abs(u) < order + 2
    far = np.where(near, 1.0, u)
    y = np.sin(far) / far
    for n in range(1, order + 1):
        y = (np.sin(far + n * math.pi / 2) - n * y) / far
    v = np.where(near, u, 0.0)
    series = np.zeros_like(v)
    for k in range((order + 1) // 2, order + 24):  # sum over k of (-1)^k u^(2k-n) / ((2k+1) (2k-n)!)
        series += (-1) ** k / ((2 * k + 1) * math.factorial(2 * k - order)) * v ** (2 * k - order)
    dtype = x.dtype if x.dtype.kind == "f" else np.dtype(float)
    return (math.pi**order * np.where(near, series, y)).astype(dtype)[()]


erf = pointwise(_erf, r"\mathrm{erf}(#1)", lambda y, x: 2 / math.sqrt(math.pi) * np.exp(-np.square(x)), name="erf")
erfc = pointwise(
    lambda x: _erf(x, complement=True),
    r"\mathrm{erfc}(#1)",
    lambda y, x: -2 / math.sqrt(math.pi) * np.exp(-np.square(x)),
    name="erfc",
)
sinc: Primitive = pointwise(  # sin(pi x) / (pi x), 1 at 0; `order` counts derivatives, and each has its own value at 0
    _sinc, r"\mathrm{sinc}(#1)", lambda y, x, order=0: sinc(x, order=order + 1), numpy=np.sinc
)
