"""Samples of convolution and pooling; how to read a line is said in `samples.py`. The references are plain loops."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from tests.sampling import REAL, Sample, lattice, on
from tinygrad_lite.primitives import TABLE

NONE = ((0, 0), (0, 0))
SPREAD = lattice(0.125, 0.25)


def _places(size: tuple[int, int], how: dict[str, Any]) -> Any:
    """Every (row, column) of the output, (i, j) of the kernel, and the entry of the padded input that meets there."""
    (sh, sw), (dh, dw), (kh, kw) = how["stride"], how.get("dilation", (1, 1)), how["kernel"]
    (top, bottom), (left, right) = how["padding"]
    high = (size[0] + top + bottom - dh * (kh - 1) - 1) // sh + 1
    wide = (size[1] + left + right - dw * (kw - 1) - 1) // sw + 1
    for r, c, i, j in itertools.product(range(high), range(wide), range(kh), range(kw)):
        yield (r, c), (i, j), (r * sh + i * dh, c * sw + j * dw)


def _out(size: tuple[int, int], how: dict[str, Any]) -> tuple[int, int]:
    last = max(place for place, _, _ in _places(size, how))
    return last[0] + 1, last[1] + 1


def _triples(channels: int, outputs: int, groups: int) -> Any:
    """(o, c, c within the group) for every pair of an output and an input channel of one group."""
    per = channels // groups
    for o in range(outputs):
        group = o // (outputs // groups)
        for c in range(per):
            yield o, group * per + c, c


def _pad(x: Any, how: dict[str, Any], value: float = 0) -> Any:
    return np.pad(x, ((0, 0), (0, 0), *how["padding"]), constant_values=value)


def _crop(x: Any, size: tuple[int, int], how: dict[str, Any]) -> Any:
    (top, _), (left, _) = how["padding"]
    return x[:, :, top : top + size[0], left : left + size[1]]


def conv(x: Any, w: Any, b: Any = None, **how: Any) -> Any:
    how = {**how, "kernel": w.shape[2:]}
    y = np.zeros((len(x), len(w), *_out(x.shape[2:], how)), np.result_type(x, w))
    seen = _pad(x, how)
    for o, c, k in _triples(x.shape[1], len(w), how["groups"]):
        for (r, s), (i, j), (p, q) in _places(x.shape[2:], how):
            y[:, o, r, s] += seen[:, c, p, q] * w[o, k, i, j]
    return y if b is None else y + b[:, None, None]


def conv_input(g: Any, w: Any, size: tuple[int, int], **how: Any) -> Any:
    how = {**how, "kernel": w.shape[2:]}
    channels = w.shape[1] * how["groups"]
    x = _pad(np.zeros((len(g), channels, *size), np.result_type(g, w)), how)
    for o, c, k in _triples(channels, len(w), how["groups"]):
        for (r, s), (i, j), (p, q) in _places(size, how):
            x[:, c, p, q] += g[:, o, r, s] * w[o, k, i, j]
    return _crop(x, size, how)


def conv_weight(g: Any, x: Any, size: tuple[int, int], **how: Any) -> Any:
    how = {**how, "kernel": size}
    w = np.zeros((g.shape[1], x.shape[1] // how["groups"], *size), np.result_type(g, x))
    seen = _pad(x, how)
    for o, c, k in _triples(x.shape[1], g.shape[1], how["groups"]):
        for (r, s), (i, j), (p, q) in _places(x.shape[2:], how):
            w[o, k, i, j] += np.sum(g[:, o, r, s] * seen[:, c, p, q])
    return w


def _windows(x: Any, how: dict[str, Any], value: float = 0) -> Any:
    """The windows as one last axis: (N, C, Ho, Wo, kh kw)."""
    seen = _pad(x, how, value)
    rows: dict[Any, list[Any]] = {}
    for place, _, (p, q) in _places(x.shape[2:], how):
        rows.setdefault(place, []).append(seen[:, :, p, q])
    high, wide = _out(x.shape[2:], how)
    return np.stack([np.stack([np.stack(rows[r, c], -1) for c in range(wide)], 2) for r in range(high)], 2)


def _scattered(windows: Any, size: tuple[int, int], how: dict[str, Any]) -> Any:
    """The adjoint of `_windows`."""
    x = _pad(np.zeros((*windows.shape[:2], *size), windows.dtype), how)
    for (r, c), (i, j), (p, q) in _places(size, how):
        x[:, :, p, q] += windows[:, :, r, c, i * how["kernel"][1] + j]
    return _crop(x, size, how)


def _maxima(x: Any, how: dict[str, Any]) -> Any:
    """Where each window's maximum is, 1 there and 0 elsewhere; ties share."""
    seen = _windows(x.real, how, -np.inf)
    won = (seen == seen.max(-1, keepdims=True)).astype(x.dtype)
    return won / won.sum(-1, keepdims=True).astype(x.dtype)


def max_pool(x: Any, **how: Any) -> Any:
    seen = _windows(x, how)
    return np.take_along_axis(seen, np.argmax(_maxima(x, how), -1)[..., None], -1)[..., 0]


KERNELS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((2, 1, 4, 3), (2, 1, 2, 3), {"stride": (1, 1), "padding": NONE, "dilation": (1, 1), "groups": 1}),
    ((1, 2, 4, 5), (2, 2, 2, 2), {"stride": (2, 1), "padding": ((1, 0), (0, 2)), "dilation": (1, 2), "groups": 1}),
    ((2, 4, 3, 3), (2, 2, 2, 2), {"stride": (1, 2), "padding": ((1, 1), (1, 1)), "dilation": (2, 1), "groups": 2}),
    ((2, 8, 3, 3), (1, 8, 2, 2), {"stride": (1, 1), "padding": NONE, "dilation": (1, 1), "groups": 1}),
    ((1, 8, 4, 3), (4, 2, 3, 2), {"stride": (2, 2), "padding": ((1, 1), (0, 1)), "dilation": (1, 1), "groups": 4}),
]
WINDOWS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((1, 2, 4, 4), {"kernel": (2, 2), "stride": (2, 2), "padding": NONE}),
    ((2, 1, 5, 4), {"kernel": (3, 2), "stride": (1, 2), "padding": ((1, 1), (0, 1))}),
    ((1, 1, 5, 3), {"kernel": (2, 2), "stride": (3, 1), "padding": NONE}),
]


def _results(x: tuple[int, ...], w: tuple[int, ...], how: dict[str, Any]) -> tuple[int, ...]:
    return (x[0], w[0], *_out((x[2], x[3]), {**how, "kernel": w[2:]}))


def _with(row: str, **how: Any) -> Any:
    return lambda *arrays: TABLE[row](*arrays, **how)


def _max_rows(shape: tuple[int, ...], how: dict[str, Any]) -> dict[str, Sample]:
    """The three rows of max pooling, the latter two with the x whose maxima they follow as data."""
    how = {"dilation": (1, 1), **how}
    x = SPREAD(np.random.default_rng(0), shape)
    y = max_pool(x, **how)
    won = _maxima(x, how)

    def at(row: str) -> Any:
        return lambda g: TABLE[row](g, x.astype(g.dtype), y.astype(g.dtype), **how)

    return {
        "max_pool2d": on(_with("max_pool2d", **how), shape, domain=SPREAD, kinked=True,
                         reference=lambda x: max_pool(x, **how)),
        "max_unpool2d": on(at("max_unpool2d"), y.shape, domain=REAL, reference=lambda g: _scattered(
            (g[..., None] * won).astype(g.dtype), (shape[2], shape[3]), how)),
        "max_collect2d": on(at("max_collect2d"), shape, domain=REAL, reference=lambda h: (
            _windows(h, how) * won).sum(-1).astype(h.dtype)),
    }  # fmt: skip


def _sum_rows(shape: tuple[int, ...], how: dict[str, Any]) -> dict[str, Sample]:
    size = (shape[2], shape[3])
    ones = np.ones(how["kernel"][0] * how["kernel"][1])
    return {
        "sum_pool2d": on(_with("sum_pool2d", **how), shape, reference=lambda x: _windows(x, how).sum(-1)),
        "sum_unpool2d": on(
            _with("sum_unpool2d", size=size, **how), (*shape[:2], *_out(size, how)),
            reference=lambda g: _scattered(g[..., None] * ones.astype(g.dtype), size, how),
        ),
    }  # fmt: skip


IMAGES: dict[str, list[Sample]] = {
    "conv2d": [
        on(_with("conv2d", **how), *shapes, reference=lambda *arrays, how=how: conv(*arrays, **how))
        for x, w, how in KERNELS
        for shapes in ((x, w), (x, w, w[:1]))
    ],
    "conv2d_input": [
        on(_with("conv2d_input", size=x[2:], **how), _results(x, w, how), w,
           reference=lambda g, w, how={"size": x[2:], **how}: conv_input(g, w, **how))
        for x, w, how in KERNELS
    ],
    "conv2d_weight": [
        on(_with("conv2d_weight", size=w[2:], **how), _results(x, w, how), x,
           reference=lambda g, x, how={"size": w[2:], **how}: conv_weight(g, x, **how))
        for x, w, how in KERNELS
    ],
    **{row: [_max_rows(*of)[row] for of in WINDOWS] for row in ("max_pool2d", "max_unpool2d", "max_collect2d")},
    **{row: [_sum_rows(*of)[row] for of in WINDOWS] for row in ("sum_pool2d", "sum_unpool2d")},
}  # fmt: skip
