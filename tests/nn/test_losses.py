"""Losses: formulas and gradients, logits at the edge of what a float holds, and shapes that must not broadcast."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import Array, complex_step
from tinygrad_lite import Tensor, nn

ONE = np.array(1.0)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)


def gradient(loss: nn.Module, prediction: Array, target: Any) -> tuple[float, Array]:
    t = Tensor(prediction, requires_grad=True)
    value = loss(t, target)
    assert value.shape == ()
    value.backward()
    assert t.grad is not None
    return value.item(), t.grad


# -- squares -----------------------------------------------------------------------------------------------------


@given(shapes)
def test_squared_loss_is_half_the_square_summed_over_outputs_and_averaged_over_examples(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=shape), rng.normal(size=shape)
    examples = int(np.prod(shape[:-1]))
    value, g = gradient(nn.SquaredLoss(), a, y)
    np.testing.assert_allclose(
        value, sum(0.5 * (u - v) ** 2 for u, v in zip(a.flat, y.flat, strict=True)) / examples, rtol=1e-13
    )
    np.testing.assert_allclose(g, (a - y) / examples, rtol=1e-14)


@given(shapes)
def test_mse_is_the_mean_over_all_entries(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    a, y = rng.normal(size=shape), rng.normal(size=shape)
    value, g = gradient(nn.MSELoss(), a, y)
    np.testing.assert_allclose(value, np.mean((a - y) ** 2), rtol=1e-14)
    np.testing.assert_allclose(g, 2 * (a - y) / a.size, rtol=1e-14)


@pytest.mark.parametrize("loss", [nn.SquaredLoss(), nn.MSELoss()])
def test_the_target_may_be_a_tensor_with_a_gradient_of_its_own(loss: nn.Module) -> None:
    a, y = Tensor([[1.0, 2.0]], requires_grad=True), Tensor([[3.0, 5.0]], requires_grad=True)
    loss(a, y).backward()
    assert a.grad is not None
    np.testing.assert_array_equal(a.grad, -y.grad)  # type: ignore[operator]


@pytest.mark.parametrize("loss", [nn.SquaredLoss(), nn.MSELoss()])
def test_the_second_derivative_of_a_square_is_constant(loss: nn.Module) -> None:
    y = np.array([[1.0], [2.0]])
    for at in (0.0, 5.0):
        second = tl.grad(lambda s: tl.grad(lambda r: loss(r * np.ones((2, 1)), y))(s))(at)
        np.testing.assert_allclose(second.item(), 1.0 if isinstance(loss, nn.SquaredLoss) else 2.0)


@pytest.mark.parametrize("loss", [nn.SquaredLoss(), nn.MSELoss()])
@pytest.mark.parametrize("target", [10, 10.0, np.array(10.0), np.int64(10), Tensor(10.0), [10.0], np.array([10])])
def test_one_prediction_takes_a_plain_number(loss: nn.Module, target: Any) -> None:
    value, _ = gradient(loss, np.array([9.0]), target)
    assert value == (0.5 if isinstance(loss, nn.SquaredLoss) else 1.0)


@pytest.mark.parametrize("loss", [nn.SquaredLoss(), nn.MSELoss()])
@pytest.mark.parametrize(("a", "y", "said"), [
    ((4, 1), (4,), r"prediction \(4, 1\) and target \(4,\) would broadcast to \(4, 4\).*target.reshape\(\(4, 1\)\)"),
    ((4,), (4, 1), r"would broadcast to \(4, 4\)"),
    ((4, 3), (3,), r"would broadcast to \(4, 3\), comparing each with each\. They need one shape"),
    ((4, 3), (1, 3), r"would broadcast to \(4, 3\)"),
    ((4, 3), (), r"would broadcast to \(4, 3\)"),
    ((4, 3), (3, 4), "do not even broadcast"),
    ((2,), (3,), "do not even broadcast"),
    ((1, 4), (4, 1), r"would broadcast to \(4, 4\)"),
])  # fmt: skip
def test_shapes_that_would_broadcast_are_refused(loss: nn.Module, a: Any, y: Any, said: str) -> None:
    for target in (np.ones(y), Tensor(np.ones(y))):
        with pytest.raises(ValueError, match=f"{type(loss).__name__}: .*{said}"):
            loss(Tensor(np.ones(a)), target)


@pytest.mark.parametrize("loss", [nn.SquaredLoss(), nn.MSELoss()])
def test_targets_that_are_no_numbers_are_refused(loss: nn.Module) -> None:
    for target in (np.array([1j]), ["a"], [None]):
        with pytest.raises(TypeError, match="takes real numbers"):
            loss(Tensor([1.0]), target)


# -- classes -----------------------------------------------------------------------------------------------------


@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 99))
def test_cross_entropy_is_minus_the_log_of_the_right_softmax(batch: int, count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    z, y = rng.normal(size=(batch, count)), rng.integers(0, count, batch)

    def plain(z: Any) -> Any:
        p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
        return -np.mean(np.log(p[np.arange(batch), y]))

    value, g = gradient(nn.CrossEntropyLoss(), z, y)
    np.testing.assert_allclose(value, plain(z), rtol=1e-12, atol=1e-15)
    p = np.exp(z) / np.sum(np.exp(z), axis=1, keepdims=True)
    np.testing.assert_allclose(g, (p - np.eye(count)[y]) / batch, rtol=1e-12, atol=1e-15)
    want = complex_step(plain, [z], 0, ONE)
    np.testing.assert_allclose(g, want.value, atol=1e-13)


def test_one_example_needs_no_batch() -> None:
    value, g = gradient(nn.CrossEntropyLoss(), np.array([0.0, 0.0]), 1)
    np.testing.assert_allclose(value, np.log(2))
    np.testing.assert_allclose(g, [0.5, -0.5])


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize(("z", "y", "value", "g"), [
    ([[1e4, 0.0]], 0, 0, [[0, 0]]),
    ([[1e4, 0.0]], 1, 1e4, [[1, -1]]),
    ([[-1e4, 1e4]], 0, 2e4, [[-1, 1]]),
    ([[-1e4, 0.0, -1e4]], 1, 0, [[0, 0, 0]]),
])  # fmt: skip
def test_logits_of_ten_thousand(dtype: Any, z: Any, y: int, value: float, g: Any) -> None:
    got, got_g = gradient(nn.CrossEntropyLoss(), np.array(z, dtype), np.array([y]))
    assert got == value
    np.testing.assert_array_equal(got_g, g)


def test_a_logit_of_minus_infinity_rules_a_class_out() -> None:
    value, g = gradient(nn.CrossEntropyLoss(), np.array([[-np.inf, 0.0, 0.0]]), [1])
    np.testing.assert_allclose(value, np.log(2))
    np.testing.assert_allclose(g, [[0, -0.5, 0.5]])


@pytest.mark.parametrize("y", [
    [0, 2], (0, 2), np.array([0, 2], np.int8), np.array([0, 2], np.uint64), np.array([0.0, 2.0]),
    Tensor(np.array([0, 2])), Tensor([0.0, 2.0]),
])  # fmt: skip
def test_classes_may_be_any_whole_numbers(y: Any) -> None:
    z = np.array([[1.0, 2.0, 3.0], [3.0, 2.0, 1.0]])
    np.testing.assert_allclose(nn.CrossEntropyLoss()(z, y).item(), np.log(np.sum(np.exp([1, 2, 3]))) - 1, rtol=1e-14)


def test_writing_into_the_labels_afterwards_changes_nothing() -> None:
    z, y = leaf([[1.0, 2.0, 3.0]]), np.array([0])
    loss = nn.CrossEntropyLoss()(z, y)
    y[0] = 2
    loss.backward()
    p = np.exp([1.0, 2, 3]) / np.sum(np.exp([1.0, 2, 3]))
    np.testing.assert_allclose(z.grad, [p - [1, 0, 0]], rtol=1e-14)


@pytest.mark.parametrize(("y", "error", "said"), [
    ([3, 0], ValueError, r"class 3 is not one of the 3 classes 0\.\.2"),
    ([0, -1], ValueError, r"class -1 is not one of the 3 classes"),
    ([0.5, 1], TypeError, "classes have to be whole numbers, not float64"),
    ([0], ValueError, r"got logits \(2, 3\) and classes \(1,\)"),
    ([[0], [1]], ValueError, r"got logits \(2, 3\) and classes \(2, 1\)"),
    (0, ValueError, r"got logits \(2, 3\) and classes \(\)"),
    ([[1, 0, 0], [0, 1, 0]], ValueError, r"not one-hot rows: use rows.argmax\(axis=1\)"),
    (["a", "b"], TypeError, "classes have to be whole numbers"),
])  # fmt: skip
def test_labels_that_are_no_classes_are_refused(y: Any, error: type[Exception], said: str) -> None:
    z = Tensor(np.zeros((2, 3)), requires_grad=True)
    with pytest.raises(error, match=f"CrossEntropyLoss: .*{said}"):
        nn.CrossEntropyLoss()(z, y)
    if error is ValueError:
        with pytest.raises(error, match=said):
            nn.CrossEntropyLoss()(z, Tensor(np.array(y)))


def test_the_famous_p_minus_y_is_found_and_not_typed() -> None:
    """Its own derivative is then diag(p) - p p^T, which nobody wrote down either."""
    z = np.array([0.3, -0.5, 1.2])
    p = np.exp(z) / np.sum(np.exp(z))
    for k, direction in enumerate(np.eye(3)):
        row = tl.grad(lambda v, d=direction: np.sum(tl.grad(lambda u: nn.CrossEntropyLoss()(u, 1))(v) * d))(z)
        np.testing.assert_allclose(row.numpy(), (np.diag(p) - np.outer(p, p))[k], rtol=1e-13)


@pytest.mark.parametrize("weight", [None, [0.5, 1.0, 2.0]])
@pytest.mark.parametrize("loss", [nn.NLLLoss, nn.CrossEntropyLoss, partial(nn.CrossEntropyLoss, label_smoothing=0.1)])
def test_a_batch_in_which_every_label_is_ignored_moves_nothing(loss: Any, weight: Any) -> None:
    z = tl.tensor(np.arange(6.0).reshape(2, 3), requires_grad=True)
    cost = loss(weight, ignore_index=1)(z, np.array([1, 1]))
    cost.backward()
    assert np.isnan(cost.item())  # 0 / 0, as PyTorch has it
    assert z.grad is not None
    np.testing.assert_array_equal(z.grad, np.zeros((2, 3)))


@pytest.mark.parametrize("kind", [nn.SquaredLoss, nn.MSELoss, nn.CrossEntropyLoss, nn.HuberLoss, nn.BCELoss])
def test_a_loss_that_is_made_of_its_data_is_told_how_to_be_called(kind: Any) -> None:
    a = nn.Linear(2, 1)(np.ones((3, 2)))
    with pytest.raises(TypeError, match=rf"{kind.__name__} is made first, .* nn\.{kind.__name__}\(\)\(prediction"):
        kind(a, np.ones((3, 1)))
