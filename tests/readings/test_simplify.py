"""The rewritings: each by name, none that depends on values, all of them equal to what they replace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings

import tinygrad_lite as tl
from tests.test_random_programs import Program as RandomProgram
from tests.test_random_programs import programs
from tinygrad_lite import nn
from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node, ancestors
from tinygrad_lite.primitives import indexing
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.program import backward, replay
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size
from tinygrad_lite.readings.simplify import nodes_of, simplified


def x(*shape: int, name: str = "x") -> Any:
    return tl.tensor(np.random.default_rng(len(name)).normal(size=shape), requires_grad=True, name=name)


def expression(node: Node) -> str:
    """A small graph as one nested text."""
    names = Names([n for n in ancestors([node]) if n.op is None])
    texts: dict[Node, str] = {}
    for n in ancestors([node]):
        if n.op is None:
            texts[n] = names[n]
            continue
        operands = [
            texts[i] if i is not None else names.operand(n, k) if n in names else f"{a:g}" if not np.ndim(a) else "c"
            for k, (i, a) in enumerate(zip(n.inputs, n.args, strict=True))
        ]
        texts[n] = f"({operands[0]} {n.op.symbol} {operands[1]})" if n.op.symbol and len(operands) == 2 else (
            f"{n.op.name}({', '.join(operands)})")  # fmt: skip
    return texts[node]


def rewritten(build: Callable[[], Any], exact: bool = True) -> tuple[Node, Node]:
    with recording(EVERYTHING):
        y = build()
    return y, simplified(ancestors([y]), exact)[y]


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda: x(3) * 1, "x"),
        (lambda: 1 * x(3), "x"),
        (lambda: x(3) / 1, "x"),
        (lambda: x(3) ** 1, "x"),
        (lambda: x(3) ** 0, "full(1)"),
        (lambda: (lambda y: -y - y)(x(3)), "(-2 * x)"),
        (lambda: indexing.scatter_add(x(3, 1), index=(slice(None), None), shape=(3,)), "reshape(x)"),
        (lambda: x(3) + 0, "x"),
        (lambda: 0 - x(3), "negative(x)"),
        (lambda: x(3) * -1, "negative(x)"),
        (lambda: np.negative(-x(3)), "x"),
        (lambda: -(x(3) - x(3, name="yy")), "(yy - x)"),
        (lambda: x(3) + -x(3, name="yy"), "(x - yy)"),
        (lambda: x(3) - -x(3, name="yy"), "(x + yy)"),
        (lambda: -x(3) * x(3, name="yy"), "negative((x * yy))"),
        (lambda: np.sum(-x(3)), "negative(sum(x))"),
        (lambda: x(3) * 2, "(2 * x)"),
        (lambda: x(2, 3).T.T, "x"),
        (lambda: x(2, 3).transpose(1, 0).transpose(0, 1), "transpose(x)"),
        (lambda: x(2, 3).reshape(6).reshape(3, 2), "reshape(x)"),
        (lambda: x(2, 3).reshape(6).reshape(2, 3), "x"),
        (lambda: x(2, 3).reshape(2, 3), "x"),
        (lambda: np.expand_dims(x(2, 3), 1).squeeze(1), "x"),
        (lambda: x(2, 3).astype(np.float64), "x"),
        (lambda: np.broadcast_to(x(3), (2, 3)) * x(2, 3, name="yy"), "(x * yy)"),
        (lambda: np.sum(x(2, 3), axis=0).reshape(1, 3), "sum(x)"),
        (lambda: np.sum(x(2, 3), axis=0, keepdims=True).reshape(3), "sum(x)"),
        (lambda: x(3)[:, None] * x(2, name="yy"), "outer(x, yy)"),
        (lambda: (x(2, 3) @ x(3, name="yy")[:, None])[..., 0], "(x @ yy)"),
    ],
)  # fmt: skip
def test_a_rewriting_and_what_it_gives(build: Callable[[], Any], text: str) -> None:
    before, after = rewritten(build)
    assert expression(after) == text
    np.testing.assert_array_equal(before.value, after.value)


def test_equal_computations_become_one() -> None:
    a = x(3)
    _, after = rewritten(lambda: np.exp(a) * np.tanh(a) + np.exp(a) * np.tanh(a))
    assert [n.op.name for n in ancestors([after]) if n.op is not None] == ["exp", "tanh", "multiply", "multiply"]


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_no_rewriting_looks_at_the_values_of_what_is_given(value: float) -> None:
    """A weight that happens to be 1 everywhere is a weight."""
    w = tl.tensor(np.full(3, value), requires_grad=True, name="w")
    data = np.full(3, value)
    before, after = rewritten(lambda: (w * x(3) + w * data) * data + data)
    assert after is before


def test_an_array_from_outside_is_no_node() -> None:
    w, data = x(3), np.array([2.0, 3.0, 4.0])
    program = backward(np.sum(w * data))
    dw = simplified(program)[program.cotangents[w]]
    np.testing.assert_array_equal(dw.value, data)


def test_slices_put_back_side_by_side_are_a_concatenation() -> None:
    z = x(2, 6)
    loss = np.sum(np.tanh(z[:, :2])) + np.sum(np.exp(z[:, 2:4])) + np.sum(z[:, 4:] ** 2)
    program = backward(loss)
    dz = simplified(program)[program.cotangents[z]]
    assert dz.op is not None
    assert dz.op.name == "concatenate"
    np.testing.assert_array_equal(dz.value, program.cotangents[z].value)


def test_entries_put_back_side_by_side_are_a_stack() -> None:
    z = x(3, 2)
    program = backward(np.sum(np.tanh(z[0])) + np.sum(np.exp(z[1])) + np.sum(z[-1] ** 2))
    dz = simplified(program)[program.cotangents[z]]
    assert dz.op is not None
    assert dz.op.name == "stack"
    np.testing.assert_array_equal(dz.value, program.cotangents[z].value)


@pytest.mark.parametrize("parts", [(slice(0, 2), 2), (slice(0, 1), slice(2, 3)), (0, 1), (slice(0, 2), slice(1, 3))])
def test_pieces_that_leave_a_hole_or_overlap_or_differ_in_kind_stay_a_sum(parts: tuple[Any, Any]) -> None:
    z = x(3, 2)
    program = backward(np.sum(np.tanh(z[parts[0]])) + np.sum(np.exp(z[parts[1]])))
    dz = simplified(program)[program.cotangents[z]]
    assert dz.op is not None
    assert dz.op.name == "add"


def cross_entropy(exact: bool) -> tuple[Any, Node]:
    z, labels = x(5, 3, name="z"), np.array([0, 2, 1, 1, 0])
    program = backward(nn.CrossEntropyLoss()(z, labels))
    return program.cotangents[z], simplified(program, exact)[program.cotangents[z]]


@pytest.mark.parametrize(
    ("build", "text"),
    [
        (lambda z, y: (1 - y) - tl.sigmoid(-z), "(sigmoid(z) - y)"),
        (lambda z, y: (1 - tl.sigmoid(-z)) * y, "(sigmoid(z) * y)"),
        (lambda z, y: 2 * (z / 2) + y, "(z + y)"),
        (lambda z, y: (z * 3) / 3 + y, "(z + y)"),
        (lambda z, y: 2 * (z / 3), "(2 * (z / 3))"),
    ],
)
def test_what_is_equal_but_for_rounding(build: Callable[[Any, Any], Any], text: str) -> None:
    before = build(x(5, 3, name="z"), x(5, 3, name="y"))
    nodes = ancestors([before])
    after = simplified(nodes, exact=False)[before]
    assert expression(after) == text
    np.testing.assert_allclose(after.value, before.value, rtol=1e-12)
    assert expression(simplified(nodes, exact=True)[before]) != text or text == "(2 * (z / 3))"


def test_a_batch_of_two_does_not_cancel_a_two() -> None:
    net = nn.Linear(3, 1, rng=0)
    two, four = (tl.source(nn.MSELoss()(net(np.ones((n, 3))), np.zeros((n, 1))), exact=False).exec() for n in (2, 4))
    values = {**four["example"](), "x": np.arange(12.0).reshape(4, 3)}
    for a, b in zip(*(module["loss_and_gradients"](**values)[1].values() for module in (two, four)), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-14)


def test_softmax_and_cross_entropy_come_to_p_minus_onehot_over_n_by_themselves() -> None:
    before, after = cross_entropy(exact=False)
    assert expression(after) == "((exp((z - expand_dims(logsumexp(z)))) - onehot(labels)) / 5)".replace("labels", "c")
    np.testing.assert_allclose(after.value, before.value, rtol=1e-14, atol=1e-16)


def test_the_exact_form_keeps_every_bit() -> None:
    before, after = cross_entropy(exact=True)
    np.testing.assert_array_equal(after.value, before.value)
    assert len(ancestors([after])) < len(ancestors([before]))


def test_a_number_keeps_its_name() -> None:
    a = x(5)
    with recording(EVERYTHING):
        y = tl.Tensor.record(tl.primitives.arithmetic.divide, (a, Size(5, "N")), {})
    assert repr(Quotient(0.2, 1, Size(5, "N"))) == "1 / N"
    assert simplified(ancestors([y]))[y] is y  # N is 5 here, and not a number to compute with


@settings(max_examples=25)
@given(programs())
def test_random_programs_stay_what_they_are(program: RandomProgram) -> None:
    leaves = [tl.Tensor(a, requires_grad=True) for a in program.leaves]
    joint = backward(program.at(*leaves))
    nodes = nodes_of(joint)
    for exact in (True, False):
        new = simplified(joint, exact)
        assert set(new) == set(nodes)
        for old in nodes:
            if exact:
                np.testing.assert_array_equal(new[old].value, old.value)
            assert new[old].value.dtype == old.value.dtype
        ends = [joint.loss, *(joint.cotangents[a] for a in joint.parameters)]
        after = ancestors([new[end] for end in ends])
        assert len(after) <= 1.1 * len(ancestors(ends)) + 1  # a rewriting may spell one call as two plainer ones
        again = simplified(after, exact)
        once_more = ancestors([again[new[end]] for end in ends])
        if exact:
            assert [node.op for node in once_more] == [node.op for node in after]  # there is nothing left to do
        assert len(once_more) <= len(after)
        other: dict[Node, Any] = {a: a.value * 1.5 + 0.1 for a in leaves}
        before_there, after_there = replay(nodes, other), replay(after, other)
        for end in ends:
            wanted = before_there.get(end, end.value)
            got = after_there.get(new[end], new[end].value)
            scale = 1e-9 * (1 + np.max(np.abs(wanted)))
            np.testing.assert_allclose(got, wanted, rtol=1e-9, atol=scale)


def test_a_long_chain_is_no_recursion() -> None:
    y = a = x(1)
    for _ in range(5_000):
        y = y * 1 + a
    assert len(ancestors([simplified(ancestors([y]))[y]])) == 5_001
