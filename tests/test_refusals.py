"""What could have given a wrong gradient without a word is refused, with an error that names it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tinygrad_lite import GraphError, Tensor, nn, optim


def test_a_gradient_set_by_hand_is_not_broadcast_with_the_next_one() -> None:
    x = Tensor(3.0, requires_grad=True, name="x")
    x.grad = np.ones(3)
    with pytest.raises(ValueError, match=r"x \(\) has a .grad of shape \(3,\)"):
        (x * x).backward()
    assert np.array_equal(x.grad, np.ones(3))


def test_a_gradient_from_before_the_data_changed_shape_is_not_added_to() -> None:
    x = Tensor(3.0, requires_grad=True, name="x")
    (x * x).backward()
    x.data = np.ones(3)
    with pytest.raises(ValueError, match="Forget the old one first"):
        (x * x).sum().backward()


def test_an_accumulated_gradient_keeps_the_leafs_dtype() -> None:
    x = Tensor(np.ones(2, np.float32), requires_grad=True)
    x.grad = np.ones(2)
    x.sum().backward()
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    "row",
    [
        tl.pointwise(lambda x: 2 * x, "2#1", lambda y, x: 1j * x + 2, name="twice"),
        tl.linear(lambda x: 2 * x, "2#1", lambda g, y, x: 1j * g, name="twice"),
    ],
    ids=["pointwise", "linear"],
)
def test_a_complex_cotangent_is_refused_by_the_name_of_its_row(row: Any) -> None:
    with pytest.raises(GraphError, match="twice for its input 0 gave a cotangent of dtype complex128"):
        row(Tensor([1.0, 2.0], requires_grad=True)).sum().backward()


def test_a_partial_that_does_not_fit_is_refused_by_the_name_of_its_row() -> None:
    row = tl.pointwise(lambda x: 2 * x, "2#1", lambda y, x: np.ones(3), name="twice")
    with pytest.raises(GraphError, match="the rule of twice for its input 0 failed"):
        row(Tensor([1.0, 2.0], requires_grad=True)).sum().backward()


def test_integers_that_were_made_to_require_a_gradient_are_named() -> None:
    count = Tensor(np.array([1, 2]), name="count")
    count.requires_grad = True
    with pytest.raises(TypeError, match=r"count \(2,\) of dtype int64 cannot have a gradient"):
        (count * 1.5).sum().backward()


@pytest.mark.parametrize("f", [np.mean, lambda x: nn.MSELoss()(x, np.zeros_like(x)), lambda x: nn.L1Loss()(x, 0 * x)])
def test_the_mean_of_more_entries_than_half_precision_can_count_has_a_gradient(f: Any) -> None:
    x = Tensor(np.ones((70_000, 1), np.float16), requires_grad=True)
    f(x).backward()
    assert x.grad is not None
    assert np.all(x.grad > 1e-5)


def test_an_array_does_not_take_a_parameters_place() -> None:
    layer = nn.Linear(2, 1)
    with pytest.raises(TypeError, match=r"Linear.weight is a parameter; ndarray would take its place"):
        layer.weight = np.zeros((1, 2))  # type: ignore[assignment]  # the mistake that is tested
    assert [name for name, _ in layer.named_parameters()] == ["weight", "bias"]


def test_what_is_no_number_no_index_and_no_list_of_parameters_says_so() -> None:
    t = Tensor([1.0, 2.0], name="v")
    with pytest.raises(ValueError, match=r"v \(2,\) has 2 entries"):
        float(t)
    with pytest.raises(IndexError, match="not by 'a'"):
        t["a"]
    with pytest.raises(ValueError, match="axis 3"):
        tl.softmax(t, axis=3)
    with pytest.raises(TypeError, match=r"not Linear; pass net\.parameters"):
        optim.SGD(nn.Linear(1, 1), lr=0.1)  # type: ignore[arg-type]  # the mistake that is tested
    with pytest.raises(ValueError, match="lr has to be a number"):
        optim.SGD(nn.Linear(1, 1).parameters(), lr="x")  # type: ignore[arg-type]  # the mistake that is tested


NOTHING: Any = None


@pytest.mark.parametrize("call", [
    lambda t: np.logical_and(t, NOTHING),
    lambda t: np.logical_or(NOTHING, t),
    lambda t: np.equal(t, NOTHING),
    lambda t: np.hypot(t, NOTHING),
    lambda t: t + NOTHING,
    lambda t: NOTHING * t,
    lambda t: t > NOTHING,
    lambda t: t @ NOTHING,
    lambda t: t.at[0].set(NOTHING),
    lambda t: np.where(NOTHING, t, t),
    lambda t: np.where(t > 1, t, NOTHING),
    lambda t: np.stack([t, NOTHING]),
    lambda t: np.insert(t, 0, NOTHING),
    lambda t: np.add.outer(t, NOTHING),
    lambda t: np.full_like(t, NOTHING),
    lambda t: np.kron(t, NOTHING),
])  # fmt: skip
def test_none_is_no_number(call: Any) -> None:
    with pytest.raises(TypeError, match=r"takes real numbers, and None is none"):
        call(Tensor([1.0, 2.0]))


def test_none_is_an_absent_bound_and_a_new_axis() -> None:
    t = Tensor([1.0, 2.0])
    assert t.clip(None, 1.5).tolist() == [1.0, 1.5]
    assert t[None].shape == (1, 2)
    assert (t == None) is False  # noqa: E711  # as of anything that nobody can compare a tensor with


def test_numpys_own_words_end_where_ours_begin() -> None:
    with pytest.raises(ValueError, match=r"shapes \(4,1,2\) \(1,2,3\)\. Operands"):
        Tensor(np.ones((4, 1, 2))) * np.ones((1, 2, 3))
