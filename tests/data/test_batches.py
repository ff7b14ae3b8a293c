"""Batches: every example once, pairs kept together, the order from the generator alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tinygrad_lite import data

X = np.arange(10)[:, None] * np.ones(3)
Y = np.arange(10)


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@given(n=st.integers(1, 50), size=st.integers(1, 60), shuffle=st.booleans(), drop_last=st.booleans())
def test_each_example_comes_once_with_its_own_target(n: int, size: int, shuffle: bool, drop_last: bool) -> None:
    x, y = np.arange(n) * 2, np.arange(n)
    got = list(data.batches(x, y, size, shuffle, rng(), drop_last=drop_last))
    assert all((bx == 2 * by).all() for bx, by in got)
    assert all(len(by) == size for _, by in got[:-1])
    seen = [int(i) for _, by in got for i in by]
    assert len(set(seen)) == len(seen) == (n - n % size if drop_last else n)
    if not shuffle:
        assert seen == sorted(seen)


def test_the_last_batch_is_kept_smaller_or_dropped() -> None:
    assert [len(y) for _, y in data.batches(X, Y, 4)] == [4, 4, 2]
    assert [len(y) for _, y in data.batches(X, Y, 4, drop_last=True)] == [4, 4]


def test_equal_generators_give_equal_orders_and_a_generator_goes_on() -> None:
    def order(generator: np.random.Generator) -> list[int]:
        return [int(i) for _, y in data.batches(X, Y, 3, rng=generator) for i in y]

    one = rng()
    first = order(one)
    assert first == order(rng())
    assert first != order(one)


def test_without_a_generator_runs_differ() -> None:
    orders = {tuple(int(i) for _, y in data.batches(np.arange(99), np.arange(99), 99) for i in y) for _ in range(3)}
    assert len(orders) == 3


def test_in_order_batches_are_views() -> None:
    x, y = next(data.batches(X, Y, 4, shuffle=False))
    assert np.shares_memory(x, X)
    assert np.shares_memory(y, Y)


def test_an_order_is_drawn_at_the_call() -> None:
    """So that what else draws from the generator, between the call and the first batch, changes nothing."""
    one, other = rng(), rng()
    late = data.batches(X, Y, 10, rng=one)
    one.random()
    assert next(late)[1].tolist() == next(data.batches(X, Y, 10, rng=other))[1].tolist()


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((X, Y[:9], 4), ValueError, r"x \(10, 3\) and y \(9,\) need the same number of examples"),
        ((X, 3, 4), ValueError, "same number of examples"),
        ((X, Y, 0), ValueError, "batch_size has to be at least 1, not 0"),
        ((X, Y, 2.5), TypeError, "float"),
        ((X, Y, 4, True, 7), TypeError, "same order"),
    ],
)
def test_mistakes_are_told_at_the_call(arguments: tuple[Any, ...], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        data.batches(*arguments)
