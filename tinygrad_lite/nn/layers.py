"""The layers of a multilayer perceptron."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.module import Module, Parameter
from tinygrad_lite.primitives.elementwise import relu
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


class ReLU(Module):
    """max(0, x), entry by entry, with relu'(0) = 0."""

    def forward(self, x: Any) -> Tensor:
        """max(0, x)."""
        return Tensor.record(relu, (x,), {})


class Identity(Module):
    """The input as it is: the activation of a regression's output layer."""

    def forward(self, x: Any) -> Tensor:
        """x."""
        return as_tensor(x)


class Sequential(Module):
    """Modules one after the other; `net[0]` is the first.

    >>> from tinygrad_lite import nn
    >>> nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): ReLU()
      (2): Linear(in_features=3, out_features=1, bias=False)
    )
    """

    def __init__(self, *modules: Module) -> None:
        for i, module in enumerate(modules):
            if not isinstance(module, Module):
                raise TypeError(f"Sequential: part {i} is {module!r}, not a Module. Did you mean to call the class?")
            setattr(self, str(i), module)

    def forward(self, x: Any) -> Any:
        """The last module's output."""
        for module in vars(self).values():
            if isinstance(module, Module):
                x = module(x)
        return x

    def __len__(self) -> int:
        return sum(1 for _ in self.children())

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def __getitem__(self, i: int | slice) -> Any:
        modules = list(self.children())
        return Sequential(*modules[i]) if isinstance(i, slice) else modules[i]
