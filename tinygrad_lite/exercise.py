"""The exercise: a 2-3-1 network, trained by hand-sized steps, whose right answers are known.

    z = W1 x + b    h = relu(z)    a = W2 h    C = 1/2 (y - a)^2

All weights start at 1 and all biases at 0. Four points are visited in order, one step each; all gradients are taken
at the old parameters, then all parameters move at once. Nothing is random, so every number can be checked.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from tinygrad_lite import nn, optim
from tinygrad_lite.context import no_grad
from tinygrad_lite.intake import Array
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.training import Diverged

Point = tuple[float, float]

TRAINING: tuple[tuple[Point, float], ...] = (((2, 1), 10), ((3, 3), 21), ((4, 5), 32), ((6, 6), 42))
TESTING: tuple[tuple[Point, float], ...] = tuple(((p, p), 7 * p) for p in (1, 2, 3, 5, 10))
LEARNING_RATE = 0.001
EPOCHS = 10
COST_LIMIT = 0.15  # of the cost C at every training point, after the last epoch
TEST_LIMIT = 0.1  # of |prediction - target| at every testing point


def network() -> nn.Sequential:
    """The network before training: every weight 1, every bias 0.

    Shapes: x (2,) -> a (1,); W1 (3, 2), b (3,), W2 (1, 3).

    >>> network()((2, 1)).item()
    9.0
    """
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False), nn.Identity())
    net.load_state_dict({"0.weight": np.ones((3, 2)), "0.bias": np.zeros(3), "2.weight": np.ones((1, 3))})
    return net


def cost(net: nn.Module, x: Point, y: float) -> Tensor:
    """C = 1/2 (y - a)^2 at one point, on the graph.

    >>> cost(network(), (2, 1), 10).item()
    0.5
    """
    loss: Tensor = nn.SquaredLoss()(net(x), y)
    return loss


def step(net: nn.Module, optimiser: optim.SGD, x: Point, y: float) -> float:
    """One step at one point; returns the cost there before the step."""
    loss = cost(net, x, y)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()
    return float(loss.item())


@dataclass(frozen=True)
class Epoch:
    """The cost C at each training point, all with the parameters as they are at the end of epoch `number`.

    Not the costs met on the way, for those belong to four different networks. Number 0 is before training.
    """

    number: int
    costs: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean cost over the training points."""
        return sum(self.costs) / len(self.costs)


def measure(net: nn.Module, number: int) -> Epoch:
    """The costs at the training points as the network stands."""
    with no_grad():
        return Epoch(number, tuple(float(cost(net, x, y).item()) for x, y in TRAINING))


def train(net: nn.Module, epochs: int = EPOCHS, lr: float = LEARNING_RATE, compile: bool = False) -> Iterator[Epoch]:
    """Train on the four points in order, an epoch at each `next`; with `compile` by compiled steps: the same numbers.

    Raises: Diverged when a cost is infinite or not a number.

    >>> [round(epoch.mean, 4) for epoch in train(network(), epochs=2)]
    [0.2566, 0.0656]
    """
    optimiser = optim.SGD(net.parameters(), lr=lr)
    move: Any = partial(step, net, optimiser)
    if compile:
        from tinygrad_lite.readings.compile import compile as compiled  # here, for importing it takes its time

        quick = compiled(lambda x, y: cost(net, x, y), optimizer=optimiser)
        move = lambda x, y: quick(np.array(x, float), np.array(y, float))  # noqa: E731  # numbers would be programs each
    for number in range(1, epochs + 1):
        with np.errstate(over="ignore", invalid="ignore"):  # overflow ends in Diverged, which says more
            for x, y in TRAINING:
                move(x, y)
            epoch = measure(net, number)
        if not math.isfinite(epoch.mean):
            raise Diverged(f"the cost became {epoch.mean} in epoch {number}")
        yield epoch


@dataclass(frozen=True)
class Answer:
    """What the network says at a testing point."""

    x: Point
    target: float
    prediction: float

    @property
    def error(self) -> float:
        """|prediction - target|."""
        return abs(self.prediction - self.target)


@dataclass(frozen=True)
class Criterion:
    """A demand that the exercise makes, what it came to, and whether it holds."""

    demand: str
    largest: float
    limit: float

    @property
    def holds(self) -> bool:
        """Whether the largest error is under the limit."""
        return self.largest < self.limit


@dataclass(frozen=True)
class Result:
    """All that the exercise gives: its settings, the costs of every epoch, and the trained network's answers."""

    lr: float
    start: Epoch
    epochs: tuple[Epoch, ...]
    W1: Array
    b: Array
    W2: Array
    answers: tuple[Answer, ...]

    @property
    def training_errors(self) -> tuple[float, ...]:
        """|y - a| at the training points after the last epoch: the root of 2 C."""
        return tuple(math.sqrt(2 * c) for c in self.epochs[-1].costs)

    @property
    def criteria(self) -> tuple[Criterion, Criterion]:
        """The exercise's two demands."""
        costs = max(self.epochs[-1].costs)
        errors = max(answer.error for answer in self.answers)
        return (
            Criterion(f"C < {COST_LIMIT} at every training point after the last epoch", costs, COST_LIMIT),
            Criterion(f"|prediction - 7p| < {TEST_LIMIT} at every testing point", errors, TEST_LIMIT),
        )


def result(net: nn.Module, lr: float, start: Epoch, epochs: tuple[Epoch, ...]) -> Result:
    """The record of a network that `train` has trained, with its answers at the testing points."""
    state = net.state_dict()
    with no_grad():
        answers = tuple(Answer(x, y, float(net(x).item())) for x, y in TESTING)
    return Result(lr, start, epochs, state["0.weight"], state["0.bias"], state["2.weight"], answers)


def run(epochs: int = EPOCHS, lr: float = LEARNING_RATE) -> Result:
    """The whole exercise.

    >>> [criterion.holds for criterion in run().criteria]
    [True, True]
    """
    net = network()
    return result(net, lr, measure(net, 0), tuple(train(net, epochs, lr)))
