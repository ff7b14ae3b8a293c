"""Numbers that leave the graph, branches on them, random ones: checked at each call, or refused with an explanation."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import alike, batch, bits, mlp
from tests.readings.test_compile_guards import loss_of
from tinygrad_lite import nn, optim


def test_a_branch_is_checked_at_each_call() -> None:
    def f(x: Any) -> Any:
        return np.sum(x * 2) if x.sum() > 0 else np.sum(x * x)

    fast = tl.compile(f)
    for sign in (1.0, -1.0, -2.0, 3.0, -1.0):
        x = tl.tensor([1.0 * sign, 2.0 * sign])
        alike(fast(x), f(x))
    assert len(fast.stats) == 2


def test_labels_out_of_range_are_refused_as_they_are_without() -> None:
    f = loss_of(mlp())
    fast = tl.compile(f)
    with tl.no_grad():
        x, y = batch(0)
        fast(x, y)
        for bad in (3, -1):
            z = y.copy()
            z[2] = bad
            with pytest.raises(ValueError, match=f"class {bad} is not one of the 3 classes"):
                fast(x, z)
        alike(fast(x, y), f(x, y))
        z[2] = -100  # ignored: another branch
        alike(fast(x, z), f(x, z))
    smooth = nn.CrossEntropyLoss(weight=[1.0, 2.0, 3.0], label_smoothing=0.1, ignore_index=2)
    fast = tl.compile(tl.value_and_grad(lambda x, y: smooth(x, y)))
    for k in range(3):
        x, y = batch(k)[0][:, :3], batch(k)[1]
        alike(fast(x, y), tl.value_and_grad(lambda x, y: smooth(x, y))(x, y))


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x * float(x.sum()), lambda x: x * x.sum().item(), lambda x: x * np.asarray(x),
        lambda x: x * int(x[0]),
        lambda x: x * x.tolist()[0], lambda x: x.reshape(int(np.argmax(x)), -1), lambda x: [x][int(np.argmax(x))],
        lambda x: x * np.random.default_rng().random(3), lambda x: x * math_sqrt(x.sum()),
    ],
)  # fmt: skip
def test_a_number_that_leaves_the_graph_is_refused(f: Any) -> None:
    with pytest.raises(tl.TracingError) as error:
        tl.compile(f)(np.array([1.0, 2.0, 3.0]))
    assert "compile(" in str(error.value)
    assert len(str(error.value)) > 60


def math_sqrt(x: Any) -> float:
    import math

    return math.sqrt(x)


def test_backward_and_step_inside_are_refused() -> None:
    net = mlp()
    opt = optim.SGD(net.parameters(), lr=0.1)
    f = loss_of(net)
    with pytest.raises(tl.TracingError, match="optimizer="):
        tl.compile(lambda x, y: f(x, y).backward())(*batch(0))
    f(*batch(0)).backward()
    before = net.state_dict()

    def stepping(x: Any, y: Any) -> Any:
        opt.step()
        return f(x, y)

    with pytest.raises(tl.TracingError, match="optimizer="):
        tl.compile(stepping)(*batch(0))
    assert all(bits(before[k]) == bits(v) for k, v in net.state_dict().items())


def test_a_traced_value_that_was_kept_says_so_when_it_is_used() -> None:
    kept: list[Any] = []

    def keeping(x: Any) -> Any:
        kept.append(x * 2)
        return x + 1

    tl.compile(keeping)(np.ones(3))
    with pytest.raises(tl.TracingError, match="kept and used outside"):
        kept[0] + 1


def test_answers_without_a_gradient_are_part_of_the_program() -> None:
    f: Any = lambda x: (np.argmax(x, 1), x.argmax(1), (x > 0).sum(), np.sort(x, 1), (x > 0) & (x < 1))  # noqa: E731
    fast = tl.compile(f)
    for k in range(3):
        x = tl.tensor(batch(k)[0])
        alike(fast(x), f(x))


def test_random_numbers_drawn_otherwise_than_by_a_layer_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(tl.TracingError, match="draws random numbers"):
        tl.compile(lambda x: x * rng.normal(size=3))(np.ones(3))


@pytest.mark.parametrize(
    "f",
    [
        lambda x, i: np.take(x, i, axis=0), lambda x, i: np.take_along_axis(x, i[:, None], axis=1), lambda x, i: x[i],
        lambda x, i: np.compress(i > 0, x, axis=0), lambda x, i: np.extract(x > 0, x), lambda x, i: np.unique(x),
        lambda x, i: np.choose(i, [x[0, :3], x[1, :3], x[2, :3]]), lambda x, i: x[x > 0], lambda x, i: np.bincount(i),
        lambda x, i: np.interp(x, np.sort(x[0]), x[1]), lambda x, i: np.searchsorted(np.sort(x[0]), x[1]),
    ],
)  # fmt: skip
def test_indices_and_conditions_may_be_computed(f: Any) -> None:
    fast = tl.compile(f)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        x, i = tl.tensor(rng.normal(size=(3, 4))), tl.tensor(rng.integers(3, size=3))
        alike(tl.tensor(fast(x, i)), tl.tensor(f(x, i)))


def test_what_needs_the_numbers_to_know_what_to_do_is_refused() -> None:
    x, n = tl.tensor([1.0, -2.0, 3.0]), tl.tensor(np.array([1, 2, 3]))
    with pytest.raises(tl.TracingError, match=r"repeats= is a tensor"):
        tl.compile(lambda x, n: np.repeat(x, n))(x, n)
    with pytest.raises(tl.TracingError, match=r"at `.*np\.piecewise.*np\.where chooses"):
        tl.compile(lambda x: np.piecewise(x, [x < 0, x >= 0], [-1.0, 1.0]))(x)


@pytest.mark.parametrize("make", [
    lambda x: np.cov(np.tanh(x)) ** 2,  # np.squeeze(x, ()) is x itself, whose memory is not free yet
    lambda x: np.flip(np.cumsum(x, axis=0), 0) @ x.T,  # matrices that BLAS cannot read as they lie
    lambda x: x[:, ::2] @ x[:, ::2].T,
    lambda x: np.einsum("i,i", x.diagonal().astype(np.float64), x.diagonal().copy()),
])  # fmt: skip
def test_where_a_result_lies_in_memory_is_known(make: Any) -> None:
    f = tl.value_and_grad(lambda x: np.sum(np.sin(make(x))))
    fast = tl.compile(f)
    for k in range(20):
        x = np.random.default_rng(k).normal(size=(5, 7))
        for one, other in zip(fast(x), f(x), strict=True):
            alike(one, other)


def test_powers_of_scalars_are_scalar_powers() -> None:
    f = tl.value_and_grad(lambda b: 2**b + (b**2 + 1) ** b)
    fast = tl.compile(f)
    for k in range(200):
        b = np.array(np.random.default_rng(k).normal())
        for one, other in zip(fast(b), f(b), strict=True):
            alike(one, other)
