"""Entries picked, repeated, moved, sorted, inserted and left out."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.functions.answering import answers, operand, plain
from tinygrad_lite.primitives import moving
from tinygrad_lite.tensor import Tensor, as_tensor

# -- picking ---------------------------------------------------------------------------------------------------


@answers(np.take)
def _take(a: Any, indices: Any, axis: int | None = None, *, mode: str = "raise") -> Any:
    places = operand(indices)
    if isinstance(indices, list) and not places.size:  # of no places NumPy makes no integers
        places = places.astype(np.intp)
    return Tensor.record(moving.take, (a, places), {"axis": axis, "mode": mode})


@answers(np.take_along_axis)
def _take_along_axis(arr: Any, indices: Any, axis: int | None = -1) -> Any:
    return Tensor.record(moving.take_along_axis, (arr, operand(indices)), {"axis": axis})


@answers(np.compress)
def _compress(condition: Any, a: Any, axis: int | None = None) -> Any:
    holds = operand(plain(condition))
    if holds.ndim != 1:
        raise ValueError(f"np.compress: a condition has one axis, not shape {holds.shape}; see np.extract")
    return _take(a, holds.nonzero()[0], axis)


@answers(np.extract)
def _extract(condition: Any, arr: Any) -> Any:
    places = operand(plain(condition)).reshape(-1).nonzero()[0]
    return Tensor.record(moving.take, (arr, places), {"axis": None, "mode": "raise"})


@answers(np.choose)
def _choose(a: Any, choices: Any, *, mode: str = "raise") -> Any:
    return Tensor.record(moving.choose, (operand(plain(a)), *choices), {"mode": mode})


@answers(np.diagonal)
def _diagonal(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    return Tensor.record(moving.diagonal, (as_tensor(a),), {"offset": offset, "axis1": axis1, "axis2": axis2})


@answers(np.trace)
def _trace(a: Any, offset: int = 0, axis1: int = 0, axis2: int = 1, dtype: Any = None) -> Any:
    return np.sum(_diagonal(a, offset, axis1, axis2), -1, dtype=dtype)


@answers(np.linalg.diagonal)
def _linalg_diagonal(x: Any, /, *, offset: int = 0) -> Any:
    return _diagonal(x, offset, -2, -1)


@answers(np.linalg.trace)
def _linalg_trace(x: Any, /, *, offset: int = 0, dtype: Any = None) -> Any:
    return _trace(x, offset, -2, -1, dtype)


@answers(np.diag)
def _diag(v: Any, k: int = 0) -> Any:
    t = as_tensor(v)
    if t.ndim == 2:
        return _diagonal(t, k)
    return Tensor.record(moving.diag, (t,), {"k": k})


@answers(np.diagflat)
def _diagflat(v: Any, k: int = 0) -> Any:
    return _diag(as_tensor(v).reshape(-1), k)


@answers(np.tril)
def _tril(m: Any, k: int = 0) -> Any:
    return Tensor.record(moving.tril, (as_tensor(m),), {"k": k})


@answers(np.triu)
def _triu(m: Any, k: int = 0) -> Any:
    return Tensor.record(moving.triu, (as_tensor(m),), {"k": k})


@answers(np.lib.stride_tricks.sliding_window_view)
def _sliding_window_view(x: Any, window_shape: Any, axis: Any = None) -> Any:
    t = as_tensor(x)
    positions = np.lib.stride_tricks.sliding_window_view(np.arange(t.size).reshape(t.shape), window_shape, axis)
    return _take(t, positions)


@answers(np.bincount)
def _bincount(x: Any, /, weights: Any = None, minlength: int = 0) -> Any:
    places = x.current() if isinstance(x, Tensor) else x
    if not isinstance(weights, Tensor):
        return np.bincount(places, weights, minlength)
    return Tensor.record(moving.bincount, (weights, places), {"minlength": minlength})


@answers(np.unique)
def _unique(
    ar: Any,
    return_index: bool = False,
    return_inverse: bool = False,
    return_counts: bool = False,
    axis: int | None = None,
    *,
    equal_nan: bool = True,
) -> Any:
    t = as_tensor(ar)
    unique: Any = np.unique  # its stub has an overload for each set of parts
    _, index, *more = unique(plain(t), True, return_inverse, return_counts, axis, equal_nan=equal_nan)
    parts = (_take(t, index, axis), *([index] if return_index else []), *more)
    return parts if len(parts) > 1 else parts[0]


# -- moving and repeating --------------------------------------------------------------------------------------


@answers(np.roll)
def _roll(a: Any, shift: Any, axis: Any = None) -> Any:
    return Tensor.record(moving.roll, (as_tensor(a),), {"shift": shift, "axis": axis})


@answers(np.flip)
def _flip(m: Any, axis: Any = None) -> Any:
    return Tensor.record(moving.flip, (as_tensor(m),), {"axis": axis})


@answers(np.fliplr)
def _fliplr(m: Any) -> Any:
    return Tensor.record(moving.flip, (as_tensor(m),), {"axis": 1})


@answers(np.flipud)
def _flipud(m: Any) -> Any:
    return Tensor.record(moving.flip, (as_tensor(m),), {"axis": 0})


@answers(np.rot90)
def _rot90(m: Any, k: int = 1, axes: Any = (0, 1)) -> Any:
    return Tensor.record(moving.rot90, (as_tensor(m),), {"k": k, "axes": axes})


@answers(np.tile)
def _tile(A: Any, reps: Any) -> Any:
    return Tensor.record(moving.tile, (as_tensor(A),), {"reps": plain(reps)})


@answers(np.repeat)
def _repeat(a: Any, repeats: Any, axis: int | None = None) -> Any:
    return Tensor.record(moving.repeat, (as_tensor(a),), {"repeats": plain(repeats), "axis": axis})


@answers(np.resize)
def _resize(a: Any, new_shape: Any) -> Any:
    return Tensor.record(moving.resize, (as_tensor(a),), {"shape": new_shape})


# -- order -----------------------------------------------------------------------------------------------------


@answers(np.sort)
def _sort(a: Any, axis: int | None = -1, kind: str | None = None, *, stable: bool | None = None) -> Any:
    t = as_tensor(a)
    if axis is None:
        t, axis = t.reshape(-1), 0
    return Tensor.record(moving.sort, (t,), {"axis": axis})


@answers(np.partition)
def _partition(a: Any, kth: Any, axis: int | None = -1, kind: str = "introselect") -> Any:
    t = as_tensor(a)
    if axis is None:
        t, axis = t.reshape(-1), 0
    return Tensor.record(moving.partition, (t,), {"kth": kth, "axis": axis})


# -- adding and leaving out ------------------------------------------------------------------------------------


@answers(np.delete)
def _delete(arr: Any, obj: Any, axis: int | None = None) -> Any:
    return Tensor.record(moving.delete, (as_tensor(arr),), {"obj": plain(obj), "axis": axis})


@answers(np.insert)
def _insert(arr: Any, obj: Any, values: Any, axis: int | None = None) -> Any:
    old, new = as_tensor(arr), operand(values)
    added = new if new.dtype == old.dtype else new.astype(old.dtype)  # as NumPy does
    return Tensor.record(moving.insert, (old, added), {"obj": plain(obj), "axis": axis})
