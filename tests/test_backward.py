"""backward(): what it adds to each leaf, whose memory that is, and when it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.leaves import leaf
from tinygrad_lite import GraphError, Tensor


def test_backward_twice_adds_twice() -> None:
    x = leaf(1, 2)
    h = x * x
    y = np.sum(h * x)
    y.backward()
    assert x.grad is not None
    once = x.grad.copy()
    y.backward()
    np.testing.assert_array_equal(x.grad, 2 * once)
    assert h.grad is None


def test_a_gradient_that_was_set_is_added_to_and_not_written_into() -> None:
    x = leaf(1, 2)
    mine = np.array([10.0, 20.0])
    x.grad = mine
    np.sum(x).backward()
    np.testing.assert_array_equal(x.grad, [11, 21])
    np.testing.assert_array_equal(mine, [10, 20])


def test_a_tensor_with_several_entries_needs_a_gradient() -> None:
    y = leaf(1, 2, name="x") * 2
    with pytest.raises(ValueError, match=r"\(2,\) from multiply is not a scalar.*shape \(2,\)"):
        y.backward()


def test_the_error_says_which_module_made_the_tensor() -> None:
    net = tl.nn.Sequential(tl.nn.Linear(2, 3), tl.nn.ReLU())
    with pytest.raises(ValueError, match=r"a tensor \(3,\) from relu in net\.1 is not a scalar"):
        net(np.ones(2)).backward()


def test_one_entry_is_a_scalar_whatever_its_shape() -> None:
    x = leaf([[3.0]])
    (x * x).backward()
    np.testing.assert_array_equal(x.grad, [[6.0]])


@pytest.mark.parametrize("bad", [1.0, [1.0], [1.0, 2.0, 3.0], [[1.0, 2.0]]])
def test_a_gradient_of_another_shape_is_refused(bad: Any) -> None:
    x = leaf(1, 2)
    with pytest.raises(ValueError, match=r"gradient has shape .* has shape \(2,\)"):
        (x * 2).backward(bad)
    assert x.grad is None


@pytest.mark.parametrize("bad", [[1j, 0j], ["a", "b"], [None, None]])
def test_a_gradient_that_is_no_number_is_refused(bad: Any) -> None:
    with pytest.raises(TypeError, match="takes real numbers"):
        (leaf(1, 2) * 2).backward(bad)


@pytest.mark.parametrize("good", [[1, 2], (1.0, 2.0), np.array([1, 2], np.int8), tl.tensor([1.0, 2.0])])
def test_a_gradient_may_be_anything_that_makes_an_array_of_the_shape(good: Any) -> None:
    x = leaf(1, 2)
    (x * 2).backward(good)
    np.testing.assert_array_equal(x.grad, [2, 4])
    assert x.grad is not None
    assert x.grad.dtype == np.float64


@pytest.mark.parametrize("build", [lambda: tl.tensor(1.0), lambda: leaf(1).detach() * 2, lambda: leaf(1) > 0])
def test_backward_on_what_requires_no_gradient_is_refused(build: Callable[[], Tensor]) -> None:
    with pytest.raises(GraphError, match=r"requires no gradient.*requires_grad=True"):
        build().backward()


def test_the_gradients_are_the_users_own_memory() -> None:
    a, b, c = leaf(1, 2), leaf(3, 4), leaf(5, 6)
    seed = np.array([1.0, 1.0])
    y = a + b - c + np.reshape(c, (2,)) * 0
    y.backward(seed)
    for x in (a, b, c):
        assert x.grad is not None
        x.grad[...] = 99
    np.testing.assert_array_equal(seed, 1)
    np.testing.assert_array_equal(y.numpy(), [-1, 0])
    for x in (a, b, c):
        x.grad = None
    y.backward(seed)
    np.testing.assert_array_equal(a.grad, [1, 1])
    np.testing.assert_array_equal(b.grad, [1, 1])
    np.testing.assert_array_equal(c.grad, [-1, -1])


@pytest.mark.parametrize("shape", [(), (2,), (0,)])
@pytest.mark.parametrize("run", [lambda x: +x, lambda x: x.reshape(x.shape), lambda x: x.T, lambda x: x + 0])
def test_a_gradient_is_a_writable_array_that_owns_its_memory(run: Any, shape: tuple[int, ...]) -> None:
    x = tl.tensor(np.ones(shape), requires_grad=True)
    run(x).backward(np.ones(shape))
    assert isinstance(x.grad, np.ndarray)
    assert x.grad.flags.writeable
    assert x.grad.flags.owndata


def test_no_grad_changes_if_backward_raises() -> None:
    def refuse(g: Any, y: Any, x: Any) -> Any:
        raise ZeroDivisionError

    broken = tl.general(lambda x: x, "#1", refuse, name="broken")
    first, second = leaf(1), leaf(2)
    first.grad = np.array(7.0)
    loss = broken(second) + first  # the sweep meets `first` before it fails
    with pytest.raises(ZeroDivisionError):
        loss.backward()
    assert first.grad == 7
    assert second.grad is None


def test_no_grad_changes_if_one_of_them_cannot_be_added_to() -> None:
    first, second = leaf(1, name="first"), leaf(2, 3, name="second")
    second.grad = np.zeros(5)
    with pytest.raises(ValueError, match="shape"):
        (first + np.sum(second)).backward()
    assert first.grad is None
    np.testing.assert_array_equal(second.grad, np.zeros(5))
