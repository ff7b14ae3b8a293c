"""Sums and their kin: every axis, ties, counts, and numbers at the edge of what a float holds."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import Array, complex_step
from tinygrad_lite import Tensor

Call = Callable[..., Any]
REDUCTIONS: list[Call] = [np.sum, np.mean, np.max, np.min, np.var]
AXES = [None, *range(-3, 3), (), *itertools.combinations(range(3), 2), (0, 1, 2), (-1, 0), (2, -3)]


def gradient(call: Call, x: Any, **keywords: Any) -> Any:
    """The gradient of the sum of the result."""
    t = Tensor(x, requires_grad=True)
    np.sum(call(t, **keywords)).backward()
    assert t.grad is not None
    return t.grad


@pytest.mark.parametrize("keepdims", [False, True])
@pytest.mark.parametrize("axis", AXES, ids=str)
@pytest.mark.parametrize("f", REDUCTIONS)
def test_every_axis_has_numpys_value_and_the_methods_are_the_functions(f: Call, axis: Any, keepdims: bool) -> None:
    x = np.random.default_rng(0).normal(size=(2, 3, 4))
    t = Tensor(x)
    want = f(x, axis=axis, keepdims=keepdims)
    for got in (f(t, axis=axis, keepdims=keepdims), getattr(t, f.__name__)(axis=axis, keepdims=keepdims)):
        assert got.shape == want.shape
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-15, atol=1e-16)


@pytest.mark.parametrize("axis", [3, -4, (0, 0), (0, 3), 1.0, "a"], ids=str)
@pytest.mark.parametrize("f", [*REDUCTIONS, tl.logsumexp])
def test_an_axis_that_is_not_there_is_refused_by_name(f: Call, axis: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"x \(2, 3, 4\)"):
        f(Tensor(np.ones((2, 3, 4)), name="x"), axis=axis)


@pytest.mark.parametrize("f", [np.sum, np.mean])
@pytest.mark.parametrize(("axis", "count"), [(None, 6), (0, 2), (1, 3), ((0, 1), 6), ((), 1)])
def test_sum_hands_on_one_and_mean_its_share(f: Call, axis: Any, count: int) -> None:
    np.testing.assert_array_equal(gradient(f, np.ones((2, 3)), axis=axis), 1 if f is np.sum else 1 / count)


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1), -1])
@pytest.mark.parametrize("ddof", [0, 1, 0.5])
def test_variance_with_any_ddof(axis: Any, ddof: float) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    t = Tensor(x, requires_grad=True)
    y = np.var(t, axis=axis, ddof=ddof)
    np.testing.assert_allclose(y.numpy(), np.var(x, axis=axis, ddof=ddof), rtol=1e-15)
    n = np.prod([x.shape[a] for a in ((0, 1) if axis is None else np.atleast_1d(axis))])

    def by_definition(v: Any) -> Any:
        return np.sum(np.square(v - np.mean(v, axis=axis, keepdims=True)), axis=axis) / (n - ddof)

    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)
    assert t.grad is not None
    assert complex_step(by_definition, [x], 0, g).error_of(t.grad) <= 1e-13


def test_a_variance_without_degrees_of_freedom_warns_as_numpy_does() -> None:
    with pytest.warns(RuntimeWarning):
        y: Any = np.var(leaf(2, 3), ddof=2)
    with pytest.warns(RuntimeWarning):
        y.backward()


@given(st.floats(-1e8, 1e8))
def test_a_variance_does_not_move_with_the_mean(shift: float) -> None:
    x = np.array([1.0, 2.0, 4.0])
    np.testing.assert_allclose(gradient(np.var, x + shift), gradient(np.var, x), atol=1e-7)
    assert abs(np.sum(gradient(np.var, x + shift))) < 1e-7


@pytest.mark.parametrize("f", REDUCTIONS)
@pytest.mark.parametrize("shape", [(0, 3), (2, 0, 3)])
def test_an_empty_result_has_an_empty_gradient(f: Call, shape: tuple[int, ...]) -> None:
    assert gradient(f, np.zeros(shape), axis=-1).shape == shape


@pytest.mark.parametrize("f", [np.max, np.min])
def test_nothing_has_no_extreme(f: Call) -> None:
    with pytest.raises(ValueError, match=r"zero-size array.*x \(0,\)"):
        f(Tensor(np.zeros(0), name="x"))


def test_softmax_of_nothing_is_nothing_and_its_logsumexp_is_ln_0() -> None:
    x = np.zeros((2, 0))
    assert tl.logsumexp(Tensor(x)).numpy().tolist() == [-np.inf, -np.inf]
    assert gradient(tl.softmax, x).shape == gradient(tl.logsumexp, x, axis=1).shape == (2, 0)


@pytest.mark.parametrize("f", [np.sum, np.prod, np.max, np.min, np.logaddexp.reduce])
@pytest.mark.parametrize("keepdims", [False, True])
def test_a_number_may_be_reduced_along_an_axis_that_it_lacks_as_in_numpy(f: Call, keepdims: bool) -> None:
    assert gradient(f, np.array(3.0), axis=-1, keepdims=keepdims).tolist() == 1


@pytest.mark.parametrize("order", [0, 0.5, -0.5, -1, 1, 2, 3])
def test_a_norm_hands_no_nan_to_entries_that_are_0(order: float) -> None:
    def norm(t: Any) -> Any:
        return np.linalg.norm(t, order)

    with np.errstate(divide="ignore"):  # NumPy's own: 0 to a negative power
        assert gradient(norm, np.zeros(3)).tolist() == [0, 0, 0]
        assert np.isfinite(gradient(norm, np.array([0.0, 2.0, -3.0]))).all()


def test_an_empty_sum_is_0_and_an_empty_mean_warns_as_numpys() -> None:
    assert np.sum(Tensor(np.zeros((2, 0))), axis=1).numpy().tolist() == [0, 0]
    with pytest.warns(RuntimeWarning, match="Mean of empty slice"), np.errstate(invalid="ignore"):
        np.mean(Tensor(np.zeros(0)))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_a_mean_of_many_small_numbers_keeps_its_dtype_and_digits(dtype: Any) -> None:
    many = Tensor(np.full(100_000, 0.1, dtype))
    assert np.mean(many).dtype == dtype
    assert abs(np.mean(many).item() - np.mean(many.numpy())) <= np.finfo(dtype).eps


@pytest.mark.parametrize("dtype", [np.int32, np.uint8, np.bool_])
def test_whole_numbers_reduce_as_numpys(dtype: Any) -> None:
    x = np.array([[1, 0, 1], [0, 1, 1]], dtype)
    for f in REDUCTIONS:
        want = f(x, axis=1)
        got = f(Tensor(x), axis=1)
        assert got.dtype == want.dtype
        np.testing.assert_allclose(got.numpy(), want, rtol=1e-15)


# -- logsumexp and its family ------------------------------------------------------------------------------------


def softmax(x: Array, axis: int = -1) -> Array:
    """By its definition, for moderate x."""
    e = np.exp(x - np.max(x, axis=axis, keepdims=True))
    return np.asarray(e / np.sum(e, axis=axis, keepdims=True))


@given(st.lists(st.floats(-1e4, 1e4), min_size=1, max_size=6))
def test_logsumexp_neither_overflows_nor_loses_its_gradient(values: list[float]) -> None:
    x = np.array(values)
    np.testing.assert_allclose(gradient(tl.logsumexp, x), softmax(x), rtol=1e-10, atol=1e-300)
    assert max(values) <= tl.logsumexp(x).item() <= max(values) + np.log(len(values)) + 1e-11


@pytest.mark.parametrize("big", [1e2, -1e2, 1e4, -1e4, 1e8])
def test_a_shift_of_all_logits_costs_no_more_than_the_digits_that_it_shifts_out(big: float) -> None:
    """ln sum e^x of numbers near `big` is itself rounded to eps * big, and softmax by as much."""
    x, off = np.array([0.0, np.log(3)]) + big, 4 * np.finfo(float).eps * abs(big)
    np.testing.assert_allclose(tl.softmax(x).numpy(), [0.25, 0.75], atol=off)
    np.testing.assert_allclose(tl.log_softmax(x).numpy(), np.log([0.25, 0.75]), atol=off)
    np.testing.assert_allclose(gradient(tl.logsumexp, x), [0.25, 0.75], atol=off)


def test_a_masked_entry_counts_for_nothing() -> None:
    x = np.array([-np.inf, 0.0, 1.0])
    np.testing.assert_allclose(tl.logsumexp(x).item(), np.log(1 + np.e), rtol=1e-15)
    np.testing.assert_allclose(gradient(tl.logsumexp, x), [0, *softmax(x[1:])], rtol=1e-15)


def test_a_row_that_is_masked_altogether_is_minus_infinity_and_the_others_are_right() -> None:
    """ln 0 = -inf without a warning; what e^(x - y) = e^(-inf + inf) would be nobody knows, and NumPy says so."""
    t = Tensor(np.array([[-np.inf, -np.inf], [0.0, 0.0]]), requires_grad=True)
    y = tl.logsumexp(t, axis=1)
    np.testing.assert_array_equal(y.numpy(), [-np.inf, np.log(2)])
    with pytest.warns(RuntimeWarning, match="invalid value"):
        np.sum(y).backward()
    np.testing.assert_array_equal(t.grad, [[np.nan, np.nan], [0.5, 0.5]])


def test_an_infinite_entry_is_the_whole_sum() -> None:
    assert tl.logsumexp(np.array([np.inf, 0.0])).item() == np.inf


@pytest.mark.parametrize("axis", [0, 1, -1, -2])
def test_softmax_and_its_logarithm_along_an_axis(axis: int) -> None:
    x = np.random.default_rng(0).normal(size=(3, 4))
    np.testing.assert_allclose(tl.softmax(x, axis).numpy(), softmax(x, axis), rtol=1e-14)
    np.testing.assert_allclose(tl.log_softmax(x, axis).numpy(), np.log(softmax(x, axis)), rtol=1e-13)
    g = np.random.default_rng(1).normal(size=x.shape)
    for f, reference in (
        (tl.softmax, lambda v: np.exp(v) / np.sum(np.exp(v), axis=axis, keepdims=True)),
        (tl.log_softmax, lambda v: v - np.log(np.sum(np.exp(v), axis=axis, keepdims=True))),
    ):
        t = Tensor(x, requires_grad=True)
        f(t, axis).backward(g)
        assert t.grad is not None
        assert complex_step(reference, [x], 0, g).error_of(t.grad) <= 1e-13


def test_sigmoid_neither_overflows_nor_warns() -> None:
    x = np.array([-1e4, -800.0, 0.0, 800.0, 1e4])
    assert tl.sigmoid(x).numpy().tolist() == [0, 0, 0.5, 1, 1]
    assert gradient(tl.sigmoid, x).tolist() == [0, 0, 0.25, 0, 0]
