"""Activations beyond a first course's: each a few operations that have rules already."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.functions import sigmoid, softmax
from tinygrad_lite.nn.activations import Plain
from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives import activations, elementwise
from tinygrad_lite.tensor import Tensor, as_tensor


def _relu6(x: Any) -> Tensor:
    """min(max(0, x), 6)."""
    return Tensor.record(elementwise.clip, (Tensor.record(elementwise.relu, (x,), {}), None, 6.0), {})


def _softplus(x: Any) -> Tensor:
    return Tensor.record(activations.softplus, (x,), {})


class Hardtanh(Module):
    """x moved into [min_val, max_val]; the gradient passes where it already was, edges included.

    >>> from tinygrad_lite import nn
    >>> nn.Hardtanh()([-3.0, 0.5, 3.0]).numpy()
    array([-1. ,  0.5,  1. ])
    """

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        if min_val >= max_val:
            raise ValueError(f"Hardtanh: min_val ({min_val}) has to be below max_val ({max_val})")
        self.min_val, self.max_val = min_val, max_val

    def forward(self, x: Any) -> Tensor:
        """min(max(min_val, x), max_val)."""
        return Tensor.record(elementwise.clip, (as_tensor(x), self.min_val, self.max_val), {})

    def extra_repr(self) -> str:
        return f"min_val={self.min_val}, max_val={self.max_val}"


class ReLU6(Plain):
    """min(max(0, x), 6): a ReLU that low precision can hold."""

    def forward(self, x: Any) -> Tensor:
        """min(max(0, x), 6)."""
        return _relu6(as_tensor(x))


class Hardsigmoid(Plain):
    """ReLU6(x + 3) / 6: a sigmoid of three straight lines."""

    def forward(self, x: Any) -> Tensor:
        """ReLU6(x + 3) / 6."""
        return _relu6(as_tensor(x) + 3) / 6


class Hardswish(Plain):
    """x ReLU6(x + 3) / 6: a SiLU with a sigmoid of three straight lines.

    Source: Howard et al., Searching for MobileNetV3, ICCV 2019.
    """

    def forward(self, x: Any) -> Tensor:
        """x ReLU6(x + 3) / 6."""
        t = as_tensor(x)
        return t * _relu6(t + 3) / 6


class Mish(Plain):
    """x tanh(softplus(x)).

    Source: Misra, Mish: a self regularized non-monotonic activation function, BMVC 2020.
    """

    def forward(self, x: Any) -> Tensor:
        """x tanh(ln(1 + e^x))."""
        t = as_tensor(x)
        return t * Tensor.record(elementwise.tanh, (_softplus(t),), {})


class Softsign(Module):
    """x / (1 + |x|): a tanh with slow tails."""

    def forward(self, x: Any) -> Tensor:
        """x / (1 + |x|)."""
        t = as_tensor(x)
        return t / (1 + abs(t))


class LogSigmoid(Module):
    """ln sigmoid(x) = -softplus(-x), without underflow.

    >>> from tinygrad_lite import nn
    >>> nn.LogSigmoid()([-1000.0]).numpy()
    array([-1000.])
    """

    def forward(self, x: Any) -> Tensor:
        """-ln(1 + e^-x)."""
        return -_softplus(-as_tensor(x))


class GLU(Module):
    """a sigmoid(b), for the two halves a and b of x along the axis `dim`.

    Raises: ValueError where that axis has no two halves.
    Source: Dauphin et al., Language modeling with gated convolutional networks, ICML 2017.
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        """a sigmoid(b)."""
        t = as_tensor(x)
        if not -t.ndim <= self.dim < t.ndim or t.shape[self.dim] % 2:
            raise ValueError(f"{self.summary()}: the input's axis {self.dim} has to be of even size; got {t.shape}")
        parts: Any = np.split(t, 2, self.dim)
        gated: Tensor = parts[0] * sigmoid(parts[1])
        return gated

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmin(Module):
    """e^-x / sum e^-x along the axis `dim`, the last one unless told: the softmax of -x."""

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        """softmax(-x)."""
        return softmax(-as_tensor(x), self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class PReLU(Module):
    """x where x > 0, weight x elsewhere: a LeakyReLU that learns its slope, one for all or one for each channel.

    Shapes: x (N, C, ...), weight (num_parameters,), 1 or C -> as x.
    Raises: ValueError where the input has another number of channels.
    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> from tinygrad_lite import nn
    >>> layer = nn.PReLU()
    >>> layer([[-2.0, 3.0]]).sum().backward(); layer.weight.grad
    array([-2.])
    """

    def __init__(self, num_parameters: int = 1, init: float = 0.25, *, dtype: npt.DTypeLike = np.float64) -> None:
        self.num_parameters = num_parameters
        self.weight = Parameter(np.full(num_parameters, init), dtype=dtype)

    def forward(self, x: Any) -> Tensor:
        """max(0, x) + weight min(0, x)."""
        t = as_tensor(x)
        channels = t.shape[1] if t.ndim > 1 else 1
        if self.num_parameters not in (1, channels):
            raise ValueError(f"{self.summary()}: the input has {channels} channels; got {t.shape}")
        weight = self.weight.reshape((1, -1) + (1,) * (t.ndim - 2)) if t.ndim > 1 else self.weight[0]
        return Tensor.record(elementwise.where, (t > 0, t, weight * t), {})

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"
