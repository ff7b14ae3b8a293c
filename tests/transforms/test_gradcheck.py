"""The checker is checked: it accepts what is right and names what is wrong, down to an error of 1e-9."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.oracles import Array
from tests.quick import one_in
from tinygrad_lite import GradientError, Tensor
from tinygrad_lite.primitives import special
from tinygrad_lite.testing import strategies

X = np.array([0.5, -1.0, 2.0])


@pytest.mark.parametrize(
    ("f", "xs"),
    [
        (lambda x: np.tanh(x) * x, (X,)),
        (np.abs, (np.array([0.0, 1.0, -2.0]),)),
        (tl.relu, (np.array([0.0, 1e-9, -2.0]),)),
        (np.maximum, (np.array([1.0, 2.0]), np.array([1.0, 3.0]))),
        (lambda a, b: a @ b, (np.ones((3, 4)), np.ones((4, 2)))),
        (np.linalg.norm, (np.zeros(3),)),
        (np.exp, (np.array([100.0, -100.0]),)),
        (np.log, (np.array([1e-8, 1e5]),)),
        (lambda x: 1 / x, (np.array([1e-3]),)),
        (lambda x: x[np.array([0, 0, 2])] * 2, (X,)),
        (lambda x, n: x * n, (X, np.arange(3))),
        (np.tanh, (Tensor(X, requires_grad=True),)),
        (np.sum, (np.zeros((0, 2)),)),
        (tl.erf, (X,)),
        (lambda x, v: x.at[:2].multiply(v), (X, X[:2])),  # what arrays cannot do
        (lambda x: np.round(x, 2), (X + 1 / 300,)),  # a staircase, which from afar is a slope
        (lambda x: np.tanh(50 * x), (X,)),  # as good as flat: what is left of 1 - y^2 is rounding
        (np.sinc, (np.array([0.006, 0.0003]),)),  # the complex step loses digits here
        (np.sort, (np.array([1.0, 1.0 + 6e-7, 2.0]),)),  # a kink closer than the steps of most differences
        (np.sort, (np.array([1.0, 1.0 + 3e-6, 2.0]),)),
    ],
)
def test_what_is_right_is_accepted(f: Any, xs: Any) -> None:
    assert tl.gradcheck(f, *xs)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_the_tolerance_is_that_of_the_dtype(dtype: Any) -> None:
    assert tl.gradcheck(lambda x: np.sum(np.sin(x) * x), X.astype(dtype))


@pytest.mark.parametrize(
    "wrong",
    [
        lambda g, x: g * np.cos(x) * (1 + 1e-9),
        lambda g, x: -g * np.cos(x),
        lambda g, x: g[::-1] * np.cos(x),
        lambda g, x: g * np.nan,
        lambda g, x: (g * np.cos(x)).sum(),
        lambda g, x: np.zeros_like(x),
    ],
)
def test_a_wrong_pair_of_anybodys_functions_is_named(wrong: Any) -> None:
    assert tl.gradcheck(np.sin, X, vjp=lambda g, x: g * np.cos(x))
    with pytest.raises(GradientError, match="sin: the gradient by input 0"):
        tl.gradcheck(np.sin, X, vjp=wrong)


def test_a_function_that_takes_no_complex_numbers_is_held_to_differences() -> None:
    bad = tl.pointwise(
        special.erf.run,
        "bad",
        lambda y, x: 2 / np.sqrt(np.pi) * np.exp(-x * x) * (1 + 1e-8),
        name="bad",
    )
    with pytest.raises(GradientError, match="bad"):
        tl.gradcheck(bad, X)


def test_the_operation_at_fault_is_found_in_the_graph() -> None:
    halved = tl.linear(lambda x: x * 2, "2 #1", lambda g, y, x: g, name="halved")

    def network(x: Any) -> Any:
        return np.sum(np.tanh(halved(np.sin(x))))

    with pytest.raises(GradientError, match=r"halved: the gradient by input 0 at \[0\] .* \(found in network\)"):
        tl.gradcheck(network, X)


def test_a_wrong_second_derivative_is_found() -> None:
    def partial(y: Any, x: Any) -> Any:  # right in value, but cut off from x
        return 3 * (x.detach() if isinstance(x, Tensor) else x) ** 2

    flat = tl.pointwise(lambda x: x**3, "#1^3", partial, name="flat")
    assert tl.gradcheck(flat, X)
    with pytest.raises(GradientError, match="the gradient of flat"):
        tl.gradcheck(flat, X, order=2)


@given(st.integers(0, 2**32 - 1))
def test_no_digit_of_a_difference_that_agrees_by_chance_is_believed(seed: int) -> None:
    a = np.random.default_rng(seed).normal(size=(2, 3, 3))
    assert tl.gradcheck(lambda x: np.linalg.eigvalsh(x + np.swapaxes(x, 1, 2)), a)


# A function whose length is s, its derivative, and whether it is one of each entry by itself.
OF_LENGTH: dict[str, tuple[Any, Any, bool]] = {
    "x^2": (lambda x, s: x**2, lambda g, x, s: g * 2 * x, True),
    "1/x": (lambda x, s: 1 / x, lambda g, x, s: -g / x / x, True),
    "sin(x/s)": (lambda x, s: np.sin(x / s), lambda g, x, s: g * np.cos(x / s) / s, True),
    "atan(x/s)": (lambda x, s: np.arctan2(x, s), lambda g, x, s: g / s / (1 + (x / s) ** 2), True),
    "|x|": (lambda x, s: np.abs(x), lambda g, x, s: g * np.sign(x), True),
    "norm": (lambda x, s: np.sqrt(np.sum((x / s) ** 2)), lambda g, x, s: g * x / s / s / np.linalg.norm(x / s), False),
}


@pytest.mark.parametrize("name", one_in(6, OF_LENGTH))
@given(st.sampled_from([(np.float64, 100), (np.float32, 15)]), st.floats(-1, 1), st.integers(0, 2**32 - 1), st.data())
def test_a_rule_is_judged_alike_at_every_scale(name: str, kind: Any, power: float, seed: int, data: Any) -> None:
    f, vjp, of_entries = OF_LENGTH[name]
    (dtype, most), rng = kind, np.random.default_rng(seed)
    s = dtype(10.0 ** (power * most))
    signs = rng.choice([-1.0, 1.0], 3)
    if name in ("x^2", "1/x", "|x|") and data.draw(st.booleans(), label="entries of many scales"):
        x = (signs * 10.0 ** rng.uniform(-most, most, 3)).astype(dtype)
    else:
        x = (signs * rng.uniform(0.2, 1.2, 3) * s).astype(dtype)
    if name != "1/x" and data.draw(st.booleans(), label="a zero among them"):
        x[1] = 0

    def off(by: Any) -> Any:
        return lambda g, x: (vjp(g, x, s) * by).astype(dtype)

    assert tl.gradcheck(lambda x: f(x, s), x, vjp=off(1))
    wrong = [np.float64(1.01)] + [1 + 0.01 * row for row in np.eye(3)[x != 0] if of_entries]
    for by in wrong:
        with pytest.raises(GradientError):
            tl.gradcheck(lambda x: f(x, s), x, vjp=off(by))


@pytest.mark.parametrize("scale", [1e-9, 1e-6, 1e6])
def test_a_right_rule_of_ours_is_accepted_at_small_and_large_inputs(scale: float) -> None:
    x = np.array([0.5, -1.0, 2.0]) * scale
    assert tl.gradcheck(np.linalg.norm, x)
    assert tl.gradcheck(np.arctan2, x, x[::-1])
    assert tl.gradcheck(lambda x: 1 / x, x)
    assert tl.gradcheck(np.log, np.abs(x))
    for kink in (0.0, 1.0):  # both are subgradients
        assert tl.gradcheck(lambda x: np.maximum(x, scale), np.array([scale]), vjp=lambda g, x, k=kink: g * [k])
    with pytest.raises(GradientError):
        tl.gradcheck(lambda x: np.maximum(x, scale), np.array([scale]), vjp=lambda g, x: g * [1.01])
    with pytest.raises(GradientError):  # not at the kink, however near
        tl.gradcheck(lambda x: np.maximum(x, scale), np.array([scale * 1.5]), vjp=lambda g, x: g * [0.0])


def test_a_rule_need_not_be_surer_than_its_argument() -> None:
    x = np.array([1003.7, 998.2, -1001.3], np.float32)  # 50 x has the rounding of 50,000 in single precision
    assert tl.gradcheck(lambda x: np.cos(50 * x), x, vjp=lambda g, x: g * -50 * np.sin(50 * x))
    with pytest.raises(GradientError):
        tl.gradcheck(lambda x: np.cos(50 * x), x, vjp=lambda g, x: g * -51 * np.sin(50 * x))


@pytest.mark.parametrize(("size", "dtype", "by"), [(1e-4, np.float32, 1e-2), (1e-4, np.float64, 1e-9)])
def test_a_slope_far_smaller_than_the_values_is_still_judged(size: float, dtype: Any, by: float) -> None:
    x = (np.array([0.3, -1.0, 2.0]) * size).astype(dtype)

    def off(factor: float) -> Any:
        return lambda g, x: (g * -2 * x / (1 + x * x) ** 2 * factor).astype(dtype)

    assert tl.gradcheck(lambda x: 1 / (1 + x * x), x, vjp=off(1.0))
    with pytest.raises(GradientError):
        tl.gradcheck(lambda x: 1 / (1 + x * x), x, vjp=off(1 + by))


def test_nothing_to_differentiate_is_an_error() -> None:
    with pytest.raises(TypeError, match="of floats"):
        tl.gradcheck(np.sin, np.arange(3))


def test_a_value_that_is_no_number_is_not_a_gradient_that_is_right() -> None:
    with np.errstate(invalid="ignore"), pytest.raises(ValueError, match="log: its value here is not finite, array"):
        tl.gradcheck(np.log, np.array([-1.0]))


def test_nan_is_no_argument_where_differences_tell_all(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(0)
    assert tl.gradcheck(lambda a, b: np.linalg.lstsq(a, b)[0], rng.normal(size=(4, 2)), rng.normal(size=4))
    assert capfd.readouterr() == ("", "")  # LAPACK writes of every nan that it is given


def test_a_pair_gives_a_cotangent_for_every_input() -> None:
    with pytest.raises(GradientError, match="vjp gave 1 cotangents for 2 inputs"):
        tl.gradcheck(np.multiply, X, X, vjp=lambda g, a, b: g * b)


@given(strategies.arrays_for_broadcasting(2))
def test_strategies_keep_off_kinks_and_ties(arrays: tuple[Array, Array]) -> None:
    both = np.concatenate([a.reshape(-1) for a in arrays])
    assert len(set(both)) == len(both)
    assert np.all(np.abs(both) >= 0.05)
    assert tl.gradcheck(lambda a, b: np.maximum(np.abs(a), tl.relu(b)), *arrays)


@given(strategies.networks(), strategies.broadcastable_shapes(3), strategies.arrays(strategies.shapes()))
def test_strategies_make_what_they_say(network: Any, shapes: Any, array: Array) -> None:
    net, x = network
    assert net(x).shape[0] == len(x)
    assert np.broadcast_shapes(*shapes) is not None
    assert array.size == len(np.unique(array))
