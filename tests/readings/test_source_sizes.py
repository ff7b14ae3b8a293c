"""The batch size of the printed module: right at every size that it is said to be free for, or said to be fixed."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.sources import RNG
from tinygrad_lite import nn

W = tl.tensor(RNG.normal(size=(3, 2)), requires_grad=True, name="W")


def rows(n: int) -> Any:
    return np.random.default_rng(n).normal(size=(n, 3))


FUNCTIONS: dict[str, Any] = {
    "mean": lambda x: np.mean(np.tanh(x @ W)),
    "half of the rows": lambda x: np.sum((x @ W)[: len(x) // 2] ** 2),
    "every other row": lambda x: np.sum((x @ W)[::2] ** 2),
    "at most so many": lambda x: np.sum(np.tanh(x @ W)) / min(len(x), 6),
    "at least so many": lambda x: np.sum(np.tanh(x @ W)) / max(len(x), 3),
    "a branch by the size": lambda x: np.mean(x @ W) if len(x) < 6 else np.sum(x @ W),
    "odd and even": lambda x: np.mean(x @ W) * (1 + len(x) % 2),
    "a power": lambda x: np.mean(x @ W) * 0.9 ** len(x),
    "a mask": lambda x: np.sum((x @ W)[x[:, 0] > 0] ** 2),
    "pairs": lambda x: np.mean((x @ W) @ (x @ W).T),
}


@pytest.mark.parametrize("what", FUNCTIONS)
def test_a_function_is_right_at_every_size_or_says_that_it_is_fixed(what: str) -> None:
    f = FUNCTIONS[what]
    source = tl.source(f, rows(4))
    if "is free" not in source:
        assert what not in ("mean", "every other row", "a mask", "pairs")
        assert "The batch size is fixed: 4 rows." in " ".join(source.split())
        return
    for n in (1, 2, 3, 5, 7, 8, 13):
        W.grad = None
        loss = f(rows(n))
        loss.backward()
        got, gradients = source.exec()["loss_and_gradients"](x=rows(n), W=W.data)
        np.testing.assert_allclose(got, loss.item(), rtol=1e-12)
        assert W.grad is not None
        np.testing.assert_allclose(gradients["W"], W.grad, rtol=1e-10, atol=1e-13)


def columns(X: Any, Y: Any) -> Any:
    """A layer with examples as columns."""
    return np.sum((np.tanh(W.T @ X + 0.5) - Y) ** 2) / (2 * X.shape[1])


def test_examples_may_be_columns() -> None:
    source = tl.source(columns, rows(4).T, rows(4).T[:2])
    assert "    N = X.shape[1]\n" in source
    for n in (1, 2, 3, 7):
        W.grad = None
        loss = columns(rows(n).T, rows(n).T[:2])
        loss.backward()
        assert W.grad is not None
        got, gradients = source.exec()["loss_and_gradients"](X=rows(n).T, Y=rows(n).T[:2], W=W.data)
        np.testing.assert_allclose(got, loss.item(), rtol=1e-12)
        np.testing.assert_allclose(gradients["W"], W.grad, rtol=1e-10, atol=1e-13)


def test_a_recorded_loss_shows_the_numbers_that_nobody_can_see_through() -> None:
    text = " ".join(tl.source(np.mean(rows(4) @ W) * 0.9**4).split())
    assert "N, the batch size, is free if nothing of that went by it: it was checked with 4 and 5." in text
    assert "Taken as numbers of the program, not made of its data: 0.6561." in text
    assert "is free" not in tl.source(np.mean(rows(4) @ W) * np.log(4))


@pytest.mark.parametrize("what", FUNCTIONS)
def test_a_recorded_loss_claims_no_more_than_it_can_know(what: str) -> None:
    """It may have branched on len(x) or made an index of it: that is no operation, and nobody can see it."""
    text = " ".join(tl.source(FUNCTIONS[what](rows(4))).split())
    assert "(a branch, len(x), numbers and arrays made of its data), is in here as it was" in text
    assert ("is free" in text) == ("is free if nothing of that went by it" in text)


def test_shapes_without_a_batch_are_said_to_be_fixed() -> None:
    x, w = np.arange(4.0), tl.tensor(2.0, requires_grad=True, name="w")
    assert "The shapes are fixed." in " ".join(tl.source(np.sum(x * w) / len(x), names={"x": x}).split())


@pytest.mark.parametrize("error", [KeyError, AssertionError, RuntimeError, StopIteration])
def test_a_function_that_refuses_other_data_is_written_all_the_same(error: type[Exception]) -> None:
    def only_this(x: Any) -> Any:
        if not np.array_equal(x.numpy(), rows(4)):
            raise error("not this one")
        return np.mean(x @ W)

    assert "The batch size is fixed: 4 rows." in " ".join(tl.source(only_this, rows(4)).split())


def test_an_operation_that_fits_one_size_only_is_written() -> None:
    x = tl.tensor(RNG.normal(size=(3, 3)), requires_grad=True, name="x")
    source = tl.source(lambda x: np.sum(np.sin(np.choose([2, 0, 1], x))), x)
    np.testing.assert_array_equal(source.exec()["loss_and_gradients"](**source.values)[1]["x"], source.gradients["x"])


def test_what_modules_keep_changes_as_by_one_call() -> None:
    """The function runs more than once; running means and generators are left as one run leaves them."""

    def net() -> Any:
        return nn.Sequential(nn.Linear(3, 2, rng=0), nn.BatchNorm1d(2), nn.Dropout(0.5, rng=0))

    read, called = net(), net()
    tl.source(lambda x: np.mean(read(x) ** 2), rows(6))
    called(rows(6))
    for a, b in zip(read.buffers(), called.buffers(), strict=True):
        np.testing.assert_array_equal(a.data, b.data)
    np.testing.assert_array_equal(read(rows(6)).numpy(), called(rows(6)).numpy())


def test_how_much_is_rounded_at_another_size_does_not_fix_the_size() -> None:
    """Where a gradient nearly cancels, a rounded line is some units off at 5 rows and hardly any at 4."""
    for seed in (3, 55):
        rng = np.random.default_rng(seed)
        x, W = rng.normal(size=(4, 3)), tl.tensor(rng.normal(size=(3, 3)), requires_grad=True, name="W")
        source = tl.source(nn.CrossEntropyLoss()(tl.tensor(x) @ W, np.array([0, 1, 2, 1])), exact=False)
        assert "N = len(x)" in source


def network(x: Any, y: Any, W1: Any, b1: Any, W2: Any) -> Any:
    z = x @ W1 + b1
    h = tl.relu(z)
    a = h @ W2
    return np.mean((a - y) ** 2)


@pytest.mark.parametrize(
    ("sizes", "free"),
    [((5, 3, 4), True), ((2, 1, 1), True), ((3, 3, 4), False), ((3, 3, 3), False), ((4, 3, 4), False)],
)
def test_a_function_of_arrays_alone_leaves_the_batch_size_free_or_says_that_it_is_fixed(
    sizes: tuple[int, int, int], free: bool
) -> None:
    """All arguments are differentiated by, and the rows of one may be as many as the features of another."""
    n, features, hidden = sizes
    rng = np.random.default_rng(0)
    W1, b1, W2 = rng.normal(size=(features, hidden)), rng.normal(size=hidden), rng.normal(size=(hidden, 1))
    source = tl.source(network, rng.normal(size=(n, features)), rng.normal(size=(n, 1)), W1, b1, W2)
    assert ("N, the batch size, is free" in source) == free
    assert ("are fixed" in source) != free
    for m in (1, 2, 7) if free else (n,):
        x, y = rng.normal(size=(m, features)), rng.normal(size=(m, 1))
        given = [tl.tensor(a, requires_grad=True) for a in (x, y, W1, b1, W2)]
        loss = network(*given)
        loss.backward()
        got, gradients = source.exec()["loss_and_gradients"](x, y, W1, b1, W2)
        np.testing.assert_allclose(got, loss.item(), rtol=1e-12)
        for name, t in zip(("x", "y", "W1", "b1", "W2"), given, strict=True):
            assert t.grad is not None
            np.testing.assert_allclose(gradients[name], t.grad, rtol=1e-10, atol=1e-13)


def test_the_names_inside_a_function_are_kept() -> None:
    rng = np.random.default_rng(0)
    given = [rng.normal(size=shape) for shape in ((5, 3), (5, 1), (3, 4), (4,), (4, 1))]
    lines = {line.split(" = ")[0].strip() for line in tl.source(network, *given).splitlines() if " = " in line}
    assert {"z", "h", "a", "dz", "dh", "da"} <= lines
