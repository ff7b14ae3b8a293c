"""Convolution as patches and one matrix product: y_o = sum over channels c and taps (i, j) of w_ocij x_c from (i, j).

A tap (i, j) is one place of the kernel: seen through it, the input is a slice, with the stride as the slice's step and
the dilation as the distance from tap to tap. All taps side by side are the patches, and the weights their matrix.

    <g, conv(x, w)> = <conv_input(g, w), x> = <conv_weight(g, x), w>

holds for every g, x and w, so each of the three rows has the other two for its adjoints: nothing else is needed for
derivatives of any order, and `conv2d_input` is the transposed convolution.

Images are worked on with the batch last in memory, (C, H, W, N): what a row of the kernel's places sees of all images
is then one run of memory, so copying the patches costs little beside the product. What is returned has the shape
(N, C, H, W) in that memory order; elementwise operations keep it, and the next layer finds it as it needs it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Primitive, linear

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # (above, below), (left, right)

# Bytes of patches at a time: few enough to stay in the caches until the product has read them, enough for a product
# that is worth its call.
TILE = 2**21
# The C library gives the memory of large arrays back to the system when they are freed, and every training step then
# has to be given it anew: of the 18 ms that a step of the course's CNN took on one thread, 7. The GNU library keeps up
# to twice the largest block that it has seen freed, if that was below 32 MiB; so it is shown one, never written to.
np.empty(2**25 - 2**16, np.uint8)

# It shows np.empty_like the order of axes (C, H, W, N): what that makes owns its memory, which no transposed view does.
_BATCH_LAST = np.empty((2, 2, 2, 2)).transpose(3, 0, 1, 2)


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


def _seen(kernel: int, stride: int, dilation: int, out: int) -> list[slice]:
    """Along one axis, what is seen of the input through each place of the kernel."""
    return [slice(i * dilation, i * dilation + (out - 1) * stride + 1, stride) for i in range(kernel)]


def taps(kernel: Pair, stride: Pair, dilation: Pair, out: Pair) -> Iterator[tuple[int, int, slice, slice]]:
    """Every place (i, j) of the kernel, and the rows and columns of the input that are seen through it."""
    rows, columns = (_seen(*of) for of in zip(kernel, stride, dilation, out, strict=True))
    for (i, down), (j, across) in itertools.product(enumerate(rows), enumerate(columns)):
        yield i, j, down, across


def batch_last(x: Any) -> Any:
    """`x` (N, C, H, W) as (C, H, W, N), contiguous."""
    return np.ascontiguousarray(x.transpose(1, 2, 3, 0))


def _padded(x: Any, padding: Padding) -> Any:
    """`x` (N, C, H, W) with a border of zeros, contiguous (C, H, W, N)."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return batch_last(x)
    n, c, h, w = x.shape
    out = np.zeros((c, h + top + bottom, w + left + right, n), x.dtype)
    out[:, top : top + h, left : left + w] = x.transpose(1, 2, 3, 0)
    return out


def _tiles(out: Pair, images: int, each: int) -> Iterator[tuple[slice, slice, slice]]:
    """The places of the output some at a time: their rows, their columns, and both counted through with the images.

    Whole rows, or a part of one, about as many in each that of `each` bytes a place and image they make a tile.
    """
    high, wide = out
    step = max(1, TILE // max(images * each, 1))
    down, across = (-(-size // -(-size // most)) for size, most in ((high, max(1, step // wide)), (wide, step)))
    for top in range(0, high, down):
        for left in range(0, wide, across):
            bottom, right = min(top + down, high), min(left + across, wide)
            first, last = top * wide + left, (bottom - 1) * wide + right
            yield slice(top, bottom), slice(left, right), slice(first * images, last * images)


def patches(
    x: Any, kernel: Pair, out: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int, ones: bool = False
) -> Iterator[tuple[slice, Any]]:
    """Some places of the output at a time: which, counted with the images, and their patches (groups, taps, places).

    The taps are those of every channel of the group, C / groups kh kw. With `ones` there is a last row of 1. What was
    handed out last is written over by the next.
    """
    n, c = x.shape[0], x.shape[1] // groups
    seen = _padded(x, padding)
    channel, down, across, one = seen.strides
    windows: Any = np.ndarray(
        (groups, c, *kernel, *out, n), seen.dtype, seen, 0,
        (c * channel, channel, down * dilation[0], across * dilation[1], down * stride[0], across * stride[1], one),
    )  # fmt: skip
    width = c * kernel[0] * kernel[1]
    buffer = None
    for rows, columns, places in _tiles(out, n, groups * (width + ones) * x.itemsize):
        part = windows[..., rows, columns, :]
        shape = (groups, width + ones, places.stop - places.start)
        if buffer is None or buffer.shape != shape:
            buffer = np.empty(shape, x.dtype)
            buffer[:, width:] = 1
        buffer[:, :width].reshape(part.shape)[...] = part
        yield places, buffer


def _conv2d(x: Any, w: Any, bias: Any = None, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    o, kernel = len(w), w.shape[2:]
    out = sizes(x.shape, kernel, padding, stride, dilation)
    matrix = w.reshape(groups, o // groups, -1)
    if bias is not None:  # as the weight of an input that is always 1: no sweep over y
        matrix = np.concatenate([matrix, bias.reshape(groups, -1, 1)], axis=2)
    y = np.empty_like(_BATCH_LAST, np.result_type(x, matrix), shape=(len(x), o, *out))
    seen = y.transpose(1, 2, 3, 0).reshape(groups, o // groups, -1)
    for places, found in patches(x, kernel, out, stride, padding, dilation, groups, bias is not None):
        np.matmul(matrix, found, out=seen[..., places])
    return y


def _conv2d_input(g: Any, w: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    (n, o), c, kernel, out = g.shape[:2], w.shape[1] * groups, w.shape[2:], g.shape[2:]
    (top, bottom), (left, right) = padding
    dtype = np.result_type(g, w)
    x = np.zeros_like(_BATCH_LAST, dtype, shape=(n, c, size[0] + top + bottom, size[1] + left + right))
    seen = x.transpose(1, 2, 3, 0)
    matrix = w.reshape(groups, o // groups, -1).swapaxes(1, 2)
    given = batch_last(g).reshape(groups, o // groups, -1)
    for rows, columns, places in _tiles(out, n, c * kernel[0] * kernel[1] * dtype.itemsize):
        found = np.matmul(matrix, given[..., places])
        found = found.reshape(c, *kernel, rows.stop - rows.start, columns.stop - columns.start, n)
        for i, j, down, across in taps(kernel, stride, dilation, out):
            seen[:, down, across][:, rows, columns] += found[:, i, j]
    return x if x.shape[2:] == size else x[:, :, top : top + size[0], left : left + size[1]]


def _conv2d_weight(g: Any, x: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    o, c = g.shape[1], x.shape[1] // groups
    w = np.zeros((groups, c * size[0] * size[1], o // groups), np.result_type(g, x))
    given = batch_last(g).reshape(groups, o // groups, -1)
    for places, found in patches(x, size, g.shape[2:], stride, padding, dilation, groups):
        w += np.matmul(found, given[..., places].swapaxes(1, 2))  # OpenBLAS takes a tenth more the other way round
    return np.ascontiguousarray(w.swapaxes(1, 2)).reshape(o, c, *size)


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
