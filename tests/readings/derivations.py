"""The derivations that the tests look at, and a reader of what is printed that knows nothing of how it was made."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np

import tinygrad_lite as tl
from tinygrad_lite import exercise, nn, optim
from tinygrad_lite.readings.derivation.derivation import Derivation


def exercise_point(k: int = 0, **options: Any) -> Derivation:
    """The exercise's cost at its k-th point, after the steps at those before, in the names of its text."""
    net = exercise.network()
    optimiser = optim.SGD(net.parameters(), lr=exercise.LEARNING_RATE)
    for x, y in exercise.TRAINING[:k]:
        exercise.step(net, optimiser, x, y)
    point, target = exercise.TRAINING[k]
    inputs, goal = np.array(point, float), np.array([float(target)])
    node: Any = exercise.cost(net, inputs, goal)  # type: ignore[arg-type]  # arrays, so that they have names
    loss = node
    names = {"x": inputs, "y": goal, "W1": net[0].weight, "b": net[0].bias, "W2": net[2].weight}
    for name in ("C", "a", "h", "z"):
        names[name] = node
        node = node.inputs[0]
    return tl.derive(loss, names=names, **options)


def classifier() -> tl.Tensor:
    """An MLP with cross-entropy on a batch of five."""
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.Tanh(), nn.Linear(4, 3, rng=1))
    x = np.random.default_rng(2).normal(size=(5, 3))
    loss: tl.Tensor = nn.CrossEntropyLoss()(net(x), np.array([0, 2, 1, 1, 0]))
    return loss


def residual_block() -> tl.Tensor:
    """x + W2 tanh(W1 x), whose input feeds two places."""
    rng = np.random.default_rng(0)
    x = tl.tensor(rng.normal(size=3), requires_grad=True, name="x")
    w1 = tl.tensor(rng.normal(size=(2, 3)), requires_grad=True, name="W1")
    w2 = tl.tensor(rng.normal(size=(3, 2)), requires_grad=True, name="W2")
    loss: tl.Tensor = np.sum((x + w2 @ np.tanh(w1 @ x)) ** 2)
    return loss


def lstm_cell() -> tl.Tensor:
    """The new state of an LSTM cell against a target."""
    rng = np.random.default_rng(0)
    cell = nn.LSTMCell(2, 3, rng=0)
    h, _ = cell(rng.normal(size=(2, 2)), (rng.normal(size=(2, 3)), rng.normal(size=(2, 3))))
    loss: tl.Tensor = nn.SquaredLoss()(h, rng.normal(size=(2, 3)))
    return loss


class Reader:
    """Evaluates a printed right-hand side, in the text dialect, with the rules of linear algebra.

    A vector is a column, its transpose a row; what stands side by side is a matrix product.
    """

    TOKEN = re.compile(r"\s*(d\w+/d\w+(?!\[)|1\[|\d+\.?\d*(?:e-?\d+)?|\^T|∑_?\w*|[^\W\d]\w*|[-+*/^()\[\],>⊙·])")
    FUNCTIONS: Mapping[str, Any] = {
        "relu": lambda x: np.maximum(x, 0), "tanh": np.tanh, "σ": lambda x: 1 / (1 + np.exp(-x)),
        "mean": np.mean, "softplus": lambda x: np.log(1 + np.exp(x)),
        "softmax": lambda z: np.exp(z) / np.exp(z).sum(-1, keepdims=True),
    }  # fmt: skip

    def __init__(self, values: Mapping[str, Any]) -> None:
        self.values = values

    def __call__(self, text: str) -> Any:
        self.tokens: list[str] = []
        at = 0
        while at < len(text.rstrip()):
            match = self.TOKEN.match(text, at)
            assert match, f"cannot read {text[at:]!r} in {text!r}"
            self.tokens.append(match[1])
            at = match.end()
        found = self.sum()
        assert not self.tokens, f"{self.tokens} is left of {text!r}"
        return found

    def next_is(self, *tokens: str) -> bool:
        return bool(self.tokens) and self.tokens[0] in tokens

    def sum(self) -> Any:
        sign = -1 if self.next_is("-") and self.tokens.pop(0) else 1
        total = sign * self.product()
        while self.next_is("+", "-"):
            sign = 1 if self.tokens.pop(0) == "+" else -1
            total = total + sign * self.product()
        return total

    def product(self) -> Any:
        if self.tokens[0].startswith("∑"):
            mark = self.tokens.pop(0)
            return np.sum(self.product(), axis=0 if mark == "∑_n" else None)
        found = self.factors()
        while self.next_is("⊙", "*", "·"):
            self.tokens.pop(0)
            found = found * self.factors()
        return found

    def factors(self) -> Any:
        found = self.factor()
        while self.tokens and not self.next_is("+", "-", "*", "/", "⊙", "·", ")", "]", ",", ">"):
            found = beside(found, self.factor())
        return found

    def factor(self) -> Any:
        found = self.atom()
        while self.next_is("^T", "^", "/"):
            token = self.tokens.pop(0)
            if token == "^T":
                found = np.atleast_2d(found) if np.ndim(found) < 2 else found.T
            else:
                found = found ** self.atom() if token == "^" else found / self.atom()
        return found

    def atom(self) -> Any:
        token = self.tokens.pop(0)
        if token in ("(", "1["):
            found = self.sum()
            if token == "1[":
                assert self.tokens.pop(0) == ">"
                found = found > self.sum()
            assert self.tokens.pop(0) in (")", "]")
            return found
        if token in self.values:
            return self.values[token]
        if token == "onehot":
            labels = self.atom()
            return np.eye(int(labels.max()) + 1)[labels]
        if token in self.FUNCTIONS:
            return self.FUNCTIONS[token](self.factor())
        return float(token)


def beside(a: Any, b: Any) -> Any:
    """The matrix product of what stands side by side; with a single number, its multiple."""
    if np.ndim(a) == 0 or np.ndim(b) == 0:
        return a * b
    column = a[:, None] if np.ndim(a) == 1 else a
    if column.shape[1] == np.shape(b)[0]:
        return column @ b
    assert np.size(a) == 1 or np.size(b) == 1, f"{np.shape(a)} beside {np.shape(b)}"
    return np.reshape(a, ()) * b if np.size(a) == 1 else a * np.reshape(b, ())


def values_of(derivation: Derivation) -> dict[str, Any]:
    """Every named value of a derivation, forward and backward."""
    builder = derivation._builder
    names = derivation._names
    found: dict[str, Any] = {names[n]: np.asarray(n.value) for n in builder.folding.shown}
    for node in derivation.program.forward:
        for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True)):
            if x is None and isinstance(a, np.ndarray):
                found.setdefault(names.operand(node, i), a)
    found.update({step.key: np.asarray(step.value) for step in derivation if step.cotangent})
    return found
