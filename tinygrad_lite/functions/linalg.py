"""np.linalg: inverses, determinants, equations, factorisations and norms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.lib.array_utils import normalize_axis_tuple

from tinygrad_lite.functions.answering import answers, operand
from tinygrad_lite.primitives import decompositions, scans
from tinygrad_lite.primitives.indexing import getitem
from tinygrad_lite.primitives.shaping import concatenate
from tinygrad_lite.tensor import Tensor, as_tensor

# NumPy's own kinds of result, which have names for their parts.
_one = np.ones((1, 1))
RCOND = 1e-15  # NumPy's own limit for pinv: singular values smaller than this share of the largest count as 0
EighResult: Any = type(np.linalg.eigh(_one))
SVDResult: Any = type(np.linalg.svd(_one))
QRResult: Any = type(np.linalg.qr(_one))
SlogdetResult: Any = type(np.linalg.slogdet(_one))


def _rows(both: Tensor, which: int | slice) -> Tensor:
    """Of several factors side by side the one that stands in these rows."""
    return Tensor.record(getitem, (both,), {"index": (Ellipsis, which, slice(None))})


@answers(np.linalg.slogdet)
def _slogdet(a: Any) -> Any:
    return SlogdetResult(
        Tensor.record(decompositions.sign_of_det, (a,), {}), Tensor.record(decompositions.log_of_det, (a,), {})
    )


@answers(np.linalg.pinv)
def _pinv(a: Any, rcond: Any = None, hermitian: bool = False, *, rtol: Any = RCOND) -> Any:
    if rcond is None:
        t = operand(a)
        rcond = max(t.shape[-2:]) * np.finfo(t.dtype).eps if rtol is None else rtol
    elif rtol is not RCOND:
        raise ValueError("np.linalg.pinv: rcond= and rtol= are two names of one thing; give one of them")
    return Tensor.record(decompositions.pinv, (a,), {"rcond": rcond, "hermitian": hermitian})


@answers(np.linalg.lstsq)
def _lstsq(a: Any, b: Any, rcond: float | None = None) -> Any:
    a, b = operand(a), operand(b)
    columns = b.reshape((-1, 1)) if b.ndim == 1 else b
    x = Tensor.record(decompositions.lstsq, (a, columns), {"rcond": rcond})
    s = _svdvals(a)
    s = s if s.dtype == x.dtype else s.astype(x.dtype)
    sizes = s.current()
    rank = np.sum(sizes > decompositions.smallest_share(rcond, x, a) * sizes[:1], dtype=np.int32)
    m, n = a.shape
    squares = Tensor(np.zeros(0, x.dtype))  # NumPy gives them only where there must be some
    if m > n == rank and b.size:
        left = columns - a @ x
        squares = as_tensor((left * left).sum(0))
    return x if b.ndim > 1 else x.reshape(-1), squares, rank, s


@answers(np.linalg.cholesky)
def _cholesky(a: Any, /, *, upper: bool = False) -> Any:
    return Tensor.record(decompositions.cholesky, (a,), {"upper": upper})


@answers(np.linalg.eigh)
def _eigh(a: Any, UPLO: str = "L") -> Any:
    both = Tensor.record(decompositions.eigh, (a,), {"UPLO": UPLO})
    return EighResult(_rows(both, 0), _rows(both, slice(1, None)))


@answers(np.linalg.eigvalsh)
def _eigvalsh(a: Any, UPLO: str = "L") -> Any:
    return Tensor.record(decompositions.eigvalsh, (a,), {"UPLO": UPLO})


@answers(np.linalg.svd)
def _svd(a: Any, full_matrices: bool = True, compute_uv: bool = True, hermitian: bool = False) -> Any:
    t = as_tensor(a)
    if hermitian:
        return _svd_of_symmetric(t, compute_uv)
    m, n = t.shape[-2:]
    if not compute_uv:
        return _svdvals(t)
    full = full_matrices and m != n
    both = Tensor.record(decompositions.svd, (t,), {"full": full})
    u, s, v = _rows(both, slice(1, m + 1)), _rows(both, 0), _rows(both, slice(m + 1, None))
    if full:
        rest = Tensor.record(decompositions.svd_rest, (t,), {})
        filled = Tensor.record(concatenate, (u if m > n else v, rest), {"axis": -1})
        u, v = (filled, v) if m > n else (u, filled)
    return SVDResult(u, s, v.swapaxes(-1, -2))


def _svd_of_symmetric(t: Tensor, compute_uv: bool) -> Any:
    """A = V diag(w) V^T = V diag(|w|) (V diag(sign w))^T, in the order of |w|."""
    if not compute_uv:
        return np.flip(np.sort(np.abs(_eigvalsh(t)), -1), -1)
    w, v = _eigh(t)
    order = np.argsort(np.abs(w), -1)[..., ::-1]
    w, v = np.take_along_axis(w, order, -1), np.take_along_axis(v, order[..., None, :], -1)
    return SVDResult(v, np.abs(w), (v * np.sign(w)[..., None, :]).swapaxes(-1, -2))


@answers(np.linalg.svdvals)
def _svdvals(x: Any) -> Any:
    return Tensor.record(decompositions.svdvals, (x,), {})


@answers(np.linalg.qr)
def _qr(a: Any, mode: str = "reduced") -> Any:
    t = as_tensor(a)
    m, n = t.shape[-2:]
    if mode not in ("reduced", "r") and not (mode == "complete" and m <= n):
        raise ValueError(
            f"np.linalg.qr on a Tensor of shape {t.shape} has the modes reduced and r, not {mode!r}: the columns that "
            "complete Q are any that fit, so they have no derivative."
        )
    both = Tensor.record(decompositions.qr, (t,), {})
    q, r = both[..., :m].swapaxes(-1, -2), both[..., m:]
    return r if mode == "r" else QRResult(q, r)


@answers(np.linalg.tensorsolve)
def _tensorsolve(a: Any, b: Any, axes: Any = None) -> Any:
    a, b = operand(a), operand(b)
    if axes is not None:
        axes = normalize_axis_tuple(axes, a.ndim)
        a = a.transpose([*(k for k in range(a.ndim) if k not in axes), *axes])
    return np.linalg.solve(a.reshape((b.size, -1)), b.reshape(-1)).reshape(a.shape[b.ndim :])


@answers(np.linalg.tensorinv)
def _tensorinv(a: Any, ind: int = 2) -> Any:
    t = as_tensor(a)
    rows, columns = t.shape[:ind], t.shape[ind:]
    if ind < 1:
        raise ValueError(f"np.linalg.tensorinv: ind has to be at least 1, not {ind}")
    return np.linalg.inv(t.reshape((math.prod(rows), -1))).reshape(columns + rows)


@answers(np.linalg.cond)
def _cond(x: Any, p: Any = None) -> Any:
    if p in (None, 2, -2):
        s = _svdvals(operand(x))
        return s[..., -1] / s[..., 0] if p == -2 else s[..., 0] / s[..., -1]
    return _norm(x, p, (-2, -1)) * _norm(np.linalg.inv(x), p, (-2, -1))


def _floats(x: Any) -> Any:
    t = as_tensor(x)
    return t if t.dtype.kind == "f" else t.astype(np.float64)


@answers(np.linalg.norm)
def _norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    t = _floats(x)
    if axis is None and (ord is None or t.ndim == 1):
        if ord is None:
            return Tensor.record(scans.norm, (t,), {"axis": None, "keepdims": keepdims})
        axis = 0
    elif axis is None:
        if t.ndim != 2:
            raise ValueError(f"np.linalg.norm of order {ord!r} is that of a vector or a matrix, not of shape {t.shape}")
        axis = (0, 1)
    if np.ndim(axis) == 0 or len(axis) == 1:
        return _vector_norm_of(t, 2 if ord is None else ord, axis, keepdims)
    return _matrix_norm_of(t, "fro" if ord is None else ord, axis, keepdims)


@answers(np.linalg.vector_norm)
def _vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    return _vector_norm_of(_floats(x), ord, axis, keepdims)


@answers(np.linalg.matrix_norm)
def _matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    return _matrix_norm_of(_floats(x), ord, (-2, -1), keepdims)


def _vector_norm_of(t: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    if isinstance(ord, str):
        raise ValueError(f"np.linalg.norm: the order {ord!r} is one of matrices")
    if ord == 2:
        return Tensor.record(scans.norm, (t,), {"axis": axis, "keepdims": keepdims})
    if ord == 0:
        counted = np.sign(np.where(t == 0, t, t.dtype.type(1)))  # nan counts too; flat, as every step
        return counted.sum(axis, keepdims=keepdims)
    size: Any = np.abs(t)
    if ord == np.inf:
        return size.max(axis, keepdims=keepdims)
    if ord == -np.inf:
        return size.min(axis, keepdims=keepdims)
    if ord == 1:
        return size.sum(axis, keepdims=keepdims)
    return Tensor.record(scans.norm, (t,), {"axis": axis, "keepdims": keepdims, "order": ord})


def _none(lengths: Any) -> dict[str, Any]:
    """What the largest of lengths starts from: of a matrix with no entries the norm is 0."""
    return {} if lengths.shape[-1] else {"initial": 0}


def _matrix_norm_of(t: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    if ord == "fro":
        return Tensor.record(scans.norm, (t,), {"axis": tuple(axis), "keepdims": keepdims})
    matrices = np.moveaxis(t, axis, (-2, -1))
    if ord in (1, -1, np.inf, -np.inf):  # the largest (smallest) of the columns' (rows') sums
        sums = np.abs(matrices).sum(-2 if ord in (1, -1) else -1)
        y = np.max(sums, -1, **_none(sums)) if ord > 0 else sums.min(-1)
    elif ord in ("nuc", 2, -2):
        s = _svdvals(matrices)
        y = s.sum(-1) if ord == "nuc" else np.max(s, -1, **_none(s)) if ord == 2 else s.min(-1)
    else:
        raise ValueError(
            f"np.linalg.norm: a matrix has the orders 'fro', 'nuc', 1, -1, 2, -2, inf and -inf, not {ord!r}"
        )
    return np.expand_dims(y, axis) if keepdims else y
