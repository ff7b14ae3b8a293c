"""A Tensor by itself: what it is made from, what it shows, how it is copied, and Python's operators on it."""

from __future__ import annotations

import copy
import math
import operator
import pickle
import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tinygrad_lite import Tensor
from tinygrad_lite.methods import LEAVE_OUT, NO_WRITING, PYTORCH

# -- what it is made from ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("data", "dtype", "shape"), [
    (1, np.float64, ()), (1.5, np.float64, ()), ([1, 2], np.float64, (2,)), ([[1, 2.5]], np.float64, (1, 2)),
    ([], np.float64, (0,)), (range(3), np.float64, (3,)), ((1, 2), np.float64, (2,)), (True, np.bool_, ()),
    ([True, False], np.bool_, (2,)), (np.float32(1), np.float32, ()), (np.array([1, 2], np.float16), np.float16, (2,)),
    (np.arange(3), np.int64, (3,)), (np.uint8(3), np.uint8, ()), (Tensor([1.0]), np.float64, (1,)),
    ([Tensor(1.0), Tensor(2.0)], np.float64, (2,)), ([np.float32(1), np.float32(2)], np.float32, (2,)),
], ids=repr)  # fmt: skip
def test_what_a_tensor_is_made_from(data: Any, dtype: Any, shape: tuple[int, ...]) -> None:
    for t in (Tensor(data), tl.tensor(data)):
        assert (t.dtype, t.shape) == (dtype, shape)
        assert (t.ndim, t.size) == (len(shape), math.prod(shape))
        assert t.is_leaf
        assert t.grad is None
        assert t.name is None
        assert not t.requires_grad


def test_the_dtype_may_be_asked_for() -> None:
    assert Tensor([1, 2], dtype=np.float32).dtype == np.float32
    assert Tensor(np.ones(2), dtype=int).dtype == int
    assert Tensor(Tensor([1.0]), dtype=np.float16).dtype == np.float16


@pytest.mark.parametrize(("data", "error", "said"), [
    ([[1, 2], [3]], ValueError, "rows of equal length"),
    ("abc", TypeError, "takes real numbers"),
    (["a"], TypeError, "takes real numbers"),
    (None, TypeError, "takes real numbers"),
    (object(), TypeError, "not dtype object"),
    ({"a": 1}, TypeError, "not dtype object"),
    (1j, TypeError, "not complex numbers"),
    (np.ones(2, complex), TypeError, "not complex numbers.*array.real"),
    (np.array(["2020-01-01"], "M8[D]"), TypeError, "not dtype datetime64"),
    (leaf(1, name="w"), TypeError, r"w \(\) requires a gradient; a new tensor of it would lose the graph"),
    ([leaf(1, name="w"), 2.0], TypeError, r"w \(\) requires a gradient"),
])  # fmt: skip
def test_what_it_cannot_be_made_from(data: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        Tensor(data)


# -- what it gives out -------------------------------------------------------------------------------------------


def test_item_numpy_and_detach() -> None:
    x = leaf([[3.0]], name="x")
    assert type(x.item()) is float
    assert x.item() == 3
    assert isinstance(x.numpy(), np.ndarray)
    assert isinstance(leaf(2).numpy(), np.ndarray)
    d = (x * 2).detach()
    assert d.is_leaf
    assert not d.requires_grad
    with pytest.raises(ValueError, match="has 2 entries"):
        leaf([1, 2]).item()


def test_data_may_be_set_and_keeps_the_dtype_of_plain_numbers() -> None:
    x = Tensor(np.ones(2, np.float32), requires_grad=True, name="x")
    x.data = [3, 4]
    assert x.dtype == np.float32
    x.data = np.ones((2, 2))
    assert x.dtype == np.float64
    assert x.shape == (2, 2)
    for wrong in (np.array([1, 2]), [1j], "a"):
        with pytest.raises((TypeError, ValueError)):
            x.data = wrong
    np.testing.assert_array_equal(x.numpy(), np.ones((2, 2)))
    labels = Tensor(np.array([1, 2]))
    labels.data = np.array([3, 4])
    assert labels.numpy().tolist() == [3, 4]


@pytest.mark.parametrize(("t", "text"), [
    (Tensor([1.0, 2.0]), "Tensor([1., 2.])"),
    (leaf(1.5, name="w"), "Tensor(1.5, name='w', requires_grad=True)"),
    (leaf([1, 2]) * 2, "Tensor([2., 4.], op=multiply)"),
    (Tensor(np.ones(1, np.float32)), "Tensor([1.], dtype=float32)"),
    (Tensor([True]), "Tensor([ True])"),
    (tl.nn.Parameter([1.0]), "Parameter([1.], requires_grad=True)"),
    (tl.nn.ReLU()(leaf([-1, 1])), "Tensor([0., 1.], op=relu, module='ReLU')"),
    (Tensor(np.zeros(0)), "Tensor([])"),
])  # fmt: skip
def test_the_repr_shows_values_name_and_where_it_came_from(t: Tensor, text: str) -> None:
    assert repr(t) == text


def test_a_large_tensor_is_abridged_and_formats_work() -> None:
    assert "..." in repr(Tensor(np.zeros(1000)))
    assert f"{Tensor(1.23456):.2f} {Tensor(2.0)}" == "1.23 Tensor(2.)"
    x = leaf([1.0])
    x.data[0] = 5
    assert repr(x) == "Tensor([5.], requires_grad=True)"


def test_python_numbers_from_tensors_of_one_entry() -> None:
    assert (float(leaf([2.5])), int(leaf(2.5)), bool(leaf(0)), bool(leaf([3]))) == (2.5, 2, False, True)
    assert operator.index(Tensor(np.array(2))) == 2
    assert list(range(Tensor(np.array(2)))) == [0, 1]
    assert [10, 20][Tensor(np.array(1))] == 20


@pytest.mark.parametrize(("convert", "t", "error"), [
    (float, Tensor([1.0, 2.0]), ValueError), (bool, Tensor([1.0, 2.0]), ValueError), (bool, Tensor([]), ValueError),
    (operator.index, Tensor(1.0), TypeError), (operator.index, Tensor([1, 2]), TypeError),
    (range, Tensor(2.0), TypeError),
])  # fmt: skip
def test_what_is_no_single_number_is_refused(convert: Callable[[Any], Any], t: Tensor, error: type[Exception]) -> None:
    with pytest.raises(error):
        convert(t)


def test_attributes_that_do_not_exist() -> None:
    t = Tensor(1.0)
    with pytest.raises(AttributeError, match=r"no method tanh; write np.tanh\(t\)"):
        t.tanh()
    with pytest.raises(AttributeError, match=r"module 'tinygrad_lite' has no attribute 'exp'; write np\.exp"):
        tl.exp  # noqa: B018
    for name, said in (("manual_seed", "rng=rng"), ("cat", r"np\.concatenate"), ("zeros", r"np\.zeros")):
        with pytest.raises(AttributeError, match=f"has no attribute '{name}'; write .*{said}"):
            getattr(tl, name)
    with pytest.raises(AttributeError, match=r"has no attribute 'nothing'$"):
        tl.nothing  # noqa: B018
    for name in ("nothing", "_private", "typecodes", "__array_interface__", "sctypeDict", "pi"):
        assert not hasattr(t, name)
    with pytest.raises(AttributeError):
        setattr(t, "something", 1)  # noqa: B010


WRITE = {name: advice for name, advice in PYTORCH.items() if advice not in (LEAVE_OUT, NO_WRITING)}


@pytest.mark.parametrize("name", PYTORCH)
def test_pytorchs_methods_are_answered_with_what_runs_here(name: str) -> None:
    t = leaf([[1.0, 2.0], [3.0, 4.0]]) * 1
    with pytest.raises(AttributeError, match=rf"a Tensor has no {name}; .*" + re.escape(PYTORCH[name])):
        getattr(t, name)
    assert name not in dir(t)
    here = {"np": np, "tl": tl, "t": t, "u": t, "n": 2, "axis": -1, "axes": (1, 0), "shape": (2, 2), "min": 0, "max": 2}
    here |= {"mask": t > 2, "value": 0.0, "index": np.array([[1], [0]]), "indices": [1, 0], "dtype": "f", "f": np.abs}
    exec(WRITE.get(name, ""), here)


def test_an_axis_by_pytorchs_name_is_answered_with_numpys() -> None:
    for name in ("sum", "mean", "max", "min", "var"):
        with pytest.raises(TypeError, match=f"{name}: PyTorch's dim and keepdim are NumPy's axis and keepdims"):
            getattr(leaf([1.0, 2.0]), name)(dim=0)


# -- copies ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy, lambda t: pickle.loads(pickle.dumps(t))])
def test_a_leaf_is_copied_with_its_gradient_and_shares_nothing(clone: Callable[[Tensor], Tensor]) -> None:
    parts = [tl.nn.Parameter(np.ones(2, np.float32)), tl.nn.Buffer([1.0, 2.0])]
    for x in (leaf([1, 2], name="x"), *parts, Tensor(np.arange(2)), leaf(3)):
        if x.requires_grad:
            np.sum(x * x).backward()
        y = clone(x)
        assert type(y) is type(x)
        assert (y.name, y.requires_grad, y.dtype, y.shape) == (x.name, x.requires_grad, x.dtype, x.shape)
        np.testing.assert_array_equal(y.numpy(), x.numpy())
        if x.grad is not None:
            assert y.grad is not None
            np.testing.assert_array_equal(y.grad, x.grad)
            y.grad[...] = 9
            assert np.all(x.grad != 9)
        y.data[...] = 7
        assert np.all(x.numpy() != 7)


def test_a_computed_tensor_is_not_copied_with_its_graph() -> None:
    with pytest.raises(TypeError, match="would take its whole graph along"):
        copy.deepcopy(leaf(1) * 2)


# -- operators ---------------------------------------------------------------------------------------------------

BINARY: list[Callable[[Any, Any], Any]] = [
    operator.add, operator.sub, operator.mul, operator.truediv, operator.pow, operator.floordiv, operator.mod,
    operator.gt, operator.ge, operator.lt, operator.le, operator.eq, operator.ne,
]  # fmt: skip
OTHERS = [
    2,
    2.5,
    True,
    np.float64(1.5),
    np.int32(3),
    np.array([1.0, 2.0]),
    np.array([3, 4]),
    [1.0, 2.0],
    Tensor([1.0, 2.0]),
]


@pytest.mark.parametrize("other", OTHERS, ids=repr)
@pytest.mark.parametrize("op", BINARY)
def test_operators_mix_freely_on_both_sides(op: Callable[[Any, Any], Any], other: Any) -> None:
    """Value and dtype as NumPy's, whichever side the Tensor is on; and never a plain array."""
    array = np.array([1.5, 2.0])
    plain = other.numpy() if isinstance(other, Tensor) else other
    for got, want in ((op(leaf(array), other), op(array, plain)), (op(other, leaf(array)), op(plain, array))):
        assert isinstance(got, Tensor)
        assert got.dtype == np.asarray(want).dtype
        np.testing.assert_array_equal(got.numpy(), want)


@pytest.mark.parametrize("op", [operator.and_, operator.or_, operator.xor])
def test_logic_on_masks(op: Callable[[Any, Any], Any]) -> None:
    a, b = np.array([True, True, False]), np.array([True, False, False])
    for got in (op(Tensor(a), Tensor(b)), op(Tensor(a), b), op(a, Tensor(b)), op(Tensor(a), b.tolist())):
        np.testing.assert_array_equal(got.numpy(), op(a, b))
    np.testing.assert_array_equal((~Tensor(a)).numpy(), ~a)
    np.testing.assert_array_equal((True & Tensor(a)).numpy(), a)


def test_matrix_products_with_lists_and_arrays_on_both_sides() -> None:
    t = leaf([[1, 2], [3, 4]])
    for left in ([1.0, 1.0], np.array([1.0, 1.0]), (1.0, 1.0)):
        np.testing.assert_array_equal((left @ t).numpy(), [4, 6])
        np.testing.assert_array_equal((t @ left).numpy(), [3, 7])


@given(st.sampled_from(["e", "f", "d"]), st.sampled_from([1, 2.5, True]), st.sampled_from(BINARY[:7]))
def test_python_numbers_are_weak_and_numpys_are_not(dtype: str, number: Any, op: Callable[[Any, Any], Any]) -> None:
    x = Tensor(np.ones(2, dtype))
    assert op(x, number).dtype == op(number, x).dtype == np.dtype(dtype)
    assert op(x, np.float64(number)).dtype == op(np.float64(number), x).dtype == np.float64


def test_augmented_assignment_makes_a_new_tensor() -> None:
    x = leaf([1.0, 2.0])
    y = x
    y += 1
    y *= 2
    np.testing.assert_array_equal(x.numpy(), [1, 2])
    np.sum(y).backward()
    np.testing.assert_array_equal(x.grad, [2, 2])
    with tl.no_grad():
        z = x + 0
        z -= 1
        z **= 2
    np.testing.assert_array_equal(z.numpy(), [0, 1])


@pytest.mark.parametrize("op", [operator.iadd, operator.isub, operator.imul, operator.itruediv, operator.ipow])
def test_a_leaf_that_was_to_change_under_no_grad_says_how(op: Callable[[Any, Any], Any]) -> None:
    """PyTorch's `with no_grad(): p -= 0.1 * p.grad` would make a new tensor for the name p and train nothing."""
    p = leaf([1.0, 2.0], name="p")
    with (
        tl.no_grad(),
        pytest.raises(TypeError, match=r"p \(2,\) .*= \.\.\.: tensors do not change.*t\.data .*= \.\.\."),
    ):
        op(p, 0.5)
    op(p.data, 0.5)
    np.testing.assert_array_equal(p.numpy(), op(np.array([1.0, 2.0]), 0.5))

    @tl.no_grad
    def step() -> Any:
        return op(p, 0.5) * 2

    for read in (tl.compile(step), lambda: tl.source(lambda w: (step(), np.sum(w))[1], p)):  # run the program too
        with pytest.raises((TypeError, tl.GraphError), match=r"tensors do not change"):
            read()
    frozen = tl.tensor([1.0, 2.0])
    with tl.no_grad():
        np.testing.assert_array_equal(op(frozen, 0.5).numpy(), op(np.array([1.0, 2.0]), 0.5))


def test_unary_operators_and_python_functions() -> None:
    x = leaf([-1.0, 2.0])
    np.testing.assert_array_equal((-x).numpy(), [1, -2])
    np.testing.assert_array_equal((+x).numpy(), [-1, 2])
    np.testing.assert_array_equal(abs(x).numpy(), [1, 2])
    assert sum([leaf(1.0), leaf(2.0)]).item() == 3
    assert max(leaf(1.0), leaf(2.0)).item() == 2
    assert pow(leaf(3.0), 2).item() == 9


@pytest.mark.parametrize("call", [
    lambda t: t << 1, lambda t: t + None, lambda t: t + "a", lambda t: t * object(), lambda t: t + 1j,
    lambda t: np.complex128(1) * t, lambda t: t > "a", lambda t: t + {}, lambda t: ~t, lambda t: t & 1.0,
    lambda t: t + np.longdouble(1),
])  # fmt: skip
def test_what_has_no_meaning_is_a_type_error(call: Callable[[Tensor], Any]) -> None:
    with pytest.raises(TypeError):
        call(leaf(1.0))


def test_equality_with_what_is_no_number_is_pythons() -> None:
    t = leaf([1.0])
    assert (t == None, t != None, t == "a", t != object()) == (False, True, False, True)  # noqa: E711
    assert len({t, t, leaf([1.0])}) == 2
    assert {t: 1}[t] == 1


# -- methods -----------------------------------------------------------------------------------------------------


def test_methods_without_a_gradient_give_plain_numbers() -> None:
    x = leaf([[1.0, 5.0], [0.0, 2.0]])
    assert (x.argmax(), x.argmin(), bool(x.any()), bool(x.all())) == (1, 2, True, False)
    np.testing.assert_array_equal(x.argmax(axis=0), [0, 0])
    np.testing.assert_array_equal(x.any(axis=1), [True, True])
    assert not isinstance(x.argmax(), Tensor)


def test_other_ways_of_saying_it() -> None:
    a = np.arange(12.0).reshape(2, 3, 2)
    x = leaf(a)
    np.testing.assert_array_equal(x.flatten().numpy(), a.flatten())
    np.testing.assert_array_equal(x.mT.numpy(), a.mT)
    assert x.tolist() == a.tolist()
    assert type(leaf(2.5).tolist()) is float
    whole, rest = divmod(x, 5)
    np.testing.assert_array_equal((whole * 5 + rest).numpy(), a)
    for name in ("cumsum", "ravel", "std", "prod"):
        np.testing.assert_allclose(getattr(x, name)().numpy(), getattr(a, name)(), rtol=1e-15)


def test_an_index_shows_its_arrays_by_a_placeholder() -> None:
    y = leaf([1.0, 2.0, 3.0])[[0, 2]]
    assert repr(y.kwargs) == "{'index': (ARRAY,)}"
    np.testing.assert_array_equal(y.args[1], [0, 2])


def test_writing_by_index_is_refused_with_advice() -> None:
    x = leaf([1.0, 2.0], name="x")
    with pytest.raises(TypeError, match=r"x \(2,\) cannot be written into.*np.where"):
        x[0] = 5.0
    with pytest.raises(TypeError, match="cannot be written into"):
        x[...] += 1


@pytest.mark.parametrize("value", [1.5, 9.0, np.array([1.5, -2.0]), np.array([1.5, 7.0]), None])
def test_in_asks_what_it_asks_an_array(value: Any) -> None:
    for x in (np.array([[1.5, -2.0], [0.5, 0.0]]), np.array([1.5, -2.0]), np.array(1.5)):
        assert (value in Tensor(x, requires_grad=True)) is (value in x)  # 0-d too
