"""The whole of NumPy's index for reading, against where NumPy itself takes each entry from."""

from __future__ import annotations

import array
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.oracles import Array
from tinygrad_lite import Tensor


def expected(shape: tuple[int, ...], index: Any, g: Array) -> Array:
    """The gradient: NumPy says which entry each one read was, and every reading adds its cotangent there."""
    place = np.arange(int(np.prod(shape))).reshape(shape)[index]
    return np.bincount(np.ravel(place), weights=np.ravel(g), minlength=int(np.prod(shape))).reshape(shape)


def agrees(shape: tuple[int, ...], index: Any, given_as: Any = None) -> None:
    """Value, shape and gradient of x[index]; `given_as` is the same index in another form, for the Tensor."""
    values = np.arange(1.0, np.prod(shape) + 1).reshape(shape)
    x = Tensor(values, requires_grad=True)
    y = x[index if given_as is None else given_as]
    want = values[index]
    assert y.shape == np.shape(want)
    np.testing.assert_array_equal(y.numpy(), want)
    g = np.asarray(np.random.default_rng(0).integers(1, 99, y.shape), float)  # whole numbers: sums are exact
    y.backward(g)
    np.testing.assert_array_equal(x.grad, expected(shape, index, g))


MASK = np.array([[True, False, True], [False, False, True]])
INDICES: dict[str, Any] = {
    "an integer": 1,
    "a negative integer": -1,
    "a NumPy integer": np.int8(1),
    "integers": (1, 2),
    "all axes": (1, 2, 0),
    "nothing": (),
    "an ellipsis": ...,
    "an ellipsis that stands for no axis": (0, 1, ..., 0),
    "a new axis": None,
    "new axes": (None, 1, None, ..., None),
    "a slice": slice(1, None),
    "steps": (slice(None, None, 2), slice(None, None, -1)),
    "an empty slice": slice(5, 9),
    "a slice with NumPy bounds": slice(np.int64(0), np.array(1), np.uint8(1)),
    "slice and ellipsis": (..., slice(0, 3, 2)),
    "an array": np.array([1, 0]),
    "repeats": np.array([0, 0, 1, 0]),
    "negative and repeated": np.array([-1, 1, 1]),
    "a 2-D array": np.array([[0, 1], [1, 1]]),
    "a 0-d array": np.array(1),
    "an empty array": np.array([], int),
    "two arrays": (np.array([0, 1, 0]), np.array([2, 2, 2])),
    "arrays that broadcast": (np.array([[0], [1]]), np.array([2, 0, 2])),
    "arrays around a slice": (np.array([0, 1, 0]), slice(None), np.array([1, 1, 1])),
    "arrays and an integer apart": (np.array([0, 1, 0]), slice(None), 1),
    "a slice, then arrays": (slice(None), np.array([0, 0]), np.array([1, 1])),
    "an array and a new axis": (None, np.array([0, 0]), None, np.array([1, 1])),
    "an array and an ellipsis": (..., np.array([0, 0, 1])),
    "small integers": np.array([1, 0, 1], np.uint8),
    "a mask of all but the last axis": MASK,
    "a mask of one axis": np.array([False, True]),
    "a mask that picks nothing": np.zeros((2, 3), bool),
    "a mask of the last axis": (..., np.array([True, False])),
    "a mask, then an array": (np.array([True, True]), np.array([2, 2])),
    "a mask and an integer": (MASK, 1),
    "a mask after a slice": (slice(None), np.array([True, False, True])),
    "True": True,
    "False": False,
    "True among others": (True, slice(None), np.array([0, 0])),
    "np.True_": np.True_,
}


@pytest.mark.parametrize("index", INDICES.values(), ids=INDICES)
def test_each_kind_of_index(index: Any) -> None:
    agrees((2, 3, 2), index)


def in_form(index: Any, form: Callable[[Array], Any]) -> Any:
    """The index with its arrays in another form."""
    if isinstance(index, tuple):
        return tuple(form(i) if isinstance(i, np.ndarray) else i for i in index)
    return form(index) if isinstance(index, np.ndarray) else index


ARRAYS = {
    k: v for k, v in INDICES.items() if any(isinstance(i, np.ndarray) for i in (v if isinstance(v, tuple) else (v,)))
}


@pytest.mark.parametrize("index", ARRAYS.values(), ids=ARRAYS)
def test_an_index_array_may_be_a_tensor_or_a_list(index: Any) -> None:
    agrees((2, 3, 2), index, in_form(index, Tensor))
    agrees((2, 3, 2), index, in_form(index, lambda a: a.tolist() if a.ndim else a))


def test_an_index_may_be_whatever_numpy_takes_for_an_array() -> None:
    """A tuple within a tuple is an array too; a repeat in it once lost one of its two cotangents."""
    rows: Any = np.array([1, 0, 1])
    for same in ((1, 0, 1), [1, 0, 1], array.array("l", [1, 0, 1]), memoryview(rows)):
        agrees((2, 3), (rows,), (same,))
        agrees((2, 3), (slice(None), rows), (slice(None), same))
    agrees((2, 3), (np.array([0, 1]),), (range(2),))
    agrees((2, 3), (np.array([], int),), ((),))


def test_a_slice_may_be_bounded_by_tensors() -> None:
    one = Tensor(np.array(1))
    agrees((3, 2), slice(1, None), slice(one, None))
    agrees((3, 2), (slice(None, 1), 0), (slice(None, one), Tensor(np.array(0))))


@pytest.mark.parametrize("index", [(), ..., None, (None, ...), True, False, (True, None), np.array(True)], ids=str)
def test_a_scalar_can_be_indexed_too(index: Any) -> None:
    agrees((), index)


@pytest.mark.parametrize("index", [(1, 1, 1), (np.array(1), 1, 1), (1, np.array(1), np.array(1))], ids=str)
def test_one_entry_is_0_dimensional(index: Any) -> None:
    y = Tensor(np.ones((2, 3, 2)), requires_grad=True)[index]
    assert y.shape == ()
    assert float(y) == 1


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
def test_repeats_accumulate_in_every_dtype(dtype: Any) -> None:
    x = Tensor(np.zeros(3, dtype), requires_grad=True)
    np.sum(x[[1] * 100]).backward()
    assert x.grad is not None
    assert x.grad.dtype == dtype
    assert x.grad.tolist() == [0, 100, 0]


# -- random ones -------------------------------------------------------------------------------------------------


@st.composite
def shaped_indices(draw: st.DrawFn) -> tuple[tuple[int, ...], Any]:
    """A shape, and an index of parts of every kind, which NumPy may refuse."""
    shape = tuple(draw(st.lists(st.integers(0, 4), min_size=0, max_size=4)))
    sizes = iter(shape)
    length = draw(st.integers(1, 3))  # all index arrays have this length or broadcast to it
    parts: list[Any] = []
    for _ in range(draw(st.integers(0, len(shape) + 1))):
        kind = draw(st.sampled_from(["int", "slice", "none", "array", "mask", "mask2", "column"]))
        n = 0 if kind == "none" else next(sizes, 1)
        within = st.integers(-n, n - 1) if n else st.just(0)
        bound = st.none() | st.integers(-5, 5)
        if kind == "int":
            parts.append(draw(within))
        elif kind == "slice":
            parts.append(slice(draw(bound), draw(bound), draw(st.none() | st.sampled_from([-2, -1, 1, 2]))))
        elif kind == "none":
            parts.append(None)
        elif kind == "array":
            parts.append(np.array(draw(st.lists(within, min_size=length, max_size=length))))
        elif kind == "column":
            parts.append(np.array(draw(st.lists(within, min_size=1, max_size=3)))[:, None])
        elif kind == "mask":
            parts.append(np.array(draw(st.lists(st.booleans(), min_size=n, max_size=n)), bool))
        else:
            m = next(sizes, 1)
            parts.append(np.array(draw(st.lists(st.booleans(), min_size=n * m, max_size=n * m)), bool).reshape(n, m))
    if draw(st.booleans()):
        parts.insert(draw(st.integers(0, len(parts))), ...)
    return shape, tuple(parts)


@given(shaped_indices())
def test_any_index_reads_and_differentiates_as_numpys_or_fails_as_numpys(case: tuple[tuple[int, ...], Any]) -> None:
    shape, index = case
    try:
        np.zeros(shape)[index]
    except IndexError:
        with pytest.raises(IndexError):
            Tensor(np.zeros(shape), requires_grad=True)[index]
    else:
        agrees(shape, index)
        agrees(shape, index, in_form(index, Tensor))


@given(shaped_indices())
def test_reading_can_be_differentiated_again(case: tuple[tuple[int, ...], Any]) -> None:
    """d/dx sum(x[i]^3) is 3 x^2 times how often each entry was read; its own derivative is 6 x times that."""
    shape, index = case
    try:
        times = expected(shape, index, np.ones(np.shape(np.zeros(shape)[index])))
    except IndexError:
        return
    values = np.arange(1.0, times.size + 1).reshape(shape)
    first = tl.grad(lambda x: np.sum(x[index] ** 3))
    np.testing.assert_array_equal(first(values).numpy(), 3 * values**2 * times)
    np.testing.assert_array_equal(tl.grad(lambda x: np.sum(first(x)))(values).numpy(), 6 * values * times)


# -- refused -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [
    2, -3, (0, 3), (0, 0, 0, 0), [0, 2], np.array([[True]]), [True, False, True], (..., ...), "a", [0.5], 1.0,
    np.array([0.0]), Tensor([0.0]), ([0, 1], [0, 1, 0]), (slice(None), [5]), [[0], [0, 1]], object(),
], ids=lambda index: "object" if type(index) is object else str(index))  # fmt: skip
def test_what_numpy_refuses_is_refused(index: Any) -> None:
    with pytest.raises((IndexError, ValueError)):
        Tensor(np.zeros((2, 3)), requires_grad=True, name="x")[index]


@pytest.mark.parametrize("slice_", [slice(0.5), slice(Tensor(0.0)), slice("a")], ids=str)
def test_a_slice_needs_whole_bounds(slice_: Any) -> None:
    with pytest.raises(TypeError):
        Tensor(np.zeros((2, 3)))[slice_]


def test_the_error_names_the_operation_and_the_operand() -> None:
    x = Tensor(np.zeros((2, 3)), name="x")
    with pytest.raises(IndexError, match=r"getitem: index 5 is out of bounds.*x \(2, 3\)"):
        x[5]
    with pytest.raises(IndexError, match=r"arrays of integers or booleans, not by \[0.5\]"):
        x[[0.5]]


# -- entries one by one ------------------------------------------------------------------------------------------


def test_iterating_and_unpacking_stay_on_the_graph() -> None:
    x = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    (a, b), (c, d) = x
    (a * b * c * d).backward()
    np.testing.assert_array_equal(x.grad, [[24, 12], [8, 6]])
    assert len(x) == 2


def test_a_scalar_has_no_length_and_cannot_be_iterated() -> None:
    with pytest.raises(TypeError, match="no axes"):
        len(Tensor(1.0))
    with pytest.raises(TypeError, match="no axes"):
        iter(Tensor(1.0))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint8])
@pytest.mark.parametrize(("shape", "rows"), [
    ((7, 300), (40,)), ((3, 2, 500), (2, 3)), ((2, 70_000), (3,)), ((100, 64), (20, 4)), ((5, 1100), ()),
    ((4, 0), (9,)),
], ids=str)  # fmt: skip
def test_many_rows_are_added_where_they_came_from_in_numpys_order(shape: Any, rows: Any, dtype: Any) -> None:
    """An embedding's gradient goes a quicker way, which has to give the same bits as np.add.at."""
    rng = np.random.default_rng(0)
    index = np.asarray(rng.integers(0 if dtype == np.uint8 else -shape[0], shape[0], rows)).astype(dtype)
    for g in (rng.normal(size=rows + shape[1:]), rng.normal(size=rows + shape[1:]).astype(np.float32)):
        want = np.zeros(shape, g.dtype)
        np.add.at(want, index, g)
        x = Tensor(np.zeros(shape, g.dtype), requires_grad=True)
        x[index].backward(g)
        assert x.grad is not None
        assert x.grad.tobytes() == want.tobytes()
        swapped = Tensor(np.zeros(shape, g.dtype)).at[index].add(np.asfortranarray(g))
        np.testing.assert_array_equal(swapped.numpy(), want)
