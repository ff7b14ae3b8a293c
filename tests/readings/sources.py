"""Programs whose source is read, run and compared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tests.readings.networks import Residual
from tinygrad_lite import exercise, nn, optim
from tinygrad_lite.readings.source import Source

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(5, 4)), np.array([0, 2, 1, 1, 0])
IMAGES = RNG.normal(size=(2, 1, 4, 4))


def the_exercise(**how: Any) -> Source:
    net = exercise.network()
    (point, target), (W1, b, W2) = exercise.TRAINING[0], net.parameters()
    x, y = np.array(point, float), np.array([float(target)])
    z = net[0](x)
    h = net[1](z)
    a = net[2](h)
    C = nn.SquaredLoss()(a, y)
    return tl.source(C, names={"x": x, "y": y, "W1": W1, "b": b, "W2": W2, "z": z, "h": h, "a": a, "C": C}, **how)


def mlp(dtype: Any = np.float64) -> Any:
    return nn.Sequential(nn.Linear(4, 3, rng=0, dtype=dtype), nn.ReLU(), nn.Linear(3, 3, rng=1, dtype=dtype))


def classifier(exact: bool = True, dtype: Any = np.float64, **how: Any) -> Source:
    return tl.source(nn.CrossEntropyLoss()(mlp(dtype)(X.astype(dtype)), Y), exact=exact, **how)


def conv_net() -> Source:
    net = nn.Sequential(
        nn.Conv2d(1, 2, 3, padding=1, rng=0), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8, 3, rng=0)
    )
    return tl.source(nn.CrossEntropyLoss()(net(IMAGES), Y[:2]))


def batch_norm() -> Source:
    net = nn.Sequential(nn.Linear(4, 3, rng=0), nn.BatchNorm1d(3), nn.Tanh(), nn.Linear(3, 1, rng=1))
    return tl.source(nn.MSELoss()(net(X), X[:, :1]))


def lstm() -> Source:
    cell = nn.LSTMCell(4, 2, rng=0)

    def loss(x: Any) -> Any:
        h, _ = cell(x)
        return np.sum(h * h)

    return tl.source(loss, X)


def attention() -> Source:
    layer = nn.MultiheadAttention(4, 2, batch_first=True, rng=0)

    def loss(x: Any) -> Any:
        return np.mean(np.square(layer(x, x, x)[0]))

    return tl.source(loss, RNG.normal(size=(2, 3, 4)))


def penalty() -> Source:
    """A gradient inside the loss: its source is of second order."""
    W = tl.tensor(RNG.normal(size=(4, 3)), requires_grad=True, name="W")

    def loss(x: Any) -> Any:
        slope = tl.grad(lambda x: np.sum(np.tanh(x @ W)))(x)
        return np.sum(slope * slope)

    return tl.source(loss, X)


def residual() -> Source:
    net = Residual(4)

    def loss(x: Any, y: Any) -> Any:
        return nn.SquaredLoss()(net(x), y)

    return tl.source(loss, X, -X, update=0.1)


def numbers() -> Source:
    """Parameters that are numbers, a determinant and a dot product: NumPy's stubs say little of what they give."""

    def loss(w: Any, v: Any, A: Any) -> Any:
        return w[None].sum() * np.log(v) + np.linalg.slogdet(A)[1] + A[0] @ A[1] + np.maximum(w, w)

    return tl.source(loss, 1.5, 2.5, np.eye(3) + 0.1)


def error_function() -> Source:
    net = nn.Sequential(nn.Linear(4, 6, rng=0), nn.LayerNorm(6), nn.GELU(), nn.Linear(6, 1, rng=1))
    return tl.source(lambda x, y: nn.MSELoss()(net(x), y), X, X[:, :1].copy())


def definite() -> Source:
    """What no random numbers will do for as an example."""
    return tl.source(lambda A: np.sum(np.linalg.cholesky(A)), X.T @ X + np.eye(4))


def momentum() -> Source:
    """Steps of SGD that keep something from one to the next, and other rates for other parameters."""
    net = mlp()
    sgd = optim.SGD(
        [{"params": [net[0].weight], "nesterov": True}, {"params": [net[2].weight, net[2].bias], "lr": 0.5}],
        lr=0.1,
        momentum=0.9,
        weight_decay=0.01,
    )
    return tl.source(nn.CrossEntropyLoss()(net(X), Y), update=sgd)


ALL = [
    momentum,
    the_exercise,
    classifier,
    conv_net,
    batch_norm,
    lstm,
    attention,
    penalty,
    residual,
    numbers,
    error_function,
    definite,
]


def function(text: str) -> str:
    """The function alone: what goes along with it is the source of rows, which have tests of their own."""
    return text[text.index("def loss_and_gradients") : text.index("def example")]
