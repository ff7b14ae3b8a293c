"""Functions of samples in a row: the slope at each, what lies between two, and the powers of each."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, general, linear
from tinygrad_lite.primitives.moving import put_back


def _slope_back(g: Any, h: Any, axis: int, edge_order: int) -> Any:
    """What each slope says of the samples that it is made of, with the steps p before and r after a sample:

    -r/(p(p+r)) y_before + (r-p)/(pr) y + p/(r(p+r)) y_after inside, and the difference quotient at both ends.
    """
    g = np.moveaxis(g, axis, -1)
    steps = np.diff(h) if h.ndim else np.full(g.shape[-1] - 1, h)
    p, r = steps[:-1], steps[1:]
    first, inside, last = g[..., 0], g[..., 1:-1], g[..., -1]
    if edge_order == 2:  # twice the quotient, less the slope beside it: that of the same parabola at its end
        inside = np.array(inside)
        inside[..., 0] -= first
        inside[..., -1] -= last
        first, last = 2 * first, 2 * last
    x = np.zeros_like(g)
    x[..., :-2] -= r / (p * (p + r)) * inside
    x[..., 1:-1] += (r - p) / (p * r) * inside
    x[..., 2:] += p / (r * (p + r)) * inside
    x[..., 0] -= first / steps[0]
    x[..., 1] += first / steps[0]
    x[..., -2] -= last / steps[-1]
    x[..., -1] += last / steps[-1]
    return np.moveaxis(x, -1, axis)


def _stretch(x: Any, xp: Any) -> tuple[Any, Any, Any, Any]:
    """The knots i and k on either side of each point, how far on from i to k it lies, and whether it lies outside."""
    last = xp.shape[0] - 1
    i = np.clip(np.searchsorted(xp, x, "right") - 1, 0, np.maximum(last - 1, 0))
    k = np.minimum(i + 1, last)
    run = np.where(k == i, 1, xp[k] - xp[i])
    outside = (x < xp[0]) | (x > xp[last])
    return i, k, np.clip((x - xp[i]) / run, 0, 1), np.where(outside, 0, 1 / run)


def _interp_by_point(g: Any, y: Any, x: Any, xp: Any, fp: Any) -> Any:
    i, k, _, per_run = _stretch(x, xp)
    return g * (fp[k] - fp[i]) * per_run


def _interp_by_knot(g: Any, y: Any, x: Any, xp: Any, fp: Any) -> Any:
    # a knot that moves takes its value along: the slope, with the other sign, in the shares of the two knots
    i, k, share, per_run = _stretch(x, xp)
    moved = g * (fp[i] - fp[k]) * per_run
    return put_back(moved * (1 - share), i, shape=xp.shape) + put_back(moved * share, k, shape=xp.shape)


def _interp_by_value(g: Any, y: Any, x: Any, xp: Any, fp: Any) -> Any:
    i, k, share, _ = _stretch(x, xp)
    return put_back(g * (1 - share), i, shape=fp.shape) + put_back(g * share, k, shape=fp.shape)


def _vander_rule(g: Any, v: Any, x: Any, N: int, increasing: bool) -> Any:
    # d x^k / dx = k x^(k-1): a column of the matrix that has one column less
    powers = np.arange(1, N) if increasing else np.arange(N - 1, 0, -1)
    g = g[:, 1:] if increasing else g[:, :-1]
    return np.sum(g * powers.astype(g.dtype) * vander(x, N=max(N - 1, 0), increasing=increasing), axis=1)


slope: Primitive = linear(  # of the parabola through each sample and its neighbours; h: one step, or the places
    lambda y, h, axis, edge_order: np.gradient(y, h, axis=axis, edge_order=edge_order),
    r"\nabla #1",
    lambda g, s, y, h, axis, edge_order: slope_back(g, h, axis=axis, edge_order=edge_order),
    None,
    name="slope",
)
slope_back: Primitive = linear(
    _slope_back,
    r"\nabla^{\mathsf T} #1",
    lambda t, x, g, h, axis, edge_order: slope(t, h, axis=axis, edge_order=edge_order),
    None,
    name="slope_back",
)
interp = general(  # the straight line between two knots; the first and the last value go on for ever
    np.interp, r"\mathrm{interp}(#1)", _interp_by_point, _interp_by_knot, _interp_by_value, name="interp"
)
vander: Primitive = general(
    lambda x, N, increasing: np.vander(x, N, increasing), r"\mathrm{vander}(#1)", _vander_rule, name="vander"
)
