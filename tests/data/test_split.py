"""The split: two parts, nothing in both, nothing lost, chosen by the generator alone."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tinygrad_lite import data

X = np.arange(20)[:, None] * np.ones(3)
Y = np.arange(20)


def test_each_example_is_in_one_part_with_its_own_target() -> None:
    x_train, x_test, y_train, y_test = data.train_test_split(X, Y, rng=0)
    assert len(y_test) == 4
    assert sorted([*y_train, *y_test]) == list(Y)
    assert (x_train[:, 0] == y_train).all()
    assert (x_test[:, 0] == y_test).all()


def test_a_seed_is_its_generator_and_chooses_the_parts() -> None:
    parts = [data.train_test_split(X, Y, 0.5, rng=r)[3].tolist() for r in (1, np.random.default_rng(1), 2)]
    assert parts[0] == parts[1] != parts[2]


def test_the_parts_are_copies() -> None:
    assert not any(np.shares_memory(X, part) for part in data.train_test_split(X, Y, rng=0))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((X, Y[:9]), r"x \(20, 3\) and y \(9,\) need the same number"),
        ((X, Y, 0), "share between 0 and 1, not 0"),
        ((X, Y, 5), "share between 0 and 1, not 5"),
        ((X, Y, float("nan")), "share between 0 and 1, not nan"),
        ((X, Y, 0.01), "0.01 of 20 examples leaves one of the two parts empty"),
    ],
)
def test_mistakes_are_named(arguments: tuple[Any, ...], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        data.train_test_split(*arguments, rng=0)
