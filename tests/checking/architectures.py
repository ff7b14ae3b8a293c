"""Networks that mistakes are planted in, each as a function of its sizes: N examples, I inputs, H units, O outputs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import Tensor, nn

Network = Callable[..., Tensor]
Numbers = np.random.Generator


def parameter(array: Any, dtype: Any, name: str) -> Tensor:
    return tl.tensor(np.asarray(array, dtype), requires_grad=True, name=name)


def relu_squared(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """ReLU, identity, squared loss, a penalty; the first unit is off at every example."""
    rng = np.random.default_rng(seed)
    W1 = parameter(rng.standard_normal((H, I)), dtype, "W1")
    b1 = parameter([-20.0, *rng.standard_normal(H - 1)], dtype, "b1")
    W2 = parameter(rng.standard_normal((O, H)), dtype, "W2")
    b2 = parameter(rng.standard_normal(O), dtype, "b2")
    x, y = rng.standard_normal((N, I)).astype(dtype), rng.standard_normal((N, O)).astype(dtype)
    a = tl.relu(x @ W1.T + b1) @ W2.T + b2
    loss: Tensor = ((a - y) ** 2).sum() / (2 * N) + 0.03 * ((W1**2).sum() + (W2**2).sum()) / 2
    return loss


def sigmoids(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Sigmoids written out, in both layers, and the mean squared error."""
    rng = np.random.default_rng(seed)
    W1 = parameter(rng.standard_normal((I, H)), dtype, "W1")
    b1 = parameter(rng.standard_normal(H), dtype, "b1")
    W2 = parameter(rng.standard_normal((H, O)), dtype, "W2")
    b2 = parameter(rng.standard_normal(O), dtype, "b2")
    x, y = rng.standard_normal((N, I)).astype(dtype), (rng.random((N, O)) > 0.5).astype(dtype)
    h = 1 / (1 + np.exp(-(x @ W1 + b1)))
    a = 1 / (1 + np.exp(-(h @ W2 + b2)))
    loss: Tensor = ((a - y) ** 2).mean()
    return loss


def softmax_entropy(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Modules: tanh, softmax with cross-entropy."""
    rng, classes = np.random.default_rng(seed), max(O, 3)
    net = nn.Sequential(
        nn.Linear(I, H, rng=seed, dtype=dtype), nn.Tanh(), nn.Linear(H, classes, rng=seed + 1, dtype=dtype)
    )
    loss: Tensor = nn.CrossEntropyLoss()(net(rng.standard_normal((N, I)).astype(dtype)), rng.integers(0, classes, N))
    return loss


def residual(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """u + relu(u W2 + b2) between two layers, the first unit of the branch off."""
    rng = np.random.default_rng(seed)
    W1 = parameter(rng.standard_normal((I, H)), dtype, "W1")
    b1 = parameter(rng.standard_normal(H), dtype, "b1")
    W2 = parameter(rng.standard_normal((H, H)), dtype, "W2")
    b2 = parameter([-20.0, *rng.standard_normal(H - 1)], dtype, "b2")
    W3 = parameter(rng.standard_normal((H, O)), dtype, "W3")
    x, y = rng.standard_normal((N, I)).astype(dtype), rng.standard_normal((N, O)).astype(dtype)
    u = np.tanh(x @ W1 + b1)
    loss: Tensor = nn.SquaredLoss()((u + tl.relu(u @ W2 + b2)) @ W3, y)
    return loss


def convolution(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Two convolutions, both poolings, batch norm, dropout, binary cross-entropy."""
    rng = np.random.default_rng(seed)
    net = nn.Sequential(
        nn.Conv2d(I, H, 3, padding=1, rng=seed, dtype=dtype), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(H, H, 3, padding=1, rng=seed + 1, dtype=dtype), nn.BatchNorm2d(H, dtype=dtype), nn.ReLU(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.5, rng=seed), nn.Linear(H, 1, rng=seed + 2, dtype=dtype),
    )  # fmt: skip
    net[4].weight.data = np.linspace(0.5, 1.5, H).astype(dtype)  # all ones would hide a forgotten scale
    images = rng.standard_normal((N, I, 4, 4)).astype(dtype)
    loss: Tensor = nn.BCEWithLogitsLoss()(net(images), (rng.random((N, 1)) > 0.5).astype(dtype))
    return loss


def columns(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Examples as columns, biases as columns, leaky relu."""
    rng = np.random.default_rng(seed)
    W1 = parameter(rng.standard_normal((H, I)), dtype, "W1")
    b1 = parameter(rng.standard_normal((H, 1)), dtype, "b1")
    W2 = parameter(rng.standard_normal((1, H)), dtype, "W2")
    x, y = rng.standard_normal((I, N)).astype(dtype), rng.standard_normal((1, N)).astype(dtype)
    z = W1 @ x + b1
    loss: Tensor = ((W2 @ np.where(z > 0, z, 0.1 * z) - y) ** 2).sum() / N
    return loss


def recurrent(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Embedded words, three steps of a recurrent network."""
    rng = np.random.default_rng(seed)
    E = parameter(rng.standard_normal((6, I)), dtype, "E")
    Wx = parameter(rng.standard_normal((I, H)), dtype, "Wx")
    Wh = parameter(rng.standard_normal((H, H)), dtype, "Wh")
    Wo = parameter(rng.standard_normal((H, O)), dtype, "Wo")
    y = rng.standard_normal((N, O)).astype(dtype)
    h: Any = np.zeros((N, H), dtype)
    for step in range(3):
        words = rng.integers(0, 2, N) + 2 * step  # some twice
        h = np.tanh(E[words] @ Wx + h @ Wh)
    loss: Tensor = nn.SquaredLoss()(h @ Wo, y)
    return loss


def log_probability(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """A logarithm, a constant factor and the largest entry, in a network that is none of the common ones."""
    rng = np.random.default_rng(seed)
    W1 = parameter(rng.standard_normal((I, H)), dtype, "W1")
    W2 = parameter(rng.standard_normal((H, O)), dtype, "W2")
    x = rng.standard_normal((N, I)).astype(dtype)
    s = np.exp(0.5 * (x @ W1))
    loss: Tensor = np.log(1 + np.square(s @ W2 * 0.25)).mean()
    return loss


def ties(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """Whole numbers: windows with two largest entries, units whose input is exactly 0, as many examples as units."""
    rng, n = np.random.default_rng(seed), max(N, 4)
    scale = parameter(rng.uniform(1, 2, (1, 2, 1, 1)), dtype, "scale")
    W1 = parameter(rng.integers(-1, 2, (n, n)), dtype, "W1")
    W2 = parameter(rng.standard_normal((n, n)), dtype, "W2")
    images = np.repeat(rng.integers(1, 4, (n, 2, 2, 4)), 2, axis=2).astype(dtype)
    pooled = nn.MaxPool2d(2)(images * scale).reshape(n, -1)
    x, y = rng.integers(-1, 2, (n, n)).astype(dtype), rng.standard_normal((n, n)).astype(dtype)
    loss: Tensor = nn.SquaredLoss()(tl.relu(x @ W1) @ W2, y) + 0.5 * (pooled**2).sum() / n
    return loss


def attention(N: int, I: int, H: int, O: int, seed: int, dtype: Any = np.float64) -> Tensor:  # noqa: E741 - as in the books
    """One head of attention over the examples, and a gate that lets what it found into a memory."""
    rng = np.random.default_rng(seed)
    Wq, Wk, Wv, Wg = (parameter(rng.standard_normal((I, H)), dtype, name) for name in ("Wq", "Wk", "Wv", "Wg"))
    W2 = parameter(rng.standard_normal((H, O)), dtype, "W2")
    x, y = rng.standard_normal((N, I)).astype(dtype), rng.standard_normal((N, O)).astype(dtype)
    Q, K, V, memory = x @ Wq, x @ Wk, x @ Wv, rng.standard_normal((N, H)).astype(dtype)
    P = tl.softmax(Q @ K.T / H**0.5, axis=1)
    kept = tl.sigmoid(x @ Wg) * np.tanh(P @ V) + memory
    loss: Tensor = nn.SquaredLoss()(kept @ W2, y)
    return loss


NETWORKS: dict[str, Network] = {
    "relu, squared loss, penalty": relu_squared,
    "sigmoid, mean squared error": sigmoids,
    "tanh, softmax, cross-entropy": softmax_entropy,
    "residual": residual,
    "convolution": convolution,
    "columns, leaky relu": columns,
    "recurrent": recurrent,
    "exp, log": log_probability,
    "ties": ties,
    "attention, gate": attention,
}


def probes(network: Network, dtype: Any = np.float64) -> list[Tensor]:
    """A generic square point and one with distinct sizes, both with a unit that is off where there are relus."""
    return [network(5, 4, 4, 4, 3, dtype), network(3, 5, 4, 2, 7, dtype)]
