"""The networks of a first course, by name, each with the data, the optimiser and the settings that go with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from tinygrad_lite import nn, optim
from tinygrad_lite.data.digits import load_digits
from tinygrad_lite.data.idx import load_mnist
from tinygrad_lite.data.split import train_test_split
from tinygrad_lite.data.two_digits import enlarged, two_digits
from tinygrad_lite.fitting import accuracy, fit
from tinygrad_lite.history import History
from tinygrad_lite.intake import Array
from tinygrad_lite.primitives.arithmetic import multiply
from tinygrad_lite.tensor import Tensor

Examples = tuple[Array, Array]
PAIRS = 4000, 1000  # images of two digits: to train on, to test on


@dataclass(frozen=True)
class Plan:
    """What decides a run, to the last bit: equal plans give equal numbers. None is the model's own setting."""

    model: Literal["mlp", "cnn"] = "mlp"
    data: str = "digits"  # or "two-digits", or "mnist:" and a folder
    activation: Literal["relu", "leaky-relu"] = "relu"
    epochs: int | None = None
    batch_size: int = 32
    lr: float | None = None
    momentum: float | None = None
    seed: int = 0


class TwoHeads(nn.Module):
    """A body, and two linear heads on what it gives: the fork where two gradients meet and add up.

    >>> import numpy as np
    >>> upper, lower = TwoHeads(nn.Identity(), 64)(np.ones((5, 64)))
    >>> upper.shape, lower.shape
    ((5, 10), (5, 10))
    """

    def __init__(self, body: nn.Module, features: int, rng: Any = None, dtype: Any = np.float64) -> None:
        self.body = body
        self.upper = nn.Linear(features, 10, rng=rng, dtype=dtype)
        self.lower = nn.Linear(features, 10, rng=rng, dtype=dtype)

    def forward(self, x: Any) -> tuple[Tensor, Tensor]:
        """The logits of the upper and of the lower digit."""
        h = self.body(x)
        return self.upper(h), self.lower(h)


class PairLoss(nn.Module):
    """1/2 (CE(upper, y_1) + CE(lower, y_2)): cross-entropy, averaged over the two digits of an image."""

    def __init__(self) -> None:
        self.each = nn.CrossEntropyLoss()

    def forward(self, logits: tuple[Tensor, Tensor], classes: Any) -> Tensor:
        """The mean of the two cross-entropies."""
        upper, lower = (self.each(z, classes[:, k]) for k, z in enumerate(logits))
        return Tensor.record(multiply, (0.5, upper + lower), {})


def pair_accuracy(logits: tuple[Tensor, Tensor], classes: Any) -> float:
    """The share of digits that are found, upper and lower ones."""
    return 0.5 * (accuracy(logits[0], classes[:, 0]) + accuracy(logits[1], classes[:, 1]))


def network(plan: Plan) -> nn.Module:
    """The plan's network: 784-128-10 or 1176-64-(10, 10), or conv 32 - pool - conv 64 - pool - 128 - dropout - 10.

    >>> net = network(Plan("mlp", activation="leaky-relu"))
    >>> print(*(repr(part) for part in net), sep=chr(10))
    Flatten(start_dim=1, end_dim=-1)
    Linear(in_features=784, out_features=128, bias=True)
    LeakyReLU(negative_slope=0.01)
    Linear(in_features=128, out_features=10, bias=True)
    """
    rng = _streams(plan)[1]
    made: Any = {"rng": rng, "dtype": np.float32}
    activation = nn.ReLU if plan.activation == "relu" else nn.LeakyReLU
    two = plan.data == "two-digits"
    height, width = (42, 28) if two else (28, 28)
    if plan.model == "mlp":
        features = 64 if two else 128
        body = nn.Sequential(nn.Flatten(), nn.Linear(height * width, features, **made), activation())
    else:
        features = 128
        left = 64 * (((height - 2) // 2 - 2) // 2) * (((width - 2) // 2 - 2) // 2)
        body = nn.Sequential(
            nn.Conv2d(1, 32, 3, **made), activation(), nn.MaxPool2d(2),
            nn.Conv2d(32, 64, 3, **made), activation(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(left, features, **made), activation(), nn.Dropout(0.5, rng=rng),
        )  # fmt: skip
    return TwoHeads(body, features, **made) if two else body.append(nn.Linear(features, 10, **made))


def optimiser(plan: Plan, net: nn.Module) -> optim.SGD:
    """SGD with rate 0.1 for an mlp; with rate 0.01 and Nesterov's momentum 0.9 for a cnn."""
    lr, momentum = (0.1, 0.0) if plan.model == "mlp" else (0.01, 0.9)
    lr, momentum = lr if plan.lr is None else plan.lr, momentum if plan.momentum is None else plan.momentum
    return optim.SGD(net.parameters(), lr, momentum, nesterov=momentum > 0)


def examples(plan: Plan) -> tuple[Examples, Examples]:
    """What to train on and what to test on: images (N, 1, H, W) from 0 to 1, labels (N,) or (N, 2).

    Raises: ValueError for data that nobody knows; what `load_mnist` raises.
    """
    if plan.data.startswith("mnist:"):
        x_train, x_test, y_train, y_test = load_mnist(plan.data.removeprefix("mnist:"))
        for part, x, y in (("train", x_train, y_train), ("test", x_test, y_test)):
            if not len(x) or x.shape[1:] != (28, 28) or not 0 <= y.min() <= y.max() <= 9:
                found = f"labels from {y.min()} to {y.max()}" if len(y) else "none"
                raise ValueError(
                    f"the networks read images of 28x28 with labels 0 to 9; the {part} images are {x.shape}, {found}"
                )
        x_train, x_test = (x.astype(np.float32) / 255 for x in (x_train, x_test))
    elif plan.data in ("digits", "two-digits"):
        rng = _streams(plan)[0]
        images, labels = load_digits()
        x_train, x_test, y_train, y_test = train_test_split(enlarged(images) / np.float32(16), labels, rng=rng)
        if plan.data == "two-digits":  # of images that are themselves held out: no test digit was trained on
            x_train, y_train = two_digits(x_train, y_train, PAIRS[0], rng=rng)
            x_test, y_test = two_digits(x_test, y_test, PAIRS[1], rng=rng)
    else:
        raise ValueError(f"data is 'digits', 'two-digits' or 'mnist:' and a folder, not {plan.data!r}")
    return (x_train[:, None], y_train), (x_test[:, None], y_test)


def epochs(plan: Plan) -> int:
    """How many: the plan's, or what its data needs."""
    return plan.epochs or {"digits": 15, "two-digits": 10}.get(plan.data, 5)


def train(
    plan: Plan,
    data: tuple[Examples, Examples] | None = None,
    callback: Callable[[dict[str, float]], Any] = lambda record: None,
    progress: bool = False,
    compile: bool = False,
) -> tuple[nn.Module, History]:
    """Train the plan's network; the test figures are the history's `val_loss` and `val_accuracy`."""
    training, test = examples(plan) if data is None else data
    net = network(plan)
    two = plan.data == "two-digits"
    history = fit(
        net, PairLoss() if two else nn.CrossEntropyLoss(), optimiser(plan, net), training, epochs=epochs(plan),
        validation=test, batch_size=plan.batch_size, metrics={"accuracy": pair_accuracy if two else accuracy},
        callbacks=[callback], rng=_streams(plan)[2], progress=progress, compile=compile,
    )  # fmt: skip
    return net, history


def _streams(plan: Plan) -> list[np.random.Generator]:
    """Generators for the data, the parameters and the order, each of its own: another network meets the same data."""
    return np.random.default_rng(plan.seed).spawn(3)
