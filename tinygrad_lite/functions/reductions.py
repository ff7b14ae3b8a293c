"""Sums, products, extremes and running versions of them along axes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitives import elementwise, reductions, scans
from tinygrad_lite.primitives.limits import or_one
from tinygrad_lite.tensor import Tensor, as_tensor


def _where(a: Any, where: Any, neutral: Any) -> Any:
    """`a` with what is not to count replaced by a number that changes nothing."""
    return operand(a) if where is True else np.where(where, operand(a), neutral)


def _cast(a: Any, dtype: Any) -> Any:
    if isinstance(dtype, bool):
        raise TypeError(f"{dtype} stands where NumPy has the dtype. If keepdims is meant: keepdims={dtype}")
    return a if dtype is None else operand(a).astype(dtype)


@answers(np.sum)
def _sum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Any:
    total = as_tensor(_where(_cast(a, dtype), where, 0)).sum(axis, keepdims=keepdims)
    return total if initial.__class__ is int and initial == 0 else total + _start(initial, total)


@answers(np.prod)
def _prod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True
) -> Any:
    product = Tensor.record(scans.prod, (_where(_cast(a, dtype), where, 1),), {"axis": axis, "keepdims": keepdims})
    return product if initial.__class__ is int and initial == 1 else product * _start(initial, product)


def _start(initial: Any, total: Any) -> Any:
    """What a reduction starts from, which takes on the dtype of its result."""
    return initial.astype(total.dtype) if isinstance(initial, Tensor) else np.asarray(initial).astype(total.dtype)


@answers(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a = _cast(a, dtype)
    if where is True:
        return as_tensor(a).mean(axis, keepdims=keepdims)
    counted = np.broadcast_to(where, np.shape(a))
    total = _sum(a, axis, keepdims=keepdims, where=where)
    count = np.sum(counted, axis=axis, keepdims=keepdims)
    return total / (count.astype(total.dtype) if total.dtype.kind == "f" else count)


@answers(np.max, np.amax)
def _max(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None and where is True:
        return as_tensor(a).max(axis, keepdims=keepdims)
    return _extreme_from(np.maximum, as_tensor(a), axis, keepdims, initial, where)


@answers(np.min, np.amin)
def _min(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None and where is True:
        return as_tensor(a).min(axis, keepdims=keepdims)
    return _extreme_from(np.minimum, as_tensor(a), axis, keepdims, initial, where)


def _extreme_from(extreme: np.ufunc, t: Tensor, axis: Any, keepdims: bool, initial: Any, where: Any) -> Any:
    """The extreme of the entries that count and of `initial`, which is also that of none."""
    if initial is None:
        raise ValueError(f"np.{extreme.__name__[:3]} with where= needs initial=: what it is where nothing counts")
    start = as_tensor(initial).astype(t.dtype)
    if not t.size:
        return np.broadcast_to(start, t.numpy().sum(axis=axis, keepdims=keepdims).shape)
    return extreme(extreme.reduce(_where(t, where, start), axis=axis, keepdims=keepdims), start)


@answers(np.ptp)
def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    t = as_tensor(a)
    return t.max(axis, keepdims=keepdims) - t.min(axis, keepdims=keepdims)


@answers(np.var)
def _var(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    t, ddof = as_tensor(_cast(a, dtype)), ddof if correction is None else correction
    if where is True and mean is None:
        return t.var(axis, ddof=ddof, keepdims=keepdims)
    distances = _where(t - (_mean(t, axis, keepdims=True, where=where) if mean is None else mean), where, 0)
    total = as_tensor(distances * distances).sum(axis, keepdims=keepdims)
    count = np.sum(np.broadcast_to(where, t.shape), axis=axis, keepdims=keepdims)
    return total / np.maximum(count - ddof, 0).astype(total.dtype)


@answers(np.std)
def _std(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    t, ddof = as_tensor(_cast(a, dtype)), ddof if correction is None else correction
    if where is True and mean is None:
        return Tensor.record(scans.std, (t,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})
    return _root(_var(t, axis, ddof=ddof, keepdims=keepdims, where=where, mean=mean))


def _root(v: Any) -> Any:
    """The root of a variance; at 0 its derivative is 0, as that of std."""
    return np.sqrt(or_one(v)) * (v != 0).astype(v.dtype)


# -- without what is not a number ------------------------------------------------------------------------------


@answers(np.nansum)
def _nansum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Any:
    return _sum(_present(a, 0), axis, dtype, keepdims=keepdims, initial=initial, where=where)


@answers(np.nanprod)
def _nanprod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True
) -> Any:
    return _prod(_present(a, 1), axis, dtype, keepdims=keepdims, initial=initial, where=where)


@answers(np.nanmean)
def _nanmean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    return _mean(a, axis, dtype, keepdims=keepdims, where=_numbers(a) & where)


@answers(np.nanvar)
def _nanvar(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    ddof, where = ddof if correction is None else correction, _numbers(a) & where
    v = _var(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean)
    if operand(a).dtype.kind != "f":  # nothing can be missing: as np.var has it
        return v
    too_few = np.sum(where, axis=axis, keepdims=keepdims) <= ddof
    return np.where(too_few, np.nan, v) if too_few.any() else v


@answers(np.nanstd)
def _nanstd(
    a: Any,
    axis: Any = None,
    dtype: Any = None,
    *,
    ddof: float = 0,
    keepdims: bool = False,
    where: Any = True,
    mean: Any = None,
    correction: float | None = None,
) -> Any:
    return _root(_nanvar(a, axis, dtype, ddof=ddof, keepdims=keepdims, where=where, mean=mean, correction=correction))


@answers(np.nanmax)
def _nanmax(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None and where is True:
        return Tensor.record(reductions.nanmax, (a,), {"axis": axis, "keepdims": keepdims})
    return _max(_present(a, -np.inf), axis, keepdims=keepdims, initial=initial, where=where)


@answers(np.nanmin)
def _nanmin(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None and where is True:
        return Tensor.record(reductions.nanmin, (a,), {"axis": axis, "keepdims": keepdims})
    return _min(_present(a, np.inf), axis, keepdims=keepdims, initial=initial, where=where)


def _numbers(a: Any) -> Any:
    return ~np.isnan(plain(a))


def _present(a: Any, neutral: Any) -> Any:
    a = operand(a)
    return Tensor.record(elementwise.where, (np.isnan(a), neutral, a), {}) if a.dtype.kind == "f" else a


# A ufunc's own reduce goes along the first axis by default.


def _reduce(ufunc: np.ufunc, reduction: Callable[..., Any]) -> None:
    @answers(ufunc.reduce)
    def answer(
        array: Any, axis: Any = 0, dtype: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True
    ) -> Any:
        start = {} if initial is None else {"initial": initial}
        return reduction(_cast(array, dtype), axis, keepdims=keepdims, where=where, **start)


def _logsumexp(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = -np.inf, where: Any = True) -> Any:
    y = Tensor.record(reductions.logaddexp_reduce, (_where(a, where, -np.inf),), {"axis": axis, "keepdims": keepdims})
    return y if initial.__class__ is float and initial == -np.inf else np.logaddexp(y, initial)


for _ufunc, _reduction in (
    (np.add, _sum), (np.multiply, _prod), (np.maximum, _max), (np.minimum, _min), (np.logaddexp, _logsumexp),
    (np.fmax, _nanmax), (np.fmin, _nanmin), (np.logical_and, np.all), (np.logical_or, np.any),
):  # fmt: skip
    _reduce(_ufunc, _reduction)
