"""Sums and their kin: operations that make axes disappear, so that every rule puts them back.

`axis` is None (all axes), an int or a tuple of ints; `keepdims` keeps the reduced axes with size 1. The ufuncs'
own `reduce` is called where it can be: `np.sum` and `np.mean` spend more time in Python than in adding.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import constant, general, linear
from tinygrad_lite.primitives.shaping import broadcast_to, expand_dims


def _restore(g: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    """`g` with the reduced axes of `x` back, of size 1: a shape that broadcasts against it. A number has none."""
    return g if keepdims or axis is None or not x.ndim else expand_dims(g, axis=axis)


def _count(x: Any, y: Any) -> int:
    """How many entries of `x` went into each entry of `y`; of none, 1: nothing is divided by it then."""
    return int(x.size // y.size) or 1 if y.size else 1


def divided(g: Any, n: int) -> Any:
    """g / n, also where n itself is too large for g's half precision, whose largest number is 65,504."""
    return g * (1 / n) if n > 65_000 and g.dtype.char == "e" else g / n


def _sum(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.add.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]  # the stub wants a literal


def _mean(x: Any, axis: Any, keepdims: bool) -> Any:
    if x.dtype.char not in "fd" or not x.size:  # half precision and integers want np.mean's wider accumulator
        return np.mean(x, axis=axis, keepdims=keepdims)
    total = _sum(x, axis, keepdims)
    return total / (x.size // total.size)


def _share_among_ties(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    # d max/dx is 1 at the largest entry; k equal largest entries get 1/k each.
    ties = x == _restore(y, x, axis, keepdims)
    return _restore(g, x, axis, keepdims) * (ties / np.sum(ties, axis=axis, keepdims=True))


def _share_among_numbers(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    # The same with entries that may be missing: nan is no tie, and where all are missing nothing is handed back.
    ties = x == _restore(y, x, axis, keepdims)
    return np.where(ties, _restore(g, x, axis, keepdims) / np.maximum(np.sum(ties, axis=axis, keepdims=True), 1), 0)


def _logsumexp(x: Any, axis: Any, keepdims: bool) -> Any:
    # ln sum e^x = m + ln sum e^(x-m): with m the largest entry no exponential overflows.
    if not x.size:  # of nothing: ln 0
        return np.logaddexp.reduce(x, axis=axis, keepdims=keepdims)  # type: ignore[call-overload]  # wants a literal
    m = np.maximum.reduce(x, axis=axis, keepdims=True)
    if np.logical_and.reduce(np.isfinite(m), axis=None):
        y = np.log(_sum(np.exp(x - m), axis, True)) + m
    else:
        m = np.where(np.isfinite(m), m, 0)
        with np.errstate(divide="ignore"):  # ln 0 = -inf is the right answer for a row of -inf
            y = np.log(_sum(np.exp(x - m), axis, True)) + m
    return y if keepdims or not x.ndim else y.squeeze(axis)


def _logsumexp_pull(g: Any, y: Any, x: Any, axis: Any, keepdims: bool) -> Any:
    # The derivative is the softmax of x. In e^(x-y) the rounding of y, large for large x, is a factor common to all:
    # dividing by the sum, which is 1 but for it, takes it out again.
    s = np.exp(x - _restore(y, x, axis, keepdims))
    if not x.size:
        return s
    return s * (_restore(g, x, axis, keepdims) / _sum(s, axis, True))


def _largest(x: Any, axis: Any) -> Any:
    m = x.max(axis=axis, keepdims=True) if x.size else _sum(x, axis, True)  # of nothing: 0
    return np.where(np.isfinite(m), m, 0)


sum = linear(
    _sum,
    r"\sum #1",
    lambda g, y, x, axis, keepdims: broadcast_to(_restore(g, x, axis, keepdims), shape=x.shape),
    name="sum",
)
mean = linear(
    _mean,
    r"\mathrm{mean}\, #1",
    lambda g, y, x, axis, keepdims: broadcast_to(divided(_restore(g, x, axis, keepdims), _count(x, y)), shape=x.shape),
    name="mean",
)
max = general(
    lambda x, axis, keepdims: np.maximum.reduce(x, axis=axis, keepdims=keepdims),
    r"\max #1",
    _share_among_ties,
    name="max",
)
min = general(
    lambda x, axis, keepdims: np.minimum.reduce(x, axis=axis, keepdims=keepdims),
    r"\min #1",
    _share_among_ties,
    name="min",
)
nanmax = general(
    lambda x, axis, keepdims: np.fmax.reduce(x, axis=axis, keepdims=keepdims),
    r"\max #1",
    _share_among_numbers,
    name="nanmax",
)
nanmin = general(
    lambda x, axis, keepdims: np.fmin.reduce(x, axis=axis, keepdims=keepdims),
    r"\min #1",
    _share_among_numbers,
    name="nanmin",
)
var = general(  # the mean moves with x too, but sum_i (x_i - mean) = 0 makes that path vanish
    lambda x, axis, ddof, keepdims: np.var(x, axis=axis, ddof=ddof, keepdims=keepdims),
    r"\mathrm{var}\, #1",
    lambda g, y, x, axis, ddof, keepdims: (
        _restore(g, x, axis, keepdims) * (x - np.mean(x, axis=axis, keepdims=True)) * 2 / (_count(x, y) - ddof)
    ),
    name="var",
)
logsumexp = general(
    _logsumexp,
    r"\ln \sum e^{#1}",
    _logsumexp_pull,
    name="logsumexp",
)
logaddexp_reduce = general(  # the same, added up in order as NumPy does it: fewer calls, for a few entries
    lambda x, axis, keepdims: np.logaddexp.reduce(x, axis=axis, keepdims=keepdims),
    r"\ln \sum e^{#1}",
    _logsumexp_pull,
    name="logaddexp_reduce",
)
# What softmax is shifted by: it does not depend on the shift, so no gradient goes through it.
largest = constant(_largest, r"\max #1", name="largest")
