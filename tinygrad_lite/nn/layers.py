"""Layers that know no neighbours: the affine map, and those that look up, drop or only rearrange."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import drawn
from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.elementwise import where
from tinygrad_lite.primitives.linear_algebra import affine
from tinygrad_lite.tensor import Tensor, as_tensor


class Linear(Module):
    """An affine map of the last axis: y = x W^T + b.

    Shapes: x (..., I), weight (O, I), bias (O,) -> (..., O). Weight and bias start uniform in
    [-1/sqrt(I), 1/sqrt(I)], PyTorch's choice, drawn from `rng`: a numpy Generator, or a seed for one.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> layer = nn.Linear(3, 2, rng=np.random.default_rng(0))
    >>> layer, layer(np.ones((4, 3))).shape
    (Linear(in_features=3, out_features=2, bias=True), (4, 2))
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        if not (hasattr(in_features, "__index__") and hasattr(out_features, "__index__")):
            raise TypeError(f"Linear({in_features!r}, {out_features!r}): both sizes have to be whole numbers")
        if in_features < 1 or out_features < 1:
            raise ValueError(f"Linear({in_features}, {out_features}): both sizes have to be at least 1")
        self.in_features = in_features
        self.out_features = out_features
        rng = np.random.default_rng(rng)
        bound = in_features**-0.5
        self.weight = Parameter(rng.uniform(-bound, bound, (out_features, in_features)), dtype=dtype)
        self.bias = Parameter(rng.uniform(-bound, bound, out_features), dtype=dtype) if bias else None

    def forward(self, x: Any) -> Tensor:
        """x W^T + b."""
        if self.bias is None:
            return Tensor.record(affine, (x, self.weight), {})
        return Tensor.record(affine, (x, self.weight, self.bias), {})

    def extra_repr(self) -> str:
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={self.bias is not None}"


class Identity(Module):
    """The input as it is: the activation of a regression's output layer."""

    def forward(self, x: Any) -> Tensor:
        """x."""
        return as_tensor(x)


class Flatten(Module):
    """The axes from `start_dim` to `end_dim` laid end to end: by default all but the batch.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.Flatten()(np.ones((5, 3, 2, 2))).shape
    (5, 12)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Tensor:
        """x with its axes start_dim..end_dim as one."""
        t = as_tensor(x)
        t = t if t.ndim else t.reshape(1)
        first, last = (d + t.ndim if d < 0 else d for d in (self.start_dim, self.end_dim))
        if not 0 <= first <= last < t.ndim:
            raise ValueError(f"{self.summary()}: an input of shape {t.shape} has no axes {first} to {last}")
        return t.reshape(*t.shape[:first], math.prod(t.shape[first : last + 1]), *t.shape[last + 1 :])

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """The axis `dim` laid out in several: Flatten backwards. One of the sizes may be -1.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.Unflatten(1, (3, 2, -1))(np.ones((5, 12))).shape
    (5, 3, 2, 2)
    """

    def __init__(self, dim: int, unflattened_size: tuple[int, ...]) -> None:
        self.dim = dim
        self.unflattened_size = tuple(unflattened_size)

    def forward(self, x: Any) -> Tensor:
        """x with its axis dim as several."""
        t = as_tensor(x)
        if not -t.ndim <= self.dim < t.ndim:
            raise ValueError(f"{self.summary()}: an input of shape {t.shape} has no axis {self.dim}")
        at = self.dim % t.ndim
        return t.reshape(*t.shape[:at], *self.unflattened_size, *t.shape[at + 1 :])

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"


class Dropout(Module):
    """In training, each entry is 0 with probability p, and the others are divided by 1 - p; else x as it is.

    The mean stays what it was, so that evaluation needs no correction. The zeros are drawn afresh at each call from
    `rng`: a numpy Generator, which may be shared by the whole network, or a seed. With a seed or a seeded Generator
    every run draws the same; `tl.save` keeps the generator's state, so a resumed run draws on where it stopped.
    Raises: ValueError for a p outside [0, 1].
    Source: Srivastava et al., Dropout: a simple way to prevent neural networks from overfitting, 2014.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.Dropout(0.5, rng=0)(np.ones(6)).numpy()
    array([2., 2., 2., 0., 0., 0.])
    """

    def __init__(self, p: float = 0.5, inplace: bool = False, *, rng: np.random.Generator | int | None = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"Dropout: p is a probability, from 0 to 1, not {p}")
        self.p = p
        self.rng = np.random.default_rng(rng)

    def forward(self, x: Any) -> Tensor:
        """x, with entries dropped in training."""
        t = as_tensor(x)
        if not self.training or self.p == 0:
            return t
        keep = drawn(self.rng, "random", t.shape, np.float32) >= self.p
        kept: Tensor = t * (keep * t.dtype.type(1 / (1 - self.p) if self.p < 1 else 0))
        return kept

    def extra_repr(self) -> str:
        return f"p={self.p}"


class Embedding(Module):
    """A table of vectors: row i is what stands for the whole number i, and is trained where it was looked up.

    Shapes: indices (...) of integers 0..K-1, weight (K, D) -> (..., D). The rows start standard normal; that of
    `padding_idx` starts as 0 and gets no gradient. With `max_norm` a row that is looked up and longer (in the norm of
    order `norm_type`) is first shortened to it; with `scale_grad_by_freq` a row's gradient is divided by how often it
    was looked up. Gradients are dense, also with PyTorch's `sparse`.
    Raises: ValueError for an index that has no row, TypeError for one that is no whole number.

    >>> from tinygrad_lite import nn
    >>> nn.Embedding(10, 3, padding_idx=0, rng=1)([[0, 2], [2, 9]]).shape
    (2, 2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: npt.DTypeLike = np.float64,
    ) -> None:
        self.max_norm, self.norm_type, self.scale_grad_by_freq = max_norm, norm_type, scale_grad_by_freq
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        if padding_idx is not None:
            if not -num_embeddings <= padding_idx < num_embeddings:
                raise ValueError(f"Embedding: padding_idx {padding_idx} is not one of the {num_embeddings} rows")
            padding_idx %= num_embeddings
        self.padding_idx = padding_idx
        start = np.random.default_rng(rng).standard_normal((num_embeddings, embedding_dim))
        if padding_idx is not None:
            start[padding_idx] = 0
        self.weight = Parameter(start, dtype=dtype)

    def forward(self, indices: Any) -> Tensor:
        """The rows of `indices`."""
        i = indices.current() if isinstance(indices, Tensor) else np.asarray(indices)
        if i.dtype.kind not in "iu":
            raise TypeError(f"Embedding: indices are whole numbers, not {i.dtype}")
        if i.size and not (i.min() >= 0 and i.max() < self.num_embeddings):
            bad = i[(i < 0) | (i >= self.num_embeddings)].ravel()[0]
            raise ValueError(f"Embedding: index {bad} has no row; there are {self.num_embeddings}, from 0")
        if self.max_norm is not None:
            self._shorten(i, self.max_norm)
        found = self.weight[i]
        if self.scale_grad_by_freq and found.requires_grad:
            often = np.bincount(i.ravel(), minlength=self.num_embeddings)[i][..., None].astype(found.dtype)
            found.register_hook(lambda g: g / often)
        if self.padding_idx is None or not (padding := i == self.padding_idx).any():
            return found
        return Tensor.record(where, (padding[..., None], self.weight.detach()[i], found), {})

    def _shorten(self, indices: Any, longest: float) -> None:
        """Scale those of the rows looked up that are longer down to it."""
        table = self.weight.numpy()
        length = np.linalg.norm(table, self.norm_type, -1, keepdims=True)
        found = np.isin(np.arange(self.num_embeddings), indices)[:, None]
        shorter = table * (longest / (length + 1e-7))  # PyTorch's guard against 0
        self.weight.data = np.where(found & (length > longest), shorter, table)

    @classmethod
    def from_pretrained(
        cls, embeddings: Any, freeze: bool = True, padding_idx: int | None = None, **options: Any
    ) -> Embedding:
        """The table `embeddings` (K, D), which is not trained unless `freeze` is False."""
        table = as_tensor(embeddings).numpy()
        made = cls(len(table), table.shape[1], padding_idx, dtype=table.dtype, **options)
        made.weight = Parameter(table, requires_grad=not freeze)
        return made

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        longest = "" if self.max_norm is None else f", max_norm={self.max_norm}"
        order = "" if self.norm_type == 2 else f", norm_type={self.norm_type}"
        by_frequency = f", scale_grad_by_freq={self.scale_grad_by_freq}" if self.scale_grad_by_freq else ""
        return f"{self.num_embeddings}, {self.embedding_dim}{padding}{longest}{order}{by_frequency}"
