"""Right work in any arithmetic: what rounding, kinks and the order of sums leave open is never called wrong."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.checking.test_no_accusation import loops, loss_of, network, rows
from tinygrad_lite import nn

pytestmark = pytest.mark.filterwarnings("ignore:invalid value encountered in matmul:RuntimeWarning")

SIZES = st.tuples(*(st.integers(1, 5) for _ in range(4)))
SEEDS = st.integers(0, 10**6)
NAMES = ("dW1", "db1", "dW2", "db2")


def only(work: dict[str, Any]) -> dict[str, Any]:
    return {key: work[key] for key in NAMES}


@given(sizes=SIZES, seed=SEEDS, dtype=st.sampled_from([np.float32, np.float16]), kept=st.booleans())
def test_coarser_numbers_than_those_of_the_reference(sizes: tuple[int, ...], seed: int, dtype: Any, kept: bool) -> None:
    at = {key: np.abs(value) for key, value in network(sizes, seed, np.float64).items()}  # no unit is nearly off
    coarse = rows(**{key: value.astype(dtype) for key, value in at.items()})
    report = tl.check(coarse if kept else only(coarse), against=loss_of(at))
    assert report, str(report)
    if dtype == np.float32:  # single precision shows, though it is stored as double
        assert tl.check({key: np.float64(value) for key, value in only(coarse).items()}, against=loss_of(at))


@given(sizes=SIZES, seed=SEEDS)
def test_finer_numbers_than_those_of_the_reference(sizes: tuple[int, ...], seed: int) -> None:
    at = network(sizes, seed, np.float32)
    fine = {key: value.astype(np.float64) for key, value in at.items()}
    assume(np.min(np.abs(rows(**fine)["z1"])) > 1e-4)
    assert tl.check(only(rows(**fine)), against=loss_of(at))


@given(sizes=SIZES, seed=SEEDS, order=st.randoms(use_true_random=False))
def test_sums_in_any_order(sizes: tuple[int, ...], seed: int, order: Any) -> None:
    at = network(sizes, seed, np.float64)
    turned = list(range(sizes[0]))
    order.shuffle(turned)
    assert tl.check(loops(**(at | {"x": at["x"][turned], "y": at["y"][turned]})), against=loss_of(at))


@given(sizes=SIZES, seed=SEEDS, digits=st.sampled_from([3, 6, 9, 13]), dtype=st.sampled_from([4, 8]))
def test_predictions_that_are_all_but_right(sizes: tuple[int, ...], seed: int, digits: int, dtype: int) -> None:
    """The error is a difference of two near numbers: what is left of it is mostly rounding."""
    kind: Any = {4: np.float32, 8: np.float64}[dtype]
    at = network(sizes, seed, np.float64)
    at = {key: value.astype(kind) for key, value in at.items()}
    at["y"] = (rows(**at)["a"] * kind(1 + 10.0 ** -(digits if dtype == 8 else digits / 2))).astype(kind)
    assume(np.any(rows(**at)["da"]))
    x, y, W1, b1, W2, b2 = (at[key] for key in ("x", "y", "W1", "b1", "W2", "b2"))
    h1 = np.maximum(np.einsum("ni,ih->nh", x, W1) + b1, 0)
    da = (np.einsum("nh,ho->no", h1, W2) + b2 - y) / kind(len(x))
    dz1 = np.where(h1 > 0, np.einsum("no,ho->nh", da, W2), kind(0))
    work = {"dW2": np.einsum("nh,no->ho", h1, da), "db2": np.einsum("no->o", da),
            "dW1": np.einsum("ni,nh->ih", x, dz1), "db1": np.einsum("nh->h", dz1)}  # fmt: skip
    assert tl.check(work, against=loss_of(at))


@example(seed=194, n=4, large=300.0)  # a probability of 5e-324
@given(seed=SEEDS, n=st.integers(1, 6), large=st.sampled_from([1.0, 30.0, 300.0]))
def test_softmax_naive_or_stable(seed: int, n: int, large: float) -> None:
    rng = np.random.default_rng(seed)
    W = tl.tensor(large * rng.standard_normal((4, 3)), requires_grad=True, name="W")
    b = tl.tensor(rng.standard_normal(3), requires_grad=True, name="b")
    x, y = rng.uniform(-1, 1, (n, 4)), rng.integers(0, 3, n)
    z = x @ W.numpy() + b.numpy()
    logits = z - z.max(axis=1, keepdims=True)
    stable = np.exp(logits - np.log(np.sum(np.exp(logits), axis=1, keepdims=True)))
    with np.errstate(all="ignore"):
        naive = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    for p in (stable, naive):
        if np.all(np.isfinite(p)):
            e = (p - np.eye(3)[y]) / n
            assert tl.check({"dlogits": e, "dW": x.T @ e, "db": e.sum(0)}, against=nn.CrossEntropyLoss()(x @ W + b, y))


@given(seed=SEEDS, n=st.integers(1, 6), large=st.sampled_from([1.0, 20.0]))
def test_a_sigmoid_by_way_of_tanh(seed: int, n: int, large: float) -> None:
    rng = np.random.default_rng(seed)
    W = tl.tensor(large * rng.standard_normal((3, 2)), requires_grad=True, name="W")
    x, y = rng.standard_normal((n, 3)), rng.random((n, 2))
    h = (np.tanh(x @ W.numpy() / 2) + 1) / 2
    dh = 2 * (h - y) / y.size
    loss = np.mean((1 / (1 + np.exp(-(x @ W))) - y) ** 2)
    assert tl.check({"dz": dh * h * (1 - h), "dW": np.einsum("ni,no->io", x, dh * h * (1 - h))}, against=loss)


@given(seed=SEEDS, slope=st.sampled_from([0.0, 0.5, 1.0]), shown=st.booleans())
def test_any_derivative_at_the_kink_of_a_relu(seed: int, slope: float, shown: bool) -> None:
    rng = np.random.default_rng(seed)
    whole: Any = lambda *shape: rng.integers(-2, 3, shape).astype(float)  # noqa: E731 - as in a notebook
    at = {"x": whole(4, 3), "y": whole(4, 2), "W1": whole(3, 5), "b1": whole(5), "W2": whole(5, 2), "b2": whole(2)}
    right = rows(**at)
    dz1 = right["dh1"] * np.where(right["z1"] == 0, slope, right["z1"] > 0)
    work = only(right) | {"dW1": at["x"].T @ dz1, "db1": dz1.sum(0)} | ({"dz1": dz1} if shown else {})
    report = tl.check(work, against=loss_of(at))
    assert report, str(report)
    assert report.mistakes == []


@given(seed=SEEDS, which=st.sampled_from(["first", "last", "all alike"]))
def test_any_of_the_largest_entries_may_get_the_error(seed: int, which: str) -> None:
    rng = np.random.default_rng(seed)
    W = tl.tensor(rng.integers(-1, 2, (3, 4)).astype(float), requires_grad=True, name="W")
    x = rng.integers(-1, 2, (5, 3)).astype(float)
    z = x @ W.numpy()
    largest = (z == z.max(axis=1, keepdims=True)).astype(float)
    if which == "first":
        largest *= np.cumsum(largest, axis=1) == 1
    elif which == "last":
        largest *= np.cumsum(largest[:, ::-1], axis=1)[:, ::-1] == 1
    weight = rng.standard_normal((5, 1))
    dz = weight * largest / largest.sum(axis=1, keepdims=True)
    loss = np.sum(weight[:, 0] * np.max(x @ W, axis=1))
    assert tl.check({"dz": dz, "dW": x.T @ dz}, against=loss)


@given(seed=SEEDS, dtype=st.sampled_from([np.float64, np.float32]), n=st.integers(2, 8))
def test_a_bias_before_batch_norm_has_a_gradient_of_rounding(seed: int, dtype: Any, n: int) -> None:
    rng = np.random.default_rng(seed)
    W = tl.tensor(rng.standard_normal((3, 4)).astype(dtype), requires_grad=True, name="W")
    b = tl.tensor(rng.standard_normal(4).astype(dtype), requires_grad=True, name="b")
    x, g = rng.standard_normal((n, 3)).astype(dtype), rng.standard_normal((n, 4)).astype(dtype)
    z = x @ W + b
    mean = z.mean(0)
    centred = z - mean
    loss = (g * (centred / np.sqrt((centred * centred).mean(0) + dtype(1e-5)))).sum()
    plain = x @ W.numpy() + b.numpy()
    root = np.sqrt(plain.var(0) + dtype(1e-5))
    y = (plain - plain.mean(0)) / root
    dz = (g - g.mean(0) - y * (g * y).mean(0)) / root
    for db in (dz.sum(0), sum(dz[k] for k in reversed(range(n))), np.zeros_like(dz[0])):
        report = tl.check({"dz": dz, "dW": x.T @ dz, "db": db}, against=loss)
        assert report, str(report)


@given(sizes=SIZES, seed=SEEDS, small=st.sampled_from([1e-3, 1e-6, 1e-12]))
def test_small_gradients_are_checked_all_the_same(sizes: tuple[int, ...], seed: int, small: float) -> None:
    at = network(sizes, seed, np.float64)
    at["W2"] = at["W2"] * small  # dW1 is that much smaller than dW2
    right = rows(**at)
    assert tl.check(only(right), against=loss_of(at))
    assume(np.max(np.abs(right["dW1"])) > 1e-3 * small)
    assert not tl.check(only(right) | {"dW1": 1.01 * right["dW1"]}, against=loss_of(at))


def test_a_mask_written_into_the_error_itself() -> None:
    at = network((6, 3, 5, 2), 3, np.float64)
    right = rows(**at)
    dh1 = right["dh1"]
    dz1 = dh1
    dz1[right["z1"] <= 0] = 0
    report = tl.check(right | {"dh1": dh1, "dz1": dz1}, against=loss_of(at))
    assert report
    assert [row.name for row in report.rows if row.status == "convention"] == ["dh1"]
    report = tl.check(right | {"dh1": dh1, "dz1": dz1, "db1": dz1.mean(0)}, against=loss_of(at))
    assert report.first_wrong == "db1"
    assert [m.id for m in report.mistakes] == ["bias_meaned"]
