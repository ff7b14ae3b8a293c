"""Inverses, determinants, equations and factorisations of matrices, each for whole stacks of them.

A factorisation has several outputs and a node has one value, so `eigh`, `svd` and `qr` give their factors side by
side in one array, which their functions then take apart: in a drawing, a fork.

Sources: M. Giles, Collected matrix derivative results for forward and reverse mode algorithmic differentiation, 2008
(inv, det, solve, eigh, svd); I. Murray, Differentiation of the Cholesky decomposition, 2016; Golub & Pereyra, 1973
(pinv); Walter & Lehmann, Algorithmic differentiation of linear algebra functions, 2012 (qr).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, constant, general
from tinygrad_lite.primitives.limits import one_over
from tinygrad_lite.primitives.linear_algebra import _t


def _sym(a: Any) -> Any:
    return 0.5 * (a + _t(a))


def _eye(a: Any) -> Any:
    return np.eye(a.shape[-1], dtype=a.dtype)


def _cofactors(a: Any) -> Any:
    """d det(A) / dA: entry (i, j) is (-1)^(i+j) times the determinant of A without row i and column j."""
    n = a.shape[-1]
    if n < 2:
        return np.ones_like(a)
    others = np.array([[k for k in range(n) if k != i] for i in range(n)])
    minors = a[..., others[:, None, :, None], others[None, :, None, :]]
    return np.linalg.det(minors) * (-1.0) ** np.add.outer(np.arange(n), np.arange(n))


def _det_rule(g: Any, y: Any, a: Any) -> Any:
    # det(A) inv(A)^T; a singular A has no inverse, but it has cofactors, at n^2 determinants instead of one
    if np.any(y == 0):
        return g[..., None, None] * _cofactors(a)
    return (g * y)[..., None, None] * _t(np.linalg.inv(a))


def _solve(a: Any, b: Any) -> Any:
    return np.linalg.solve(a, b)


def _solve_left(g: Any, y: Any, a: Any, b: Any) -> Any:
    # A x = b: dA moves x by -inv(A) dA x
    u = _solve_right(g, y, a, b)
    return -u[..., :, None] * y[..., None, :] if b.ndim == 1 else -(u @ _t(y))


def _solve_right(g: Any, y: Any, a: Any, b: Any) -> Any:
    return np.linalg.solve(_t(a), g[..., None])[..., 0] if b.ndim == 1 else np.linalg.solve(_t(a), g)


def _pinv_rule(g: Any, p: Any, a: Any, rcond: Any, hermitian: bool) -> Any:
    # dP = -P dA P + P P^T dA^T (1 - A P) + (1 - P A) dA^T P^T P, as long as the rank stays what it is
    ap, pa, pt, gt = a @ p, p @ a, _t(p), _t(g)
    return (_eye(ap) - ap) @ gt @ p @ pt + pt @ p @ gt @ (_eye(pa) - pa) - pt @ g @ pt


def smallest_share(rcond: float | None, x: Any, a: Any) -> float:
    """Of the largest singular value, below which least squares count others as 0; NumPy's, if it is not said."""
    eps = float(np.finfo(x.dtype).eps)
    return eps * max(a.shape) if rcond is None else eps if rcond < 0 else rcond


def _inverse_in(x: Any, a: Any, rcond: float | None) -> Any:
    a = a if a.dtype == x.dtype else a.astype(x.dtype)
    return pinv(a, rcond=smallest_share(rcond, x, a), hermitian=False)


def _lstsq_by_matrix(g: Any, x: Any, a: Any, b: Any, rcond: float | None) -> Any:
    # The rule of the inverse P, times b; with the residual r = b - A x and h = P^T g it is
    # -h x^T + r (P h)^T + P^T x ((1 - P A) g)^T
    p = _inverse_in(x, a, rcond)
    pt = _t(p)
    h = pt @ g
    return (b - a @ x) @ _t(p @ h) + pt @ x @ _t(g - p @ (a @ g)) - h @ _t(x)


def _half(a: Any) -> Any:
    """The lower triangle with half of the diagonal."""
    return np.tril(a) * (1 - 0.5 * _eye(a))


def _cholesky_rule(g: Any, y: Any, a: Any, upper: bool) -> Any:
    low, g = (_t(y), _t(g)) if upper else (y, g)
    inner = _half(_t(low) @ g)
    # inv(L)^T inner inv(L), symmetrised: A is symmetric, and its two triangles share the gradient
    return _sym(np.linalg.solve(_t(low), _t(np.linalg.solve(_t(low), _t(inner)))))


def _differences(w: Any) -> Any:
    return w[..., None, :] - w[..., :, None]


def _eigh(a: Any, UPLO: Any) -> Any:
    w, v = np.linalg.eigh(a, UPLO)
    return np.concatenate([w[..., None, :], v], -2)


def _eigh_rule(g: Any, y: Any, a: Any, UPLO: str) -> Any:
    # A = V diag(w) V^T: dw = diag(V^T dA V), dV = V (F * V^T dA V) with F_ij = 1 / (w_j - w_i)
    w, v, g_w, g_v = y[..., 0, :], y[..., 1:, :], g[..., 0, :], g[..., 1:, :]
    inner = g_w[..., None, :] * _eye(v) + one_over(_differences(w)) * (_t(v) @ g_v)
    return _sym(v @ inner @ _t(v))


def _eigvalsh_rule(g: Any, y: Any, a: Any, UPLO: Any) -> Any:
    v = np.linalg.eigh(a, UPLO)[1]
    return (v * g[..., None, :]) @ _t(v)


def _svd(a: Any, full: bool) -> Any:
    u, s, vt = np.linalg.svd(a, full_matrices=full)
    if full:
        k = s.shape[-1]
        u, vt = u[..., :k], vt[..., :k, :]
    return np.concatenate([s[..., None, :], u, _t(vt)], -2)


def _svd_rest(a: Any) -> Any:
    u, s, vt = np.linalg.svd(a)
    return (u if u.shape[-1] > vt.shape[-1] else _t(vt))[..., s.shape[-1] :]


def _svd_rest_rule(g: Any, y: Any, a: Any) -> Any:
    if np.any(g):
        raise ValueError(
            f"a full matrix of singular vectors of shape {a.shape} is filled up with any that fit, so these have no "
            "derivative. Use full_matrices=False."
        )
    return np.zeros_like(a)


def _svd_rule(g: Any, y: Any, a: Any, full: bool) -> Any:
    m = a.shape[-2]
    s, u, v = y[..., 0, :], y[..., 1 : m + 1, :], y[..., m + 1 :, :]
    g_s, g_u, g_v = g[..., 0, :], g[..., 1 : m + 1, :], g[..., m + 1 :, :]
    row, column, k = s[..., None, :], s[..., :, None], s.shape[-1]
    f = one_over(_differences(s) * (row + column))  # 1 / (s_j^2 - s_i^2)
    u_gu, v_gv = _t(u) @ g_u, _t(v) @ g_v
    inner = f * (u_gu - _t(u_gu)) * row + column * f * (v_gv - _t(v_gv)) + g_s[..., None, :] * np.eye(k, dtype=a.dtype)
    cotangent = u @ inner @ _t(v)
    inverse = one_over(row)
    if m > k:  # what leaves the span of the thin factors
        cotangent = cotangent + (g_u * inverse - u @ (u_gu * inverse)) @ _t(v)
    if a.shape[-1] > k:
        cotangent = cotangent + u @ _t(g_v * inverse - v @ (v_gv * inverse))
    return cotangent


def _svdvals_rule(g: Any, y: Any, a: Any) -> Any:
    u, _, vt = np.linalg.svd(a, full_matrices=False)
    return (u * g[..., None, :]) @ vt


def _qr(a: Any) -> Any:
    q, r = np.linalg.qr(a)
    return np.concatenate([_t(q), r], -1)


def _qr_square_rule(g_q: Any, g_r: Any, q: Any, r: Any) -> Any:
    m = r @ _t(g_r) - _t(g_q) @ q
    inner = np.tril(m) + _t(np.tril(m, -1))
    return _t(np.linalg.solve(r, _t(g_q + q @ inner)))


def _qr_rule(g: Any, y: Any, a: Any) -> Any:
    m, n = a.shape[-2:]
    q, r, g_q, g_r = _t(y[..., :m]), y[..., m:], _t(g[..., :m]), g[..., m:]
    if m >= n:
        return _qr_square_rule(g_q, g_r, q, r)
    # A = [X Z] with X square: X = Q R_x and R_z = Q^T Z, so Q gets a share from Z
    z, g_z = a[..., m:], g_r[..., m:]
    g_x = _qr_square_rule(g_q + z @ _t(g_z), g_r[..., :m], q, r[..., :m])
    return np.concatenate([g_x, q @ g_z], -1)


inv = general(np.linalg.inv, "#1^{-1}", lambda g, y, a: -_t(y) @ g @ _t(y), numpy=np.linalg.inv)
det: Primitive = general(np.linalg.det, r"\det #1", _det_rule, numpy=np.linalg.det)
sign_of_det = constant(lambda a: np.linalg.slogdet(a)[0], r"\mathrm{sign} \det #1", name="sign_of_det")
log_of_det = general(
    lambda a: np.linalg.slogdet(a)[1],
    r"\ln \lvert \det #1 \rvert",
    lambda g, y, a: g[..., None, None] * _t(np.linalg.inv(a)),
    name="log_of_det",
)
solve: Primitive = general(_solve, r"#1^{-1} #2", _solve_left, _solve_right, numpy=np.linalg.solve)
pinv: Primitive = general(
    lambda a, rcond, hermitian: np.linalg.pinv(a, rcond, hermitian), r"#1^{+}", _pinv_rule, name="pinv"
)
lstsq = general(  # for each column of b the shortest x for which |A x - b| is least
    lambda a, b, rcond: np.linalg.lstsq(a, b, rcond)[0],
    r"#1^{+} #2",
    _lstsq_by_matrix,
    lambda g, x, a, b, rcond: _t(_inverse_in(x, a, rcond)) @ g,
    name="lstsq",
)
cholesky = general(
    lambda a, upper: np.linalg.cholesky(a, upper=upper), r"\mathrm{chol}(#1)", _cholesky_rule, name="cholesky"
)
eigh = general(_eigh, r"\mathrm{eigh}(#1)", _eigh_rule, name="eigh")
eigvalsh = general(
    lambda a, UPLO: np.linalg.eigvalsh(a, UPLO), r"\mathrm{eigvalsh}(#1)", _eigvalsh_rule, name="eigvalsh"
)
svd = general(_svd, r"\mathrm{svd}(#1)", _svd_rule, name="svd")  # thin, but with `full` found as part of the full one
svd_rest = general(_svd_rest, r"\mathrm{svd}_\perp(#1)", _svd_rest_rule, name="svd_rest")
svdvals = general(lambda a: np.linalg.svd(a, compute_uv=False), r"\mathrm{svdvals}(#1)", _svdvals_rule, name="svdvals")
qr = general(_qr, r"\mathrm{qr}(#1)", _qr_rule, name="qr")
