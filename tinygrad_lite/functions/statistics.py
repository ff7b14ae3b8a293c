"""Averages and quantiles: what lies in the middle, with or without weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitives import moving
from tinygrad_lite.tensor import Tensor, as_tensor


@answers(np.average)
def _average(a: Any, axis: Any = None, weights: Any = None, returned: bool = False, *, keepdims: bool = False) -> Any:
    t = as_tensor(a)
    axis = tuple(axis) if isinstance(axis, list) else axis
    if weights is None:
        mean = t.mean(axis, keepdims=keepdims)
        total = np.full(mean.shape, t.size / max(mean.size, 1), t.dtype)
    else:
        w = _for_each_entry("np.average", operand(weights), t.shape, axis)
        kind = np.result_type(t.dtype, w.dtype, *([] if t.dtype.kind == "f" else [np.float64]))
        t, w = t.astype(kind), w.astype(kind)
        total = w.sum(axis=axis, keepdims=keepdims)
        if (plain(total) == 0).any():
            raise ZeroDivisionError("np.average: the weights add up to 0")
        mean = (t * w).sum(axis, keepdims=keepdims) / total
    return (mean, np.broadcast_to(total, mean.shape).astype(mean.dtype)) if returned else mean


def _for_each_entry(name: str, w: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Weights of all entries of an array, from those along `axis`."""
    if w.shape == shape:
        return w
    if axis is None:
        raise TypeError(f"{name}: with weights {w.shape} for {shape} say along which axis they are: axis=")
    axes = normalize_axis_tuple(axis, len(shape))
    if w.shape != tuple(shape[k] for k in axes):
        raise ValueError(f"{name}: weights {w.shape} do not fit the axes {axes} of {shape}")
    w = np.transpose(w, np.argsort(axes)).reshape([n if k in axes else 1 for k, n in enumerate(shape)])
    return np.broadcast_to(w, shape)


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
# The other ways, each from the number of entries and q; those of jumps first, Hyndman & Fan's definitions 1 to 3.
OTHERS: dict[str, Callable[[Any, Any], Any]] = {
    "inverted_cdf": lambda n, q: np.ceil(n * q - 1),
    "averaged_inverted_cdf": lambda n, q: 0.5 * (np.ceil(n * q - 1) + np.floor(n * q)),
    "closest_observation": lambda n, q: _nearest_odd(n * q - 1),
    "lower": lambda n, q: np.floor((n - 1) * q),
    "higher": lambda n, q: np.ceil((n - 1) * q),
    "nearest": lambda n, q: np.rint((n - 1) * q),
    "midpoint": lambda n, q: 0.5 * (np.floor((n - 1) * q) + np.ceil((n - 1) * q)),
}


def _nearest_odd(position: Any) -> Any:
    # of two that are equally near the odd one, which is the even one where entries are counted from 1
    below = np.floor(position)
    half = position - below == 0.5
    return np.where(half, below + (below % 2 == 0), np.rint(position))


def _position(n: Any, q: Any, method: str) -> Any:
    if method in OTHERS:
        return OTHERS[method](n, q)
    if method not in PLOTTING:
        raise ValueError(f"np.quantile on a Tensor: method is one of {', '.join((*PLOTTING, *OTHERS))}, not {method!r}")
    alpha, beta = PLOTTING[method]
    return (n - 1) * q if method == "linear" else n * q + (alpha + q * (1 - alpha - beta)) - 1


def _axes_last(t: Tensor, axis: Any) -> tuple[Any, tuple[int, ...]]:
    """`t` with the given axes made into one, the last; and which they were."""
    axes = tuple(range(t.ndim)) if axis is None else normalize_axis_tuple(axis, t.ndim)
    kept = [k for k in range(t.ndim) if k not in axes]
    size = math.prod(t.shape[k] for k in axes)
    return t.transpose(*kept, *axes).reshape((*(t.shape[k] for k in kept), size)) if t.ndim else t.reshape(1), axes


ENTRIES = ("inverted_cdf", "closest_observation", "lower", "higher", "nearest")  # nothing between two entries


def _between(low: Any, high: Any, position: Any, method: str) -> Any:
    if method in ENTRIES or position.dtype.kind in "iu":  # a whole q, 0 or 1, has the entry's own dtype
        return low
    share = position - np.floor(plain(position))
    step = high - low  # from the nearer end, so that share 1 gives `high` to the last bit
    return np.where(share < 0.5, low + step * share, high - step * (1 - share))


def _shares(q: Any, t: Tensor) -> Any:
    if not isinstance(q, Tensor):
        q = np.asarray(q, t.dtype if q.__class__ in (int, float) and t.dtype.kind == "f" else None)
    if not np.all((plain(q) >= 0) & (plain(q) <= 1)):
        raise ValueError("np.quantile: q has to lie in [0, 1] (np.percentile: in [0, 100])")
    return q


def _hundredths(q: Any, t: Tensor) -> Any:
    share = np.true_divide(q, t.dtype.type(100) if q.__class__ in (int, float) and t.dtype.kind == "f" else 100)
    return share if isinstance(share, Tensor) else np.asarray(share)  # no number: it keeps the dtype that it has


@answers(np.quantile)
def _quantile(
    a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False, weights: Any = None
) -> Any:
    t = as_tensor(a)
    q = _shares(q, t)
    if weights is not None:
        return _weighted(np.quantile, t, q, axis, method, keepdims, weights)
    x, axes = _axes_last(t, axis)
    n = x.shape[-1]
    position = np.clip(_position(n, q, method), 0, n - 1).reshape(-1)
    below = np.floor(plain(position)).astype(np.intp)
    ranks = [*below.tolist(), *np.minimum(below + 1, n - 1).tolist(), n - 1]
    x = Tensor.record(moving.ranked, (x,), {"ranks": ranks})
    low, high = x[..., : below.size], x[..., below.size : -1]
    y: Any = _between(low, high, position, method)
    y = np.where(np.isnan(x[..., -1:]), np.nan, y) if np.isnan(plain(x[..., -1:])).any() else y
    return _shares_first(y, q.shape, t.shape, axes, keepdims)


def _shares_first(y: Any, q: tuple[int, ...], shape: tuple[int, ...], axes: tuple[int, ...], keepdims: bool) -> Any:
    """Quantiles whose last axis counts the shares asked for, with these in front, as NumPy has them."""
    kept = tuple(1 if k in axes else n for k, n in enumerate(shape) if keepdims or k not in axes)
    return np.moveaxis(y, -1, 0).reshape(q + kept)


@answers(np.percentile)
def _percentile(a: Any, q: Any, axis: Any = None, **more: Any) -> Any:
    t = as_tensor(a)
    return _quantile(t, _hundredths(q, t), axis, **more)


@answers(np.nanquantile)
def _nanquantile(
    a: Any, q: Any, axis: Any = None, *, method: str = "linear", keepdims: bool = False, weights: Any = None
) -> Any:
    t = as_tensor(a)
    if t.dtype.kind != "f":  # nothing can be missing
        return _quantile(t, q, axis, method=method, keepdims=keepdims, weights=weights)
    q = _shares(q, t)
    if weights is not None and t.size:
        return _weighted(np.nanquantile, t, q, axis, method, keepdims, weights)
    x, axes = _axes_last(t, axis)
    if not x.shape[-1]:
        x = np.concatenate([x, np.full((*x.shape[:-1], 1), np.nan, x.dtype)], -1)
    order = np.argsort(plain(x), -1)  # what is missing comes last; rows may differ in how much that is
    n = np.sum(~np.isnan(plain(x)), axis=-1, keepdims=True)
    n = n.astype(q.dtype) if q.dtype.kind == "f" else n
    position = np.clip(_position(n, q.reshape(-1), method), 0, np.maximum(n - 1, 0))
    below = np.floor(plain(position)).astype(np.intp)
    above = np.minimum(below + 1, np.maximum(n - 1, 0).astype(np.intp))
    low, high = (np.take_along_axis(x, np.take_along_axis(order, k, -1), -1) for k in (below, above))
    y = _between(low, high, position, method)
    return _shares_first(y, q.shape, t.shape, axes, keepdims)


@answers(np.nanpercentile)
def _nanpercentile(a: Any, q: Any, axis: Any = None, **more: Any) -> Any:
    t = as_tensor(a)
    return _nanquantile(t, _hundredths(q, t), axis, **more)


def _weighted(quantile: Any, t: Tensor, q: Any, axis: Any, method: str, keepdims: bool, weights: Any) -> Any:
    """Quantiles that are entries, each as if it stood there as often as its weight says.

    NumPy finds them among the entries' ranks. The weights decide which entry it is, so none has a derivative.
    """
    weights = _for_each_entry(f"np.{quantile.__name__}", operand(plain(weights)), t.shape, axis)
    x, axes = _axes_last(t, axis)
    values = plain(x)
    order = np.argsort(values, -1)
    ranks = np.where(np.isnan(values), np.nan, np.argsort(order, -1))
    places = [*(k for k in range(t.ndim) if k not in axes), *axes]  # of the axes in x before they were made one
    ranks = ranks.reshape([t.shape[k] for k in places]).transpose(np.argsort(places))
    found = quantile(ranks, plain(q), axis=axis, method=method, weights=weights)
    found = np.moveaxis(np.reshape(found, (q.size, *x.shape[:-1])), 0, -1)
    rank = np.where(np.isnan(found), 0, found).astype(np.intp)
    y: Any = np.take_along_axis(x, np.take_along_axis(order, rank, -1), -1)
    y = np.where(np.isnan(found), np.nan, y) if np.isnan(found).any() else y
    return _shares_first(y, q.shape, t.shape, axes, keepdims)


@answers(np.nanmedian)
def _nanmedian(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _middle(as_tensor(a), axis, keepdims, missing=True)


@answers(np.median)
def _median(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _middle(as_tensor(a), axis, keepdims, missing=False)


def _middle(t: Tensor, axis: Any, keepdims: bool, missing: bool) -> Any:
    axes = tuple(range(t.ndim)) if axis is None else normalize_axis_tuple(axis, t.ndim)
    return Tensor.record(moving.median, (t,), {"axis": axes, "keepdims": keepdims, "missing": missing})


# -- how rows vary together ------------------------------------------------------------------------------------


@answers(np.cov)
def _cov(
    m: Any,
    y: Any = None,
    rowvar: bool = True,
    bias: bool = False,
    ddof: int | None = None,
    fweights: Any = None,
    aweights: Any = None,
    *,
    dtype: Any = None,
) -> Any:
    rows = _variables(m, rowvar, dtype)
    if y is not None:
        rows = np.concatenate([rows, _variables(y, rowvar, dtype)])
    ddof = (0 if bias else 1) if ddof is None else ddof
    counts = 1 if fweights is None else np.asarray(plain(fweights)).astype(rows.dtype)
    importances = None if aweights is None else operand(aweights).astype(rows.dtype)
    weights = counts if importances is None else counts * importances
    if fweights is None and aweights is None:
        factor: Any = max(rows.shape[1] - ddof, 0)
        distances = rows - rows.mean(1, keepdims=True)
        both = distances @ distances.T
    else:
        total = np.sum(weights)
        distances = rows - ((rows * weights).sum(1, keepdims=True) / total)
        lost = ddof if importances is None else ddof * (np.sum(weights * importances) / total)
        factor = total - lost
        both = (distances * weights) @ distances.T
    return np.squeeze(both / factor)


def _variables(m: Any, rowvar: bool, dtype: Any) -> Any:
    """Observations with a row for each variable."""
    t = as_tensor(m)
    if t.ndim > 2:
        raise ValueError(f"np.cov takes one variable (n,) or several (variables, n), not {t.shape}")
    t = t.astype(dtype or np.float64)  # as NumPy does, of single precision too
    return t.T if t.ndim == 2 and not rowvar else np.atleast_2d(t)


@answers(np.corrcoef)
def _corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    c = _cov(x, y, rowvar, dtype=dtype)
    if not c.ndim:
        return c / c
    deviations = np.sqrt(np.diagonal(c))
    return np.clip(c / deviations[:, None] / deviations, -1, 1)
