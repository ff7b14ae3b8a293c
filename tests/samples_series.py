"""Samples of rows over series, and of rows that find an entry; how to read a line is said in `samples.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.sampling import GRID, Sample, between, on
from tinygrad_lite.primitives import TABLE

PLACES = np.array([0.0, 0.5, 2.0, 2.5, 4.0])
KNOTS = np.array([-1.0, 0.0, 0.5, 2.0])


def _matrix_of(h: Any, edge_order: int) -> Any:
    """The slopes of five samples as a matrix: the derivative of the parabola through three of them."""
    places = np.broadcast_to(np.arange(5) * h if np.ndim(h) == 0 else h, (5,))
    d = np.zeros((5, 5))
    for row in range(5):
        at = np.clip(row + np.array([-1, 0, 1]), 0, 4) if 0 < row < 4 else np.array([0, 1, 2]) + (2 if row else 0)
        if row in (0, 4) and edge_order == 1:
            at = at[:2] if row == 0 else at[1:]
        powers = np.vander(places[at] - places[row], increasing=True)
        d[row, at] = np.linalg.inv(powers)[1]  # of the polynomial's coefficients the one of the first power
    return d


def _slopes(name: str) -> list[Sample]:
    def reference(y: Any, h: Any, order: int) -> Any:
        m = _matrix_of(h, order)
        return (m.T if name == "slope_back" else m).astype(y.dtype) @ y

    return [
        on(
            lambda y, h=h, order=order: TABLE[name](y, h, axis=0, edge_order=order),
            (5, 2),
            reference=lambda y, h=h, order=order: reference(y, h, order),
            dtypes=(np.float64, np.float32),
        )
        for h in (np.array(0.5), PLACES)
        for order in (1, 2)
    ]


def _interp(x: Any, xp: Any, fp: Any) -> Any:
    k = np.clip(np.searchsorted(xp.real, x.real, "right"), 1, len(xp) - 1)
    inside = fp[k - 1] + (x - xp[k - 1]) / (xp[k] - xp[k - 1]) * (fp[k] - fp[k - 1])
    return np.where(x.real < xp[0].real, fp[0], np.where(x.real > xp[-1].real, fp[-1], inside))


def _points(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return rng.choice([-1.6, -0.3, 0.2, 0.4, 1.1, 1.9, 2.7], shape)


def _knots(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    return KNOTS + rng.uniform(-0.04, 0.04, shape)


def _running(extreme: Any) -> Any:
    def places(x: Any, axis: int) -> Any:
        return extreme.accumulate(x, axis)

    def reference(x: Any, axis: int) -> Any:
        found = x.copy()
        for k in range(1, x.shape[axis]):
            now, before = (tuple(j if a == axis else slice(None) for a in range(x.ndim)) for j in (k, k - 1))
            better = extreme(found[before].real, x[now].real) == x[now].real
            found[now] = np.where(better, x[now], found[before])
        return found

    return [
        on(lambda x, k=k: places(x, k), shape, domain=GRID, reference=lambda x, k=k: reference(x, k), kinked=True)
        for k, shape in ((0, (5,)), (1, (2, 4)))
    ]


def _median(x: Any, axis: tuple[int, ...], keepdims: bool, missing: bool) -> Any:
    kept = [k for k in range(x.ndim) if k not in axis]
    rows = np.transpose(x, [*kept, *axis]).reshape(*(x.shape[k] for k in kept), -1)
    rows = np.take_along_axis(rows, np.argsort(rows.real, -1), -1)
    n = np.sum(~np.isnan(rows.real), axis=-1, keepdims=True)
    low, high = (np.take_along_axis(rows, k, -1) for k in ((n - 1) // 2, n // 2))
    y = (low + high)[..., 0] / 2
    return np.expand_dims(y, axis) if keepdims else y


def _some_missing(rng: np.random.Generator, shape: tuple[int, ...]) -> Any:
    x = np.array(GRID(rng, shape))
    x.reshape(-1)[::5] = np.nan
    return x


SERIES: dict[str, list[Sample]] = {
    "slope": _slopes("slope"),
    "slope_back": _slopes("slope_back"),
    "interp": [
        on(
            np.interp,
            (6,),
            (4,),
            (4,),
            domain=(_points, _knots, between(-2, 2)),
            reference=_interp,
            dtypes=(np.float64,),
        )
    ],
    "vander": [
        on(
            lambda x, n=n, up=up: np.vander(x, n, up),
            (3,),
            reference=lambda x, n=n, up=up: x[:, None] ** (np.arange(n) if up else np.arange(n - 1, -1, -1)),
            dtypes=(np.float64,),
        )
        for n, up in ((3, False), (4, True), (1, True), (0, False))
    ],
    "running_max": _running(np.maximum),
    "running_min": _running(np.minimum),
    "median": [
        on(
            lambda x, a=axis, keep=keep, f=f: f(x, a, keepdims=keep),
            shape,
            domain=domain,
            reference=lambda x, a=axis, keep=keep, m=f is np.nanmedian: _median(x, a, keep, m),
            kinked=True,
        )
        for f, domain in ((np.median, GRID), (np.nanmedian, _some_missing))
        for axis, shape, keep in (((0,), (5,), False), ((1,), (2, 4), True), ((0, 2), (2, 3, 2), False))
    ],
    "bincount": [
        on(
            lambda w: TABLE["bincount"](w, np.array([2, 0, 2]), minlength=4),
            (3,),
            reference=lambda w: np.array([[0.0, 1, 0], [0, 0, 0], [1, 0, 1], [0, 0, 0]]) @ w,
            dtypes=(np.float64,),
        )
    ],
    "convolve": [
        on(lambda a, v, m=mode: np.convolve(a, v, m), (n,), (k,))
        for n, k in ((5, 3), (2, 4))
        for mode in ("full", "same", "valid")
    ],
    "cross": [on(np.cross, s, t) for s, t in (((3,), (3,)), ((2, 3), (3,)), ((2, 1, 3), (4, 3)))],
}
