"""The five training steps that are timed: sizes, dtypes, seeded data and initial weights."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Layer = tuple[Array, ...]


@dataclass(frozen=True)
class Row:
    """One training step: forward, loss, backward, SGD update, gradients zeroed.

    Every layer but the last is followed by ReLU. The loss is 1/2 (y - a)^2 of the one point of a batch of 1,
    or the cross-entropy of integer classes, averaged over the batch.
    """

    name: str
    sizes: tuple[int, ...]
    batch: int
    dtype: type[np.floating[Any]] = np.float32
    loss: Literal["squared", "cross-entropy"] = "cross-entropy"
    output_bias: bool = True
    lr: float = 0.05

    def data(self) -> tuple[Array, Array]:
        """The batch: x (B, I), and y (B, O) for the squared loss or the classes (B,) for cross-entropy."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.batch, self.sizes[0])).astype(self.dtype)
        if self.loss == "squared":
            return x, rng.standard_normal((self.batch, self.sizes[-1])).astype(self.dtype)
        return x, rng.integers(self.sizes[-1], size=self.batch)

    def layers(self) -> list[Layer]:
        """Per layer a weight (O, I) and, if it has one, a bias (O,): new arrays at every call, always equal."""
        rng = np.random.default_rng(2)
        layers: list[Layer] = []
        for inputs, outputs in zip(self.sizes, self.sizes[1:], strict=False):
            # He's variance keeps the signal's size through 32 ReLU layers; a little bias keeps units alive
            weight = (rng.standard_normal((outputs, inputs)) * np.sqrt(2 / inputs)).astype(self.dtype)
            bias = (0.1 * rng.random(outputs)).astype(self.dtype)
            is_output = len(layers) == len(self.sizes) - 2
            layers.append((weight, bias) if self.output_bias or not is_output else (weight,))
        return layers


@dataclass(frozen=True)
class Runner:
    """A competitor made ready for one row: `step()` trains once, `parameters()` reads W1, b1, W2, b2, ..."""

    step: Callable[[], object]
    parameters: Callable[[], list[Array]]


def flat(layers: Iterable[Iterable[Any]]) -> list[Any]:
    """W1, b1, W2, b2, ..."""
    return [p for layer in layers for p in layer]


ROWS = (
    Row("2-3-1, one point, f64", (2, 3, 1), 1, np.float64, "squared", output_bias=False),
    Row("64-32-10, batch 32, f32", (64, 32, 10), 32),
    Row("784-128-10, batch 32, f32", (784, 128, 10), 32),
    Row("784-512-512-10, batch 256, f32", (784, 512, 512, 10), 256),
    # 31 hidden layers 64 -> 64 and the output layer 64 -> 10: 32 matrices
    Row("32 layers of 64, batch 16, f32", (64,) * 32 + (10,), 16, lr=0.01),  # at 0.05 it diverges on some machines
)
