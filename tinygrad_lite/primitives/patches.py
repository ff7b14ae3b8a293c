"""Convolution as patches and one matrix product: y_o = sum over channels c and taps (i, j) of w_ocij x_c from (i, j).

A tap (i, j) is one place of the kernel: seen through it, the input is a slice, with the stride as the slice's step and
the dilation as the distance from tap to tap. All taps side by side are the patches, and the weights their matrix.

    <g, conv(x, w)> = <conv_input(g, w), x> = <conv_weight(g, x), w>

holds for every g, x and w, so each of the three rows has the other two for its adjoints: nothing else is needed for
derivatives of any order, and `conv2d_input` is the transposed convolution.

Memory: few channels are kept first (C, N, H, W), so that a copy moves whole lines of the image, many channels last
(N, H, W, C), so that it moves all channels of a tap. What is returned has the shape (N, C, H, W) in that memory order;
elementwise operations keep it, and the next layer finds it as it needs it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from tinygrad_lite.primitive import Primitive, linear

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # (above, below), (left, right)

MANY = 8  # channels, from which on they go last in memory
# Arrays that show np.empty_like an order of axes: what it makes owns its memory, which no transposed view does.
_FIRST = np.empty((2, 2, 2, 2)).transpose(1, 0, 2, 3)
_LAST = np.empty((2, 2, 2, 2)).transpose(0, 3, 1, 2)


def _last(channels: int) -> bool:
    return channels >= MANY


def _new(make: Any, shape: tuple[int, ...], dtype: Any, last: bool) -> tuple[Any, Any]:
    """An array (N, C, H, W), and the same memory as (N, H, W, C) or (C, N, H, W), contiguous."""
    made = make(_LAST if last else _FIRST, dtype, shape=shape)
    return made, _view(made, last)


def _view(x: Any, last: bool) -> Any:
    return x.transpose(0, 2, 3, 1) if last else x.transpose(1, 0, 2, 3)


def _ordered(x: Any, last: bool) -> Any:
    """`x` as (N, H, W, C) or (C, N, H, W), contiguous."""
    return np.ascontiguousarray(_view(x, last))


def _padded(x: Any, padding: Padding, last: bool) -> Any:
    """`x` with a border of zeros, as (N, H, W, C), contiguous, or (C, N, H, W)."""
    (top, bottom), (left, right) = padding
    n, c, h, w = x.shape
    if not (top or bottom or left or right):
        return _ordered(x, last) if last else _view(x, last)
    out, view = _new(np.zeros_like, (n, c, h + top + bottom, w + left + right), x.dtype, last)
    out[:, :, top : top + h, left : left + w] = x
    return view


def _size(n: int, kernel: int, pad: Pair, stride: int, dilation: int) -> int:
    """How many places the kernel has along an axis of `n`: n + padding - (its extent), over the stride, plus one."""
    places = (n + sum(pad) - dilation * (kernel - 1) - 1) // stride + 1
    if places < 1:
        raise ValueError(
            f"the kernel reaches over {dilation * (kernel - 1) + 1} entries, but the input has {n}, and {sum(pad)} of "
            "padding"
        )
    return places


def sizes(shape: tuple[int, ...], kernel: Pair, padding: Padding, stride: Pair, dilation: Pair) -> Pair:
    """The output's height and width for an input (..., H, W)."""
    h, w = (_size(*of) for of in zip(shape[-2:], kernel, padding, stride, dilation, strict=True))
    return h, w


def taps(kernel: Pair, stride: Pair, dilation: Pair, out: Pair) -> Iterator[tuple[int, int, slice, slice]]:
    """Every place (i, j) of the kernel, and the rows and columns of the input that are seen through it."""
    for i in range(kernel[0]):
        rows = slice(i * dilation[0], i * dilation[0] + (out[0] - 1) * stride[0] + 1, stride[0])
        for j in range(kernel[1]):
            yield i, j, rows, slice(j * dilation[1], j * dilation[1] + (out[1] - 1) * stride[1] + 1, stride[1])


def _windows(seen: Any, kernel: Pair, stride: Pair, dilation: Pair, axis: int) -> Any:
    """A view of every window of `seen`, whose height and width are the axes from `axis`: (..., Ho, Wo, ..., kh, kw)."""
    (kh, kw), (sh, sw), (dh, dw) = kernel, stride, dilation
    views = sliding_window_view(seen, (dh * (kh - 1) + 1, dw * (kw - 1) + 1), (axis, axis + 1))
    every = (slice(None),)
    view: Any = views[every * axis + (slice(None, None, sh), slice(None, None, sw), ..., slice(None, None, dh),
                                      slice(None, None, dw))]  # fmt: skip
    return view


def _patches(x: Any, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int, last: bool) -> Any:
    """Every patch of `x`: (G, places, kh kw c) with the channels last, (G, c kh kw, places) with the channels first."""
    n, channels = x.shape[:2]
    high, wide = sizes(x.shape, kernel, padding, stride, dilation)
    seen = _padded(x, padding, last)
    c = channels // groups
    if last and groups == 1 and dilation[1] == 1:  # a line of the kernel is one piece of memory: fewer, longer moves
        flat = seen.reshape(*seen.shape[:2], -1)
        lines = _windows(flat, (kernel[0], kernel[1] * c), (stride[0], stride[1] * c), (dilation[0], 1), 1)
        return np.ascontiguousarray(lines).reshape(1, n * high * wide, -1)
    if last:
        views = _windows(seen.reshape(*seen.shape[:3], groups, c), kernel, stride, dilation, 1)
        return np.ascontiguousarray(views.transpose(3, 0, 1, 2, 5, 6, 4)).reshape(groups, n * high * wide, -1)
    views = _windows(seen, kernel, stride, dilation, 2)
    return np.ascontiguousarray(views.transpose(0, 4, 5, 1, 2, 3)).reshape(groups, -1, n * high * wide)


def _matrices(w: Any, groups: int, last: bool) -> Any:
    """The weights as one matrix per group: (G, kh kw c, o) with the channels last, (G, o, c kh kw) with them first."""
    o, c, kh, kw = w.shape
    w = w.reshape(groups, o // groups, c, kh, kw)
    if last:
        return w.transpose(0, 3, 4, 2, 1).reshape(groups, kh * kw * c, o // groups)
    return w.reshape(groups, o // groups, c * kh * kw)


def _rows(g: Any, groups: int) -> Any:
    """`g` (N, O, Ho, Wo) as one matrix (places, o) per group."""
    rows = _ordered(g, True).reshape(-1, groups, g.shape[1] // groups)
    return rows.transpose(1, 0, 2) if groups > 1 else rows.reshape(1, -1, g.shape[1])


def _conv2d(x: Any, w: Any, bias: Any = None, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    o, kernel = w.shape[0], w.shape[2:]
    last = _last(x.shape[1])
    found = _patches(x, kernel, stride, padding, dilation, groups, last)
    matrix = _matrices(w, groups, last)
    dtype = np.result_type(x, w) if bias is None else np.result_type(x, w, bias)
    y, view = _new(np.empty_like, (x.shape[0], o, *sizes(x.shape, kernel, padding, stride, dilation)), dtype, last)
    if groups == 1:
        np.matmul(found[0], matrix[0], out=view.reshape(-1, o)) if last else np.matmul(
            matrix[0], found[0], out=view.reshape(o, -1)
        )
    elif last:
        view.reshape(-1, groups, o // groups)[...] = np.matmul(found, matrix).transpose(1, 0, 2)
    else:
        np.matmul(matrix, found, out=view.reshape(groups, o // groups, -1))
    if bias is not None:
        y += bias[:, None, None]
    return y


def _conv2d_input(g: Any, w: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    n, o = g.shape[:2]
    c, kernel = w.shape[1], w.shape[2:]
    last = _last(c * groups)
    (top, bottom), (left, right) = padding
    shape = (n, c * groups, size[0] + top + bottom, size[1] + left + right)
    x, view = _new(np.zeros_like, shape, np.result_type(g, w), last)
    if last:  # tap by tap: what each adds to x is small enough to stay in the cache
        rows = _rows(g, groups)
        view = view.reshape(*view.shape[:3], groups, c).transpose(3, 0, 1, 2, 4)
        part = np.empty((groups, rows.shape[1], c), x.dtype)
        matrix = _matrices(w, groups, True).reshape(groups, *kernel, c, o // groups).swapaxes(-1, -2)
        for i, j, down, across in taps(kernel, stride, dilation, g.shape[2:]):
            if groups == 1:
                np.matmul(rows[0], matrix[0, i, j], out=part[0])
            else:
                np.matmul(rows, matrix[:, i, j], out=part)
            view[:, :, down, across] += part.reshape(groups, n, *g.shape[2:], c)
    else:
        columns = _ordered(g, False).reshape(groups, o // groups, -1)
        found = np.matmul(_matrices(w, groups, False).swapaxes(1, 2), columns)
        found = found.reshape(groups, c, *kernel, n, *g.shape[2:])
        view = view.reshape(groups, c, *view.shape[1:])
        for i, j, down, across in taps(kernel, stride, dilation, g.shape[2:]):
            view[..., down, across] += found[:, :, i, j]
    return x if x.shape[2:] == size else x[:, :, top : top + size[0], left : left + size[1]]


def _conv2d_weight(g: Any, x: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    o, c = g.shape[1] // groups, x.shape[1] // groups
    last = _last(x.shape[1])
    found = _patches(x, size, stride, padding, dilation, groups, last)
    if last:
        w = np.matmul(found.swapaxes(1, 2), _rows(g, groups)).reshape(groups, *size, c, o).transpose(0, 4, 3, 1, 2)
    else:  # image by image, then their sum: a product of few rows and very many columns is slow in BLAS
        n = len(g)
        seen = found.reshape(groups, -1, n, g.shape[2] * g.shape[3]).transpose(2, 0, 3, 1)
        w = np.add.reduce(np.matmul(g.reshape(n, groups, o, -1), seen), axis=0)
    return w.reshape(groups * o, c, *size)


def _explain(x: Any, w: Any, bias: Any = None) -> str | None:
    if np.ndim(x) != 4:
        return f"the input has to have shape (N, C, H, W), or (C, H, W) for one example, not {np.shape(x)}"
    if np.shape(x)[1] % np.shape(w)[1]:
        return f"the weight {np.shape(w)} reads {np.shape(w)[1]} channels, but the input {np.shape(x)} has {x.shape[1]}"
    return None


conv2d: Primitive = linear(  # x (N, C, H, W), w (O, C / groups, kh, kw), b (O,) -> (N, O, Ho, Wo)
    _conv2d,
    r"#1 \star #2 + #3",
    lambda g, y, x, w, bias=None, **how: conv2d_input(g, w, size=x.shape[2:], **how),
    lambda g, y, x, w, bias=None, **how: conv2d_weight(g, x, size=w.shape[2:], **how),
    lambda g, y, x, w, bias, **how: np.sum(g, axis=(0, 2, 3)),
    name="conv2d",
    explain=_explain,
)
conv2d_input: Primitive = linear(  # g (N, O, Ho, Wo), w (O, C / groups, kh, kw) -> (N, C, H, W) with (H, W) = size
    _conv2d_input,
    r"#1 \star^{\mathsf T} #2",
    lambda h, x, g, w, size, **how: conv2d(h, w, **how),
    lambda h, x, g, w, size, **how: conv2d_weight(g, h, size=w.shape[2:], **how),
    name="conv2d_input",
    multilinear=True,
)
conv2d_weight: Primitive = linear(  # g (N, O, Ho, Wo), x (N, C, H, W) -> (O, C / groups, kh, kw) with (kh, kw) = size
    _conv2d_weight,
    r"#1 \star_{w} #2",
    lambda h, w, g, x, size, **how: conv2d(x, h, **how),
    lambda h, w, g, x, size, **how: conv2d_input(g, h, size=x.shape[2:], **how),
    name="conv2d_weight",
    multilinear=True,
)
