"""Averages and quantiles: what lies in the middle, with or without weights."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitives import moving
from tinygrad_lite.tensor import Tensor, as_tensor


@answers(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    t = as_tensor(a)
    if weights is None:
        mean = t.mean(axis, keepdims)
        total = np.full(mean.shape, t.size / max(mean.size, 1), t.dtype)
    else:
        w = operand(weights)
        if w.shape != t.shape:
            if axis is None:
                raise TypeError(
                    f"np.average: with weights {w.shape} for {t.shape} say along which axis they are: axis="
                )
            axes = normalize_axis_tuple(axis, t.ndim)
            if w.shape != tuple(t.shape[k] for k in axes):
                raise ValueError(f"np.average: weights {w.shape} do not fit the axes {axes} of {t.shape}")
            w = np.transpose(w, np.argsort(axes)).reshape([n if k in axes else 1 for k, n in enumerate(t.shape)])
            w = np.broadcast_to(w, t.shape)
        total = np.sum(w, axis=axis, keepdims=keepdims)
        if np.any(np.equal(plain(total), 0)):
            raise ZeroDivisionError("np.average: the weights add up to 0")
        mean = (t * w).sum(axis, keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape).astype(mean.dtype)) if returned else mean


# Where the q-quantile of n sorted entries lies between entry 0 and n - 1: n q + alpha + q (1 - alpha - beta) - 1.
# Source: Hyndman & Fan, Sample quantiles in statistical packages, The American Statistician 50 (1996), 361-365.
PLOTTING = {
    "linear": (1.0, 1.0),
    "interpolated_inverted_cdf": (0.0, 1.0),
    "hazen": (0.5, 0.5),
    "weibull": (0.0, 0.0),
    "median_unbiased": (1 / 3, 1 / 3),
    "normal_unbiased": (3 / 8, 3 / 8),
}
ROUNDED = {"lower": np.floor, "higher": np.ceil, "nearest": np.rint}


def _position(n: int, q: Any, method: str) -> Any:
    if method in ROUNDED:
        return ROUNDED[method]((n - 1) * q)
    if method == "midpoint":
        return 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q))
    if method not in PLOTTING:
        raise ValueError(f"np.quantile on a Tensor: method is one of {', '.join((*PLOTTING, *ROUNDED))} or midpoint")
    alpha, beta = PLOTTING[method]
    return (n - 1) * q if method == "linear" else n * q + (alpha + q * (1 - alpha - beta)) - 1


def _axes_last(t: Tensor, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """`t` with the given axes made into one, the last; and which they were."""
    axes = tuple(range(t.ndim)) if axis is None else normalize_axis_tuple(axis, t.ndim)
    kept = [k for k in range(t.ndim) if k not in axes]
    size = math.prod(t.shape[k] for k in axes)
    return t.transpose(*kept, *axes).reshape((*(t.shape[k] for k in kept), size)) if t.ndim else t.reshape(1), axes


@answers(np.quantile)
def _quantile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    t = as_tensor(a)
    q = np.asarray(plain(q), t.dtype if isinstance(q, (int, float)) and t.dtype.kind == "f" else None)
    if not np.all((q >= 0) & (q <= 1)):
        raise ValueError("np.quantile: q has to lie in [0, 1] (np.percentile: in [0, 100])")
    x, axes = _axes_last(t, axis)
    n = x.shape[-1]
    position = np.clip(_position(n, q, method), 0, n - 1).reshape(-1)
    below = np.floor(position).astype(np.intp)
    share = position - np.floor(position)
    ranks = [*below.tolist(), *np.minimum(below + 1, n - 1).tolist(), n - 1]
    x = Tensor.record(moving.ranked, (x,), {"ranks": ranks})
    low, high = x[..., : below.size], x[..., below.size : -1]
    step = high - low  # from the nearer end, so that share 1 gives `high` to the last bit
    y: Any = np.where(share < 0.5, low + step * share, high - step * (1 - share)) if method not in ROUNDED else low
    y = np.where(np.isnan(x[..., -1:]), np.nan, y) if np.isnan(plain(x[..., -1:])).any() else y
    y = np.moveaxis(y, -1, 0).reshape(q.shape + x.shape[:-1])
    return y.reshape(q.shape + tuple(1 if k in axes else n for k, n in enumerate(t.shape))) if keepdims else y


@answers(np.percentile)
def _percentile(a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False) -> Any:
    t = as_tensor(a)
    return _quantile(
        t,
        np.true_divide(plain(q), t.dtype.type(100) if t.dtype.kind == "f" else 100),
        axis,
        method=method,
        keepdims=keepdims,
    )


@answers(np.median)
def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    t = as_tensor(a)
    x, axes = _axes_last(t, axis)
    n = x.shape[-1]
    if not n:
        return x.mean(-1, keepdims)
    ranks = [(n - 1) // 2, n // 2, n - 1]  # the middle, one entry or two, and the last: nan, if there is one
    x = Tensor.record(moving.ranked, (x,), {"ranks": ranks})
    y: Any = x[..., n % 2 : 2].mean(-1)
    y = np.where(np.isnan(x[..., 2]), np.nan, y) if np.isnan(plain(x[..., 2])).any() else y
    return y.reshape([1 if k in axes else n for k, n in enumerate(t.shape)]) if keepdims else y
