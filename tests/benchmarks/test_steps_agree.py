"""The benchmark's steps are one and the same step: the hand-written one is right, and tinygrad_lite's equals it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from .peers import BASELINE, build_tinygrad_lite
from .rows import ROWS, Array, Layer, Row, flat
from .steps_numpy import build, gradients, gradients_2_3_1
from .training import STEPS, assert_agree

Differentiate = Callable[[list[Layer], Array, Array], tuple[float, list[Array]]]


def tiny(row: Row) -> Row:
    """The same depth, dtype, loss and biases in a few units and points."""
    return replace(row, sizes=tuple(min(size, 12) for size in row.sizes), batch=min(row.batch, 5))


@pytest.mark.parametrize(
    ("row", "differentiate"),
    [(ROWS[0], gradients_2_3_1), (replace(tiny(ROWS[3]), dtype=np.float64), gradients)],
    ids=["squared", "cross-entropy"],
)
def test_hand_written_gradients_are_central_differences(row: Row, differentiate: Differentiate) -> None:
    layers, (x, y), h = row.layers(), row.data(), 1e-6
    _, grads = differentiate(layers, x, y)
    for p, g in zip(flat(layers), grads, strict=True):
        assert g.shape == p.shape
        for index in np.ndindex(p.shape):
            at = p[index]
            p[index] = at + h
            above, _ = differentiate(layers, x, y)
            p[index] = at - h
            below, _ = differentiate(layers, x, y)
            p[index] = at
            assert (above - below) / (2 * h) == pytest.approx(g[index], rel=1e-6, abs=1e-9)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_steps_agree(row: Row) -> None:
    runners = {BASELINE: build(tiny(row)), "tinygrad_lite": build_tinygrad_lite(tiny(row))}
    start = runners[BASELINE].parameters()
    for runner in runners.values():
        for _ in range(STEPS):
            runner.step()
    assert_agree(row, start, {name: runner.parameters() for name, runner in runners.items()})


def test_a_wrong_step_is_caught() -> None:
    row = ROWS[0]
    right, wrong = build(row), build(replace(row, lr=row.lr * (1 + 1e-9)))
    start = right.parameters()
    right.step()
    wrong.step()
    with pytest.raises(AssertionError, match="wrong, parameter 0: its change is off"):
        assert_agree(row, start, {BASELINE: right.parameters(), "wrong": wrong.parameters()})
