"""Training a classifier: batches, steps, and a record of every epoch. Nothing here prints."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from time import perf_counter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tinygrad_lite import nn, optim
from tinygrad_lite.context import no_grad
from tinygrad_lite.data import batches, load_digits, train_test_split
from tinygrad_lite.fitting import Measure, stepper
from tinygrad_lite.intake import Array

Examples = tuple[Array, Array]  # inputs (N, I) and their classes (N,)


class Diverged(ArithmeticError):
    """The loss is no longer a finite number, so there is nothing left to train; the message says since when."""


@dataclass(frozen=True)
class Settings:
    """What decides a training run on the digits, to the last bit: equal settings give equal numbers."""

    hidden: tuple[int, ...] = (64, 32)
    epochs: int = 30
    batch_size: int = 32
    lr: float = 0.05
    momentum: float = 0.9
    seed: int = 0


class Step(NamedTuple):
    """Where a training run is: after step `number` of the `total` in this epoch, and the epoch's figures so far."""

    epoch: int
    number: int
    total: int
    loss: float
    accuracy: float


@dataclass(frozen=True)
class Epoch:
    """What an epoch came to.

    The training figures are means over the epoch's examples, each taken when its batch was visited, before the
    step; those of the test examples, which no step sees, are taken at the end of the epoch. The time is no part
    of the result: epochs that differ in nothing else are equal.
    """

    number: int
    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float
    seconds: float = field(compare=False)


def multilayer_perceptron(
    sizes: Sequence[int], rng: np.random.Generator, dtype: npt.DTypeLike = np.float32
) -> nn.Sequential:
    """Linear layers with ReLU between them; `sizes` are the widths, from the input to the output.

    >>> import numpy as np
    >>> multilayer_perceptron([64, 32, 10], np.random.default_rng(0))
    Sequential(
      (0): Linear(in_features=64, out_features=32, bias=True)
      (1): ReLU()
      (2): Linear(in_features=32, out_features=10, bias=True)
    )
    """
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(sizes):
        layers += [nn.ReLU()] if layers else []
        layers.append(nn.Linear(inputs, outputs, rng=rng, dtype=dtype))
    return nn.Sequential(*layers)


def evaluate(net: nn.Module, examples: Examples) -> tuple[float, float]:
    """The mean cross-entropy of a network's logits, and the share of examples whose class it finds."""
    x, y = examples
    with no_grad():
        logits = net(x)
        loss = nn.CrossEntropyLoss()(logits, y).item()
    return loss, float(np.mean(logits.numpy().argmax(axis=1) == y))


def fit(
    net: nn.Module,
    optimiser: optim.SGD,
    train: Examples,
    test: Examples,
    *,
    epochs: int,
    batch_size: int,
    rng: np.random.Generator,
    on_step: Callable[[Step], object] | None = None,
    compile: bool = False,
) -> Iterator[Epoch]:
    """Train a classifier by cross-entropy, an epoch at each `next`; `rng` gives the order of the examples.

    With `compile` the steps are compiled: the same numbers, sooner.

    Raises: Diverged when a loss is infinite or not a number.
    """
    step = stepper(net, nn.CrossEntropyLoss(), optimiser, compile)
    for number in range(1, epochs + 1):
        start = perf_counter()
        with np.errstate(over="ignore", invalid="ignore"):  # overflow ends in Diverged, which says more
            loss, accuracy = _train_epoch(number, step, train, batch_size, rng, on_step)
            test_loss, test_accuracy = evaluate(net, test)
        if not math.isfinite(test_loss):
            raise Diverged(f"the loss became {test_loss} at the end of epoch {number}")
        yield Epoch(number, loss, accuracy, test_loss, test_accuracy, perf_counter() - start)


def _train_epoch(
    epoch: int,
    train_on: Measure,
    train: Examples,
    batch_size: int,
    rng: np.random.Generator,
    on_step: Callable[[Step], object] | None,
) -> tuple[float, float]:
    """One pass over the training examples: the mean loss and the accuracy at the moment of each visit."""
    total = -(-len(train[0]) // batch_size)
    seen = correct = 0
    losses = 0.0
    for number, (x, y) in enumerate(batches(*train, batch_size, rng=rng), start=1):
        loss, logits = train_on(x, y)
        if not math.isfinite(value := loss.item()):
            raise Diverged(f"the loss became {value} in epoch {epoch}, at step {number} of {total}")
        seen += len(x)
        losses += value * len(x)
        correct += int(np.count_nonzero(logits.numpy().argmax(axis=1) == y))
        if on_step is not None:
            on_step(Step(epoch, number, total, losses / seen, correct / seen))
    return losses / seen, correct / seen


def digits(rng: np.random.Generator) -> tuple[Examples, Examples]:
    """The handwritten digits as inputs of 64 numbers in 0..1: what to train on, and the fifth to test on."""
    images, labels = load_digits()
    x = images.reshape(len(images), -1).astype(np.float32) / 16
    x_train, x_test, y_train, y_test = train_test_split(x, labels, rng=rng)
    return (x_train, y_train), (x_test, y_test)


def train_digits(
    settings: Settings, on_step: Callable[[Step], object] | None = None, compile: bool = False
) -> Iterator[Epoch]:
    """Train a ReLU network on the handwritten digits, an epoch at each `next`, in single precision.

    The split, the first parameters and the order of the examples come from streams of their own, so that another
    network meets the same examples in the same order.

    >>> history = list(train_digits(Settings(hidden=(16,), epochs=2)))
    >>> history == list(train_digits(Settings(hidden=(16,), epochs=2)))
    True
    >>> history[1].test_accuracy > 0.5
    True
    """
    for_split, for_parameters, for_order = np.random.default_rng(settings.seed).spawn(3)
    train, test = digits(for_split)
    net = multilayer_perceptron([64, *settings.hidden, 10], for_parameters)
    optimiser = optim.SGD(net.parameters(), lr=settings.lr, momentum=settings.momentum)
    return fit(
        net,
        optimiser,
        train,
        test,
        epochs=settings.epochs,
        batch_size=settings.batch_size,
        rng=for_order,
        on_step=on_step,
        compile=compile,
    )
