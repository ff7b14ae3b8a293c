"""Initial values for parameters, by PyTorch's names: each sets the tensor's data and returns the tensor.

Numbers are drawn from `rng`, a numpy Generator or a seed for one, and never from a hidden global state. The fans of a
weight (O, I, ...) are fan_in = I * (the rest) and fan_out = O * (the rest): how many numbers a unit reads and feeds.
"""

from __future__ import annotations

import math
from typing import Literal, TypeAlias, TypeVar

import numpy as np

from tinygrad_lite.intake import Array
from tinygrad_lite.tensor import Tensor

T = TypeVar("T", bound=Tensor)
Rng: TypeAlias = "np.random.Generator | int | None"  # a string: NumPy loads its generators when they are first used


def _set(tensor: T, values: Array | float) -> T:
    tensor.data = np.broadcast_to(values, tensor.shape).astype(tensor.dtype)
    return tensor


def _fans(tensor: Tensor) -> tuple[int, int]:
    if tensor.ndim < 2:
        raise ValueError(
            f"{tensor.name or 'a tensor'} of shape {tensor.shape} has no fans: only a weight (O, I, ...) reads and "
            "feeds. For a bias use zeros_ or uniform_."
        )
    rest = math.prod(tensor.shape[2:])
    return tensor.shape[1] * rest, tensor.shape[0] * rest


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """The factor by which a layer has to be larger for the activation after it to leave the variance as it is.

    >>> from tinygrad_lite import nn
    >>> nn.init.calculate_gain("relu"), nn.init.calculate_gain("leaky_relu", 0.0)
    (1.4142135623730951, 1.4142135623730951)
    """
    gains = {"linear": 1.0, "sigmoid": 1.0, "tanh": 5 / 3, "relu": math.sqrt(2), "selu": 3 / 4}
    gains |= {f"{kind}{d}d": 1.0 for kind in ("conv", "conv_transpose") for d in (1, 2, 3)}
    if nonlinearity == "leaky_relu":
        return math.sqrt(2 / (1 + (0.01 if param is None else param) ** 2))
    if nonlinearity not in gains:
        raise ValueError(f"calculate_gain: {nonlinearity!r} is none of leaky_relu, {', '.join(gains)}")
    return gains[nonlinearity]


def zeros_(tensor: T) -> T:
    """All 0."""
    return _set(tensor, 0.0)


def ones_(tensor: T) -> T:
    """All 1."""
    return _set(tensor, 1.0)


def constant_(tensor: T, val: float) -> T:
    """All `val`."""
    return _set(tensor, val)


def eye_(tensor: T) -> T:
    """1 on the diagonal of a matrix, else 0."""
    return _set(tensor, np.eye(tensor.shape[0], tensor.shape[1]))


def uniform_(tensor: T, a: float = 0.0, b: float = 1.0, *, rng: Rng = None) -> T:
    """Uniform in [a, b)."""
    return _set(tensor, np.random.default_rng(rng).uniform(a, b, tensor.shape))


def normal_(tensor: T, mean: float = 0.0, std: float = 1.0, *, rng: Rng = None) -> T:
    """Normal with this mean and standard deviation."""
    return _set(tensor, np.random.default_rng(rng).normal(mean, std, tensor.shape))


def xavier_uniform_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """Uniform with variance gain^2 2 / (fan_in + fan_out): a compromise between forward and backward pass.

    Source: Glorot & Bengio, Understanding the difficulty of training deep feedforward neural networks, 2010.
    """
    bound = gain * math.sqrt(6 / sum(_fans(tensor)))
    return uniform_(tensor, -bound, bound, rng=rng)


def xavier_normal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """Normal with variance gain^2 2 / (fan_in + fan_out)."""
    return normal_(tensor, 0.0, gain * math.sqrt(2 / sum(_fans(tensor))), rng=rng)


def _kaiming(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"kaiming: mode is 'fan_in' (keeps the forward pass's size) or 'fan_out', not {mode!r}")
    return calculate_gain(nonlinearity, a) / math.sqrt(_fans(tensor)[mode == "fan_out"])


def kaiming_uniform_(
    tensor: T,
    a: float = 0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> T:
    """Uniform with variance gain^2 / fan: it keeps the signal's size through ReLUs (of slope `a` below 0).

    Source: He et al., Delving deep into rectifiers, ICCV 2015.

    >>> from tinygrad_lite import nn
    >>> layer = nn.Linear(100, 50)
    >>> w = nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", rng=0)
    >>> bool(abs(w.data).max() <= (6 / 100) ** 0.5)
    True
    """
    bound = math.sqrt(3) * _kaiming(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, rng=rng)


def kaiming_normal_(
    tensor: T,
    a: float = 0,
    mode: Literal["fan_in", "fan_out"] = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    rng: Rng = None,
) -> T:
    """Normal with variance gain^2 / fan; see `kaiming_uniform_`."""
    return normal_(tensor, 0.0, _kaiming(tensor, a, mode, nonlinearity), rng=rng)


def orthogonal_(tensor: T, gain: float = 1.0, *, rng: Rng = None) -> T:
    """gain times a random matrix (O, I * the rest) whose rows or columns, the fewer, are orthonormal.

    Source: Saxe, McClelland & Ganguli, Exact solutions to the nonlinear dynamics of learning, ICLR 2014.

    >>> import numpy as np
    >>> from tinygrad_lite import nn, tensor
    >>> w = nn.init.orthogonal_(tensor([[0.0, 0.0], [0.0, 0.0]]), rng=0).data
    >>> np.abs(w @ w.T).round(12)
    array([[1., 0.],
           [0., 1.]])
    """
    if tensor.ndim < 2:
        raise ValueError(f"orthogonal_: a tensor of shape {tensor.shape} has no rows to be orthogonal")
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    drawn = np.random.default_rng(rng).standard_normal((max(rows, columns), min(rows, columns)))
    q, r = np.linalg.qr(drawn)
    q *= np.where(np.diagonal(r) < 0, -1, 1)  # without it QR prefers some orthogonal matrices to others
    return _set(tensor, gain * (q.T if rows < columns else q).reshape(tensor.shape))
