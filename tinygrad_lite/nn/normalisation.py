"""Normalisation: (x - mean) / sqrt(variance + eps), then a scale and a shift that are learnt.

All are compositions of mean, variance and arithmetic: what a derivation of them shows is the derivation in the book.
They differ only in the axes over which mean and variance go.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.module import Buffer, Module, Parameter
from tinygrad_lite.primitives.elementwise import sqrt
from tinygrad_lite.tensor import Tensor, as_tensor


def _normalised(x: Tensor, mean: Any, var: Any, eps: float) -> Tensor:
    y: Tensor = (x - mean) / Tensor.record(sqrt, (var + eps,), {})
    return y


def _scaled(x: Tensor, weight: Parameter | None, bias: Parameter | None, shape: tuple[int, ...]) -> Tensor:
    """weight x + bias, both in a shape that broadcasts against x."""
    if weight is not None:
        x = x * weight.reshape(shape)
    return x if bias is None else x + bias.reshape(shape)


class _BatchNorm(Module):
    """Batch normalisation: each channel by its mean and variance over the batch and all places."""

    ndims: tuple[int, ...]
    shapes: str

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        self.weight = Parameter(np.ones(num_features), dtype=dtype) if affine else None
        self.bias = Parameter(np.zeros(num_features), dtype=dtype) if affine and bias else None
        if track_running_stats:
            self.running_mean = Buffer(np.zeros(num_features), dtype=dtype)
            self.running_var = Buffer(np.ones(num_features), dtype=dtype)
            self.num_batches_tracked = Buffer(np.zeros((), np.int64))

    def forward(self, x: Any) -> Tensor:
        """weight (x - mean) / sqrt(var + eps) + bias."""
        t = as_tensor(x)
        if t.ndim not in self.ndims or t.shape[1] != self.num_features:
            raise ValueError(f"{self.summary()}: the input has shape {self.shapes} with C = {self.num_features}; "
                             f"got {t.shape}")  # fmt: skip
        shape = (1, -1) + (1,) * (t.ndim - 2)
        if not self.training and self.track_running_stats:
            y = _normalised(t, self.running_mean.reshape(shape), self.running_var.reshape(shape), self.eps)
        else:
            axes = (0, *range(2, t.ndim))
            if not t.size and self.training:
                raise ValueError(
                    f"{self.summary()}: the batch is empty, {t.shape}: no mean can be taken of it. Leave such a batch "
                    "out, or call .eval() first, where the running statistics serve"
                )
            if t.size <= self.num_features and self.training:
                raise ValueError(f"{self.summary()}: one number per channel has no variance; got {t.shape} in training")
            mean, var = t.mean(axes, keepdims=True), t.var(axes, keepdims=True)
            if self.training and self.track_running_stats:
                self._track(mean.value.ravel(), var.value.ravel(), t.size // self.num_features)
            y = _normalised(t, mean, var, self.eps)
        return _scaled(y, self.weight, self.bias, shape)

    def _track(self, mean: Any, var: Any, count: int) -> None:
        """Move the running statistics: towards the batch's mean and its variance over count - 1, as PyTorch does."""
        self.num_batches_tracked.data = self.num_batches_tracked.numpy() + 1
        dtype = self.running_mean.dtype
        rate, rest = self.momentum, None if self.momentum is None else 1 - self.momentum
        if self.momentum is None:  # the plain average
            share = 1 / self.num_batches_tracked.current()
            rate, rest = share.astype(dtype), (1 - share).astype(dtype)
        for running, new in ((self.running_mean, mean), (self.running_var, var * (count / (count - 1)))):
            running.data = (rest * running.current() + rate * new).astype(running.dtype)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Each feature minus its mean over the batch, over its standard deviation; then weight y + bias.

    In training the statistics are the batch's, the variance over N; running ones move towards them by `momentum`
    (None: their plain average), the variance over N - 1, and are what evaluation uses.
    Shapes: x (N, C) or (N, C, L), weight (C,), bias (C,) -> as x.
    Raises: ValueError for another shape, or for a single number per feature in training.
    Source: Ioffe & Szegedy, Batch normalization, ICML 2015.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.BatchNorm1d(1)(np.array([[1.0], [3.0]])).numpy().round(3)
    array([[-1.],
           [ 1.]])
    """

    ndims = (2, 3)
    shapes = "(N, C) or (N, C, L)"


class BatchNorm2d(_BatchNorm):
    """Each channel minus its mean over the batch and the image, over its standard deviation; see BatchNorm1d.

    Shapes: x (N, C, H, W), weight (C,), bias (C,) -> (N, C, H, W).

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> layer = nn.BatchNorm2d(3)
    >>> layer(np.random.default_rng(0).random((8, 3, 4, 4))).shape, layer.num_batches_tracked.item()
    ((8, 3, 4, 4), 1)
    """

    ndims = (4,)
    shapes = "(N, C, H, W)"


class LayerNorm(Module):
    """Each example minus its mean over its last axes, over its standard deviation; then weight y + bias.

    Shapes: x (..., *normalized_shape), weight and bias of normalized_shape -> as x.
    Source: Ba, Kiros & Hinton, Layer normalization, 2016.

    >>> from tinygrad_lite import nn
    >>> nn.LayerNorm(2)([[1.0, 3.0]]).numpy().round(3)
    array([[-1.,  1.]])
    """

    def __init__(
        self,
        normalized_shape: int | tuple[int, ...] | list[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.normalized_shape = shape
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        self.weight = Parameter(np.ones(shape), dtype=dtype) if elementwise_affine else None
        self.bias = Parameter(np.zeros(shape), dtype=dtype) if elementwise_affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """weight (x - mean) / sqrt(var + eps) + bias."""
        t = as_tensor(x)
        n = len(self.normalized_shape)
        if t.shape[-n:] != self.normalized_shape:
            raise ValueError(f"{self.summary()}: the input's last axes are {self.normalized_shape}; got {t.shape}")
        axes = tuple(range(-n, 0))
        y = _normalised(t, t.mean(axes, keepdims=True), t.var(axes, keepdims=True), self.eps)
        return _scaled(y, self.weight, self.bias, self.normalized_shape)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"


class GroupNorm(Module):
    """Each group of channels of an example minus its mean, over its standard deviation; then weight y + bias.

    Shapes: x (N, C, ...), weight and bias (C,), one for each channel -> as x.
    Raises: ValueError where the channels do not divide into groups.
    Source: Wu & He, Group normalization, ECCV 2018.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.GroupNorm(2, 4)(np.ones((3, 4, 5, 5))).shape
    (3, 4, 5, 5)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        bias: bool = True,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if num_groups < 1 or num_channels % num_groups:
            raise ValueError(f"GroupNorm: {num_channels} channels do not divide into {num_groups} groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        self.weight = Parameter(np.ones(num_channels), dtype=dtype) if affine else None
        self.bias = Parameter(np.zeros(num_channels), dtype=dtype) if affine and bias else None

    def forward(self, x: Any) -> Tensor:
        """weight (x - mean) / sqrt(var + eps) + bias."""
        t = as_tensor(x)
        if t.ndim < 2 or t.shape[1] != self.num_channels:
            raise ValueError(f"{self.summary()}: the input has shape (N, {self.num_channels}, ...); got {t.shape}")
        groups = t.reshape(t.shape[0], self.num_groups, math.prod(t.shape[1:]) // self.num_groups)
        y = _normalised(groups, groups.mean(2, keepdims=True), groups.var(2, keepdims=True), self.eps)
        return _scaled(y.reshape(t.shape), self.weight, self.bias, (1, -1) + (1,) * (t.ndim - 2))

    def extra_repr(self) -> str:
        return f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}"
