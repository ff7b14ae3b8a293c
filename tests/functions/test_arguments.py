"""NumPy's arguments, drawn at random: what NumPy answers for an array, a Tensor answers too."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.functions.table import QUANTILES
from tests.oracles import Array
from tinygrad_lite import Tensor
from tinygrad_lite.testing import strategies

REDUCTIONS = (np.sum, np.prod, np.mean, np.var, np.std, np.max, np.min, np.ptp, np.median, np.nansum, np.nanmax)


def same(f: Callable[[Any], Any], x: Array) -> None:
    """A Tensor gives what an array gives, if that gives anything."""
    try:
        want = f(x)
    except (ValueError, IndexError, TypeError):
        with contextlib.suppress(ValueError, IndexError, TypeError):
            f(Tensor(x))
        return
    got = f(Tensor(x, requires_grad=True))
    wants, gots = (want, got) if isinstance(want, (list, tuple)) else ([want], [got])
    for a, b in zip(wants, gots, strict=True):
        assert b.dtype == np.asarray(a).dtype
        np.testing.assert_allclose(b.numpy(), a, rtol=1e-13, atol=1e-13)


@st.composite
def arrays_and_axes(draw: st.DrawFn) -> tuple[Array, Any]:
    shape = draw(strategies.shapes(min_side=0, max_side=3))
    x = draw(strategies.arrays(shape))
    axes = st.integers(-len(shape) - 1, len(shape))
    return x, draw(st.none() | axes | st.lists(axes, max_size=3).map(tuple))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # means of nothing, of which NumPy warns
@given(arrays_and_axes(), st.sampled_from(REDUCTIONS), st.booleans())
def test_a_reduction_over_any_axis(x_and_axis: tuple[Array, Any], f: Any, keepdims: bool) -> None:
    x, axis = x_and_axis
    if f in (np.median,) and (not x.size or axis == ()):
        return
    same(lambda a: f(a, axis=axis, keepdims=keepdims), x)


@given(arrays_and_axes(), st.sampled_from((np.cumsum, np.cumprod, np.sort, np.flip, np.diff)))
def test_a_function_along_any_axis(x_and_axis: tuple[Array, Any], f: Any) -> None:
    x, axis = x_and_axis
    if f is np.diff and axis is None:
        return
    if x.ndim or f is not np.sort:
        same(lambda a: f(a, axis=axis), x)


MOVES: tuple[Callable[..., Any], ...] = (
    lambda a, k, m, axis, mode: np.roll(a, k, axis),
    lambda a, k, m, axis, mode: np.repeat(a, abs(k), axis if not isinstance(axis, tuple) else None),
    lambda a, k, m, axis, mode: np.moveaxis(a, k, m),
    lambda a, k, m, axis, mode: np.rollaxis(a, k, m),
    lambda a, k, m, axis, mode: np.expand_dims(a, 0 if axis is None else axis),
    lambda a, k, m, axis, mode: np.squeeze(a, axis),
    lambda a, k, m, axis, mode: np.delete(a, k, axis),
    lambda a, k, m, axis, mode: np.insert(a, k, 1.5, axis),
    lambda a, k, m, axis, mode: np.take(a, [k, m], axis if not isinstance(axis, tuple) else 0),
    lambda a, k, m, axis, mode: np.tile(a, (abs(k), abs(m))),
    lambda a, k, m, axis, mode: np.pad(a, (abs(k), abs(m)), mode),
    lambda a, k, m, axis, mode: np.array_split(a, abs(k) + 1, axis if isinstance(axis, int) else 0),
    lambda a, k, m, axis, mode: np.diagonal(a, k, 0, m),
    lambda a, k, m, axis, mode: np.rot90(a, k),
    lambda a, k, m, axis, mode: np.tril(a, k),
)  # fmt: skip


@given(
    arrays_and_axes(),
    st.integers(0, len(MOVES) - 1),
    st.integers(-3, 3),
    st.integers(-3, 3),
    st.sampled_from(("constant", "edge", "reflect", "symmetric", "wrap")),
)
def test_entries_moved_with_any_arguments(x_and_axis: tuple[Array, Any], move: int, k: int, m: int, mode: str) -> None:
    x, axis = x_and_axis
    same(lambda a: MOVES[move](a, k, m, axis, mode), x)


@given(strategies.arrays_for_broadcasting(3))
def test_choices_broadcast(arrays: tuple[Array, ...]) -> None:
    a, b, c = arrays
    for f in (
        lambda x: np.where(a > 0, x, c),
        lambda x: np.clip(x, -1, abs(c)),
        lambda x: np.fmax(np.arctan2(x, c), a),
    ):
        same(f, b)


SUBSCRIPTS = st.lists(st.text("abc", max_size=3), min_size=1, max_size=3)


@given(SUBSCRIPTS, st.data())
def test_einsum_of_any_subscripts_without_repeats_in_the_output(terms: list[str], data: st.DataObject) -> None:
    letters = sorted(set("".join(terms)))
    out = "".join(data.draw(st.permutations(letters))[: data.draw(st.integers(0, len(letters)))])
    sizes = dict(zip("abc", (2, 3, 2), strict=True))
    rng = np.random.default_rng(0)
    ones = {(i, letter) for i, letter in enumerate("abc") if data.draw(st.booleans())}  # broadcast in operand i
    xs = [
        rng.normal(size=[1 if (i, letter) in ones else sizes[letter] for letter in term])
        for i, term in enumerate(terms)
    ]
    subscripts = ",".join(terms) + "->" + out
    np.testing.assert_allclose(np.einsum(subscripts, *map(Tensor, xs)).numpy(), np.einsum(subscripts, *xs), atol=1e-12)
    assert tl.gradcheck(lambda *ts: np.einsum(subscripts, *ts), *xs)


METHODS = st.sampled_from(QUANTILES)
SHARES = st.integers(0, 24).map(lambda k: k / 24) | st.floats(0, 1)  # where ranks are whole or half, and anywhere


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # of rows with nothing in them NumPy warns
@given(arrays_and_axes(), SHARES, METHODS, st.booleans(), st.integers(0, 2**16))
def test_quantiles_by_any_method(x_and_axis: tuple[Array, Any], q: float, method: Any, keep: bool, holes: int) -> None:
    x, axis = x_and_axis
    if not x.size or axis == ():
        return
    same(lambda a: np.quantile(a, q, axis=axis, method=method, keepdims=keep), x)
    some = np.where(np.random.default_rng(holes).random(x.shape) < 0.3, np.nan, x)
    same(lambda a: np.nanquantile(a, q, axis=axis, method=method, keepdims=keep), some)


@given(strategies.arrays((6,)), st.integers(1, 6), st.integers(1, 6), st.sampled_from(("full", "same", "valid")))
def test_series_of_any_length(x: Array, n: int, m: int, mode: Any) -> None:
    same(lambda a: np.convolve(a[:n], a[:m][::-1], mode), x)
    same(lambda a: np.correlate(a[:n], a[:m] * 2, mode), x)
    knots, values = np.cumsum(abs(x[:m])), x[::-1][:m]
    same(lambda a: np.interp(a, knots, values), x)
    same(lambda a: np.interp(a, knots, values, left=n, period=None if mode == "full" else 1.5), x)
    if n > 2:
        for order in (1, 2):
            same(lambda a, order=order: np.gradient(a[:n], np.cumsum(abs(x[:n]) + 1), edge_order=order), x)  # type: ignore[misc]
            same(lambda a, order=order: np.gradient(a[:n], 0.5, edge_order=order), x)  # type: ignore[misc]


BY_NAME = ("sum", "prod", "mean", "max", "min", "var", "std")


@given(arrays_and_axes(), st.integers(0, 2**16), st.sampled_from(BY_NAME), st.booleans())
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_a_method_takes_what_the_function_takes(
    x_and_axis: tuple[Array, Any], seed: int, name: str, keepdims: bool
) -> None:
    x, axis = x_and_axis
    more: dict[str, Any] = {"where": np.random.default_rng(seed).random(x.shape) < 0.7, "keepdims": keepdims}
    if name in ("sum", "prod", "max", "min"):
        more["initial"] = 0.25
    same(lambda a: getattr(a, name)(axis=axis, **more), x)


@given(arrays_and_axes(), st.integers(0, 2**16), st.sampled_from((np.var, np.std, np.nanvar, np.nanstd)))
@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # variances of nothing, of which NumPy warns
def test_a_variance_of_some_entries(x_and_axis: tuple[Array, Any], seed: int, f: Any) -> None:
    x, axis = x_and_axis
    where = np.random.default_rng(seed).random(x.shape) < 0.7
    same(lambda a: f(a, axis=axis, where=where, ddof=seed % 4), x)


COUNTED: tuple[Callable[[Any, Any], Any], ...] = (
    lambda x, k: np.roll(x, k),
    lambda x, k: np.roll(x, (k, 1), (0, k)),
    lambda x, k: np.prod(x, axis=k),
    lambda x, k: np.max(x, axis=k),
    lambda x, k: np.cumprod(x, axis=k),
    lambda x, k: np.flip(x, k),
    lambda x, k: np.linalg.norm(x, axis=k),
    lambda x, k: np.rot90(x, k),
    lambda x, k: np.diagonal(x, k),
    lambda x, k: np.diff(x, k),
    lambda x, k: np.repeat(x, k, axis=k),
    lambda x, k: np.tile(x, (k, 2)),
    lambda x, k: np.delete(x, k, k),
    lambda x, k: np.vander(x[0], k),
    lambda x, k: np.std(x, ddof=k),
    lambda x, k: np.expand_dims(x, k),
    lambda x, k: np.pad(x, int(k), "mean", stat_length=k),
    lambda x, k: x[k] * x[:, k, None],
)


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.array])
@pytest.mark.parametrize("call", COUNTED)
def test_numpys_integers_count_as_pythons_do_in_every_derivative(call: Any, kind: Any) -> None:
    """-np.uint8(1) is 255: a rule that negates a shift would be wrong in silence."""
    x = np.random.default_rng(0).normal(size=(3, 4))
    weights = np.random.default_rng(1).normal(size=np.shape(call(x, 1)))

    def slope(k: Any) -> Any:
        return lambda a: np.sum(weights * tl.grad(lambda b: np.sum(weights * call(b, k) ** 2))(a)[:1, :1])

    for f, g in ((slope(kind(1)), slope(1)), (tl.grad(slope(kind(1))), tl.grad(slope(1)))):
        np.testing.assert_array_equal(f(x).numpy(), g(x).numpy())
