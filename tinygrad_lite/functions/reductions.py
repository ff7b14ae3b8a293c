"""Sums, products, extremes and running versions of them along axes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_lite.functions.answering import answers, operand
from tinygrad_lite.primitive import ANSWERS
from tinygrad_lite.primitives import moving, scans
from tinygrad_lite.tensor import Tensor, as_tensor


def _where(a: Any, where: Any, neutral: Any) -> Any:
    """`a` with what is not to count replaced by a number that changes nothing."""
    return operand(a) if where is True else np.where(where, operand(a), neutral)


def _cast(a: Any, dtype: Any) -> Any:
    return a if dtype is None else operand(a).astype(dtype)


@answers(np.sum)
def _sum(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 0, where: Any = True
) -> Any:
    total = as_tensor(_where(_cast(a, dtype), where, 0)).sum(axis, keepdims)
    return total if initial.__class__ is int and initial == 0 else total + initial


@answers(np.prod)
def _prod(
    a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, initial: Any = 1, where: Any = True
) -> Any:
    product = Tensor.record(scans.prod, (_where(_cast(a, dtype), where, 1),), {"axis": axis, "keepdims": keepdims})
    return product if initial.__class__ is int and initial == 1 else product * initial


@answers(np.mean)
def _mean(a: Any, axis: Any = None, dtype: Any = None, *, keepdims: bool = False, where: Any = True) -> Any:
    a = _cast(a, dtype)
    if where is True:
        return as_tensor(a).mean(axis, keepdims)
    counted = np.broadcast_to(where, np.shape(a))
    total = _sum(a, axis, keepdims=keepdims, where=where)
    count = np.sum(counted, axis=axis, keepdims=keepdims)
    return total / (count.astype(total.dtype) if total.dtype.kind == "f" else count)


@answers(np.max, np.amax)
def _max(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None:
        return as_tensor(a).max(axis, keepdims)
    return np.maximum(as_tensor(_where(a, where, initial)).max(axis, keepdims), initial)


@answers(np.min, np.amin)
def _min(a: Any, axis: Any = None, *, keepdims: bool = False, initial: Any = None, where: Any = True) -> Any:
    if initial is None:
        return as_tensor(a).min(axis, keepdims)
    return np.minimum(as_tensor(_where(a, where, initial)).min(axis, keepdims), initial)


@answers(np.ptp)
def _ptp(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    t = as_tensor(a)
    return t.max(axis, keepdims) - t.min(axis, keepdims)


@answers(np.var)
def _var(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return as_tensor(a).var(axis, ddof, keepdims)


@answers(np.std)
def _std(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return Tensor.record(scans.std, (as_tensor(a),), {"axis": axis, "ddof": ddof, "keepdims": keepdims})


# -- running ---------------------------------------------------------------------------------------------------


def _along(a: Any, axis: int | None) -> tuple[Any, int]:
    t = as_tensor(a)
    if axis is None or not t.ndim:  # a number runs along an axis of its own
        return t.reshape(-1), normalize_axis_index(axis or 0, 1)
    return t, normalize_axis_index(axis, t.ndim)


@answers(np.cumsum)
def _cumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    t, axis = _along(_cast(a, dtype), axis)
    return Tensor.record(scans.cumsum, (t,), {"axis": axis})


@answers(np.cumprod)
def _cumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    t, axis = _along(_cast(a, dtype), axis)
    return Tensor.record(scans.cumprod, (t,), {"axis": axis})


@answers(np.cumulative_sum)
def _cumulative_sum(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    return _cumulative(np.cumsum, x, axis, np.zeros_like if include_initial else None)


@answers(np.cumulative_prod)
def _cumulative_prod(x: Any, /, *, axis: int | None = None, include_initial: bool = False) -> Any:
    return _cumulative(np.cumprod, x, axis, np.ones_like if include_initial else None)


def _cumulative(scan: Any, x: Any, axis: int | None, initial: Any) -> Any:
    if axis is None and np.ndim(x) != 1:
        raise ValueError(f"with {np.ndim(x)} axes the axis to accumulate along has to be named: axis=")
    t, axis = _along(x, axis)
    y = scan(t, axis)
    return y if initial is None else np.concatenate([initial(np.take(t.numpy(), [0], axis)), y], axis)


@answers(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    t: Any = as_tensor(a)
    axis = normalize_axis_index(axis, t.ndim)
    if n < 0:
        raise ValueError(f"np.diff: the number of differences has to be at least 0, not {n}")
    edges = [e if e is None or np.ndim(e) else np.broadcast_to(e, (*t.shape[:axis], 1, *t.shape[axis + 1 :]))
             for e in (prepend, append)]  # fmt: skip
    if edges != [None, None] and n:
        t = np.concatenate([e for e in (edges[0], t, edges[1]) if e is not None], axis)
    for _ in range(n):
        t = Tensor.record(moving.difference, (t,), {"axis": axis})
    return t


@answers(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    differences = Tensor.record(moving.difference, (np.ravel(ary),), {"axis": 0})
    if to_begin is None and to_end is None:
        return differences
    parts = (to_begin, differences, to_end)
    return np.concatenate([np.ravel(operand(p)).astype(differences.dtype) for p in parts if p is not None])


@answers(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    t = as_tensor(y)
    axis = normalize_axis_index(axis, t.ndim)
    if x is not None:
        x = operand(x)
        dx = np.diff(x, axis=axis) if x.ndim != 1 else np.diff(x).reshape((-1,) + (1,) * (t.ndim - 1 - axis))
    before = (slice(None),) * axis
    return (dx * (t[(*before, slice(1, None))] + t[(*before, slice(None, -1))]) / 2.0).sum(axis)


# -- without what is not a number ------------------------------------------------------------------------------


@answers(np.nansum)
def _nansum(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    present: Any = np.where(np.isnan(a), 0, a)
    return present.sum(axis, keepdims)


@answers(np.nanprod)
def _nanprod(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    return _prod(np.where(np.isnan(a), 1, a), axis, keepdims=keepdims)


@answers(np.nanmean)
def _nanmean(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    counted = np.sum(~np.isnan(as_tensor(a).current()), axis=axis, keepdims=keepdims)
    return _nansum(a, axis, keepdims=keepdims) / counted.astype(a.dtype)


@answers(np.nanvar)
def _nanvar(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    missing = np.isnan(as_tensor(a).current())
    counted = np.sum(~missing, axis=axis, keepdims=keepdims).astype(a.dtype)
    distances: Any = np.where(missing, 0, a - _nanmean(a, axis, keepdims=True))
    return (distances * distances).sum(axis, keepdims) / (counted - ddof)


@answers(np.nanstd)
def _nanstd(a: Any, axis: Any = None, *, ddof: float = 0, keepdims: bool = False) -> Any:
    return np.sqrt(_nanvar(a, axis, ddof=ddof, keepdims=keepdims))


@answers(np.nanmax)
def _nanmax(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    present: Any = np.where(np.isnan(a), -np.inf, a)
    return _nan_if_nothing_else(present.max(axis, keepdims), a, axis, keepdims)


@answers(np.nanmin)
def _nanmin(a: Any, axis: Any = None, *, keepdims: bool = False) -> Any:
    present: Any = np.where(np.isnan(a), np.inf, a)
    return _nan_if_nothing_else(present.min(axis, keepdims), a, axis, keepdims)


def _nan_if_nothing_else(y: Any, a: Any, axis: Any, keepdims: bool) -> Any:
    nothing = np.isnan(as_tensor(a).current()).all(axis=axis, keepdims=keepdims)
    return np.where(nothing, np.nan, y) if nothing.any() else y


@answers(np.nancumsum)
def _nancumsum(a: Any, axis: int | None = None) -> Any:
    return _cumsum(np.where(np.isnan(a), 0, a), axis)


@answers(np.nancumprod)
def _nancumprod(a: Any, axis: int | None = None) -> Any:
    return _cumprod(np.where(np.isnan(a), 1, a), axis)


# A ufunc's own reduce goes along the first axis by default.
ANSWERS[np.add.reduce] = lambda a, axis=0, keepdims=False: as_tensor(a).sum(axis, keepdims)
ANSWERS[np.multiply.reduce] = lambda a, axis=0, keepdims=False: _prod(a, axis, keepdims=keepdims)
ANSWERS[np.maximum.reduce] = lambda a, axis=0, keepdims=False: as_tensor(a).max(axis, keepdims)
ANSWERS[np.minimum.reduce] = lambda a, axis=0, keepdims=False: as_tensor(a).min(axis, keepdims)
ANSWERS[np.add.accumulate] = lambda a, axis=0: _cumsum(a, axis)
ANSWERS[np.multiply.accumulate] = lambda a, axis=0: _cumprod(a, axis)
