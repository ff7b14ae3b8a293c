"""Derivation, source and marking: how long one waits for them, for the exercise and for a network of images."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.exercise import LEARNING_RATE, TRAINING, cost, network

from .report import table


class Network:
    """The exercise in its original form, solved by hand."""

    def __init__(self) -> None:
        self.input_to_hidden_weights = np.ones((3, 2))
        self.hidden_to_output_weights = np.ones((1, 3))
        self.biases = np.zeros((3, 1))
        self.learning_rate = LEARNING_RATE

    def train(self, x1: float, x2: float, y: float) -> None:
        """One step, at one point."""
        x = np.array([[x1], [x2]])
        z = self.input_to_hidden_weights @ x + self.biases
        h = np.maximum(z, 0)
        da = self.hidden_to_output_weights @ h - y
        dz = (self.hidden_to_output_weights.T @ da) * (z > 0)
        self.hidden_to_output_weights = self.hidden_to_output_weights - self.learning_rate * da @ h.T
        self.input_to_hidden_weights = self.input_to_hidden_weights - self.learning_rate * dz @ x.T
        self.biases = self.biases - self.learning_rate * dz

    def predict(self, x1: float, x2: float) -> float:
        """The value at a point."""
        z = self.input_to_hidden_weights @ np.array([[x1], [x2]]) + self.biases
        return float((self.hidden_to_output_weights @ np.maximum(z, 0)).item())


def images() -> tuple[tl.Tensor, dict[str, Any]]:
    """784-128-10 with 8 examples, and its gradients by hand."""
    rng = np.random.default_rng(0)
    net = nn.Sequential(nn.Linear(784, 128, rng=0), nn.ReLU(), nn.Linear(128, 10, rng=1))
    x, y = rng.standard_normal((8, 784)), rng.integers(0, 10, 8)
    W1, b1, W2, b2 = (p.numpy() for p in net.parameters())
    z1 = x @ W1.T + b1
    h1 = np.maximum(z1, 0)
    p = np.exp(h1 @ W2.T + b2)
    dz2 = (p / p.sum(axis=1, keepdims=True) - np.eye(10)[y]) / 8
    dz1 = (dz2 @ W2) * (z1 > 0)
    return nn.CrossEntropyLoss()(net(x), y), {"dW1": dz1.T @ x, "db1": dz1.sum(0), "dW2": dz2.T @ h1, "db2": dz2.sum(0)}


def cases() -> dict[str, Callable[[], object]]:
    """What is asked for, each time anew."""
    loss, work = images()
    doubled = {name: 2 * g for name, g in work.items()}
    rng = np.random.default_rng(1)
    nothing_known = {name: g * rng.uniform(0.5, 1.5, g.shape) for name, g in work.items()}
    point = cost(network(), *TRAINING[0])
    return {
        "exercise: derive, every line checked, as text": lambda: str(tl.derive(point)),
        "exercise: source": lambda: str(tl.source(point)),
        "exercise: check a whole solution": lambda: str(tl.check(Network)),
        "784-128-10: derive, every line checked, as text": lambda: str(tl.derive(loss)),
        "784-128-10: derive(verify=False), as text": lambda: str(tl.derive(loss, verify=False)),
        "784-128-10: source": lambda: str(tl.source(loss)),
        "784-128-10: check, all right": lambda: str(tl.check(work, against=loss)),
        "784-128-10: check, everything doubled": lambda: str(tl.check(doubled, against=loss)),
        "784-128-10: check, a mistake that nobody knows": lambda: str(tl.check(nothing_known, against=loss)),
    }


def measure(rounds: int) -> dict[str, Any]:
    """Median seconds for each, after a first time that imports what is needed."""
    seconds = {}
    for name, ask in cases().items():
        ask()
        samples = []
        for _ in range(rounds):
            start = perf_counter()
            ask()
            samples.append(perf_counter() - start)
        seconds[name] = median(samples)
    return {"seconds": seconds}


def report(found: dict[str, Any]) -> str:
    """One line for each."""
    lines = [[name, f"{s * 1e3:.0f}"] for name, s in found["seconds"].items()]
    return table("Readings: what one waits for them", ["reading", "ms"], lines)
