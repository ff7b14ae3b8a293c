"""Pooling: one number for every window of an image, its maximum or its sum, and back from there to the image.

The windows are those of a convolution, seen tap by tap (see `patches`): two windows of 2 x 2 are four slices.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, general, linear
from tinygrad_lite.primitives.patches import Padding, Pair, sizes, taps


def _bordered(x: Any, padding: Padding, value: float) -> Any:
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return x
    n, c, h, w = x.shape
    out = np.full_like(x, value, shape=(n, c, h + top + bottom, w + left + right))
    out[:, :, top : top + h, left : left + w] = x
    return out


def _inner(x: Any, shape: tuple[int, ...], padding: Padding) -> Any:
    (top, _), (left, _) = padding
    return x[:, :, top : top + shape[2], left : left + shape[3]]


def _grown(shape: tuple[int, ...], padding: Padding) -> tuple[int, ...]:
    return (*shape[:2], *(n + sum(pad) for n, pad in zip(shape[2:], padding, strict=True)))


def _apart(kernel: Pair, stride: Pair, dilation: Pair) -> bool:
    """Whether no two windows share an entry."""
    return all(d * (k - 1) < s for k, s, d in zip(kernel, stride, dilation, strict=True))


def _max_pool2d(x: Any, *, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Any:
    out = sizes(x.shape, kernel, padding, stride, dilation)
    seen = _bordered(x, padding, -np.inf)
    y = None
    for _, _, rows, columns in taps(kernel, stride, dilation, out):
        tap = seen[:, :, rows, columns]
        y = tap.copy("K") if y is None else np.maximum(y, tap, out=y)
    return y


def _winners(x: Any, y: Any, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> tuple[Any, Any]:
    """For each tap, where it holds its window's maximum; and how many taps do (None where it is one everywhere)."""
    seen = _bordered(x, padding, -np.inf)
    wins = [seen[:, :, rows, columns] == y for _, _, rows, columns in taps(kernel, stride, dilation, y.shape[2:])]
    # small whole numbers, for the counting costs as much as the rest
    count: Any = np.zeros_like(wins[0], np.uint8 if len(wins) < 256 else np.intp)
    for win in wins:
        count += win
    return wins, None if not count.size or count.max() <= 1 else np.maximum(count, 1)


def _spread(g: Any, x: Any, y: Any, *, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Any:
    wins, count = _winners(x, y, kernel, stride, padding, dilation)
    share = g if count is None else g / count.astype(g.dtype)
    out = np.zeros_like(x, g.dtype, shape=_grown(x.shape, padding))
    apart = _apart(kernel, stride, dilation)
    for win, (_, _, rows, columns) in zip(wins, taps(kernel, stride, dilation, y.shape[2:]), strict=True):
        tap = out[:, :, rows, columns]
        if apart:
            np.multiply(share, win, out=tap)
        else:
            tap += share * win
    return _inner(out, x.shape, padding)


def _collect(h: Any, x: Any, y: Any, *, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair) -> Any:
    wins, count = _winners(x, y, kernel, stride, padding, dilation)
    seen = _bordered(h, padding, 0)
    g = np.zeros_like(y, h.dtype)
    for win, (_, _, rows, columns) in zip(wins, taps(kernel, stride, dilation, y.shape[2:]), strict=True):
        g += seen[:, :, rows, columns] * win
    return g if count is None else g / count.astype(h.dtype)


def _sum_pool2d(x: Any, *, kernel: Pair, stride: Pair, padding: Padding) -> Any:
    out = sizes(x.shape, kernel, padding, stride, (1, 1))
    seen = _bordered(x, padding, 0)
    y = None
    for _, _, rows, columns in taps(kernel, stride, (1, 1), out):
        tap = seen[:, :, rows, columns]
        y = tap.copy("K") if y is None else np.add(y, tap, out=y)
    return y


def _sum_unpool2d(g: Any, *, size: Pair, kernel: Pair, stride: Pair, padding: Padding) -> Any:
    shape = (*g.shape[:2], *size)
    out = np.zeros_like(g, shape=_grown(shape, padding))
    apart = _apart(kernel, stride, (1, 1))
    for _, _, rows, columns in taps(kernel, stride, (1, 1), g.shape[2:]):
        if apart:
            out[:, :, rows, columns] = g
        else:
            out[:, :, rows, columns] += g
    return _inner(out, shape, padding)


max_pool2d: Primitive = general(  # entries of a window that tie share the gradient equally, as in np.max
    _max_pool2d,
    r"\mathrm{maxpool}(#1)",
    lambda g, y, x, **how: max_unpool2d(g, x, y, **how),
    name="max_pool2d",
)
max_unpool2d: Primitive = linear(  # each window's g, to where its maximum came from: dL/dx
    _spread,
    r"\mathrm{maxunpool}(#1)",
    lambda h, z, g, x, y, **how: max_collect2d(h, x, y, **how),
    None,
    None,
    name="max_unpool2d",
)
max_collect2d: Primitive = linear(  # each window's h at the place of its maximum: what the tangent of x is to y
    _collect,
    r"\mathrm{maxcollect}(#1)",
    lambda g, z, h, x, y, **how: max_unpool2d(g, x, y, **how),
    None,
    None,
    name="max_collect2d",
)
sum_pool2d: Primitive = linear(
    _sum_pool2d,
    r"\mathrm{sumpool}(#1)",
    lambda g, y, x, **how: sum_unpool2d(g, size=x.shape[2:], **how),
    name="sum_pool2d",
)
sum_unpool2d: Primitive = linear(
    _sum_unpool2d,
    r"\mathrm{sumunpool}(#1)",
    lambda h, x, g, size, **how: sum_pool2d(h, **how),
    name="sum_unpool2d",
)
