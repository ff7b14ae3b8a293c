"""Convolution as patches and one matrix product: y_o = sum over channels c and taps (i, j) of w_ocij x_c from (i, j).

A tap (i, j) is one place of the kernel: seen through it, the input is a slice, with the stride as the slice's step and
the dilation as the distance from tap to tap. All taps side by side are the patches, and the weights their matrix.

    <g, conv(x, w)> = <conv_input(g, w), x> = <conv_weight(g, x), w>

holds for every g, x and w, so each of the three rows has the other two for its adjoints: nothing else is needed for
derivatives of any order, and `conv2d_input` is the transposed convolution.

What takes the time is the product, and after it the copying of the patches, of which most is the start of each run of
memory. So few channels stay where they are (N, C, H, W), where a run is a line of the image, and many go last
(N, H, W, C), where it is a line of the kernel with all its channels. What is returned has the shape (N, C, H, W) in
that memory order; elementwise operations keep it, and the next layer finds it as it needs it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import as_strided

from tinygrad_lite.primitive import Primitive, linear

Pair = tuple[int, int]
Padding = tuple[Pair, Pair]  # (above, below), (left, right)

MANY = 8  # channels, from which on they go last in memory
# Up to 100^3 multiplications OpenBLAS does not rearrange its operands before it multiplies them, and runs on one
# thread: on AVX-512 that is 115 against 95 GFLOP/s, elsewhere it costs 7 %. Products of more than a millisecond or so
# are worth its threads instead.
SMALL, LARGE = 10**6, 10**8
# Bytes of patches at a time: they stay in the second cache, and one small buffer serves all images.
TILE = 2**20
# The C library gives the memory of large arrays back to the system when they are freed, and every training step then
# has to be given it anew: of the 18 ms that a step of the course's CNN took on one thread, 7. The GNU library keeps up
# to twice the largest block that it has seen freed, if that was below 32 MiB; so it is shown one, never written to.
np.empty(2**25 - 2**16, np.uint8)

# It shows np.empty_like the order of axes (N, H, W, C): what that makes owns its memory, which no transposed view does.
_LAST = np.empty((2, 2, 2, 2)).transpose(0, 3, 1, 2)


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


def channels_last(x: Any) -> Any:
    """`x` (N, C, H, W) as (N, H, W, C), contiguous."""
    return np.ascontiguousarray(x.transpose(0, 2, 3, 1))


def _padded(x: Any, padding: Padding, last: bool) -> Any:
    """`x` with a border of zeros: (N, C, H, W), or with the channels last contiguous (N, H, W, C)."""
    (top, bottom), (left, right) = padding
    if not (top or bottom or left or right):
        return channels_last(x) if last else x
    n, c, h, w = x.shape
    high, wide = h + top + bottom, w + left + right
    out = np.zeros((n, high, wide, c) if last else (n, c, high, wide), x.dtype)
    inner = (slice(None),) * (1 if last else 2) + (slice(top, top + h), slice(left, left + w))
    out[inner] = x.transpose(0, 2, 3, 1) if last else x
    return out


def _tiles(images: int, each: int) -> range:
    """Where the tiles of so many images, of so many bytes each, begin; their step is the most images in one."""
    return range(0, images, max(1, min(TILE // max(each, 1), images)))


def row_patches(
    x: Any, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, ones: bool = False
) -> Iterator[tuple[slice, Any]]:
    """Some images at a time: which, and their patches in rows, (places, kh kw C), with `ones` and a last column of 1.

    What was handed out last is written over by the next.
    """
    n, c = x.shape[:2]
    (kh, kw), (high, wide) = kernel, sizes(x.shape, kernel, padding, stride, dilation)
    seen = _padded(x, padding, True)
    at, down, across, one = seen.strides
    windows = as_strided(
        seen, (n, high, wide, kh, kw, c),
        (at, down * stride[0], across * stride[1], down * dilation[0], across * dilation[1], one), writeable=False,
    )  # fmt: skip
    width = kh * kw * c
    tiles = _tiles(n, high * wide * width * x.itemsize)
    buffer = np.empty((tiles.step, high, wide, width + ones), x.dtype)
    buffer[..., width:] = 1
    for start in tiles:
        part = windows[start : start + tiles.step]
        found = buffer[: len(part)]
        found[..., :width].reshape(part.shape)[...] = part
        yield slice(start, start + len(part)), found.reshape(-1, width + ones)


def column_patches(
    x: Any, kernel: Pair, stride: Pair, padding: Padding, dilation: Pair, ones: bool = False
) -> Iterator[tuple[slice, Any]]:
    """The same with a patch in each column: (images, C kh kw, places), with `ones` and a last row of 1.

    In two steps, the kernel's columns and then its rows: at stride 1 the second moves the lines of an image all in one
    run. For 16 images (3, 32, 32) and a kernel of 5 that takes 0.14 ms, and 0.27 in one step.
    """
    n, c = x.shape[:2]
    (kh, kw), (high, wide) = kernel, sizes(x.shape, kernel, padding, stride, dilation)
    seen = _padded(x, padding, False)
    at, channel, down, across = seen.strides
    columns = as_strided(
        seen, (n, c, kw, seen.shape[2], wide),
        (at, channel, across * dilation[1], down, across * stride[1]), writeable=False,
    )  # fmt: skip
    width = c * kh * kw
    tiles = _tiles(n, high * wide * width * x.itemsize)
    lines = np.empty((tiles.step, *columns.shape[1:]), x.dtype)
    at, channel, j, down, one = lines.strides
    windows = as_strided(
        lines, (tiles.step, c, kh, kw, high, wide),
        (at, channel, down * dilation[0], j, down * stride[0], one), writeable=False,
    )  # fmt: skip
    buffer = np.empty((tiles.step, width + ones, high * wide), x.dtype)
    buffer[:, width:] = 1
    for start in tiles:
        part = columns[start : start + tiles.step]
        lines[: len(part)] = part
        found = buffer[: len(part)]
        found[:, :width].reshape(len(part), *windows.shape[1:])[...] = windows[: len(part)]
        yield slice(start, start + len(part)), found


def _by_rows(a: Any, b: Any, out: Any, whole: bool) -> None:
    """a @ b into `out`, some rows of `a` at a time, or the whole of it."""
    step = SMALL // max(b.size, 1)
    if whole or not 16 <= step < len(a):
        np.matmul(a, b, out=out)
        return
    cut = len(a) // step * step
    np.matmul(a[:cut].reshape(-1, step, a.shape[1]), b, out=out[:cut].reshape(-1, step, b.shape[1]))
    np.matmul(a[cut:], b, out=out[cut:])


def _goes_last(channels: int, groups: int) -> bool:
    return groups == 1 and channels >= MANY


def _conv2d(x: Any, w: Any, bias: Any = None, *, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    (n, channels), o, kernel = x.shape[:2], len(w), w.shape[2:]
    shape = (n, o, *sizes(x.shape, kernel, padding, stride, dilation))
    dtype = np.result_type(x, w) if bias is None else np.result_type(x, w, bias)
    ones = bias is not None and groups == 1  # the bias as the weight of an input that is always 1: no sweep over y
    if _goes_last(channels, groups):
        matrix = w.transpose(2, 3, 1, 0).reshape(-1, o)
        matrix = np.concatenate([matrix, bias[None]]) if ones else np.ascontiguousarray(matrix)
        y = np.empty_like(_LAST, dtype, shape=shape)
        seen, large = y.transpose(0, 2, 3, 1), y.size * len(matrix) > LARGE
        for some, found in row_patches(x, kernel, stride, padding, dilation, ones):
            _by_rows(found, matrix, seen[some].reshape(-1, o), large)
        return y
    matrix = w.reshape(groups, o // groups, -1)
    if ones:
        matrix = np.concatenate([matrix, bias[None, :, None]], axis=2)
    y = np.empty(shape, dtype)
    seen = y.reshape(n, groups, o // groups, shape[2] * shape[3])
    for some, found in column_patches(x, kernel, stride, padding, dilation, ones):
        np.matmul(matrix, found.reshape(len(found), groups, -1, found.shape[2]), out=seen[some])
    if bias is not None and not ones:
        y += bias[:, None, None]
    return y


def _conv2d_input(g: Any, w: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    (n, o), c, (kh, kw) = g.shape[:2], w.shape[1], w.shape[2:]
    high, wide = g.shape[2:]
    (top, bottom), (left, right) = padding
    shape = (n, c * groups, size[0] + top + bottom, size[1] + left + right)
    dtype = np.result_type(g, w)
    if _goes_last(c * groups, groups):  # tap by tap: what each adds to x is small enough to stay in the cache
        x = np.zeros_like(_LAST, dtype, shape=shape)
        seen, rows, large = x.transpose(0, 2, 3, 1), channels_last(g).reshape(-1, o), g.size * w[0].size > LARGE
        matrix, part = np.ascontiguousarray(w.transpose(2, 3, 0, 1)), np.empty((len(rows), c), dtype)
        for i, j, down, across in taps((kh, kw), stride, dilation, (high, wide)):
            _by_rows(rows, matrix[i, j], part, large)
            seen[:, down, across] += part.reshape(n, high, wide, c)
    else:
        # the two steps of `column_patches` backwards, the rows of the kernel and then its columns
        x = np.zeros(shape, dtype)
        matrix = w.reshape(groups, o // groups, c, kh, kw).transpose(0, 3, 2, 4, 1).reshape(groups, -1, o // groups)
        columns = g.reshape(n, groups, o // groups, high * wide)
        tiles = _tiles(n, groups * matrix.shape[1] * high * wide * dtype.itemsize)
        buffer = np.empty((tiles.step, groups, matrix.shape[1], high * wide), dtype)
        for start in tiles:
            seen = x[start : start + tiles.step].reshape(-1, groups, c, *shape[2:])
            found = np.matmul(matrix, columns[start : start + tiles.step], out=buffer[: len(seen)])
            found = found.reshape(len(seen), groups, kh, c, kw, high, wide)
            lines = np.zeros((len(seen), groups, c, kw, shape[2], wide), dtype)
            for i, down in enumerate(_seen(kh, stride[0], dilation[0], high)):
                lines[..., down, :] += found[:, :, i]
            for j, across in enumerate(_seen(kw, stride[1], dilation[1], wide)):
                seen[..., across] += lines[:, :, :, j]
    return x if x.shape[2:] == size else x[:, :, top : top + size[0], left : left + size[1]]


def _conv2d_weight(g: Any, x: Any, *, size: Pair, stride: Pair, padding: Padding, dilation: Pair, groups: int) -> Any:
    o, c, places = g.shape[1] // groups, x.shape[1] // groups, g.shape[2] * g.shape[3]
    dtype = np.result_type(g, x)
    few = o <= places  # what the images add to w, kept apart until their sum, is no more than their patches
    if _goes_last(x.shape[1], groups):
        w = np.zeros((size[0], o, size[1] * c), dtype)
        for some, found in row_patches(x, size, stride, padding, dilation):
            lines = found.reshape(-1, places, size[0], size[1] * c)
            if few and o * places * size[1] * c <= SMALL:  # a product for every image and line of the kernel
                w += np.add.reduce(np.matmul(g[some].reshape(-1, 1, o, places), lines.swapaxes(1, 2)), axis=0)
            else:
                w += np.matmul(channels_last(g[some]).reshape(-1, o).T, found).reshape(o, size[0], -1).swapaxes(0, 1)
        return w.reshape(size[0], o, size[1], c).transpose(1, 3, 0, 2)
    w = np.zeros((groups, o, c * size[0] * size[1]), dtype)
    for some, found in column_patches(x, size, stride, padding, dilation):
        part, found = g[some].reshape(-1, groups, o, places), found.reshape(len(found), groups, -1, places)
        if few:
            w += np.add.reduce(np.matmul(part, found.swapaxes(2, 3)), axis=0)
        else:
            w += np.matmul(part.transpose(1, 2, 0, 3).reshape(groups, o, -1),
                           found.transpose(1, 0, 3, 2).reshape(groups, len(found) * places, -1))  # fmt: skip
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
    # the batch first: sums of whole images, in whatever order their memory is, take a half to a sixth of one over all
    lambda g, y, x, w, bias, **how: np.sum(np.sum(g, axis=0), axis=(1, 2)),
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
