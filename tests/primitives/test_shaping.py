"""Reshape, transpose, join: NumPy's arguments in all their forms, and the entries all still there."""

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
from tests.oracles import Array
from tinygrad_lite import Tensor

Call = Callable[..., Any]


def drawn(*shape: int) -> Array:
    return np.random.default_rng(0).normal(size=shape)


def agrees(call: Call, *shapes: tuple[int, ...]) -> None:
    """Value and gradient: such an operation moves entries, so NumPy itself says where each came from."""
    arrays = [drawn(*shape) for shape in shapes]
    xs = [Tensor(a, requires_grad=True) for a in arrays]
    y = call(*xs)
    want = call(*arrays)
    assert y.shape == np.shape(want)
    np.testing.assert_array_equal(y.numpy(), want)
    g = np.random.default_rng(1).integers(1, 99, y.shape)
    y.backward(g)
    start = 0
    ends = np.cumsum([a.size for a in arrays])
    place = call(*(np.arange(end - a.size, end).reshape(a.shape) for a, end in zip(arrays, ends, strict=True)))
    counts = np.bincount(np.ravel(place), weights=np.ravel(g), minlength=int(ends[-1]))
    for x in xs:
        np.testing.assert_array_equal(x.grad, counts[start : start + x.size].reshape(x.shape))
        start += x.size


RESHAPES: list[Call] = [
    lambda x: x.reshape(6), lambda x: x.reshape(-1), lambda x: x.reshape(3, -1), lambda x: x.reshape((3, 2)),
    lambda x: x.reshape([3, 2]), lambda x: np.reshape(x, np.array([3, 2])), lambda x: x.reshape((-1, 1, 2)),
    lambda x: x.reshape(np.int64(6)), lambda x: np.reshape(x, 6), lambda x: np.reshape(x, (2, 1, 3), order="C"),
]  # fmt: skip
TRANSPOSES: list[Call] = [
    lambda x: x.T, lambda x: x.transpose(), lambda x: x.transpose(None), lambda x: x.transpose(2, 0, 1),
    lambda x: x.transpose((1, 0, 2)), lambda x: x.transpose([0, -1, 1]), lambda x: x.transpose(np.array([2, 1, 0])),
    lambda x: np.transpose(x), lambda x: np.transpose(x, (2, 0, 1)), lambda x: np.transpose(x, axes=[1, 2, 0]),
    lambda x: x.swapaxes(0, 2), lambda x: np.swapaxes(x, -1, 1), lambda x: x.swapaxes(1, 1),
]  # fmt: skip
SIZED: list[Call] = [
    lambda x: np.expand_dims(x, 0), lambda x: np.expand_dims(x, -1), lambda x: np.expand_dims(x, (0, -1)),
    lambda x: np.expand_dims(x, [1, 2]), lambda x: np.squeeze(x), lambda x: np.squeeze(x, 1), lambda x: x.squeeze(),
    lambda x: x.squeeze((1, -1)), lambda x: np.squeeze(x, axis=-3), lambda x: np.squeeze(x, ()),
    lambda x: np.broadcast_to(x, (2, 4, 3, 5)), lambda x: np.broadcast_to(x, (3, 2, 1, 3, 1)),
]  # fmt: skip


@pytest.mark.parametrize("call", RESHAPES)
def test_reshape_takes_a_shape_in_every_form(call: Call) -> None:
    agrees(call, (2, 3))


@pytest.mark.parametrize("call", TRANSPOSES)
def test_transpose_takes_axes_in_every_form(call: Call) -> None:
    agrees(call, (2, 3, 4))


@pytest.mark.parametrize("call", SIZED)
def test_axes_of_size_one_come_go_and_stretch(call: Call) -> None:
    agrees(call, (2, 1, 3, 1))


@pytest.mark.parametrize("call", [
    lambda x: x.reshape(()), lambda x: x.reshape(1, 1), lambda x: x.T, lambda x: np.squeeze(x),
    lambda x: x.transpose(()), lambda x: np.broadcast_to(x, ()), lambda x: np.broadcast_to(x, 3),
    lambda x: np.expand_dims(x, (0, 1)),
])  # fmt: skip
def test_scalars_too(call: Call) -> None:
    agrees(call, ())


@given(st.permutations(range(4)))
def test_every_order_of_axes_and_its_second_derivative(axes: list[int]) -> None:
    agrees(lambda x: np.transpose(x, axes), (2, 3, 4, 1))
    x, w = drawn(2, 3, 4, 1), drawn(*(np.array((2, 3, 4, 1))[axes]))
    second = tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(np.transpose(u, axes) ** 3 * w))(v)))(x)
    np.testing.assert_allclose(second.numpy(), 6 * x * np.transpose(w, np.argsort(axes)), rtol=1e-14)


@given(st.lists(st.lists(st.integers(0, 3), min_size=3, max_size=3), min_size=1, max_size=4), st.integers(-3, 2))
def test_concatenate_any_number_along_any_axis(shapes: list[list[int]], axis: int) -> None:
    first = shapes[0]
    fitting = [tuple(s[k] if k == axis % 3 else first[k] for k in range(3)) for s in shapes]
    agrees(lambda *xs: np.concatenate(xs, axis=axis), *fitting)


@given(st.lists(st.integers(0, 3), max_size=3), st.integers(1, 4), st.data())
def test_stack_any_number_along_any_axis(shape: list[int], n: int, data: st.DataObject) -> None:
    axis = data.draw(st.integers(-len(shape) - 1, len(shape)))
    agrees(lambda *xs: np.stack(xs, axis=axis), *[tuple(shape)] * n)


def test_joining_takes_arrays_lists_and_the_same_tensor_twice() -> None:
    x = leaf(1, 2)
    y: Any = np.concatenate([x, np.array([3.0]), [4.0, 5.0], x])
    np.testing.assert_array_equal(y.numpy(), [1, 2, 3, 4, 5, 1, 2])
    y.backward(np.arange(7.0))
    np.testing.assert_array_equal(x.grad, [0 + 5, 1 + 6])
    assert np.stack([x, [7, 8]]).shape == (2, 2)
    assert np.stack(list(Tensor(np.ones((2, 3))))).shape == (2, 3)
    rows: Any = Tensor([[1.0], [2.0]])
    joined: Any = np.concatenate(rows)
    np.testing.assert_array_equal(joined.numpy(), [1, 2])


def test_concatenate_without_an_axis_flattens() -> None:
    agrees(lambda a, b: np.concatenate([a, b], axis=None), (2, 2), (3,))


@pytest.mark.parametrize("dtypes", list(itertools.product([np.float16, np.float32, np.float64], repeat=2)))
def test_joining_promotes_and_each_input_keeps_its_dtype(dtypes: tuple[Any, Any]) -> None:
    a, b = (Tensor(np.ones(2, d), requires_grad=True) for d in dtypes)
    for join in (np.concatenate, np.stack):
        y = join([a, b])
        assert y.dtype == np.result_type(*dtypes)
        np.sum(y).backward()
        for x in (a, b):
            assert x.grad is not None
            assert x.grad.dtype == x.dtype


@pytest.mark.parametrize(("call", "named"), [
    (lambda x: x.reshape(4), r"reshape: .*x \(2, 3\)"),
    (lambda x: x.reshape(-1, -1), "reshape"),
    (lambda x: np.reshape(x, 6, order="A"), "the orders C and F, not 'A'"),
    (lambda x: x.transpose(0, 0), "transpose"),
    (lambda x: x.transpose(0), "transpose"),
    (lambda x: x.swapaxes(0, 2), r"swapaxes: x \(2, 3\) has no axes 0 and 2"),
    (lambda x: np.squeeze(x, 0), "squeeze"),
    (lambda x: np.expand_dims(x, 5), "expand_dims"),
    (lambda x: np.broadcast_to(x, (3,)), "broadcast_to.*more axes"),
    (lambda x: np.broadcast_to(x, (2, 4)), "broadcast_to"),
    (lambda x: np.broadcast_to(x, (-1, 2, 3)), "broadcast_to"),
    (lambda x: np.concatenate([x, np.ones(2)]), r"concatenate.*x \(2, 3\)|concatenate.*\(2, 3\)"),
    (lambda x: np.concatenate([x, x], axis=2), "concatenate"),
    (lambda x: np.stack([x, np.ones(3)]), "stack"),
])  # fmt: skip
def test_what_does_not_fit_is_refused_by_name(call: Call, named: str) -> None:
    with pytest.raises((ValueError, IndexError), match=named):
        call(Tensor(np.ones((2, 3)), requires_grad=True, name="x"))


@pytest.mark.parametrize("shape", [(1, 1, 3), (1, 3), (1,)])
def test_broadcasting_takes_no_axes_away(shape: tuple[int, ...]) -> None:
    """Assignment to an array of the new shape would: it drops leading axes of size 1."""
    with pytest.raises(ValueError, match="more axes"):
        np.broadcast_to(Tensor(np.ones(shape)), shape[1:] if len(shape) < 3 else (3,))


def test_views_share_no_memory_with_their_source() -> None:
    x = Tensor(drawn(2, 3), requires_grad=True)
    for view in (x.T, x.reshape(3, 2), x[0], np.squeeze(x), np.expand_dims(x, 0)):
        assert not np.shares_memory(view.data, x.data)
