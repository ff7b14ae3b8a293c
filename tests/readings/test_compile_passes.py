"""Each pass alone: what it takes out of a small program, and that the program still gives the same numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.readings.test_compile import alike
from tinygrad_lite.nn import CrossEntropyLoss
from tinygrad_lite.readings.compile import PASSES
from tinygrad_lite.readings.compiling import passes

X = np.random.default_rng(0).normal(size=(4, 3))
T = tl.tensor(X)
LABELS = np.array([0, 2, 1, 1])


def run_of(text: str) -> str:
    return text[text.index("def run") :]


def texts(f: Any, name: str, *args: Any) -> tuple[str, str]:
    """What runs without any rewriting pass, and with one alone; both are proven to give what f gives."""
    found = []
    for used in ((), (name,)):
        fast = tl.compile(f, without=set(passes.ORDER) - set(used))
        with tl.no_grad():
            for _ in range(2):
                alike(fast(*args), f(*args))
        found.append(run_of(fast.source))
    return found[0], found[1]


def test_what_constants_alone_decide_is_computed_in_the_trace() -> None:
    fast = tl.compile(tl.grad(lambda x: np.mean(x * 2) + np.sum(np.exp(np.ones(3)))), without=passes.ORDER)
    fast(X)
    assert "divide" not in fast.source
    assert "exp" not in fast.source


def test_an_array_of_one_number_is_that_number() -> None:
    f = lambda x: x * np.full((4, 3), 0.5)  # noqa: E731
    before, after = texts(f, "uniform", T)
    assert "multiply(x, c)" in before
    assert "c_0_5" in after


def test_what_changes_nothing_is_left_out() -> None:
    before, after = texts(lambda x: (x * 1 / 1.0).reshape(4, 3) + x, "identities", T)
    assert "multiply" in before
    assert "multiply" not in after
    assert "divide" not in after
    assert "reshape" not in after


def test_the_same_is_computed_once() -> None:
    before, after = texts(lambda x: np.exp(x) * np.exp(x) + np.sum(np.exp(x)), "common", T)
    assert before.count("exp(") == 3
    assert after.count("exp(") == 1


def test_relu_asks_its_own_result() -> None:
    before, after = texts(tl.grad(lambda x: np.sum(tl.relu(x) ** 2)), "masks", T)
    assert "greater(x," in before
    assert "greater(h" in after


def test_labels_are_added_where_they_are() -> None:
    f = tl.grad(lambda x, y: CrossEntropyLoss()(x, y))
    before, after = texts(f, "labels", T, LABELS)
    assert "= 0;" in before
    assert "+=" in after


def test_entries_are_counted_through_the_table_where_labels_are_within_range() -> None:
    loss = CrossEntropyLoss()
    before, after = texts(lambda x, y: loss(x, y), "places", T, LABELS)
    assert "x[c, y]" in before
    assert "reshape(-1)[" in after
    unknown = lambda x, y: x[np.arange(4), y]  # noqa: E731  # nothing says that these labels are within range
    assert "reshape(-1)[" not in texts(unknown, "places", T, np.array([0, -1, 2, -3]))[1]


def test_whether_all_is_finite_is_one_product() -> None:
    before, after = texts(lambda x: tl.logsumexp(x), "finite", T)
    assert "logical_and" in before
    assert "logical_and" not in after
    fast = tl.compile(lambda x: tl.logsumexp(x))
    for bad in (np.inf, -np.inf, np.nan):
        x = X.copy()
        x[1] = bad
        with np.errstate(all="ignore"):
            alike(fast(tl.tensor(x)), tl.logsumexp(tl.tensor(x)))
        alike(fast(T), tl.logsumexp(T))


def test_the_sum_over_one_entry_is_a_view() -> None:
    before, after = texts(lambda x: np.sum(x, axis=0) * 2, "singles", tl.tensor(X[:1]))
    assert "add_reduce" in before
    assert "add_reduce" not in after


def test_products_of_matrices_go_by_dot() -> None:
    before, after = texts(lambda x: x @ x.T + 1.0, "dots", T)
    assert "matmul" in before
    assert "matmul" not in after


def test_what_nobody_needs_is_not_computed() -> None:
    def f(x: Any) -> Any:
        np.tanh(x)
        return x * 2

    before, after = texts(f, "dead", T)
    assert "tanh" in before
    assert "tanh" not in after


def test_masks_are_converted_before_they_are_multiplied_by() -> None:
    _, after = texts(tl.grad(lambda x: np.sum(tl.relu(x) * x)), "casts", T)
    assert "[...] = " in after


def test_sums_by_blas_are_not_exact_and_not_asked_for_by_default() -> None:
    f = lambda x: np.sum(np.exp(x), axis=0) + 1  # noqa: E731
    fast, quick = tl.compile(f), tl.compile(f, exact=False)
    np.testing.assert_allclose(quick(X).numpy(), fast(X).numpy(), rtol=1e-14)
    assert "add_reduce" in fast.source
    assert "add_reduce" not in quick.source


def test_places_are_used_again_and_operands_written_over() -> None:
    square = np.eye(3) + 0.1

    def f(x: Any) -> Any:
        for _ in range(10):
            x = np.tanh(x) @ square
        return np.sum(x)

    sizes = []
    passed: tuple[tuple[str, ...], ...] = ((), ("in place",), ("reuse",), ("buffers",))
    for without in passed:
        fast = tl.compile(f, without=without)
        alike(fast(T), f(T))
        sizes.append(fast.stats[0]["bytes"])
    assert 0 == sizes[3] < sizes[0] <= sizes[1] < sizes[2]


def step_of(net: Any, loss: Any, *batch: Any, **how: Any) -> Any:
    step = tl.compile(lambda x, y: loss(net(x), y), optimizer=tl.optim.SGD(net.parameters(), lr=0.1), **how)
    step(*batch)
    return step


def lines_of(source: str) -> list[str]:
    """What is computed, without the tests before it and the move after it."""
    body = run_of(source)
    return [line.strip() for line in body[body.index("rebind(): return MISS") :].splitlines()[1:] if line.strip()]


def test_the_program_of_a_step_is_the_one_that_a_reader_would_write() -> None:
    net = tl.nn.Sequential(tl.nn.Linear(2, 3, rng=0), tl.nn.ReLU(), tl.nn.Linear(3, 1, bias=False, rng=1))
    step = step_of(net, tl.nn.SquaredLoss(), np.array([[2.0, 1.0]]), np.array([[10.0]]))
    assert lines_of(step.source) == [
        "x.dot(W1_T, z1)", "add(z1, b1_1x3, z1)", "maximum(z1, zeros, out=h1)", "h1.dot(W2_T, z2)",
        "subtract(z2, y, diff)", "entry = diff[0, 0]", "squared = entry * entry", "loss = 0.5 * squared",
        "diff.dot(W2, dh1)", "diff_T.dot(h1, dW2)", "greater(h1, zero, mask)", "mask2[...] = mask",
        "multiply(dh1, mask2, dz1)", "dz1_T.dot(x, dW1)", "# SGD", "multiply(gradients, lr, gradients)",
        "subtract(parameters, gradients, parameters)", "return leaf(loss)",
    ]  # fmt: skip
    assert step.stats[0]["operations"] < step.stats[0]["traced"]
    assert any(said.startswith("masks (1): Where h = max(z, 0)") for said in step.stats[0]["folded"])
    compile(step.source, "text", "exec")
    assert step.source.startswith('"""\n<lambda> and a step of SGD: 14 operations.')


def test_operands_are_given_the_shape_of_the_result() -> None:
    b = tl.tensor([1.0, 2.0, 3.0])
    before, after = texts(lambda x: x[:1] * 2 + b, "shapes", T)
    assert ", b" not in after.replace("b_1x3", "")
    assert "b_1x3" not in before


def test_rows_are_spread_over_small_matrices_first() -> None:
    before, after = texts(lambda x: np.exp(x) - np.sum(x, axis=0), "spread", T)
    assert "_rows[...] =" in after
    assert "_rows" not in before
    large = tl.tensor(np.ones((40, 40)))
    assert "_rows" not in texts(lambda x: np.exp(x) - np.sum(x, axis=0), "spread", large)[1]


def test_the_larger_of_an_array_and_a_number_is_that_of_two_arrays() -> None:
    before, after = texts(lambda x: np.minimum(np.maximum(x, 0), 1.0), "filled", T)
    assert "maximum(x, zeros, out=" in after
    assert "zeros" not in before


def test_the_largest_of_each_row_by_its_place() -> None:
    before, after = texts(lambda x: tl.logsumexp(x, axis=1), "largest", T)
    assert "maximum_reduce" in before
    assert "argmax(1" in after
    # where a -0 in the place of a 0 would show, it is left as it is
    assert "argmax" not in texts(lambda x: np.max(x, axis=1, keepdims=True) * 2.0, "largest", T)[1]
    rows = np.array([[-0.0, 0.0, -1.0], [0.0, -0.0, -1.0], [-0.0, -0.0, -0.0], [-1.0, np.inf, 3.0]])
    for row in rows:
        with np.errstate(all="ignore"):
            f = tl.value_and_grad(lambda x: np.sum(tl.logsumexp(x, axis=1)))
            alike(tl.compile(f)(row[None]), f(row[None]))


def test_the_softmax_from_exponentials_that_are_there() -> None:
    f = tl.grad(lambda x, y: CrossEntropyLoss()(x, y))
    fast, quick = tl.compile(f), tl.compile(f, exact=False)
    np.testing.assert_allclose(quick(X, LABELS).numpy(), fast(X, LABELS).numpy(), rtol=1e-14)
    assert fast.source.count("exp(") == 2
    assert quick.source.count("exp(") == 1


def test_a_long_product_of_few_rows_is_turned_round() -> None:
    rng = np.random.default_rng(0)
    W = tl.tensor(rng.standard_normal((128, 500), np.float32), name="W")
    x = tl.tensor(rng.standard_normal((32, 500), np.float32))
    fast = tl.compile(lambda x: np.exp(x @ W.T))
    alike(fast(x), np.exp(x @ W.T))
    assert "W.dot(x_T" in fast.source or "x.dot(W_T" in fast.source  # the latter where BLAS would add otherwise
    plain = tl.compile(lambda x: np.exp(x @ W.T), without=["turned"])
    alike(plain(x), np.exp(x @ W.T))
    assert "x.dot(W_T" in plain.source


def test_all_masks_are_asked_for_at_once() -> None:
    layers = [layer for k in range(5) for layer in (tl.nn.Linear(6, 6, rng=k), tl.nn.ReLU())]
    losses = []
    for without in ([], ["together"]):
        net = tl.nn.Sequential(*layers[:-1], tl.nn.Linear(6, 3, rng=9))
        net.load_state_dict({k: v * 1.0 for k, v in net.state_dict().items()})
        f = tl.value_and_grad(lambda x, net=net: np.sum(net(x) ** 2))
        fast = tl.compile(f, without=without)
        x = np.random.default_rng(0).normal(size=(4, 6))
        with tl.no_grad():
            alike(fast(x), f(x))
            alike(fast(x + 1), f(x + 1))
        losses.append(run_of(fast.source).count("greater("))
    assert losses == [1, 4]


@pytest.mark.parametrize("name", PASSES)
def test_equal_programs_have_equal_text(name: str) -> None:
    f = tl.value_and_grad(lambda x: np.sum(np.tanh(x) * tl.relu(x)))
    one, two = tl.compile(f, without=[name]), tl.compile(f, without=[name])
    one(X)
    two(X)
    assert one.source == two.source
