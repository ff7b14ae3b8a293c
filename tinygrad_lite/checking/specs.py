"""An exercise that marks itself: what a solution is, how it is run, what is right. A few lines declare it."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from tinygrad_lite import exercise
from tinygrad_lite.functions import relu


@dataclass
class Spec:
    """What a solution has to be and to do.

    loss        the loss of one step in terms of the parameters and the data, in NumPy's functions
    parameters  {name in `loss`: the solution's attribute}
    train       one step of the solution: train(solution, point)
    points      the numbers to try it at, for every argument of `loss`; the first is the exercise's own
    lr          the attribute with the learning rate, or the number that the solution uses
    predict     what the solution answers: predict(solution, point); and `answer` what is right, of the same arguments
    names       of the points, for the report
    Raises: TypeError and ValueError for a declaration that does not fit together.

    >>> spec = Spec(
    ...     loss=lambda W, x, y: np.mean((x @ W - y) ** 2),
    ...     parameters={"W": "weights"},
    ...     train=lambda model, at: model.fit_step(at["x"], at["y"]),
    ...     points=[{"W": np.ones((2, 1)), "x": np.eye(2), "y": np.zeros((2, 1))}],
    ... )
    >>> spec.point_names()
    ['point 1']
    """

    loss: Callable[..., Any]
    parameters: Mapping[str, str]
    train: Callable[[Any, Mapping[str, Any]], Any]
    points: Sequence[Mapping[str, Any]]
    lr: str | float = "learning_rate"
    predict: Callable[[Any, Mapping[str, Any]], Any] | None = None
    answer: Callable[..., Any] | None = None
    names: Sequence[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("loss", "train", "predict", "answer"):
            given = getattr(self, name)
            if not callable(given) and (given is not None or name in ("loss", "train")):
                raise TypeError(f"Spec: {name}= is a function, not {type(given).__name__}")
        if not self.points or not self.parameters:
            raise ValueError(f"Spec: {'parameters' if self.points else 'points'}= is empty")
        if (self.predict is None) != (self.answer is None):
            raise ValueError("Spec: predict= says what a solution answers, answer= what is right; give both or neither")
        if not isinstance(self.lr, str) and not self.lr > 0:
            raise ValueError(f"Spec: lr={self.lr} is to be the attribute's name or a number above 0")
        taken = inspect.signature(self.loss).parameters
        if any(p.kind in (p.VAR_KEYWORD, p.VAR_POSITIONAL) for p in taken.values()):
            return
        wanted = {name for name, p in taken.items() if p.default is p.empty} | set(self.parameters)
        for at, name in zip(self.points, self.point_names(), strict=False):
            absent, strange = sorted(wanted - set(at)), sorted(set(at) - set(taken))
            if absent or strange:
                wrong = f"has no {', '.join(absent)}" if absent else f"has {', '.join(strange)} too"
                raise ValueError(f"Spec: {name} {wrong}; loss= takes {', '.join(taken)}")

    def point_names(self) -> list[str]:
        """What the points are called."""
        return [*self.names, *(f"point {k + 1}" for k in range(len(self.names), len(self.points)))]


def drawn(spec: Spec, text: bytes) -> Spec:
    """The spec with one point more, drawn from the solution's own text: answers kept ready for known points fail there.

    It has the data of a point in the middle and parameters of its own; there is none where the loss has no value.
    """
    seed = int.from_bytes(hashlib.sha256(text).digest()[:4], "big")
    rng = np.random.default_rng(seed)
    point = dict(spec.points[len(spec.points) // 2])
    for name in spec.parameters:
        shape = np.shape(point[name])
        point[name] = rng.uniform(0.3, 1.5, shape) * rng.choice([-1.0, 1.0], shape)
    with np.errstate(all="ignore"):
        loss = spec.loss(**point)
    if not np.all(np.isfinite(getattr(loss, "value", loss))):
        return spec
    names = [*spec.point_names(), "a point drawn for this file"]
    return replace(spec, points=[*spec.points, point], names=names)


def _loss(W1: Any, b: Any, W2: Any, x: Any, y: Any) -> Any:
    a = W2 @ relu(W1 @ x + b)
    return np.sum((y - a) ** 2) / 2


def _answer(W1: Any, b: Any, W2: Any, x: Any, y: Any) -> Any:
    return (W2 @ np.maximum(W1 @ x + b, 0)).item()


def _point(W1: Any, b: Any, W2: Any, x: Any, y: float) -> dict[str, Any]:
    return {
        "W1": np.array(W1, float), "b": np.array(b, float).reshape(3, 1), "W2": np.array(W2, float).reshape(1, 3),
        "x": np.array(x).reshape(2, 1), "y": y,
    }  # fmt: skip


def _arguments(at: Mapping[str, Any]) -> tuple[Any, Any, Any]:
    x1, x2 = (v.item() for v in np.asarray(at["x"]).reshape(-1))
    return x1, x2, at["y"]


FIRST_POINT = exercise.TRAINING[0]
EXERCISE = Spec(
    loss=_loss,
    parameters={
        "W1": "input_to_hidden_weights",
        "b": "biases",
        "W2": "hidden_to_output_weights",
    },
    train=lambda net, at: net.train(*_arguments(at)),
    predict=lambda net, at: net.predict(*_arguments(at)[:2]),
    answer=_answer,
    points=[
        _point(np.ones((3, 2)), np.zeros(3), np.ones(3), FIRST_POINT[0], FIRST_POINT[1]),
        # The first unit is off, the others are not alike, the prediction is too large; nothing is a whole number.
        _point([[-0.7, 0.2], [0.9, -0.3], [0.4, 1.1]], [-0.25, 0.35, -0.15], [0.8, 1.3, -0.6], [1.6, 0.7], -1.45),
        # The last unit is off, and a weight is negative; the prediction is too small.
        _point([[0.55, 0.85], [1.15, -0.35], [-0.95, -0.45]], [0.4, -0.2, 0.1], [-1.1, 0.75, 0.65], [0.9, 1.7], 3.35),
        # z of the second unit is exactly 0, where relu' is 0 by convention.
        _point([[0.5, 0.25], [1.0, -1.0], [0.75, 0.5]], [0.5, 0.0, -0.25], [1.25, 0.5, -0.75], [2.0, 2.0], 4.5),
    ],
    names=[
        "the exercise's first point",
        "a point where the first unit is off",
        "a point where the last unit is off",
        "a point where z is exactly 0",
    ],
)  # fmt: skip
