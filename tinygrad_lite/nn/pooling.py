"""Pooling: a coarser image, of the maximum or the mean of every window."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.intake import Array
from tinygrad_lite.nn.convolution import Size, tuple_of, with_batch
from tinygrad_lite.nn.module import Module
from tinygrad_lite.primitives.linear_algebra import matmul
from tinygrad_lite.primitives.pooling import max_pool2d, sum_pool2d
from tinygrad_lite.tensor import Tensor


class _Pool(Module):
    """What max and average pooling share: the windows."""

    def _windows(self, kernel_size: Size, stride: Size | None, padding: Size, ceil_mode: bool) -> None:
        who = type(self).__name__
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self._kernel = tuple_of(2, kernel_size, f"{who}: kernel_size", 1)
        steps = self.stride if np.size(self.stride) else kernel_size  # (): PyTorch's way to say none
        self._stride = tuple_of(2, steps, f"{who}: stride", 1)
        self._pads = tuple_of(2, padding, f"{who}: padding", 0)
        if any(2 * p > k for p, k in zip(self._pads, self._kernel, strict=True)):
            raise ValueError(f"{who}: padding {padding} is more than half the kernel {kernel_size}: windows of nothing")

    def _border(self, shape: tuple[int, ...], dilation: tuple[int, ...]) -> tuple[tuple[int, int], ...]:
        """The padding (before, after) of each axis; with `ceil_mode` as much after as the last window needs."""
        border = []
        for n, k, s, p, d in zip(shape[-2:], self._kernel, self._stride, self._pads, dilation, strict=True):
            after = p
            if self.ceil_mode:
                extent = d * (k - 1) + 1
                places = -(-(n + 2 * p - extent) // s) + 1
                if (places - 1) * s >= n + p:  # that window would begin in the padding after the input
                    places -= 1
                after = max(p, (places - 1) * s + extent - n - p)
            border.append((p, after))
        return tuple(border)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxPool2d(_Pool):
    """The largest entry of every window. Where several tie they share the gradient equally.

    That is this package's convention at every maximum; PyTorch gives it all to the first of them. Windows lie side by
    side unless `stride` says otherwise; padding counts as minus infinity. With `return_indices` the result is a pair,
    (maxima, which entry of the H x W plane each one is).
    Shapes: x (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo), Ho as for Conv2d, rounded up with `ceil_mode`.

    >>> import numpy as np, tinygrad_lite as tl
    >>> x = tl.tensor(np.array([[[[1.0, 2.0], [3.0, 3.0]]]]), requires_grad=True)
    >>> tl.nn.MaxPool2d(2)(x).sum().backward(); x.grad[0, 0]
    array([[0. , 0. ],
           [0.5, 0.5]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        dilation: Size = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        self._windows(kernel_size, stride, padding, ceil_mode)
        self.return_indices = return_indices
        self.dilation = dilation
        self._dilation = tuple_of(2, dilation, "MaxPool2d: dilation", 1)

    def forward(self, x: Any) -> Any:
        """The maximum of every window."""
        t, single = with_batch(self, x, 3)
        y: Tensor = Tensor.record(
            max_pool2d, (t,),
            {"kernel": self._kernel, "stride": self._stride, "padding": self._border(t.shape, self._dilation),
             "dilation": self._dilation},
        )  # fmt: skip
        if not self.return_indices:
            return y[0] if single else y
        places = self._places(t.current())
        return (y[0], places[0]) if single else (y, places)

    def _places(self, x: Array) -> Array:
        """Which entry of its plane, counted row by row, each window's maximum is; of several the first."""
        border, planes = self._border(x.shape, self._dilation), ((0, 0), (0, 0))

        def windows(a: Array) -> Array:
            extent = [d * (k - 1) + 1 for d, k in zip(self._dilation, self._kernel, strict=True)]
            (sh, sw), (dh, dw) = self._stride, self._dilation
            seen = np.lib.stride_tricks.sliding_window_view(a, extent, (-2, -1))[..., ::sh, ::sw, ::dh, ::dw]
            return seen.reshape(*seen.shape[:-2], -1)

        first = windows(np.pad(x, (*planes, *border), constant_values=-np.inf)).argmax(-1)[..., None]
        numbers = windows(np.pad(np.arange(x.shape[2] * x.shape[3]).reshape(1, 1, *x.shape[2:]), (*planes, *border)))
        return np.take_along_axis(np.broadcast_to(numbers, (*first.shape[:-1], numbers.shape[-1])), first, -1)[..., 0]

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, dilation={self.dilation}, ceil_mode={self.ceil_mode}"


class AvgPool2d(_Pool):
    """The mean of every window: its sum over the number of its entries, or over `divisor_override`.

    Padding counts as zeros that belong to the window, unless `count_include_pad` is False.
    Shapes: x (N, C, H, W) or (C, H, W) -> (N, C, Ho, Wo), Ho as for Conv2d, rounded up with `ceil_mode`.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.AvgPool2d(2)(np.array([[[1.0, 2.0], [3.0, 6.0]]])).numpy()
    array([[[3.]]])
    """

    def __init__(
        self,
        kernel_size: Size,
        stride: Size | None = None,
        padding: Size = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        self._windows(kernel_size, stride, padding, ceil_mode)
        if divisor_override == 0:
            raise ValueError("AvgPool2d: divisor_override is what the sums are divided by; it cannot be 0")
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, x: Any) -> Tensor:
        """The mean of every window."""
        t, single = with_batch(self, x, 3)
        border = self._border(t.shape, (1, 1))
        y: Tensor = Tensor.record(
            sum_pool2d, (t,), {"kernel": self._kernel, "stride": self._stride, "padding": border}
        ) / self._count(t, border)
        return y[0] if single else y

    def _count(self, t: Tensor, border: tuple[tuple[int, int], ...]) -> Any:
        """The number of entries in each window: one number where it is the same for all."""
        if self.divisor_override is not None:
            return self.divisor_override
        counts = []
        for n, k, s, p, (_, after) in zip(t.shape[2:], self._kernel, self._stride, self._pads, border, strict=True):
            start = np.arange(0, n + p + after - k + 1, s) - p
            low, high = (-p, n + p) if self.count_include_pad else (0, n)
            counts.append(np.minimum(start + k, high) - np.maximum(start, low))
        h, w = counts
        if (h == h[0]).all() and (w == w[0]).all():
            return int(h[0] * w[0])
        return np.multiply.outer(h, w).astype(t.dtype)


class AdaptiveAvgPool2d(Module):
    """The mean of windows that are laid out so as to give `output_size`: any image in, the same shape out.

    Window i of o over n entries goes from floor(i n / o) to ceil((i + 1) n / o). It is a matrix product from either
    side, A_h x A_w^T, with the windows' means as the rows of A. None keeps an axis as it is.
    Shapes: x (N, C, H, W) or (C, H, W) -> (N, C, *output_size).

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.AdaptiveAvgPool2d((1, 2))(np.array([[[1.0, 2.0, 3.0], [3.0, 4.0, 5.0]]])).numpy()
    array([[[2.5, 3.5]]])
    """

    def __init__(self, output_size: int | tuple[int | None, int | None] | None) -> None:
        sizes = (output_size, output_size) if output_size is None or isinstance(output_size, int) else output_size
        if len(sizes) != 2 or any(n is not None and n < 1 for n in sizes):
            raise ValueError(f"AdaptiveAvgPool2d: output_size is a size from 1 up, or two of them, not {output_size}")
        self.output_size = output_size
        self._sizes = tuple(sizes)

    def forward(self, x: Any) -> Tensor:
        """The mean of every window."""
        t, single = with_batch(self, x, 3)
        if self._sizes == (1, 1):
            t = t.mean((2, 3), keepdims=True)
        else:
            high, wide = self._sizes
            if high is not None:
                t = Tensor.record(matmul, (_means(t.shape[2], high, t.dtype), t), {})
            if wide is not None:
                t = t @ _means(t.shape[3], wide, t.dtype).T
        return t.reshape(*t.shape[1:]) if single else t

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


def _means(n: int, out: int, dtype: Any) -> Any:
    """The matrix (out, n) that takes the mean of every window."""
    i = np.arange(out)
    start, stop = i * n // out, -(-(i + 1) * n // out)
    place = np.arange(n)
    inside = (place >= start[:, None]) & (place < stop[:, None])
    return (inside / (stop - start)[:, None]).astype(dtype)
