"""What stands in for the derivative where there is none: the conventions, each at its kink and on either side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tinygrad_lite import Tensor

TINY = 5e-324  # the number next to 0


def slopes(f: Callable[..., Any], *at: Any) -> list[Any]:
    """The gradient of sum(f) by each argument."""
    xs = [Tensor(np.array(a, float), requires_grad=True) for a in at]
    f(*xs).sum().backward()
    return [x.grad.tolist() for x in xs if x.grad is not None]


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_relu_has_slope_0_at_0(x: float) -> None:
    assert slopes(tl.relu, [x, TINY, -TINY]) == [[0, 1, 0]]


@pytest.mark.parametrize("x", [0.0, -0.0])
def test_abs_has_slope_0_at_0(x: float) -> None:
    assert slopes(np.absolute, [x, TINY, -TINY]) == [[0, 1, -1]]


def test_sign_has_slope_0_everywhere() -> None:
    assert slopes(np.sign, [-2.0, 0.0, 2.0]) == [[0, 0, 0]]


@pytest.mark.parametrize("f", [np.maximum, np.minimum])
def test_maximum_and_minimum_share_a_tie_equally(f: Callable[..., Any]) -> None:
    assert slopes(f, [1.0, 0.0, -0.0], [1.0, -0.0, 0.0]) == [[0.5] * 3, [0.5] * 3]


@pytest.mark.parametrize("f", [np.maximum, np.minimum])
def test_the_larger_or_smaller_operand_takes_all(f: Callable[..., Any]) -> None:
    first, second = slopes(f, [1.0, 2.0], [2.0, 1.0])
    assert (first, second) == (([0, 1], [1, 0]) if f is np.maximum else ([1, 0], [0, 1]))


def test_a_tie_with_a_constant_leaves_half() -> None:
    assert slopes(lambda x: np.maximum(x, 0), [0.0]) == [[0.5]]
    assert slopes(lambda x: np.maximum(x, x), [3.0]) == [[1.0]]


def test_clip_passes_at_its_edges() -> None:
    assert slopes(lambda x: np.clip(x, -1, 1), [-1.0 - 1e-9, -1.0, 0.0, 1.0, 1.0 + 1e-9]) == [[0, 1, 1, 1, 0]]
    assert slopes(lambda x: x.clip(min=0), [-1.0, 0.0, 1.0]) == [[0, 1, 1]]
    assert slopes(lambda x: x.clip(max=0), [-1.0, 0.0, 1.0]) == [[1, 1, 0]]
    assert slopes(lambda x: x.clip(), [-1.0, 0.0, 1.0]) == [[1, 1, 1]]


def test_a_bound_of_clip_takes_what_the_entry_does_not() -> None:
    x, low, high = slopes(np.clip, [-5.0, -1.0, 0.0, 1.0, 5.0], [-1.0] * 5, [1.0] * 5)
    assert np.add(np.add(x, low), high).tolist() == [1] * 5
    assert (low, high) == ([1, 0, 0, 0, 0], [0, 0, 0, 0, 1])


@given(st.floats(-3, 3), st.floats(-3, 3), st.floats(-3, 3))
def test_clips_slopes_add_up_to_one_even_with_bounds_crossed(x: float, low: float, high: float) -> None:
    """NumPy's clip is min(max(x, low), high): where low > high the answer is high, whatever x is."""
    parts = slopes(np.clip, x, low, high)
    assert sum(parts) == 1
    if low > high:
        assert parts == [0, 0, 1]


@pytest.mark.parametrize("f", [np.max, np.min])
@pytest.mark.parametrize("n", [1, 2, 3, 7])
def test_max_and_min_share_among_all_that_tie(f: Callable[..., Any], n: int) -> None:
    others = [-9.0, -8.0] if f is np.max else [9.0, 8.0]
    assert slopes(f, [*others, *[1.0] * n]) == [[0, 0, *[1 / n] * n]]


@pytest.mark.parametrize(("f", "axis", "want"), [
    (np.max, 0, [[0, 0.5], [1, 0.5]]), (np.max, 1, [[0, 1], [0.5, 0.5]]), (np.max, None, [[0, 1 / 3], [1 / 3, 1 / 3]]),
    (np.min, 0, [[1, 0.5], [0, 0.5]]), (np.min, (0, 1), [[1, 0], [0, 0]]), (np.min, (), [[1, 1], [1, 1]]),
])  # fmt: skip
def test_ties_are_counted_along_the_axis(f: Callable[..., Any], axis: Any, want: list[list[float]]) -> None:
    assert slopes(lambda x: f(x, axis=axis), [[1.0, 2.0], [2.0, 2.0]]) == [want]


@given(st.lists(st.integers(-2, 2), min_size=1, max_size=6))
def test_the_shares_of_a_maximum_add_up_to_one(values: list[int]) -> None:
    (shares,) = slopes(np.max, values)
    np.testing.assert_allclose(np.sum(shares), 1, rtol=1e-15)
    assert len({s for s, v in zip(shares, values, strict=True) if v == max(values)}) == 1


def test_where_differentiates_only_the_branch_taken() -> None:
    """The other branch's cotangent is 0, though its value may be anything."""
    assert slopes(lambda a, b: np.where([True, False], a, b), [1.0, np.nan], [np.inf, 2.0]) == [[1, 0], [0, 1]]


@pytest.mark.parametrize("f", [tl.relu, np.absolute, lambda x: np.maximum(x, 0.0), lambda x: np.clip(x, 0, 1)])
def test_the_second_derivative_is_0_at_the_kink_too(f: Callable[..., Any]) -> None:
    assert tl.grad(tl.grad(f))(0.0).item() == 0


def test_powers_at_zero() -> None:
    """x^0 is constant, x^1 has slope 1, x^2 has slope 0; and 0^b does not move with b > 0."""
    for exponent, slope in ((0, 0), (1, 1), (2, 0), (0.0, 0), (1.0, 1), (np.array(0), 0), (np.array(1.0), 1)):
        assert slopes(lambda x, e=exponent: x**e, 0.0) == [slope]
    assert slopes(lambda a, b: a**b, [0.0, 0.0, 0.0], [0.0, 1.0, 2.0]) == [[0, 1, 0], [0, 0, 0]]


def test_a_power_moves_with_base_and_exponent_together() -> None:
    """d/db d/da a^b = a^(b-1) (1 + b ln a), which is 1/a at b = 0 although the slope in a is 0 there."""
    mixed = tl.grad(lambda b: tl.grad(lambda a: a**b)(3.0))
    for b in (0.0, 1.0, 2.5):
        np.testing.assert_allclose(mixed(b).item(), 3.0 ** (b - 1) * (1 + b * np.log(3)), rtol=1e-14)


def test_where_there_is_no_finite_slope_numpy_warns() -> None:
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert slopes(np.sqrt, [0.0]) == [[np.inf]]
    with pytest.warns(RuntimeWarning, match="divide by zero"):
        assert slopes(np.log, [0.0]) == [[np.inf]]
