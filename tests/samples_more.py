"""Samples of the rows beyond the first chapter; how to read a line is said in `samples.py`.

A reference has to be analytic on complex numbers, which NumPy's own function often is not: a factorisation is then
found by Newton's method from the real one, a rounded number keeps a zero times its argument.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.sampling import GRID, GRID2, NONZERO, POSITIVE, REAL, Sample, between, each, on, reducing
from tinygrad_lite.primitives import TABLE
from tinygrad_lite.primitives.indexing import ARRAY

UNIT = between(-0.7, 0.7)
ABOVE_ONE = between(1.5, 3.0)
HALVES, NEAR_ONE = between(2.4, 2.6), between(0.97, 1.03)  # whose quotient stays between 2 and 3


def _erf(x: Any) -> Any:
    # 2/sqrt(pi) e^(-x^2) times the sum of 2^n x^(2n+1) / (1 3 5 ... (2n+1)), in which nothing cancels
    wide = x.astype(np.result_type(x, np.float64))
    term = total = wide
    for n in range(1, 80):
        term = term * 2 * wide**2 / (2 * n + 1)
        total = total + term
    return (2 / math.sqrt(math.pi) * np.exp(-(wide**2)) * total).astype(np.result_type(x.dtype, np.float16))


def _steps(f: Any) -> Any:
    return lambda x: f(x.real) + 0 * x


def _std(x: Any, **keywords: Any) -> Any:
    axis = {"axis": keywords["axis"], "keepdims": True}
    n = x.size / np.sum(x, **axis).size
    return np.sqrt(np.sum(np.square(x - np.mean(x, **axis)), axis=keywords["axis"], keepdims=keywords["keepdims"]) / n)


def _by_sums(x: Any, axis: Any, keepdims: bool) -> Any:
    return np.sqrt(np.sum(x * x, axis=axis, keepdims=keepdims))


# -- factorisations --------------------------------------------------------------------------------------------


def _stacked(f: Any) -> Any:
    """f for each matrix of a stack."""

    def over(a: Any) -> Any:
        flat = a.reshape((-1, *a.shape[-2:]))
        values = np.array([f(m) for m in flat]).astype(a.dtype)
        return values.reshape(a.shape[:-2] + values.shape[1:])

    return over


def _polished(a: Any, w: Any, v: Any) -> tuple[Any, Any]:
    """Eigenpairs of a symmetric `a` near those of its real part: Newton's method on a v = w v, v.v = 1."""
    pairs = []
    n = len(w)
    for value, vector in zip(w.astype(a.dtype), v.T.astype(a.dtype), strict=True):
        for _ in range(12):
            residual = np.append(a @ vector - value * vector, (1 - vector @ vector) / 2)
            matrix = np.block([[a - value * np.eye(n), -vector[:, None]], [-vector[None, :], np.zeros((1, 1))]])
            step = np.linalg.solve(matrix, residual)
            vector, value = vector - step[:n], value - step[n]
        pairs.append((value, vector))
    return np.array([value for value, _ in pairs]), np.array([vector for _, vector in pairs]).T


def _eigh(a: Any) -> Any:
    w, v = _polished((a + a.T) / 2, *np.linalg.eigh((a + a.T).real / 2))
    return np.concatenate([w[None], v])


def _svd(a: Any) -> Any:
    u, s, vt = np.linalg.svd(a.real, full_matrices=False)
    k = len(s)
    if a.shape[0] < a.shape[1]:
        w, u = _polished(a @ a.T, s * s, u)
        return np.concatenate([np.sqrt(w)[None], u, a.T @ u / np.sqrt(w)])
    w, v = _polished(a.T @ a, s * s, vt.T[:, :k])
    return np.concatenate([np.sqrt(w)[None], a @ v / np.sqrt(w), v])


def _qr(a: Any) -> Any:
    signs = np.sign(np.diagonal(np.linalg.qr(a.real)[1]))
    k = len(signs)
    low = _cholesky(a[:, :k].T @ a[:, :k]) * signs[None, :]
    q = np.linalg.solve(low, a[:, :k].T).T
    return np.concatenate([q.T, q.T @ a], 1)


def _cholesky(a: Any) -> Any:
    low = np.zeros_like(a)
    for i in range(len(a)):
        for j in range(i + 1):
            rest = (a[i, j] + a[j, i]) / 2 - low[i, :j] @ low[j, :j]
            low[i, j] = np.sqrt(rest) if i == j else rest / low[j, j]
    return low


def _near(*sizes: float) -> Any:
    """Well-conditioned matrices: a small random part beside different numbers on the diagonal."""

    def draw(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
        return rng.uniform(-0.3, 0.3, shape) + np.eye(shape[-2], shape[-1]) * np.resize(sizes, shape[-1])

    return draw


def _symmetric(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    a = _near(1, 3, 6)(rng, shape)
    return a + np.swapaxes(a, -1, -2)


def _matrices(call: Any, *shapes: Any, domain: Any = None, reference: Any = None, then: Any = ()) -> list[Sample]:
    """An operation of np.linalg, which takes double and single precision only."""
    domain = domain or _near(1, 3, 6)
    return [
        on(call, s, *then, domain=(domain, *(REAL for _ in then)), reference=reference, dtypes=(np.float64, np.float32))
        for s in shapes
    ]


def _least(a: Any, b: Any) -> Any:
    return np.linalg.lstsq(a, b)[0]


SQUARE = ((3, 3), (1, 1), (2, 3, 3))
TALL, WIDE = ((4, 2), (2, 3, 2)), ((2, 4), (2, 2, 3))

MORE: dict[str, list[Sample]] = {
    # trigonometry
    "sin": each(np.sin, REAL),
    "cos": each(np.cos, REAL),
    "tan": each(np.tan, UNIT),
    "arcsin": each(np.arcsin, UNIT),
    "arccos": each(np.arccos, UNIT),
    "arctan": each(np.arctan, UNIT),
    "sinh": each(np.sinh, REAL),
    "cosh": each(np.cosh, REAL),
    "arcsinh": each(np.arcsinh, UNIT),
    "arccosh": each(np.arccosh, ABOVE_ONE),
    "arctanh": each(np.arctanh, UNIT),
    "hypot": each(np.hypot, NONZERO, POSITIVE, reference=lambda a, b: np.sqrt(a * a + b * b)),
    "arctan2": each(np.arctan2, REAL, POSITIVE, reference=lambda a, b: 2 * np.arctan(a / (np.sqrt(a * a + b * b) + b))),
    "deg2rad": each(np.deg2rad, REAL, reference=lambda x: x * (math.pi / 180)),
    "rad2deg": each(np.rad2deg, REAL, reference=lambda x: x * (180 / math.pi)),
    # exponentials
    "reciprocal": each(np.reciprocal, NONZERO),
    "cbrt": each(np.cbrt, NONZERO, reference=lambda x: np.sign(x.real) * (x * np.sign(x.real)) ** (1 / 3)),
    "exp2": each(np.exp2, REAL, reference=lambda x: np.exp(math.log(2) * x)),
    "expm1": each(np.expm1, REAL),
    "log2": each(np.log2, POSITIVE),
    "log10": each(np.log10, POSITIVE),
    "log1p": each(np.log1p, POSITIVE),
    "logaddexp": each(np.logaddexp, REAL, REAL, reference=lambda a, b: np.log(np.exp(a) + np.exp(b))),
    "logaddexp2": each(np.logaddexp2, REAL, REAL, reference=lambda a, b: np.log2(2**a + 2**b)),
    "float_power": each(np.float_power, POSITIVE, REAL),
    # rounding and choices
    "floor": each(np.floor, GRID, reference=_steps(np.floor), kinked=True),
    "ceil": each(np.ceil, GRID, reference=_steps(np.ceil), kinked=True),
    "trunc": each(np.trunc, GRID, reference=_steps(np.trunc), kinked=True),
    "rint": each(np.rint, GRID, reference=_steps(np.rint), kinked=True),
    "round": each(np.round, GRID, reference=_steps(np.round), kinked=True),
    "floor_divide": each(np.floor_divide, HALVES, NEAR_ONE, reference=lambda a, b: 2 + 0 * a + 0 * b, kinked=True),
    "heaviside": each(np.heaviside, GRID, REAL, reference=lambda x, h: (x.real > 0) + 0 * x + 0 * h, kinked=True),
    "remainder": each(np.remainder, HALVES, NEAR_ONE, reference=lambda a, b: a - 2 * b),
    "fmod": each(np.fmod, HALVES, NEAR_ONE, reference=lambda a, b: a - 2 * b),
    "fabs": each(np.fabs, GRID, reference=lambda x: x * np.sign(x.real), kinked=True),
    "copysign": each(
        np.copysign, GRID, GRID2, reference=lambda a, b: a * np.sign(a.real) * np.sign(b.real) + 0 * b, kinked=True
    ),
    "fmax": each(np.fmax, GRID, GRID2, reference=np.maximum, kinked=True),
    "fmin": each(np.fmin, GRID, GRID2, reference=np.minimum, kinked=True),
    "positive": each(np.positive, REAL),
    "nan_to_num": each(np.nan_to_num, REAL),
    # activations
    "softplus": each(TABLE["softplus"], REAL, reference=lambda x: np.log(1 + np.exp(x))),
    "leaky_relu": each(
        lambda x: TABLE["leaky_relu"](x, slope=0.25),
        GRID,
        reference=lambda x: np.where(x.real > 0, x, x.dtype.type(0.25) * x),
        kinked=True,
    ),
    "elu": each(
        lambda x: TABLE["elu"](x, alpha=1.5),
        NONZERO,
        reference=lambda x: np.where(x.real > 0, x, x.dtype.type(1.5) * (np.exp(x) - 1)),
    ),
    # special functions
    "erf": each(tl.erf, REAL, reference=_erf),
    "erfc": each(tl.erfc, UNIT, reference=lambda x: 1 - _erf(x)),
    "sinc": each(np.sinc, NONZERO),
    # products along an axis, running sums, sizes
    "prod": reducing(np.prod),
    "cumsum": [
        on(lambda x, k=k: np.cumsum(x, k), s) for k, s in ((0, (4,)), (-1, (2, 3)), (1, (2, 3, 2)), (0, (0, 2)))
    ],
    "cumprod": [
        on(lambda x, k=k: np.cumprod(x, k), s) for k, s in ((0, (5,)), (-1, (2, 3)), (1, (2, 4, 2)), (0, (0, 2)))
    ],
    "running_logsumexp": [
        on(
            lambda x, k=k: np.logaddexp.accumulate(x, k),
            s,
            reference=lambda x, k=k: np.log(np.cumsum(np.exp(x), k)),
        )
        for k, s in ((0, (5,)), (-1, (2, 3)), (1, (2, 4, 2)), (0, (0, 2)))
    ],
    "std": [
        on(lambda x, k=k: np.std(x, **k), s, reference=lambda x, k=k: _std(x, **k))
        for s, axis in (((3,), None), ((2, 3), None), ((2, 3), -1), ((3, 2, 2), (0, 2)))
        for k in ({"axis": axis, "keepdims": False}, {"axis": axis, "keepdims": True})
    ],
    "norm": [
        *reducing(lambda x, **k: TABLE["norm"](x, **k), NONZERO, reference=_by_sums),
        on(lambda x: np.linalg.norm(x, 3), (4,), domain=POSITIVE, reference=lambda x: np.sum(x**3) ** (1 / 3)),
    ],
    # entries moved
    "roll": [on(lambda x: np.roll(x, 1), (2, 3)), on(lambda x: np.roll(x, (1, -2), (0, 1)), (3, 4))],
    "flip": [on(np.flip, (2, 3)), on(lambda x: np.flip(x, -1), (2, 3)), on(np.flip, (0, 2))],
    "rot90": [on(np.rot90, (2, 3)), on(lambda x: np.rot90(x, -1, (1, 2)), (2, 3, 4))],
    "tile": [on(lambda x: np.tile(x, 2), (3,)), on(lambda x: np.tile(x, (2, 1, 2)), (2, 3))],
    "repeat": [
        on(lambda x: np.repeat(x, 2), (2, 3)),
        on(lambda x: np.repeat(x, [0, 3, 1], axis=-1), (2, 3)),
    ],
    "delete": [on(lambda x: np.delete(x, 1), (2, 3)), on(lambda x: np.delete(x, slice(0, 2), 1), (2, 3))],
    "insert": [
        on(lambda x, v: np.insert(x, 1, v, 0), (2, 3), (3,)),
        on(lambda x, v: np.insert(x, [0, 2, 2], v, axis=-1), (2, 2), (2, 1)),
        on(lambda x, v: np.insert(x, np.array([True, False, True]), v, axis=1), (2, 3), ()),
        on(lambda x, v: np.insert(x, slice(0, 3), v), (2, 2), (3,)),
    ],
    "diagonal": [on(np.diagonal, (2, 3)), on(lambda x: np.diagonal(x, 1, 2, 0), (3, 2, 3))],
    "pad_by_entries": [
        on(lambda x, mode=mode: np.pad(x, ((1, 2), (2, 1)), mode), (3, 3))
        for mode in ("edge", "reflect", "symmetric", "wrap")
    ],
    "resize": [on(lambda x: np.resize(x, (3, 3)), (2, 2)), on(lambda x: np.resize(x, 2), (3,))],
    "take": [
        on(lambda x: np.take(x, [2, 0, 2]), (2, 3)),
        on(lambda x: np.take(x, [[0, -1]], axis=1), (2, 3)),
        on(lambda x: np.take(x, [4, -7], axis=0, mode="wrap"), (3, 2)),
    ],
    "take_along_axis": [
        on(lambda x: np.take_along_axis(x, np.array([[1, 1], [0, 2]]), 1), (2, 3)),
        on(lambda x: np.take_along_axis(x, np.array([3, 0]), None), (2, 3)),
    ],
    "choose": [on(lambda *xs: np.choose([1, 0, 1], xs), (3,), (2, 3)), on(lambda *xs: np.choose(0, xs), (2,), ())],
    "difference": [on(lambda x, k=k: np.diff(x, axis=k), s) for k, s in ((0, (4,)), (-1, (2, 3)), (1, (2, 3, 2)))],
    "pad": [on(lambda x: np.pad(x, 1), (3,)), on(lambda x: np.pad(x, ((1, 0), (0, 2))), (2, 3))],
    "tril": [on(np.tril, (3, 3)), on(lambda x: np.tril(x, 1), (2, 2, 3))],
    "triu": [on(np.triu, (3, 3)), on(lambda x: np.triu(x, -1), (2, 3, 2))],
    "diag": [on(np.diag, (3,)), on(lambda x: np.diag(x, -1), (2,))],
    "put_back": [
        on(
            lambda g: TABLE["put_back"](g, np.array([2, 0, 2]), shape=(3,)),
            (3,),
            reference=lambda g: np.array([[0.0, 1, 0], [0, 0, 0], [1, 0, 1]]).astype(g.dtype) @ g,
        )
    ],
    "sort": [on(lambda x, k=k: np.sort(x, k), (3, 4), domain=GRID, kinked=True) for k in (0, -1)],
    "ranked": [
        on(
            lambda x: TABLE["ranked"](x, ranks=[2, 0, 2]),
            (2, 4),
            domain=GRID,
            reference=lambda x: np.sort(x)[..., [2, 0, 2]],
            kinked=True,
        )
    ],
    "partition": [on(lambda x, k=k: np.partition(x, [0, 1, 2], k), (3, 4), domain=GRID, kinked=True) for k in (0, -1)],
    "put": [
        on(
            lambda x, v: TABLE["put"](x, v, index=(slice(1, None),)),
            (3, 2),
            (2,),
            reference=lambda x, v: np.concatenate([x[:1], np.broadcast_to(v, (2, 2))]),
        ),
        on(
            lambda x, v: TABLE["put"](x, v, np.array([2, 0, 2]), index=(ARRAY,)),
            (3,),
            (3,),
            reference=lambda x, v: np.stack([v[1], x[1], v[2]]),
        ),
    ],
    # sums of products
    "tensordot": [
        on(lambda a, b, axes=axes: np.tensordot(a, b, axes), s, t)
        for axes, s, t in (
            (1, (2, 3), (3, 4)),
            (2, (2, 3, 4), (3, 4)),
            (0, (2,), (3,)),
            (((1, 0), (0, 2)), (2, 3, 4), (3, 2, 2)),
            ((0, 0), (0, 2), (0, 3)),
        )
    ],
    "correlate": [
        on(
            lambda a, v, m=mode: np.correlate(a, v, m),
            (n,),
            (k,),
            reference=lambda a, v, m=mode: np.convolve(a, v[::-1], m),
        )
        for n, k in ((5, 3), (4, 4), (3, 1))  # np.correlate conjugates
        for mode in ("full", "valid")
    ],
    "dot": [on(np.dot, s, t) for s, t in (((3,), (2, 3, 2)), ((2, 3), (2, 3, 2)))],
    "inner": [on(np.inner, s, t) for s, t in (((3,), (3,)), ((2, 3), (4, 3)), ((2, 2, 3), (3,)))],
    "vdot": [
        on(np.vdot, s, t, reference=lambda a, b: np.dot(a.reshape(-1), b.reshape(-1)))  # np.vdot conjugates
        for s, t in (((3,), (3,)), ((2, 3), (3, 2)))
    ],
    "outer": [on(np.outer, s, t) for s, t in (((3,), (2,)), ((2, 2), (3,)), ((), (3,)))],
    "matvec": [on(np.matvec, s, t) for s, t in (((4, 2, 3), (4, 3)), ((2, 3), (4, 3)), ((2, 1, 2, 3), (4, 3)))],
    "vecmat": [
        on(np.vecmat, s, t, reference=lambda x, a: np.einsum("...i,...ij->...j", x, a))  # np.vecmat conjugates
        for s, t in (((4, 3), (4, 3, 2)), ((1, 3), (4, 3, 2)), ((4, 3), (2, 1, 3, 2)))
    ],
    "einsum": [
        on(lambda *xs, s=subscripts: np.einsum(s, *xs), *shapes)
        for subscripts, *shapes in (
            ("ij,jk->ik", (2, 3), (3, 4)),
            ("ij,jk", (2, 3), (3, 4)),
            ("ij->", (2, 3)),
            ("ij->ji", (2, 3)),
            ("ii->i", (3, 3)),
            ("ii", (3, 3)),
            ("iij,j->", (2, 2, 3), (3,)),
            ("...i,...i->...", (2, 3), (4, 1, 3)),
            ("b...i,i...->b...", (2, 3, 4), (4, 3)),
            ("i,j,k->ikj", (2,), (3,), (2,)),
            ("i,->i", (3,), ()),
            ("ab,cd->d", (2, 3), (2, 3)),
        )
    ],
    # matrices
    "inv": _matrices(np.linalg.inv, *SQUARE),
    "det": _matrices(np.linalg.det, *SQUARE),
    "sign_of_det": _matrices(lambda a: np.linalg.slogdet(a)[0], *SQUARE),
    "log_of_det": _matrices(
        lambda a: np.linalg.slogdet(a)[1],
        *SQUARE,
        reference=lambda a: np.log(np.linalg.det(a) * np.sign(np.linalg.det(a).real)),
    ),
    "solve": _matrices(np.linalg.solve, (3, 3), (2, 3, 3), then=((3, 2),))
    + _matrices(np.linalg.solve, (3, 3), (2, 3, 3), then=((3,),)),
    "pinv": _matrices(
        np.linalg.pinv,
        (3, 3),
        *TALL,
        reference=lambda a: np.linalg.solve(np.swapaxes(a, -1, -2) @ a, np.swapaxes(a, -1, -2)),
    )
    + _matrices(
        np.linalg.pinv, *WIDE, reference=lambda a: np.swapaxes(np.linalg.solve(a @ np.swapaxes(a, -1, -2), a), -1, -2)
    ),
    "lstsq": [
        *_matrices(_least, (3, 2), then=((3, 2),), reference=lambda a, b: np.linalg.solve(a.T @ a, a.T @ b)),
        *_matrices(_least, (2, 3), then=((2, 1),), reference=lambda a, b: a.T @ np.linalg.solve(a @ a.T, b)),
    ],
    "cholesky": _matrices(
        lambda a: np.linalg.cholesky((a + np.swapaxes(a, -1, -2)) / 2), *SQUARE, reference=_stacked(_cholesky)
    ),
    "eigh": _matrices(
        lambda a: TABLE["eigh"]((a + np.swapaxes(a, -1, -2)) / 2, UPLO="L"), *SQUARE, reference=_stacked(_eigh)
    ),
    "eigvalsh": _matrices(
        lambda a: np.linalg.eigvalsh((a + np.swapaxes(a, -1, -2)) / 2),
        *SQUARE,
        reference=_stacked(lambda a: _eigh(a)[0]),
    ),
    "svd": _matrices(lambda a: TABLE["svd"](a, full=False), (3, 3), *TALL, *WIDE, reference=_stacked(_svd)),
    "svd_rest": _matrices(TABLE["svd_rest"], (3, 3), reference=lambda a: a[..., :0]),  # of a square there is no rest
    "svdvals": _matrices(np.linalg.svdvals, (3, 3), *TALL, *WIDE, reference=_stacked(lambda a: _svd(a)[0])),
    "qr": _matrices(TABLE["qr"], (3, 3), *TALL, *WIDE, reference=_stacked(_qr)),
}
