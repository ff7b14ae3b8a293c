"""Networks of modules against backprop derived by hand: `oracles.Layered`, four equations in plain NumPy."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.oracles import Array, Layered
from tinygrad_lite import Tensor, nn, optim


@dataclass
class Drawn:
    """A network in both forms, and a batch."""

    net: nn.Sequential
    by_hand: Layered
    x: Array
    y: Array


@st.composite
def networks(draw: st.DrawFn) -> Drawn:
    """Any depth, widths, batch and choice of relu, identity and bias; every fifth bias stops most of its units."""
    widths = draw(st.lists(st.integers(1, 7), min_size=2, max_size=5))
    batch = draw(st.integers(1, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = [rng.normal(0, i**-0.5, (o, i)) for i, o in itertools.pairwise(widths)]
    biases = [rng.normal(-2 if draw(st.integers(0, 4)) == 0 else 0, 1, (w.shape[0],)) for w in weights]
    has_bias = draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
    relus = draw(st.lists(st.booleans(), min_size=len(weights), max_size=len(weights)))
    by_hand = Layered(weights, [b if has else None for b, has in zip(biases, has_bias, strict=True)], relus)
    return Drawn(build(by_hand), by_hand, rng.normal(size=(batch, widths[0])), rng.normal(size=(batch, widths[-1])))


def build(by_hand: Layered) -> nn.Sequential:
    """The same network of modules."""
    modules: list[nn.Module] = []
    for w, b, relu in zip(by_hand.weights, by_hand.biases, by_hand.relus, strict=True):
        layer = nn.Linear(w.shape[1], w.shape[0], bias=b is not None)
        layer.weight.data = w
        if layer.bias is not None and b is not None:
            layer.bias.data = b
        modules += [layer, nn.ReLU() if relu else nn.Identity()]
    return nn.Sequential(*modules)


def close(got: Any, want: Array, digits: float = 1e-12) -> None:
    """Equal to `digits` of the largest entry."""
    assert got is not None
    assert np.shape(got) == want.shape
    np.testing.assert_allclose(got, want, rtol=digits, atol=digits * np.max(np.abs(want), initial=0))


def layers(net: nn.Sequential) -> list[nn.Linear]:
    return [layer for layer in net if isinstance(layer, nn.Linear)]


@given(networks())
def test_every_gradient_is_that_of_the_hand_derived_formulas(drawn: Drawn) -> None:
    x = Tensor(drawn.x, requires_grad=True)
    loss = nn.SquaredLoss()(drawn.net(x), drawn.y)
    loss.backward()
    dws, dbs, dx = drawn.by_hand.gradients(drawn.x, drawn.y)
    close(loss.item(), np.array(drawn.by_hand.cost(drawn.x, drawn.y)))
    close(x.grad, dx)
    for layer, dw, db in zip(layers(drawn.net), dws, dbs, strict=True):
        close(layer.weight.grad, dw)
        if layer.bias is not None:
            close(layer.bias.grad, db)


@given(networks())
def test_a_batch_written_as_products_and_sums_has_the_same_gradients(drawn: Drawn) -> None:
    """The same network from @, +, relu and sum, so that `affine` and `squared_loss` are checked by the simple rows."""
    h: Any = drawn.x
    for layer, relu in zip(layers(drawn.net), drawn.by_hand.relus, strict=True):
        h = h @ layer.weight.T
        h = h if layer.bias is None else h + layer.bias
        h = tl.relu(h) if relu else h
    (np.sum((h - drawn.y) ** 2) / (2 * len(drawn.x))).backward()
    dws, dbs, _ = drawn.by_hand.gradients(drawn.x, drawn.y)
    for layer, dw, db in zip(layers(drawn.net), dws, dbs, strict=True):
        close(layer.weight.grad, dw)
        if layer.bias is not None:
            close(layer.bias.grad, db)


@given(networks(), st.floats(1e-4, 1e-2), st.integers(1, 6))
def test_the_parameters_move_along_the_hand_derived_trajectory(drawn: Drawn, lr: float, steps: int) -> None:
    opt = optim.SGD(drawn.net.parameters(), lr=lr)
    by_hand = drawn.by_hand
    for _ in range(steps):
        opt.zero_grad()
        nn.SquaredLoss()(drawn.net(drawn.x), drawn.y).backward()
        opt.step()
        by_hand = by_hand.stepped(drawn.x, drawn.y, lr)
    for layer, w, b in zip(layers(drawn.net), by_hand.weights, by_hand.biases, strict=True):
        close(layer.weight.data, w, 1e-11)
        if layer.bias is not None and b is not None:
            close(layer.bias.data, b, 1e-11)


@given(networks())
def test_a_batch_is_the_mean_of_its_examples(drawn: Drawn) -> None:
    for x, y in zip(drawn.x, drawn.y, strict=True):
        nn.SquaredLoss()(drawn.net(x), y).backward()  # one example, without a batch axis
    dws, _, _ = drawn.by_hand.gradients(drawn.x, drawn.y)
    for layer, dw in zip(layers(drawn.net), dws, strict=True):
        assert layer.weight.grad is not None
        close(layer.weight.grad / len(drawn.x), dw)


@given(networks())
def test_single_precision_stays_single_and_close(drawn: Drawn) -> None:
    for p in drawn.net.parameters():
        p.data = p.data.astype(np.float32)
    loss = nn.SquaredLoss()(drawn.net(drawn.x.astype(np.float32)), drawn.y.astype(np.float32))
    loss.backward()
    assert loss.dtype == np.float32
    for layer, dw in zip(layers(drawn.net), drawn.by_hand.gradients(drawn.x, drawn.y)[0], strict=True):
        assert layer.weight.grad is not None
        assert layer.weight.grad.dtype == np.float32
        close(layer.weight.grad, dw, 1e-3)


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_the_generic_point_with_a_dead_unit(shift: int) -> None:
    """Worked by hand; the third unit is dead, and rolling the units brings it to the front and the middle."""

    def roll(*rows: Any) -> Array:
        return np.roll(np.array(rows, float), shift, axis=0)

    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False), nn.Identity())
    net[0].weight.data = roll([0.7, -0.4], [-0.3, 0.9], [-0.8, -0.6])
    net[0].bias.data = roll(0.1, -0.2, 0.05)
    net[2].weight.data = roll(0.5, -1.2, 0.8)[None]
    z = net[0](Tensor([1.5, 2.0]))
    a = net[3](net[2](net[1](z)))
    seen = Tensor(z.numpy(), requires_grad=True)
    nn.SquaredLoss()(a, [0.7]).backward()
    nn.SquaredLoss()(net[2](net[1](seen)), [0.7]).backward()

    close(z.numpy(), roll(0.35, 1.15, -2.35), 1e-14)
    close(a.numpy(), np.array([-1.205]), 1e-14)
    close(seen.grad, roll(-0.9525, 2.286, 0), 1e-14)
    close(net[0].weight.grad, roll([-1.42875, -1.905], [3.429, 4.572], [0, 0]), 1e-14)
    close(net[0].bias.grad, roll(-0.9525, 2.286, 0), 1e-14)
    close(net[2].weight.grad, 2 * roll(-0.66675, -2.19075, 0)[None], 1e-14)  # both losses used it
    assert net[0].weight.grad[(2 + shift) % 3].tolist() == [0, 0]  # exactly: the unit is off


def test_one_step_of_the_exercise_by_hand() -> None:
    """At ((2, 1), 10) with all weights 1: z = h = 3, a = 9, C = 1/2."""
    net = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1, bias=False), nn.Identity())
    for p, value in zip(net.parameters(), (1.0, 0.0, 1.0), strict=True):
        p.data = np.full(p.shape, value)
    loss = nn.SquaredLoss()(net(np.array([2.0, 1.0])), [10.0])
    loss.backward()
    assert loss.item() == 0.5
    np.testing.assert_array_equal(net[0].weight.grad, [[-2, -1]] * 3)
    np.testing.assert_array_equal(net[0].bias.grad, [-1, -1, -1])
    np.testing.assert_array_equal(net[2].weight.grad, [[-3, -3, -3]])
