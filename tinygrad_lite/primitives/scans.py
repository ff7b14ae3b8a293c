"""Products and running sums along an axis, and the kinds of size: std and the norm."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinygrad_lite.primitive import general, linear
from tinygrad_lite.primitives.limits import or_one
from tinygrad_lite.primitives.moving import _numbered, put_back
from tinygrad_lite.primitives.reductions import _count, _restore


def _product_of_others(x: Any) -> Any:
    """Along the last axis, the product of all entries but one, for each: y / x wherever x is not 0, and right there.

    Halve the problem: multiply the first half with the second, entry by entry. All others of an entry are then its
    partner times all other pairs.
    """
    n = x.shape[-1]
    if n < 2:
        return np.ones_like(x)
    half = n // 2
    a, b, odd = x[..., :half], x[..., half : 2 * half], x[..., 2 * half :]
    others = _product_of_others(np.concatenate([a * b, odd], -1))
    pairs = others[..., :half]
    return np.concatenate([pairs * b, pairs * a, others[..., half:]], -1)


def _prod_rule(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    if not x.ndim:
        return g
    axes = tuple(range(x.ndim)) if axis is None else (axis,) if isinstance(axis, int) else axis
    last = tuple(range(-len(axes), 0))
    moved = np.moveaxis(x, axes, last)
    kept = moved.shape[: x.ndim - len(axes)]
    others = _product_of_others(np.reshape(moved, (*kept, math.prod(moved.shape[len(kept) :]))))
    others = np.reshape(others, moved.shape)
    return _restore(g, x, axis, keepdims) * np.moveaxis(others, last, axes)


def _reversed_cumsum(g: Any, y: Any, x: Any, axis: int) -> Any:
    return np.flip(np.cumsum(np.flip(g, axis), axis), axis)


def _carried_back(g: Any, m: Any) -> Any:
    """R_i = g_i + m_i R_(i+1) along the last axis, which starts from its end.

    R is found for all i at once by doubling: after each step s_i holds the first d terms of R_i, and m_i the product
    that leads on to the next d. Nothing is divided by, so zeros are no exception.
    """
    s, d = g, 1
    while d < g.shape[-1]:
        s = np.concatenate([s[..., :-d] + m * s[..., d:], s[..., -d:]], -1)
        m = m[..., :-d] * m[..., d:]
        d *= 2
    return s


def _cumprod_rule(g: Any, y: Any, x: Any, axis: int) -> Any:
    """sum over j >= i of g_j x_0 ... x_j without x_i: what comes before x_i, times R_i = g_i + x_(i+1) R_(i+1)."""
    x, g = np.moveaxis(x, axis, -1), np.moveaxis(g, axis, -1)
    before = np.concatenate([np.ones_like(x[..., :1]), np.cumprod(x[..., :-1], -1)], -1)
    return np.moveaxis(before * _carried_back(g, x[..., 1:]), -1, axis)


def _running_logsumexp_rule(g: Any, y: Any, x: Any, axis: int) -> Any:
    """sum over j >= i of g_j e^(x_i - y_j): e^(x_i - y_i), times R_i = g_i + e^(y_i - y_(i+1)) R_(i+1)."""
    x, y, g = (np.moveaxis(a, axis, -1) for a in (x, y, g))
    return np.moveaxis(_share(x, y) * _carried_back(g, _share(y[..., :-1], y[..., 1:])), -1, axis)


def _share(part: Any, whole: Any) -> Any:
    """e^(part - whole) for part <= whole; of a sum of nothing, whole = -inf, it is 1."""
    nothing = whole == -np.inf
    return np.exp(np.where(nothing, 0, part) - np.where(nothing, 0, whole))


def _set_at(g: Any, y: Any, x: Any, axis: int) -> Any:
    # each entry of y was set by the last that was an extreme till then
    places = np.arange(x.shape[axis]).reshape([-1 if k == axis else 1 for k in range(x.ndim)])
    last = np.maximum.accumulate(np.where((x == y) | np.isnan(x), places, 0), axis)
    return put_back(g, np.take_along_axis(_numbered(x.shape), last, axis), shape=x.shape)


def _norm(x: Any, axis: Any, keepdims: Any, order: float = 2) -> Any:
    if order == 2 and axis is None:
        flat = x.reshape(-1)
        y = np.sqrt(np.dot(flat, flat))
        return y.reshape((1,) * x.ndim) if keepdims else y
    if order == 2:
        return np.sqrt(np.add.reduce(x * x, axis=axis, keepdims=keepdims))
    return np.add.reduce(np.abs(x) ** order, axis=axis, keepdims=keepdims) ** (1 / order)


def _norm_rule(g: Any, y: Any, x: Any, axis: Any, keepdims: bool, order: float = 2) -> Any:
    length = _restore(or_one(y), x, axis, keepdims)
    if order == 2:
        share = x / length
    else:  # a 0 among the entries makes the ratio 0, to a power that may be negative
        ratio = or_one(np.abs(x) / length)
        share = np.sign(x) * ratio ** (order - 1) * _restore(y != 0, x, axis, keepdims)
    return _restore(g, x, axis, keepdims) * share


prod = general(
    lambda x, axis, keepdims: np.multiply.reduce(x, axis=axis, keepdims=keepdims),
    r"\prod #1",
    _prod_rule,
    name="prod",
)
cumsum = linear(
    lambda x, axis: np.add.accumulate(x, axis=axis), r"\mathrm{cumsum}(#1)", _reversed_cumsum, name="cumsum"
)
cumprod = general(
    lambda x, axis: np.multiply.accumulate(x, axis=axis), r"\mathrm{cumprod}(#1)", _cumprod_rule, name="cumprod"
)
running_logsumexp = general(
    lambda x, axis: np.logaddexp.accumulate(x, axis),
    r"\ln \sum_{\le} e^{#1}",
    _running_logsumexp_rule,
    name="running_logsumexp",
)
running_max = general(lambda x, axis: np.maximum.accumulate(x, axis), r"\max_{\le}(#1)", _set_at, name="running_max")
running_min = general(lambda x, axis: np.minimum.accumulate(x, axis), r"\min_{\le}(#1)", _set_at, name="running_min")
std = general(  # the root of the variance; where all entries are equal the derivative is 0
    lambda x, axis, ddof, keepdims: np.std(x, axis=axis, ddof=ddof, keepdims=keepdims),
    r"\mathrm{std}\, #1",
    lambda g, y, x, axis, ddof, keepdims: (
        _restore(g / or_one(y), x, axis, keepdims)
        * (x - np.mean(x, axis=axis, keepdims=True))
        * np.divide(1.0, _count(x, y) - ddof)
    ),
    name="std",
)
norm = general(  # (sum |x|^order)^(1/order) over `axis`; at 0 the derivative is 0
    _norm, r"\lVert #1 \rVert", _norm_rule, name="norm"
)
