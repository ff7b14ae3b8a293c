"""Functions of samples in a row: slopes, convolutions, what lies between the samples, polynomials."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand, operands, plain
from tinygrad_lite.primitives import products, series
from tinygrad_lite.tensor import Tensor, as_tensor

# -- slopes ----------------------------------------------------------------------------------------------------


@answers(np.gradient)
def _gradient(f: Any, *varargs: Any, axis: Any = None, edge_order: int = 1) -> Any:
    t = as_tensor(f)
    t = t if t.dtype.kind == "f" else t.astype(np.float64)
    axes = tuple(range(t.ndim)) if axis is None else normalize_axis_tuple(axis, t.ndim)
    spacings = (
        list(varargs) * len(axes)
        if len(varargs) == 1 and not np.ndim(varargs[0])
        else list(varargs) or [1.0] * len(axes)
    )
    if len(spacings) != len(axes):
        raise TypeError(f"np.gradient: {len(varargs)} spacings for {len(axes)} axes; give one, or one for each")
    if edge_order not in (1, 2):
        raise ValueError(f"np.gradient: edge_order is 1 or 2, not {edge_order}")
    slopes = [_slope(t, operand(h), k, edge_order) for h, k in zip(spacings, axes, strict=True)]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slope(t: Any, h: Any, axis: int, edge_order: int) -> Any:
    """The derivative along an axis of the parabola through each sample and its neighbours."""
    n = t.shape[axis]
    if n < edge_order + 1:
        raise ValueError(f"np.gradient of edge_order {edge_order} needs {edge_order + 1} samples, not {n}: {t.shape}")
    if h.ndim and h.shape != (n,):
        raise ValueError(f"np.gradient: coordinates of shape {h.shape} for an axis of {n} samples")
    h = h if h.dtype.kind == "f" else h.astype(np.float64)  # small integers overflow in products of steps
    if isinstance(h, Tensor):
        return _slope_over(t, h, axis, edge_order)
    return Tensor.record(series.slope, (t, h), {"axis": axis, "edge_order": edge_order})


def _slope_over(t: Any, h: Any, axis: int, edge_order: int) -> Any:
    """The same over coordinates that may have a gradient too: with the steps p before and r after a sample

    -r/(p(p+r)) y_before + (r-p)/(pr) y + p/(r(p+r)) y_after.
    """
    y: Any = np.moveaxis(t, axis, -1)
    n = y.shape[-1]
    steps = np.diff(h) if h.ndim else np.broadcast_to(h, (n - 1,))
    p, r = steps[:-1], steps[1:]
    before, here, after = y[..., :-2], y[..., 1:-1], y[..., 2:]
    inside = -r / (p * (p + r)) * before + (r - p) / (p * r) * here + p / (r * (p + r)) * after
    first, last = (y[..., 1:2] - y[..., :1]) / steps[:1], (y[..., -1:] - y[..., -2:-1]) / steps[-1:]
    if edge_order == 2:  # the slope of the same parabola at its end: off that in the middle by as much again
        first, last = 2 * first - inside[..., :1], 2 * last - inside[..., -1:]
    return np.moveaxis(np.concatenate([first, inside, last], -1), -1, axis).astype(t.dtype)


@answers(np.unwrap)
def _unwrap(p: Any, discont: float | None = None, axis: int = -1, *, period: float = 2 * np.pi) -> Any:
    t = as_tensor(p)
    angles = t.numpy()
    return t + (np.unwrap(angles, discont, axis, period=period) - angles)  # whole periods, which do not vary


# -- sums of products ------------------------------------------------------------------------------------------


@answers(np.convolve)
def _convolve(a: Any, v: Any, mode: str = "full") -> Any:
    a, n = _series(a, "convolve")
    v, m = _series(v, "convolve")
    return Tensor.record(products.convolve, (a, v) if n >= m else (v, a), {"zeros": _reach(min(n, m), mode)})


@answers(np.correlate)
def _correlate(a: Any, v: Any, mode: str = "valid") -> Any:
    a, n = _series(a, "correlate")
    v, m = _series(v, "correlate")
    zeros = {"zeros": _reach(min(n, m), mode)}
    if n >= m:
        return Tensor.record(products.correlate, (a, v), zeros)
    return Tensor.record(products.correlate, (v, a), zeros)[::-1]


def _series(a: Any, name: str) -> tuple[Any, int]:
    """A series and its length; a number is a series of one."""
    a = operand(a)
    shape = a.shape
    if len(shape) > 1 or 0 in shape:
        raise ValueError(f"np.{name} takes two series of one sample or more, not one of shape {shape}")
    return (a, shape[0]) if shape else (a.reshape(1), 1)


def _reach(m: int, mode: str) -> tuple[int, int]:
    """How far the shorter series, of length m, may stand out over either end of the longer one."""
    if mode == "valid":
        return 0, 0
    if mode == "full":
        return m - 1, m - 1
    if mode == "same":
        return m // 2, m - 1 - m // 2
    raise ValueError(f"np.convolve and np.correlate have the modes full, same and valid, not {mode!r}")


# -- between samples -------------------------------------------------------------------------------------------


@answers(np.interp)
def _interp(x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None) -> Any:
    x, xp, fp = [a if a.dtype.char == "d" else a.astype(np.float64) for a in operands((x, xp, fp))]
    shape = xp.shape
    if shape != fp.shape or len(shape) != 1 or shape == (0,):
        raise ValueError(f"np.interp: xp and fp are series of one length, not {shape} and {fp.shape}")
    if period is not None:
        if period == 0:
            raise ValueError("np.interp: a period of 0")
        x, xp, left, right = x % abs(period), xp % abs(period), None, None
        order = np.argsort(plain(xp))
        xp, fp = xp[order], fp[order]
        xp = np.concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = np.concatenate([fp[-1:], fp, fp[:1]])
    y: Any = Tensor.record(series.interp, (x, xp, fp), {})
    if left is not None:
        y = np.where(plain(x) < plain(xp)[0], left, y)
    return y if right is None else np.where(plain(x) > plain(xp)[-1], right, y)


@answers(np.linspace)
def _linspace(
    start: Any,
    stop: Any,
    num: int = 50,
    endpoint: bool = True,
    retstep: bool = False,
    dtype: Any = None,
    axis: int = 0,
) -> Any:
    if num < 0:
        raise ValueError(f"np.linspace: the number of samples, {num}, is negative")
    a, b = (x if isinstance(x, (int, float)) else operand(x) for x in (start, stop))
    parts = max(num - 1, 1) if endpoint else num
    kind = np.result_type(plain(start), plain(stop), float(num))
    share = (np.arange(num) / max(parts, 1)).astype(kind).reshape((-1,) + (1,) * max(np.ndim(a), np.ndim(b)))
    y = a * (1 - share) + b * share  # both ends to the last bit
    y = np.moveaxis(y, 0, axis) if axis else y
    y = y if dtype is None else y.astype(dtype)
    return (y, (b - a) / parts) if retstep else y


@answers(np.logspace)
def _logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0, dtype: Any = None, axis: int = 0
) -> Any:
    y = np.power(base, _linspace(start, stop, num, endpoint, axis=axis))
    return y if dtype is None else y.astype(dtype)


@answers(np.geomspace)
def _geomspace(start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0) -> Any:
    a, b = (x.astype(np.float64) for x in (operand(start), operand(stop)))  # as NumPy does
    if np.any(plain(a) == 0) or np.any(plain(b) == 0):
        raise ValueError("np.geomspace: a geometric sequence cannot have the entry 0")
    ratio = b / a
    share = _linspace(np.zeros_like(plain(ratio)), np.ones_like(plain(ratio)), num, endpoint)
    y = np.where(share < 0.5, a * ratio**share, b * ratio ** (share - 1))  # both ends to the last bit
    y = np.moveaxis(y, 0, axis) if axis else y
    return y if dtype is None else y.astype(dtype)


@answers(np.piecewise)
def _piecewise(x: Any, condlist: Any, funclist: Sequence[Callable[..., Any] | float], *args: Any, **kw: Any) -> Any:
    t = as_tensor(x)
    conditions = plain(condlist)
    if np.isscalar(conditions) or (not isinstance(conditions[0], (list, np.ndarray)) and t.ndim):
        conditions = [conditions]
    places = [np.asarray(c, bool) for c in conditions]
    places = [place if place.shape == t.shape else np.broadcast_to(place, t.shape) for place in places]
    if len(funclist) == len(places) + 1:
        places.append(~np.logical_or.reduce(places))
    if len(funclist) != len(places):
        raise ValueError(f"np.piecewise: {len(funclist)} functions for {len(places)} conditions; one more at the most")
    y = Tensor(np.zeros(t.shape, t.dtype))
    for place, function in zip(places, funclist, strict=True):  # the last condition that holds wins
        if place.any():
            y = y.at[place].set(function(t[place], *args, **kw) if callable(function) else function)
    return y


# -- polynomials -----------------------------------------------------------------------------------------------


@answers(np.polyval)
def _polyval(p: Any, x: Any) -> Any:
    coefficients, x = operand(p), operand(x)
    n = len(coefficients)
    y = coefficients[0] * x + coefficients[1] if n > 1 else np.zeros_like(x) + (coefficients[0] if n else 0)
    for k in range(2, n):  # Horner: ((p0 x + p1) x + p2) x...
        y = y * x + coefficients[k]
    return y


@answers(np.vander)
def _vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    t = as_tensor(x)
    if t.ndim != 1:
        raise ValueError(f"np.vander takes a vector, not {t.shape}")
    return Tensor.record(series.vander, (t,), {"N": len(t) if N is None else N, "increasing": increasing})
