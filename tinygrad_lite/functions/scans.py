"""Running sums, products and extremes along an axis, and differences of neighbours."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_index

from tinygrad_lite.functions.answering import answers, operand
from tinygrad_lite.functions.reductions import _cast, _present
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import moving, scans
from tinygrad_lite.tensor import Tensor, as_tensor


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
def _cumulative_sum(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    return _cumulative(np.cumsum, _cast(x, dtype), axis, np.zeros if include_initial else None)


@answers(np.cumulative_prod)
def _cumulative_prod(x: Any, /, *, axis: int | None = None, dtype: Any = None, include_initial: bool = False) -> Any:
    return _cumulative(np.cumprod, _cast(x, dtype), axis, np.ones if include_initial else None)


def _cumulative(scan: Any, x: Any, axis: int | None, initial: Any) -> Any:
    if axis is None and np.ndim(x) > 1:
        raise ValueError(f"with {np.ndim(x)} axes the axis to accumulate along has to be named: axis=")
    t, axis = _along(x, axis)
    y = scan(t, axis)
    if initial is None:
        return y
    return np.concatenate([initial((*y.shape[:axis], 1, *y.shape[axis + 1 :]), y.dtype), y], axis)


@answers(np.diff)
def _diff(a: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    t: Any = as_tensor(a)
    axis = normalize_axis_index(axis, t.ndim)
    if n < 0:
        raise ValueError(f"np.diff: the number of differences has to be at least 0, not {n}")
    edges = [e if e is None or np.ndim(e) else np.broadcast_to(e, (*t.shape[:axis], 1, *t.shape[axis + 1 :]))
             for e in (prepend, append)]  # fmt: skip
    if n:
        parts = [e for e in (edges[0], t, edges[1]) if e is not None]
        t = np.concatenate(parts, axis) if len(parts) > 1 else t
    for _ in range(n):
        t = Tensor.record(moving.difference, (t,), {"axis": axis})
    return t


@answers(np.ediff1d)
def _ediff1d(ary: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    differences = Tensor.record(moving.difference, (operand(ary).reshape(-1),), {"axis": 0})
    if to_begin is None and to_end is None:
        return differences
    parts = (to_begin, differences, to_end)
    return np.concatenate([np.ravel(operand(p)).astype(differences.dtype) for p in parts if p is not None])


@answers(np.trapezoid)
def _trapezoid(y: Any, x: Any = None, dx: Any = 1.0, axis: int = -1) -> Any:
    t = as_tensor(y)
    place = normalize_axis_index(axis, t.ndim)
    if x is not None:  # which may have more axes than y: a negative `axis` is one of both
        x = operand(x)
        dx = np.diff(x, axis=axis) if x.ndim != 1 else np.diff(x).reshape((-1,) + (1,) * (t.ndim - 1 - place))
    before = (slice(None),) * place
    return ((t[(*before, slice(1, None))] + t[(*before, slice(None, -1))]) * (dx / 2.0)).sum(axis)


@answers(np.nancumsum)
def _nancumsum(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return _cumsum(_present(a, 0), axis, dtype)


@answers(np.nancumprod)
def _nancumprod(a: Any, axis: int | None = None, dtype: Any = None) -> Any:
    return _cumprod(_present(a, 1), axis, dtype)


# A ufunc's own accumulate goes along the first axis by default.


def _accumulate(ufunc: np.ufunc, row: Primitive) -> None:
    @answers(ufunc.accumulate)
    def answer(array: Any, axis: int = 0, dtype: Any = None) -> Any:
        t = as_tensor(_cast(array, dtype))
        return Tensor.record(row, (t,), {"axis": normalize_axis_index(axis, t.ndim)})


_accumulate(np.add, scans.cumsum)
_accumulate(np.multiply, scans.cumprod)
_accumulate(np.maximum, scans.running_max)
_accumulate(np.minimum, scans.running_min)
_accumulate(np.logaddexp, scans.running_logsumexp)
