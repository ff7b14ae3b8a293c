"""Convolutions: layers that look at a neighbourhood, with the same weights everywhere."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.patches import conv2d, conv2d_input
from tinygrad_lite.tensor import Tensor, as_tensor

Size = int | tuple[int, ...]
MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}


def tuple_of(n: int, size: Size, what: str, least: int) -> tuple[int, ...]:
    """A size for each of `n` axes, from one number for all or from that many."""
    sizes = (size,) if isinstance(size, (int, np.integer)) else tuple(size)
    sizes = sizes * n if len(sizes) == 1 else sizes
    if len(sizes) != n or any(not isinstance(k, (int, np.integer)) or k < least for k in sizes):
        raise ValueError(f"{what} is a whole number from {least} up, or {n} of them, not {size!r}")
    return tuple(int(k) for k in sizes)


def with_batch(module: Module, x: Any, axes: int) -> tuple[Tensor, bool]:
    """The input with a batch axis, and whether it came without one: (C, H, W) is a single image."""
    t = as_tensor(x)
    if t.ndim not in (axes, axes + 1):
        shape = "(N, C, H, W)" if axes == 3 else "(N, C, L)"
        raise ValueError(f"{module.summary()}: the input has shape {shape}, or is one example without N; got {t.shape}")
    return (t, False) if t.ndim == axes + 1 else (t.reshape(1, *t.shape), True)


class _Conv(Module):
    """What convolutions share: sizes, initial values, the channels' check."""

    axes: int  # of space: 1 or 2
    transposed = False
    output_padding: tuple[int, ...] = ()

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size,
        padding: Size | Literal["same", "valid"],
        dilation: Size,
        groups: int,
        bias: bool,
        padding_mode: str,
        rng: np.random.Generator | int | None,
        dtype: npt.DTypeLike,
    ) -> None:
        who = type(self).__name__
        if groups < 1 or in_channels < 1 or out_channels < 1 or in_channels % groups or out_channels % groups:
            raise ValueError(
                f"{who}: in_channels ({in_channels}) and out_channels ({out_channels}) are whole numbers from 1 up, "
                f"divisible by groups ({groups})"
            )
        if padding_mode not in MODES:
            raise ValueError(f"{who}: padding_mode is one of {', '.join(MODES)}, not {padding_mode!r}")
        self.in_channels, self.out_channels, self.groups = in_channels, out_channels, groups
        self.kernel_size = tuple_of(self.axes, kernel_size, f"{who}: kernel_size", 1)
        self.stride = tuple_of(self.axes, stride, f"{who}: stride", 1)
        self.dilation = tuple_of(self.axes, dilation, f"{who}: dilation", 1)
        if isinstance(padding, str):
            if padding not in ("same", "valid"):
                raise ValueError(f"{who}: padding is a size, 'same' or 'valid', not {padding!r}")
            if padding == "same" and set(self.stride) != {1}:
                raise ValueError(f"{who}: padding='same' keeps the size only with stride 1, not {self.stride}")
            self.padding: Any = padding
        else:
            self.padding = tuple_of(self.axes, padding, f"{who}: padding", 0)
        self.padding_mode = padding_mode
        rng = np.random.default_rng(rng)
        first, second = (in_channels, out_channels) if self.transposed else (out_channels, in_channels)
        shape = (first, second // groups, *self.kernel_size)
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        self.weight = Parameter(rng.uniform(-bound, bound, shape), dtype=dtype)
        self.bias = Parameter(rng.uniform(-bound, bound, out_channels), dtype=dtype) if bias else None

    def border(self) -> list[tuple[int, int]]:
        """The padding as (before, after) for each axis; of an odd total "same" puts the odd one after."""
        if self.padding == "valid":
            return [(0, 0)] * self.axes
        if self.padding == "same":
            totals = [d * (k - 1) for d, k in zip(self.dilation, self.kernel_size, strict=True)]
            return [(total // 2, total - total // 2) for total in totals]
        return [(p, p) for p in self.padding]

    def checked(self, x: Any) -> tuple[Tensor, bool]:
        """The input with a batch axis, if it has the channels that the weights read."""
        t, single = with_batch(self, x, self.axes + 1)
        if t.shape[1] != self.in_channels:
            shape = t.shape[1:] if single else t.shape
            reads = f"{shape}, read as one example without N," if single else f"{shape}"
            advice = ""
            if single and self.in_channels == 1:
                advice = ". If it is a batch of examples without channels, write x[:, None]"
            elif t.shape[-1] == self.in_channels:
                advice = f". Channels come before space: np.moveaxis(x, -1, {0 if single else 1})"
            raise ValueError(
                f"{self.summary()}: the input {reads} has {t.shape[1]} channels, not {self.in_channels}{advice}"
            )
        return t, single

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        if self.padding != (0,) * self.axes:
            parts.append(f"padding={self.padding}")
        if any(d != 1 for d in self.dilation):
            parts.append(f"dilation={self.dilation}")
        if any(self.output_padding):
            parts.append(f"output_padding={self.output_padding}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)


class Conv2d(_Conv):
    """A convolution of images: y_o = b_o + sum over c, i, j of w_ocij x_c seen from (i, j); no kernel is flipped.

    Sizes are numbers, or pairs for height and width; padding also "same" or "valid". Weight and bias start uniform in
    +-1/sqrt(fan_in), drawn from `rng`.
    Shapes: x (N, C, H, W) or (C, H, W), weight (O, C / groups, kh, kw), bias (O,) -> (N, O, Ho, Wo) with
    Ho = (H + 2 padding - dilation (kh - 1) - 1) // stride + 1.
    Raises: ValueError for sizes that make no sense, or an input with other channels or smaller than the kernel.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.Conv2d(1, 32, 3, padding=1)(np.ones((8, 1, 28, 28))).shape
    (8, 32, 28, 28)
    """

    axes = 2

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | Literal["same", "valid"] = 0,
        dilation: Size = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         rng, dtype)  # fmt: skip

    def forward(self, x: Any) -> Tensor:
        """The input seen through every place of the kernel, weighted and added up."""
        t, single = self.checked(x)
        y = self._convolved(t, self.weight)
        return y[0] if single else y

    def _convolved(self, t: Tensor, weight: Tensor) -> Tensor:
        """The convolution of (N, C, H, W); Conv1d's with H = 1."""
        border = [(0, 0)] * (2 - self.axes) + self.border()
        if self.padding_mode != "zeros":
            t, border = np.pad(t, [(0, 0), (0, 0), *border], mode=MODES[self.padding_mode]), [(0, 0)] * 2  # type: ignore[call-overload]
        one = (1,) * (2 - self.axes)
        how = {
            "stride": one + self.stride, "padding": tuple(border), "dilation": one + self.dilation,
            "groups": self.groups,
        }  # fmt: skip
        return Tensor.record(conv2d, (t, weight) if self.bias is None else (t, weight, self.bias), how)


class Conv1d(Conv2d):
    """A convolution of sequences; see Conv2d, of which it is the case of height 1.

    Shapes: x (N, C, L) or (C, L), weight (O, C / groups, k), bias (O,) -> (N, O, Lo).

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.Conv1d(4, 6, 3, stride=2)(np.ones((8, 4, 11))).shape
    (8, 6, 5)
    """

    axes = 1

    def forward(self, x: Any) -> Tensor:
        """The input seen through every place of the kernel, weighted and added up."""
        t, single = self.checked(x)
        n, c, length = t.shape
        y = self._convolved(t.reshape(n, c, 1, length), self.weight.reshape(*self.weight.shape[:2], 1, -1))
        return y.squeeze((0, 2) if single else 2)


class ConvTranspose2d(_Conv):
    """The adjoint of Conv2d's convolution, as a layer: it lays the kernel down at every entry, scaled by it.

    With the same arguments it turns Conv2d's output shape back into its input shape; where several inputs have the
    same output shape, `output_padding` says how many rows and columns to add to the smallest.
    Shapes: x (N, C, H, W) or (C, H, W), weight (C, O / groups, kh, kw), bias (O,) -> (N, O, Ho, Wo) with
    Ho = (H - 1) stride - 2 padding + dilation (kh - 1) + output_padding + 1.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.ConvTranspose2d(16, 8, 3, stride=2, padding=1, output_padding=1)(np.ones((4, 16, 7, 7))).shape
    (4, 8, 14, 14)
    """

    axes = 2
    transposed = True

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size = 0,
        output_padding: Size = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Size = 1,
        padding_mode: str = "zeros",
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if padding_mode != "zeros" or isinstance(padding, str):
            raise ValueError("ConvTranspose2d: padding is a number of zeros or a pair; nothing else can be taken away")
        super().__init__(in_channels, out_channels, kernel_size, stride, padding, dilation, groups, bias, padding_mode,
                         rng, dtype)  # fmt: skip
        self.output_padding = tuple_of(2, output_padding, "ConvTranspose2d: output_padding", 0)
        if any(o >= max(s, d) for o, s, d in zip(self.output_padding, self.stride, self.dilation, strict=True)):
            raise ValueError(
                f"ConvTranspose2d: output_padding {self.output_padding} has to be below the stride or the dilation"
            )

    def forward(self, x: Any, output_size: tuple[int, ...] | None = None) -> Tensor:
        """The kernel laid down at every entry, scaled by it, and added up; output_size overrules output_padding."""
        t, single = self.checked(x)
        more = self.output_padding if output_size is None else (0, 0)
        size = tuple(
            (n - 1) * s - 2 * p + d * (k - 1) + o + 1
            for n, s, p, d, k, o in zip(t.shape[2:], self.stride, self.padding, self.dilation, self.kernel_size,
                                        more, strict=True)
        )  # fmt: skip
        if output_size is not None:
            wanted = tuple(output_size)[-2:]
            if any(not n <= m < n + s for n, m, s in zip(size, wanted, self.stride, strict=True)):
                raise ValueError(
                    f"{self.summary()}: output_size {wanted} is out of reach: with stride {self.stride} an input of "
                    f"{t.shape} gives {size}, or less than a stride more"
                )
            size = wanted
        beyond = [(0, o // s) for o, s in zip(more, self.stride, strict=True)]
        if any(after for _, after in beyond):  # a stride or more: what one further input, a zero, would reach
            t = as_tensor(np.pad(t, [(0, 0), (0, 0), *beyond]))
        if min(size) < 1:
            raise ValueError(f"{self.summary()}: an input of {t.shape} leaves an output of {size}, which is nothing")
        how = {
            "size": size, "stride": self.stride, "padding": tuple(self.border()), "dilation": self.dilation,
            "groups": self.groups,
        }  # fmt: skip
        y = Tensor.record(conv2d_input, (t, self.weight), how)
        if self.bias is not None:
            y = y + self.bias[:, None, None]
        return y[0] if single else y
