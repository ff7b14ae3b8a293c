"""A compiled function gives what the function gives: values, gradients, trajectories, side effects, to the last bit."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.quick import one_in
from tests.test_random_programs import Program, programs
from tinygrad_lite import nn, optim
from tinygrad_lite.readings.compile import PASSES

Make = Callable[[], Any]


def bits(a: Any) -> tuple[Any, ...]:
    array = np.asarray(a.numpy() if isinstance(a, tl.Tensor) else a)
    return array.shape, array.dtype.str, array.tobytes()


def alike(one: Any, two: Any) -> None:
    if isinstance(one, (tuple, list)):
        assert type(one) is type(two)
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            alike(a, b)
    else:
        assert isinstance(one, tl.Tensor) == isinstance(two, tl.Tensor)
        assert bits(one) == bits(two)


def other(arrays: list[Any], seed: int = 1) -> list[Any]:
    rng = np.random.default_rng(seed)
    return [a + 0.1 * rng.normal(size=a.shape) for a in arrays]


@given(programs(), st.sets(st.sampled_from(PASSES)))
def test_random_programs_and_their_gradients_bit_for_bit(program: Program, without: set[str]) -> None:
    every = tuple(range(len(program.leaves)))
    f = tl.value_and_grad(program.at, argnums=every)
    fast = tl.compile(f, without=without)
    for leaves in (program.leaves, program.leaves, other(program.leaves)):
        alike(fast(*leaves), f(*leaves))


@given(programs())
def test_second_derivatives_bit_for_bit(program: Program) -> None:
    def slope(*xs: Any) -> Any:
        return sum(np.sum(g * g) for g in tl.grad(program.at, argnums=tuple(range(len(xs))))(*xs))

    f = tl.grad(slope)
    fast = tl.compile(f)
    for leaves in (program.leaves, other(program.leaves)):
        alike(fast(*leaves), f(*leaves))


def test_hessian_vector_products_jacobians_and_tangents() -> None:
    f = lambda x: np.sum(np.tanh(x) ** 3 * x[::-1])  # noqa: E731
    x, v = np.linspace(-1, 1, 5), np.arange(5.0)
    for g in (
        lambda x, v: tl.hvp(f, x, v), lambda x, v: tl.jacobian(lambda t: np.sin(t) * t.sum())(x),
        lambda x, v: tl.jvp(f, (x,), (v,)), lambda x, v: tl.hessian(f)(x),
    ):  # fmt: skip
        fast = tl.compile(g)
        alike(fast(x, v), g(x, v))
        alike(fast(x + 0.5, v), g(x + 0.5, v))


# -- networks --------------------------------------------------------------------------------------------------


def mlp() -> Any:
    return nn.Sequential(nn.Linear(6, 8, rng=0), nn.ReLU(), nn.Linear(8, 8, rng=1), nn.Tanh(), nn.Linear(8, 3, rng=2))


def normed() -> Any:
    return nn.Sequential(
        nn.Linear(6, 8, rng=0),
        nn.BatchNorm1d(8),
        nn.GELU(),
        nn.LayerNorm(8),
        nn.Dropout(0.4, rng=5),
        nn.Linear(8, 3, rng=2),
    )


def convolutional() -> Any:
    return nn.Sequential(
        nn.Unflatten(1, (1, 2, 3)), nn.Conv2d(1, 4, 2, padding=1, rng=0), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(8, 3, rng=1),
    )  # fmt: skip


def softplus() -> Any:
    return nn.Sequential(nn.Linear(6, 8, rng=0), nn.Softplus(), nn.SiLU(), nn.ELU(), nn.Linear(8, 3, rng=2, bias=False))


NETWORKS: list[Make] = [mlp, normed, convolutional, softplus]
OPTIMISERS: list[Callable[[Any], Any]] = [
    lambda ps: optim.SGD(ps, lr=0.1),
    lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=1e-3),
    lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, nesterov=True),
    lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, dampening=0.3, maximize=True),
    lambda ps: optim.Adam(ps, lr=0.01),
    lambda ps: optim.Adam(ps, lr=0.01, amsgrad=True, weight_decay=0.01),
    lambda ps: optim.AdamW(ps, lr=0.01, maximize=True),
    lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5),
    lambda ps: optim.Adagrad(ps, lr=0.05),
]


def batch(k: int, n: int = 16, dtype: Any = np.float64) -> tuple[Any, Any]:
    rng = np.random.default_rng(k)
    return rng.normal(size=(n, 6)).astype(dtype), rng.integers(3, size=n)


def pair_of_trainings(make: Make, optimiser: Any, dtype: Any = np.float64, **how: Any) -> Any:
    nets = make().to(dtype), make().to(dtype)
    eager, compiled = (optimiser(net.parameters()) for net in nets)
    loss = nn.CrossEntropyLoss()

    def eagerly(x: Any, y: Any) -> Any:
        c = loss(nets[0](x), y)
        eager.zero_grad()
        c.backward()
        eager.step()
        return c

    return nets, (eager, compiled), eagerly, tl.compile(lambda x, y: loss(nets[1](x), y), optimizer=compiled, **how)


@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("optimiser", OPTIMISERS, ids=range(len(OPTIMISERS)))
@pytest.mark.parametrize("dtype", one_in(2, [np.float64, np.float32]), ids=["f64", "f32"])
def test_trajectories_bit_for_bit(make: Make, optimiser: Any, dtype: Any) -> None:
    nets, optimisers, eagerly, fast = pair_of_trainings(make, optimiser, dtype)
    for k in range(12):
        x, y = batch(k, dtype=dtype)
        assert bits(eagerly(x, y)) == bits(fast(x, y)), k
        for (name, a), (_, b) in zip(nets[0].state_dict().items(), nets[1].state_dict().items(), strict=True):
            assert bits(a) == bits(b), (k, name)
    one, two = (o.state_dict()["state"] for o in optimisers)
    assert one.keys() == two.keys()
    for i in one:
        assert one[i].keys() == two[i].keys()
        assert all(bits(one[i][k]) == bits(two[i][k]) for k in one[i])


@pytest.mark.parametrize("left_out", one_in(2, PASSES))
def test_each_pass_may_be_left_out(left_out: str) -> None:
    for make in (mlp, convolutional):
        nets, _, eagerly, fast = pair_of_trainings(make, OPTIMISERS[1], without=[left_out])
        for k in range(3):
            x, y = batch(k)
            assert bits(eagerly(x, y)) == bits(fast(x, y))
        assert all(bits(a.data) == bits(b.data) for a, b in zip(*(n.parameters() for n in nets), strict=True))


def test_a_network_alone_in_training_and_evaluation() -> None:
    one, two = normed(), normed()
    fast = tl.compile(two)
    with tl.no_grad():
        for k in range(4):
            x, _ = batch(k)
            alike(fast(x), one(x))
            if k == 1:
                one.eval(), two.eval()
    alike(list(one.state_dict().values()), list(two.state_dict().values()))


def long_chain(x: Any) -> Any:
    return np.sum(np.exp(-np.sqrt(np.tanh(x * 0.5) ** 2 + 1.0)) * x + 0.25)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_large_arrays_go_block_by_block(dtype: Any) -> None:
    g = tl.value_and_grad(long_chain)
    x = np.random.default_rng(0).normal(size=200_003).astype(dtype)
    fast, quick = tl.compile(g), tl.compile(g, exact=False)
    alike(fast(x), g(x))
    (v, slope), (w, expected) = quick(x), g(x)
    assert bits(slope) == bits(expected)
    size = np.abs(np.exp(-np.sqrt(np.tanh(x * 0.5) ** 2 + 1)) * x + 0.25).sum()
    assert abs(v.item() - w.item()) <= 20 * np.finfo(dtype).eps * size  # 20 > log2 of the number of terms
    assert "for k, cut" in fast.source
    assert "_parts[k]" in quick.source
    assert "_parts[k]" not in fast.source


@pytest.mark.parametrize("make", NETWORKS, ids=lambda f: f.__name__)
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sums_in_another_order_stay_within_their_rounding(make: Make, dtype: Any) -> None:
    loss = nn.CrossEntropyLoss()
    nets = make().to(dtype), make().to(dtype)
    one, two = (optim.SGD(net.parameters(), lr=0.1) for net in nets)
    exact = tl.compile(lambda x, y: loss(nets[0](x), y), optimizer=one)
    quick = tl.compile(lambda x, y: loss(nets[1](x), y), optimizer=two, exact=False)
    for k in range(10):
        x, y = batch(k, dtype=dtype)
        a, b = exact(x, y).item(), quick(x, y).item()
        assert abs(a - b) <= 1e3 * np.finfo(dtype).eps * abs(a)
    for p, q in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        np.testing.assert_allclose(p.data, q.data, rtol=0, atol=1e3 * np.finfo(dtype).eps * (1 + np.abs(p.data).max()))
