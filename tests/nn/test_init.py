"""Initialisers: the moments that their formulas promise, from an explicit generator."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite.nn import init

FANS_IN, FANS_OUT = 40 * 9, 60 * 9


def weight() -> tl.Tensor:
    return tl.tensor(np.zeros((60, 40, 3, 3)), requires_grad=True, name="w")


@pytest.mark.parametrize(
    ("f", "std"),
    [
        (lambda t: init.uniform_(t, -1, 3, rng=1), 4 / math.sqrt(12)),
        (lambda t: init.normal_(t, 1.0, 0.3, rng=1), 0.3),
        (lambda t: init.xavier_uniform_(t, 2.0, rng=1), 2 * math.sqrt(2 / (FANS_IN + FANS_OUT))),
        (lambda t: init.xavier_normal_(t, rng=1), math.sqrt(2 / (FANS_IN + FANS_OUT))),
        (lambda t: init.kaiming_uniform_(t, nonlinearity="relu", rng=1), math.sqrt(2 / FANS_IN)),
        (lambda t: init.kaiming_uniform_(t, math.sqrt(5), rng=1), math.sqrt(1 / 3 / FANS_IN)),
        (lambda t: init.kaiming_normal_(t, mode="fan_out", nonlinearity="relu", rng=1), math.sqrt(2 / FANS_OUT)),
    ],
)
def test_the_standard_deviation_is_the_formulas(f: Callable[[tl.Tensor], tl.Tensor], std: float) -> None:
    w = weight()
    assert f(w) is w
    assert w.numpy().std() == pytest.approx(std, rel=0.02)


def test_equal_seeds_draw_equal_numbers_and_a_generator_goes_on() -> None:
    rng = np.random.default_rng(3)
    a, b = init.normal_(weight(), rng=rng).numpy(), init.normal_(weight(), rng=rng).numpy()
    assert (a != b).all()
    np.testing.assert_array_equal(a, init.normal_(weight(), rng=3).numpy())


@pytest.mark.parametrize("shape", [(4, 7), (7, 4), (5, 5), (3, 2, 2, 2)])
def test_orthogonal_rows_or_columns(shape: tuple[int, ...]) -> None:
    w = init.orthogonal_(tl.tensor(np.zeros(shape)), gain=2.0, rng=0).numpy().reshape(shape[0], -1)
    small = w @ w.T if w.shape[0] <= w.shape[1] else w.T @ w
    np.testing.assert_allclose(small, 4 * np.eye(len(small)), atol=1e-12)


def test_constants_and_dtype() -> None:
    w = tl.tensor(np.empty((2, 3), np.float32))
    assert init.zeros_(w).numpy().tolist() == [[0, 0, 0]] * 2
    assert init.ones_(w).numpy().tolist() == [[1, 1, 1]] * 2
    assert init.constant_(w, 0.5).numpy().tolist() == [[0.5] * 3] * 2
    assert init.eye_(w).numpy().tolist() == [[1, 0, 0], [0, 1, 0]]
    assert init.normal_(w, rng=0).dtype == np.float32


def test_errors_teach() -> None:
    with pytest.raises(ValueError, match=r"b of shape \(3,\) has no fans"):
        init.xavier_normal_(tl.tensor([1.0, 2.0, 3.0], name="b"))
    with pytest.raises(ValueError, match="'swish' is none of"):
        init.calculate_gain("swish")
    with pytest.raises(ValueError, match="mode is 'fan_in'"):
        init.kaiming_normal_(weight(), mode="in")  # type: ignore[arg-type]
