"""The graphs that the drawing tests draw, each a small program whose picture is known."""

from __future__ import annotations

from typing import Any

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import exercise, nn

HOSTILE = (
    "<script>window.hacked = 1</script>",
    "<img src=x onerror='window.hacked = 1'>",
    "\"quoted\" 'single' \\N \\G \\l",
    "{a|b}|<port> c",
    "two\nlines\r\tand \x00 \x1b[31m",
    "\u202egnihtemos\u202c right to left",
    "שלום עולם",
    "👩‍👩‍👧 😀",
    "&lt;b&gt; &amp; &#65; ]]> --> %% %%TITLE%%",
    "]}; digraph {evil -> node",
    "x" * 10_000,
    "\ud800 lone",
    " ",
)


def exercise_loss() -> tl.Tensor:
    """The exercise's cost at its first point."""
    return exercise.cost(exercise.network(), *exercise.TRAINING[0])


class Residual(nn.Module):
    """x + W2 tanh(W1 x + b1) + b2."""

    def __init__(self, n: int, seed: int = 0) -> None:
        self.fc1 = nn.Linear(n, n, rng=seed)
        self.fc2 = nn.Linear(n, n, rng=seed + 1)

    def forward(self, x: Any) -> Any:
        return x + self.fc2(np.tanh(self.fc1(x)))


class Tower(nn.Module):
    """Residual blocks between two linear maps."""

    def __init__(self, blocks: int, n: int = 4) -> None:
        self.inp = nn.Linear(2, n, rng=0)
        self.blocks = [Residual(n) for _ in range(blocks)]
        self.head = nn.Linear(n, 3, rng=1)

    def forward(self, x: Any) -> Any:
        h = self.inp(x)
        for block in self.blocks:
            h = block(h)
        return self.head(h)


class Siamese(nn.Module):
    """One encoder, used twice."""

    def __init__(self) -> None:
        self.enc = nn.Linear(3, 2, rng=0)

    def forward(self, a: Any, b: Any) -> Any:
        return np.sum((self.enc(a) - self.enc(b)) ** 2)


def fifty_layers() -> nn.Sequential:
    """25 times Linear and ReLU."""
    return nn.Sequential(*(layer for _ in range(25) for layer in (nn.Linear(64, 64, rng=0), nn.ReLU())))
