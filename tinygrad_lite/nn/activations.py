"""Activations as modules: functions of each entry by itself, and the softmax of an axis."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np

from tinygrad_lite.functions import log_softmax, softmax
from tinygrad_lite.nn.module import Module
from tinygrad_lite.primitives import activations, elementwise, special
from tinygrad_lite.tensor import Tensor, as_tensor


class Plain(Module):
    """An activation without options. PyTorch's `inplace` is taken, and changes nothing: no array is written into."""

    def __init__(self, inplace: bool = False) -> None:
        pass


class ReLU(Plain):
    """max(0, x), entry by entry, with relu'(0) = 0."""

    def forward(self, x: Any) -> Tensor:
        """max(0, x)."""
        return Tensor.record(elementwise.relu, (x,), {})


class LeakyReLU(Module):
    """x where x > 0, negative_slope x elsewhere: a ReLU whose gradient never dies. f'(0) = negative_slope.

    >>> from tinygrad_lite import nn, tensor
    >>> x = tensor([-2.0, 3.0], requires_grad=True)
    >>> nn.LeakyReLU(0.1)(x).sum().backward(); x.grad
    array([0.1, 1. ])

    Source: Maas, Hannun & Ng, Rectifier nonlinearities improve neural network acoustic models, 2013.
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        self.negative_slope = negative_slope

    def forward(self, x: Any) -> Tensor:
        """max(0, x) + negative_slope min(0, x)."""
        return Tensor.record(activations.leaky_relu, (as_tensor(x),), {"slope": self.negative_slope})

    def extra_repr(self) -> str:
        return f"negative_slope={self.negative_slope}"


class ELU(Module):
    """x where x > 0, alpha (e^x - 1) elsewhere: it bends to -alpha instead of breaking off.

    >>> from tinygrad_lite import nn
    >>> nn.ELU()([0.0, 1.0, -1000.0]).numpy()
    array([ 0.,  1., -1.])

    Source: Clevert, Unterthiner & Hochreiter, Fast and accurate deep network learning by ELUs, ICLR 2016.
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        self.alpha = alpha

    def forward(self, x: Any) -> Tensor:
        """max(0, x) + alpha (e^min(0, x) - 1)."""
        return Tensor.record(activations.elu, (as_tensor(x),), {"alpha": self.alpha})

    def extra_repr(self) -> str:
        return f"alpha={self.alpha}"


class SELU(Plain):
    """scale ELU(x), with constants that draw a deep network's activations to mean 0 and variance 1.

    Source: Klambauer et al., Self-normalizing neural networks, NeurIPS 2017, whose constants these are.
    """

    alpha = 1.6732632423543772848170429916717
    scale = 1.0507009873554804934193349852946

    def forward(self, x: Any) -> Tensor:
        """scale (max(0, x) + alpha (e^min(0, x) - 1))."""
        return self.scale * Tensor.record(activations.elu, (as_tensor(x),), {"alpha": self.alpha})


class GELU(Module):
    """x Phi(x), with Phi the standard normal distribution; `approximate="tanh"` for the older, quicker form.

    Phi(x) = (1 + erf(x / sqrt 2)) / 2, or about (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))) / 2.
    Raises: ValueError for another approximation.

    >>> from tinygrad_lite import nn
    >>> nn.GELU()([1.0]).numpy(), nn.GELU("tanh")([1.0]).numpy()
    (array([0.84134475]), array([0.84119199]))

    Source: Hendrycks & Gimpel, Gaussian error linear units, 2016.
    """

    def __init__(self, approximate: Literal["none", "tanh"] = "none") -> None:
        if approximate not in ("none", "tanh"):
            raise ValueError(f"GELU: approximate is 'none' (the exact form) or 'tanh', not {approximate!r}")
        self.approximate = approximate

    def forward(self, x: Any) -> Tensor:
        """x Phi(x)."""
        t = as_tensor(x)
        if self.approximate == "tanh":
            return 0.5 * t * (1 + np.tanh(math.sqrt(2 / math.pi) * (t + 0.044715 * t**3)))
        return 0.5 * t * (1 + Tensor.record(special.erf, (t * math.sqrt(0.5),), {}))

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(Plain):
    """x sigmoid(x), also called swish.

    Source: Elfwing, Uchibe & Doya, Sigmoid-weighted linear units, 2017.
    """

    def forward(self, x: Any) -> Tensor:
        """x sigmoid(x)."""
        t = as_tensor(x)
        return t * Tensor.record(elementwise.sigmoid, (t,), {})


class Softplus(Module):
    """ln(1 + e^(beta x)) / beta: a smooth ReLU. Its derivative is sigmoid(beta x).

    Where beta x > threshold it is x itself, as in PyTorch; the two differ there by less than e^-threshold.

    >>> from tinygrad_lite import nn
    >>> nn.Softplus()([0.0, 1000.0]).numpy()
    array([6.93147181e-01, 1.00000000e+03])
    """

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        self.beta = beta
        self.threshold = threshold

    def forward(self, x: Any) -> Tensor:
        """ln(1 + e^(beta x)) / beta."""
        t = as_tensor(x)
        scaled = t if self.beta == 1 else t * self.beta
        y = Tensor.record(activations.softplus, (scaled,), {})
        if self.beta != 1:
            y = y / self.beta
        beyond = scaled > self.threshold
        return Tensor.record(elementwise.where, (beyond, t, y), {}) if beyond.any() else y

    def extra_repr(self) -> str:
        return f"beta={self.beta}, threshold={self.threshold}"


class Tanh(Module):
    """tanh(x), entry by entry, with derivative 1 - tanh^2."""

    def forward(self, x: Any) -> Tensor:
        """tanh(x)."""
        return Tensor.record(elementwise.tanh, (x,), {})


class Sigmoid(Module):
    """1 / (1 + e^-x), entry by entry, with derivative y (1 - y)."""

    def forward(self, x: Any) -> Tensor:
        """1 / (1 + e^-x)."""
        return Tensor.record(elementwise.sigmoid, (as_tensor(x),), {})


class Softmax(Module):
    """e^x / sum e^x along the axis `dim`: positive numbers that add up to 1.

    `dim` is the last axis unless told. (PyTorch, untold, guesses, and warns: the last axis for 1-D and 2-D input.)

    >>> from tinygrad_lite import nn
    >>> nn.Softmax(dim=1)([[0.0, 0.0], [1000.0, 0.0]]).numpy()
    array([[0.5, 0.5],
            [1. , 0. ]])
    """

    def __init__(self, dim: int = -1) -> None:
        self.dim = dim

    def forward(self, x: Any) -> Tensor:
        """e^x / sum e^x."""
        return softmax(x, self.dim)

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class LogSoftmax(Softmax):
    """x - logsumexp(x) along the axis `dim`: the logarithm of softmax, without its overflow and underflow."""

    def forward(self, x: Any) -> Tensor:
        """x - logsumexp(x)."""
        return log_softmax(x, self.dim)
