"""The tests are tested: wrong rules and wrong sweeps, planted on purpose, are caught by the oracles.

A mistake is planted in the graph of one run, by giving its nodes a mutant of their row; the table stays as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.oracles import Array, Layered, adjoint_gap, complex_step, derivatives, one_sided
from tests.samples import SAMPLES
from tests.sampling import Case, cases
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graph import Node, ancestors, sweep
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import TABLE

Mistake = Callable[..., Any]  # (cotangent, input's number, g, y, args) -> the cotangent as it should not be


class Mutant(Primitive):
    """A row whose cotangents come out wrong."""

    __slots__ = ("mistake",)

    def __init__(self, row: Primitive, mistake: Mistake) -> None:
        super().__init__(row.run, row.tex, row.rules, kind=row.kind, name=row.name, variadic=row.variadic)
        self.mistake = mistake

    def pull(self, i: int, g: Any, y: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        return self.mistake(super().pull(i, g, y, args, kwargs), i, g, y, args)


def plant(y: Tensor, row: str, mistake: Mistake) -> None:
    """Let every use of `row` in the graph of `y` make the mistake."""
    mutant = Mutant(TABLE[row], mistake)
    found = [node for node in ancestors([y]) if node.op is TABLE[row]]
    assert found, f"the graph does not use {row}"
    for node in found:
        node.op = mutant


# -- mistakes ----------------------------------------------------------------------------------------------------


def hardly(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    return c * (1 + 1e-9)


def sign(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    return -c


def forgotten(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    """The rule hands on g as if the derivative were 1."""
    return g + 0 * c


def dropped(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    """The last input gets nothing."""
    return c * 0 if i == len(args) - 1 else c


def transposed(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    return np.swapaxes(c, -1, -2) if np.ndim(c) > 1 and c.shape[-1] == c.shape[-2] else c


def not_summed(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    """Where an input was broadcast, one of its copies stands for all."""
    shape = np.shape(args[i])
    if c.shape == shape:
        return c
    first = c[(0,) * (c.ndim - len(shape))]
    return first[tuple(slice(0, 1) if n == 1 else slice(None) for n in shape)]


def overwritten(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    """An entry read twice keeps its last cotangent: `out[rows] = g` for `np.add.at(out, rows, g)`."""
    out = np.zeros(c.shape)
    if len(args) > 1:
        out[args[1]] = g
    return out


def by(factor: float) -> Mistake:
    return lambda c, i, g, y, args: c * factor


SQUARE: dict[str, list[tuple[tuple[int, ...], ...]]] = {
    "matmul": [((3, 3), (3, 3))],
    "transpose": [((3, 3),)],
    "affine": [((3, 3), (3, 3), (3,))],
}
PLANTED: list[tuple[str, Mistake]] = [
    # every row of a kind is subject to the same three
    *[
        (row, mistake)
        for row in (
            "exp", "tanh", "multiply", "divide", "power", "sigmoid", "sqrt",  # pointwise
            "absolute", "relu", "maximum", "clip",  # kinked
            "matmul", "sum", "mean", "getitem", "transpose", "affine", "concatenate", "reshape", "where",  # linear
            "max", "var", "logsumexp", "squared_loss",  # general
        )
        for mistake in (hardly, sign)
    ],
    *[(row, forgotten) for row in ("exp", "log", "tanh", "square", "multiply", "divide", "absolute", "relu")],
    *[(row, dropped) for row in ("add", "multiply", "divide", "maximum", "where")],
    *[(row, dropped) for row in ("matmul", "affine", "stack", "squared_loss")],
    *[(row, transposed) for row in ("matmul", "transpose", "affine")],
    *[(row, not_summed) for row in ("add", "multiply", "divide", "maximum", "where", "affine")],
    ("getitem", overwritten),
    ("mean", by(2)), ("var", by(1.5)), ("squared_loss", by(4)), ("squared_loss", by(0.5)),
    # the classics
    ("tanh", lambda c, i, g, y, args: g * (1 - y)),
    ("sigmoid", lambda c, i, g, y, args: g * y),
    ("sqrt", lambda c, i, g, y, args: g / y),
    ("divide", lambda c, i, g, y, args: -c if i else c),
    ("power", lambda c, i, g, y, args: g * args[1] * args[0] ** args[1] if i == 0 else c),
    ("logsumexp", lambda c, i, g, y, args: np.exp(args[0]) + 0 * c),
    ("max", lambda c, i, g, y, args: c * (np.cumsum(c != 0).reshape(c.shape) == 1)),
    ("relu", lambda c, i, g, y, args: g * (args[0] > -0.4)),
]  # fmt: skip


def trials(row: str, mistake: Mistake) -> list[Case]:
    """The cases of a row, at square shapes and broadcast ones too where the mistake needs them to show."""
    found = [case for case in cases({row: SAMPLES[row]}) if not any(0 in shape for shape in case.shapes)]
    if mistake is transposed:
        return [Case(row, n, found[-1].sample, shapes) for n, shapes in enumerate(SQUARE[row])]
    if mistake is not_summed and found[0].sample.each:
        mixed = ((2, 3), (3,), (1, 3))
        return [Case(row, 0, found[0].sample, mixed[: len(found[0].shapes)])]
    return found


def caught_by(case: Case, mistake: Mistake | None) -> set[str]:
    """The oracles, at the tolerances of `primitives/test_rules.py`, that reject the case."""
    arrays = case.inputs()
    xs = [Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays]
    y = case.sample.call(*xs)
    g = case.cotangent(y)
    if mistake is not None:
        plant(y, case.row, mistake)
    y.backward(g)
    by = set()
    rng = case.rng()
    for i, x in enumerate(xs):
        if x.grad is None:
            continue
        if complex_step(case.sample.reference, arrays, i, g).error_of(x.grad) > 1e-13:
            by.add("complex step")
        if case.sample.kinked and one_sided(case.sample.reference, arrays, i, g, 2**-10).error_of(x.grad) > 1e-12:
            by.add("one-sided")
        if TABLE[case.row].kind == "linear":

            def f(v: Any, i: int = i) -> Any:
                return case.sample.reference(*arrays[:i], v, *arrays[i + 1 :])

            if adjoint_gap(f, x.grad, rng.normal(size=x.shape), g) > 1e-14:
                by.add("adjoint identity")
    return by


def expected(row: str) -> set[str]:
    kinked = any(sample.kinked for sample in SAMPLES[row])
    linear = TABLE[row].kind == "linear"
    return {"complex step"} | ({"one-sided"} if kinked else set()) | ({"adjoint identity"} if linear else set())


@pytest.mark.parametrize(
    ("row", "mistake"), PLANTED, ids=[f"{row}-{m.__name__}-{n}" for n, (row, m) in enumerate(PLANTED)]
)
def test_a_wrong_rule_is_caught_by_every_oracle_of_its_kind(row: str, mistake: Mistake) -> None:
    found = trials(row, mistake)
    assert not set().union(*(caught_by(case, None) for case in found)), "the right rule is accepted"
    assert set().union(*(caught_by(case, mistake) for case in found)) >= expected(row)


# -- wrong second derivatives ------------------------------------------------------------------------------------


def cut_off(c: Any, i: int, g: Any, y: Any, args: Any) -> Any:
    """Right numbers, but no graph: the rule computed on values where it should on tensors."""
    return g * (1 - y.detach() * y.detach()) if isinstance(y, Tensor) else c


def test_a_rule_that_is_right_once_but_cannot_be_differentiated_again_is_caught() -> None:
    def f(x: Any) -> Any:
        y = np.tanh(x)
        if isinstance(y, Tensor) and y.op is TABLE["tanh"]:
            y.op = Mutant(TABLE["tanh"], cut_off)
        return y

    want, off = derivatives(lambda t: np.tanh(0.3 + t), 2)
    assert abs(tl.grad(f)(0.3).item() - want[1]) <= off[1]
    assert abs(tl.grad(tl.grad(f))(0.3).item() - want[2]) > 1e9 * off[2]


# -- wrong networks ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("row", "mistake"), [
    ("affine", hardly), ("affine", dropped), ("affine", not_summed), ("affine", by(0.5)), ("relu", forgotten),
    ("relu", lambda c, i, g, y, args: g * (args[0] < 0)), ("relu", hardly),
    ("squared_loss", by(4)), ("squared_loss", sign),
])  # fmt: skip
def test_the_hand_derived_network_catches_it(row: str, mistake: Mistake) -> None:
    rng = np.random.default_rng(0)
    weights: list[Array] = [rng.normal(size=(3, 2)), rng.normal(size=(3, 3)), rng.normal(size=(1, 3))]
    biases: list[Array | None] = [rng.normal(size=3), rng.normal(size=3), None]
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 3), nn.ReLU(), nn.Linear(3, 1, bias=False))
    for layer, w, b in zip((net[0], net[2], net[4]), weights, biases, strict=True):
        layer.weight.data = w
        if b is not None:
            layer.bias.data = b
    x, y = rng.normal(size=(4, 2)), rng.normal(size=(4, 1))
    loss = nn.SquaredLoss()(net(x), y)
    plant(loss, row, mistake)
    loss.backward()
    want = Layered(weights, biases, [True, True, False]).gradients(x, y)[0]
    got = [layer.weight.grad for layer in (net[0], net[2], net[4])]
    errors = [np.max(np.abs(a - b)) / np.max(np.abs(b)) for a, b in zip(got, want, strict=True)]
    bias_error = np.max(np.abs(net[0].bias.grad - Layered(weights, biases, [True, True, False]).gradients(x, y)[1][0]))
    assert max(*errors, bias_error) > 1e-12


# -- wrong sweeps ------------------------------------------------------------------------------------------------


def swept(y: Tensor, mistake: str) -> dict[Any, Any]:
    """A sweep in a few lines, for graphs of 0-d tensors, that makes a mistake if asked to."""
    cotangents: dict[Any, Any] = {y: 1.0}
    nodes = ancestors([y], differentiable=True)
    if mistake == "in the order of the first path":
        nodes, stack = [], list[Node]([y])
        while stack:
            node = stack.pop(0)
            if node not in nodes:
                nodes.append(node)
                stack += [x for x in node.inputs if x is not None]
        nodes.reverse()
    for node in reversed(nodes):
        edges = set(node.inputs) if mistake == "inputs in a set" else node.inputs
        for x in edges:
            if node.op is None or x is None or not x.requires_grad:
                continue
            c = node.op.pull(list(node.inputs).index(x), cotangents[node], node.value, node.args, node.kwargs)
            if mistake == "overwritten at a fork" or x not in cotangents:
                cotangents[x] = c
            elif mistake != "first path only":
                cotangents[x] = cotangents[x] + c
    return cotangents


GRAPHS: dict[str, Callable[[Any], Any]] = {
    "x x": lambda x: x * x,
    "diamond": lambda x: np.exp(x * x) + np.tanh(x * x),
    "fan-out 3": lambda x: (h := np.tanh(x)) * 2 + np.exp(h) + h * 3,
    "late user of an early node": lambda x: (h := x * x) + np.exp(np.tanh(h * 2)),
    "chain": lambda x: np.exp(np.tanh(x * 2)),
}
MISTAKES = {
    "overwritten at a fork": {"x x", "diamond", "fan-out 3", "late user of an early node"},
    "first path only": {"x x", "diamond", "fan-out 3", "late user of an early node"},
    "inputs in a set": {"x x"},
    "in the order of the first path": {"late user of an early node"},
}


@pytest.mark.parametrize("mistake", ["none", *MISTAKES])
def test_a_wrong_sweep_is_caught_by_every_graph_that_has_what_it_gets_wrong(mistake: str) -> None:
    caught = set()
    for name, f in GRAPHS.items():
        x = Tensor(0.7, requires_grad=True)
        y = f(x)
        want = complex_step(f, [np.array(0.7)], 0, np.array(1.0))
        assert want.error_of(sweep({y: y.dtype.type(1)})[x]) <= 1e-13
        if want.error_of(np.asarray(swept(y, mistake)[x])) > 1e-13:
            caught.add(name)
    assert caught >= MISTAKES.get(mistake, set())
    assert "chain" not in caught, "a chain shows none of these; a test made of chains once passed for four weeks"
    assert mistake != "none" or not caught
