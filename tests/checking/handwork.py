"""A network that a student writes out by hand, and the losses that are right."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import nn
from tinygrad_lite.primitives.patches import conv2d


@dataclass(frozen=True)
class Network:
    """The numbers, the parameters among them, the loss that is right, and the student's text."""

    at: dict[str, Any]
    parameters: tuple[str, ...]
    loss: Callable[..., Any]
    text: str

    def reference(self) -> tl.Tensor:
        """The loss at the numbers."""
        given = {k: tl.tensor(v, requires_grad=True, name=k) if k in self.parameters else v for k, v in self.at.items()}
        loss: tl.Tensor = self.loss(**given)
        return loss

    def written(self, *lines: tuple[str, str]) -> dict[str, Any]:
        """What the text leaves behind, with some of its lines exchanged; each has to be there."""
        text = self.text
        for old, new in lines:
            assert old in text, old
            text = text.replace(old, new)
        space: dict[str, Any] = {"np": np, **{k: np.copy(v) for k, v in self.at.items()}}
        exec(text, space)
        kinds = (np.ndarray, np.generic, dict)
        return {k: v for k, v in space.items() if k not in {*self.at, "__builtins__"} and isinstance(v, kinds)}

    def gradients(self, work: dict[str, Any]) -> dict[str, Any]:
        """The gradients of the parameters alone."""
        return {f"d{name}": work[f"d{name}"] for name in self.parameters}


def entropy(z: Any, Y: Any) -> Any:
    """Cross-entropy of the softmax of logits."""
    return np.mean(np.log(np.sum(np.exp(z), axis=1)) - np.sum(z * Y, axis=1))


def sigma(z: Any) -> Any:
    """The logistic function."""
    return 1 / (1 + np.exp(-z))


def binary_entropy(W1: Any, b1: Any, W2: Any, b2: Any, X: Any, y: Any) -> Any:
    """Sigmoids, binary cross-entropy."""
    p = sigma(sigma(X @ W1 + b1) @ W2 + b2)
    return -np.mean(y * np.log(p) + (1 - y) * np.log(1 - p))


def through_a_residual(W1: Any, b1: Any, W2: Any, b2: Any, W3: Any, X: Any, Y: Any) -> Any:
    """u + relu(u W2 + b2) between two layers."""
    u = tl.relu(X @ W1 + b1)
    return np.sum(((u + tl.relu(u @ W2 + b2)) @ W3 - Y) ** 2) / (2 * len(X))


def of_images(W1: Any, b1: Any, W2: Any, b2: Any, X: Any, y: Any) -> Any:
    """A convolution, relu, max pooling, softmax with cross-entropy."""
    how = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    h = tl.relu(tl.Tensor.record(conv2d, (tl.tensor(X), W1, b1), how))
    return nn.CrossEntropyLoss()(nn.MaxPool2d(2)(h).reshape(len(X), -1) @ W2.T + b2, y)


def normalised(W1: Any, b1: Any, gamma: Any, beta: Any, W2: Any, b2: Any, X: Any, Y: Any) -> Any:
    """Batch norm, written out."""
    z = X @ W1 + b1
    xhat = (z - z.mean(0)) / np.sqrt(((z - z.mean(0)) ** 2).mean(0) + 1e-5)
    return np.sum((tl.relu(gamma * xhat + beta) @ W2 + b2 - Y) ** 2) / (2 * len(X))


def over_time(Wx: Any, Wh: Any, b: Any, Wo: Any, X: Any, Y: Any) -> Any:
    """A recurrent network."""
    h = np.zeros((len(X), 4))
    for t in range(X.shape[1]):
        h = np.tanh(X[:, t] @ Wx + h @ Wh + b)
    return np.sum((h @ Wo - Y) ** 2) / (2 * len(X))
