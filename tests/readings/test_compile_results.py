"""What a compiled function gives is the caller's own; threads, re-entrance, memory and the cache are in hand."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import OPTIMISERS, alike, batch, bits, mlp, pair_of_trainings


def test_results_are_the_callers_own() -> None:
    with tl.no_grad():
        net = mlp()
        fast = tl.compile(lambda x: (net(x), x, net[0].weight, x.T, np.zeros(2) + x[0, 0]))
        x, _ = batch(0)
        first = fast(x)
        copies = [t.numpy() for t in first]
        for t in first:
            t.data[...] = 5.0
        second = fast(x)
        for a, b in zip(copies, second, strict=True):
            assert bits(a) == bits(b)
        fast(x * 2)
        for a, b in zip(copies, second, strict=True):
            assert bits(a) == bits(b)
        assert not np.any(x == 5.0)


def test_threads_share_a_compiled_function() -> None:
    f = tl.value_and_grad(lambda x: np.sum(np.tanh(x @ x.T)))
    fast = tl.compile(f)
    xs = [np.random.default_rng(k).normal(size=(40 + k % 2, 40)) for k in range(40)]
    wanted = [f(x) for x in xs]
    with ThreadPoolExecutor(4) as pool:
        for one, two in zip(pool.map(fast, xs * 5), wanted * 5, strict=True):
            alike(one, two)


def test_a_function_that_calls_itself_is_refused_and_does_not_hang() -> None:
    depth: list[Any] = []

    def run(x: Any) -> Any:
        if depth:
            fast(np.ones(3))
        return np.multiply.outer(x, [2.0])[..., 0] if isinstance(x, np.ndarray) else x.tolist()

    twice = tl.pointwise(run, "2 #1", lambda y, x: 2.0, name="twice")
    fast: Any = tl.compile(lambda x: twice(tl.tensor([1.0]) * x))
    alike(fast(np.ones(3)), tl.tensor([2.0, 2.0, 2.0]))
    errors: list[BaseException] = []

    def call() -> None:
        depth.append(1)
        try:
            fast(np.ones(3))
        except RuntimeError as error:
            errors.append(error)

    thread = threading.Thread(target=call, daemon=True)
    thread.start()
    thread.join(20)
    assert "inside itself" in str(errors[0])


def test_the_cache_is_bounded_and_can_be_cleared() -> None:
    fast = tl.compile(lambda x: x * 2, limit=3)
    for n in range(1, 9):
        fast(np.ones(n))
    assert len(fast.stats) == 3
    fast.clear()
    assert not fast.stats
    alike(fast(np.ones(2)), tl.tensor([2.0, 2.0]))


@pytest.mark.parametrize("steps", [1_000, pytest.param(10_000, marks=pytest.mark.thorough)])
def test_memory_stands_still_over_many_steps(steps: int) -> None:
    import tracemalloc

    _, _, _, fast = pair_of_trainings(mlp, OPTIMISERS[1])
    x, y = batch(0)
    for _ in range(100):
        fast(x, y)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in range(steps):
        fast(x, y)
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 2_000
    assert peak - before < 10_000


def test_a_long_chain_is_no_recursion() -> None:
    def f(x: Any) -> Any:
        for _ in range(3000):
            x = x * 1.0001
        return np.sum(x)

    fast, g = tl.compile(tl.value_and_grad(f)), tl.value_and_grad(f)
    alike(fast(np.ones(2)), g(np.ones(2)))


def test_a_pass_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="no pass magic"):
        tl.compile(lambda x: x, without=["magic"])


def test_nothing_that_warned_not_warns_now() -> None:
    fast = tl.compile(lambda x: np.sum(np.log(x)))
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fast(np.ones(3))
    assert not caught
