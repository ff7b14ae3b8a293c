"""Work on a network of images, of a hundred thousand parameters, is marked as that on a small one is."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import nn


def images(slip: str, dtype: Any) -> tuple[tl.Tensor, dict[str, Any]]:
    """784-128-10 with 8 examples, and what a student hands in."""
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(784, 128, rng=0, dtype=dtype), nn.ReLU(), nn.Linear(128, 10, rng=1, dtype=dtype))
    x, y = rng.standard_normal((8, 784)).astype(dtype), rng.integers(0, 10, 8)
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    z1 = x @ W1.T + b1
    h1 = np.maximum(z1, 0)
    p = np.exp(h1 @ W2.T + b2)
    d = (p / p.sum(axis=1, keepdims=True) - np.eye(10)[y]) / (1 if slip in ("mean", "pair") else 8)
    dz1 = (d @ W2) * (h1 if slip == "pair" else 1 if slip == "mask" else z1 > 0)
    work = {"dW1": dz1.T @ x, "db1": dz1.sum(0), "dW2": d.T @ h1, "db2": d.sum(0)}
    if slip == "everything":
        work = {key: value * rng.uniform(0.5, 1.5, value.shape) for key, value in work.items()}
    return nn.CrossEntropyLoss()(net(x), y), {key: value.astype(dtype) for key, value in work.items()}


@pytest.mark.thorough
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("slip", ["", "mean", "mask", "pair", "everything"])
def test_a_network_of_images_is_marked(slip: str, dtype: Any) -> None:
    loss, work = images(slip, dtype)
    report = tl.check(work, against=loss)
    assert bool(report) == (slip == ""), str(report)
    assert bool(report.mistakes) == (slip not in ("", "everything"))
