"""NumPy's functions on Tensors: a rule answers, or an error names the function; nothing falls back to plain arrays."""

from __future__ import annotations

import itertools
import math
import statistics
from collections.abc import Callable
from typing import Any

import numpy
import pytest

import tinygrad_lite as tl
from tests.leaves import leaf
from tinygrad_lite import Tensor
from tinygrad_lite.intake import no_rule
from tinygrad_lite.primitive import ANSWERS, answer_to

np: Any = numpy  # its stubs know nothing of Tensors
Call = Callable[..., Any]


def public(*modules: Any) -> dict[str, Call]:
    """NumPy's public functions by name."""
    return {
        f"{m.__name__}.{name}".replace("numpy", "np"): f
        for m in modules
        for name, f in vars(m).items()
        if callable(f) and not name.startswith("_") and not isinstance(f, type)
    }


UFUNCS = {name: f for name, f in public(np).items() if isinstance(f, np.ufunc)}
RULELESS = {name: f for name, f in UFUNCS.items() if answer_to(f) is None}


@pytest.mark.parametrize("name", RULELESS)
def test_a_ufunc_without_a_rule_names_itself_and_says_what_to_do(name: str) -> None:
    f = RULELESS[name]
    for k in range(f.nin):
        args: list[Any] = [np.array([1.0, 2.0])] * f.nin
        args[k] = leaf(1.0, 2.0)
        with pytest.raises(TypeError, match=rf"np\.{f.__name__} has no rule for Tensors.*tl.pointwise.*t.numpy\(\)"):
            f(*args)


def test_a_ufunc_of_another_library_goes_by_its_own_name() -> None:
    square = np.frompyfunc(lambda x: x * x, 1, 1)
    with pytest.raises(TypeError, match=r"^<lambda> \(vectorized\) has no rule for Tensors"):
        square(leaf(1.0, 2.0))


@pytest.mark.parametrize(("name", "right"), [
    ("erf", lambda x, y: math.erf(x)),
    ("erfc", lambda x, y: math.erfc(x)),
    ("ndtr", lambda x, y: statistics.NormalDist().cdf(x)),
    ("expit", lambda x, y: 1 / (1 + math.exp(-x))),
    ("log_expit", lambda x, y: -math.log1p(math.exp(-x))),
    ("logit", lambda x, y: math.log(x) - math.log1p(-x)),
    ("xlogy", lambda x, y: x * math.log(y)),
])  # fmt: skip
def test_what_stands_for_a_ufunc_of_scipys_has_its_values(name: str, right: Call) -> None:
    write = no_rule(name).partition("Write ")[2].removesuffix(".")
    for x, y in ((0.25, 3.0), (0.75, 0.5)):
        got = eval(write, {"np": np, "tl": tl, "x": leaf(x), "y": y})
        np.testing.assert_allclose(got.item(), right(x, y), rtol=1e-14)
        tl.gradcheck(lambda x, y=y: eval(write, {"np": np, "tl": tl, "x": x, "y": y}), leaf(x))
    assert eval(no_rule("xlogy").partition("Write ")[2][:-1], {"np": np, "x": leaf(0.0), "y": 0.0}).item() == 0


DISPATCHED: dict[str, Call] = {
    "np.fft.fft": np.fft.fft,
    "np.put": lambda x: np.put(np.zeros(2), 0, x),
    "np.copyto": lambda x: np.copyto(np.zeros(2), x),
    "np.apply_along_axis": lambda x: np.apply_along_axis(np.sum, 0, x),
}


@pytest.mark.parametrize("name", DISPATCHED)
def test_a_function_without_a_rule_names_itself(name: str) -> None:
    with pytest.raises(TypeError, match=name.replace(".", r"\.")):
        DISPATCHED[name](leaf(1.0, 2.0))


# Those that print, write files or run NumPy's own tests.
LEFT_OUT = {"info", "save", "savetxt", "savez", "savez_compressed", "show_config", "show_runtime", "test"}


def floats_in(result: Any) -> list[Any]:
    """The plain floats and arrays of floats in a result."""
    parts = result if isinstance(result, (tuple, list)) else [result]
    return [p for p in parts if isinstance(p, (np.ndarray, np.generic, float)) and np.asarray(p).dtype.kind in "fc"]


def test_no_function_of_numpy_lets_the_values_of_a_tensor_out_of_the_graph_unasked() -> None:
    """Every public function of NumPy, given one or two tensors: no plain float that comes out may depend on them."""

    def result(f: Call, place: int, shift: float) -> list[Any]:
        a, b = leaf(np.array([[2.0, 0.5], [0.25, 3.0]]) + shift), leaf(np.array([[1.0, 0.25], [0.5, 2.0]]) + shift)
        args: tuple[Any, ...] = ((a,), (a, b), (a, 1), ([a, b],), (np.eye(2), a))[place]
        try:
            with np.errstate(all="ignore"):
                return floats_in(f(*args))
        except Exception:
            return []

    silent = {
        name
        for name, f in public(np, np.linalg, np.fft).items()
        for place in range(5)
        if name.split(".")[-1] not in LEFT_OUT
        for p, q in zip(result(f, place, 0.0), result(f, place, 0.125), strict=False)
        if not np.array_equal(p, q)
    } - {"np.empty_like", "np.empty"}
    assert sorted(silent) == []


def test_arrays_of_tensors_that_require_gradients_are_refused() -> None:
    """NumPy would make an array of numbers, or of objects, and the graph would be lost without a word."""
    pairs = ([leaf(1.0), leaf(2.0)], [leaf([1.0]), leaf([2.0])], (leaf(1.0), 3.0), [[leaf(1.0)], [2.0]])
    for f, pair in itertools.product((np.array, np.asarray, np.tanh, np.sum, np.mean, tl.tensor, np.vstack), pairs):
        if f is np.vstack and np.vstack in ANSWERS:
            continue
        with pytest.raises(TypeError, match="requires a gradient"):
            f(pair)
    calls: list[Call] = [
        lambda t: np.array(t),
        lambda t: np.asarray(t, float),
        lambda t: np.full(2, t),
        lambda t: np.add(np.zeros(2), [t, t]),
    ]
    for make in calls:
        with pytest.raises(TypeError, match="requires a gradient"):
            make(leaf(1.0))


def test_writing_a_tensor_that_requires_a_gradient_into_an_array_is_refused() -> None:
    array = np.zeros(2)
    with pytest.raises(TypeError, match="requires a gradient"):
        array[:] = leaf([1.0, 2.0])
    with pytest.raises(TypeError, match=r"np\.copyto"):
        np.copyto(array, leaf([1.0, 2.0]))
    np.testing.assert_array_equal(array, 0)


def test_a_tensor_without_gradient_is_an_array_where_one_is_wanted() -> None:
    t = Tensor([1.0, 2.0])
    for a in (np.asarray(t), np.array(t), np.array(t, dtype=np.float32), np.asarray(t, copy=True)):
        a[...] = 9
    np.testing.assert_array_equal(t.numpy(), [1, 2])
    assert np.array([Tensor(1.0), Tensor(2.0)]).tolist() == [1, 2]
    with pytest.raises(ValueError, match="gives out only copies"):
        np.asarray(t, copy=False)


# -- arguments ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "call"), [
    ("out", lambda x: np.exp(x, out=np.zeros(2))),
    ("out", lambda x: np.exp(x, np.zeros(2))),
    ("out", lambda x: np.add(x, 1, out=np.zeros(2))),
    ("out", lambda x: np.sum(x, out=np.zeros(()))),
    ("out", lambda x: np.concatenate([x, x], out=np.zeros(4))),
    ("out", lambda x: np.exp(np.ones(2), out=x)),
    ("where", lambda x: np.add(x, 1, where=np.array([True, False]))),
    ("dtype", lambda x: np.add(x, 1, dtype=np.float32)),
    ("dtype", lambda x: np.max(x, dtype=np.float32)),
    ("casting", lambda x: np.concatenate([x, x], dtype=np.int64)),
    ("casting", lambda x: np.add(x, 1, casting="unsafe")),
    ("axes", lambda x: np.matmul(x, x, axes=[0, 0, 0])),
    ("nonsense", lambda x: np.sum(x, nonsense=3)),
])  # fmt: skip
def test_arguments_that_ask_for_a_place_or_a_type_are_refused_by_name(name: str, call: Call) -> None:
    with pytest.raises(TypeError, match=name):
        call(leaf([1.0, 2.0]))


def test_arguments_have_the_order_that_numpy_gives_them() -> None:
    """The third of np.max is a place to write to, and so is the fourth of np.var."""
    array, place = np.array([[1.0, 2.0], [4.0, 8.0]]), np.zeros(2)
    calls: list[Call] = [
        lambda x: np.max(x, 0, None, True),
        lambda x: np.mean(x, 0, None, None, True),
        lambda x: np.var(x, 0, None, None, 1, True),
        lambda x: np.sum(x, 0, None, None, True),
        lambda x: x.sum(0, None, None, True),
        lambda x: x.sum(0, np.float32),
        lambda x: x.mean(0, None, None, True),
        lambda x: x.max(1, None, True),
        lambda x: x.min(1, None, True),
        lambda x: x.var(0, None, None, 1, True),
        lambda x: x.std(0, None, None, 1, True),
        lambda x: x.prod(0, None, None, True),
        lambda x: x.clip(2, 5, None),
        lambda x: x.compress([True, False], 0, None),
        lambda x: x.any(0, None),
        lambda x: x.argmax(0, None),
    ]
    for call in calls:
        wanted, got = call(array), call(Tensor(array))
        assert (got.shape, got.dtype) == (wanted.shape, wanted.dtype)
        np.testing.assert_array_equal(np.asarray(got), wanted)
    writes: list[Call] = [
        lambda x: np.max(x, 0, place),
        lambda x: np.var(x, 0, None, place),
        lambda x: x.sum(0, None, place),
        lambda x: x.max(0, place),
        lambda x: x.clip(0, 1, place),
    ]
    for call in writes:
        with pytest.raises(TypeError, match="no out="):
            call(leaf(array))
    assert not place.any()
    for call in (lambda x: x.sum(0, True), lambda x: np.mean(x, 0, True)):
        with pytest.raises(TypeError, match="keepdims=True"):
            call(leaf(array))


def test_adding_to_an_array_in_place_is_refused_where_a_gradient_would_be_lost() -> None:
    array = np.zeros(2)
    with pytest.raises(TypeError, match=r"array = array \+ tensor"):
        array += leaf([1.0, 2.0])
    for into in (Tensor([1.0, 2.0]), Tensor([1.0, 2.0], requires_grad=True)):
        with pytest.raises(TypeError, match="out="):
            np.add(Tensor([1.0, 2.0]), 1, out=into)
    with pytest.raises(tl.TracingError, match="out="):
        tl.compile(lambda t: np.add(t, 1, out=np.zeros(2)))(array)
    np.testing.assert_array_equal(array, 0)


def test_an_array_takes_a_tensor_that_nobody_differentiates_in_place() -> None:
    """Gradient descent as one writes it in NumPy: what `grad` returns is on no graph."""
    w, same = np.ones((2, 2)), np.ones((2, 2))
    alias = w
    for _ in range(3):
        w -= 0.1 * tl.grad(lambda v: np.sum(v**3))(w)
        same -= 0.1 * 3 * same**2
    assert alias is w
    np.testing.assert_allclose(w, same, rtol=1e-15)
    with tl.no_grad():
        w *= leaf([2.0, 0.0])
    np.testing.assert_allclose(w, same * [2, 0])
    np.testing.assert_array_equal(np.add(Tensor([1.0, 2.0]), 1, out=np.zeros(2), where=[True, False]), [2, 0])


def test_the_methods_of_ufuncs() -> None:
    x = leaf([[1.0, 2.0], [3.0, 4.0]])
    np.testing.assert_array_equal(np.add.reduce(x).numpy(), [4, 6])  # a reduce goes along the first axis
    np.testing.assert_array_equal(np.add.reduce(x, axis=1, keepdims=True).numpy(), [[3], [7]])
    assert np.add.reduce(x, axis=None).item() == 10
    outer = np.multiply.outer(x[0], [1.0, 10.0])
    np.testing.assert_array_equal(outer.numpy(), [[1, 10], [2, 20]])
    outer.backward(np.ones((2, 2)))
    np.testing.assert_array_equal(x.grad, [[11, 11], [0, 0]])
    calls: list[Call] = [
        lambda: np.exp.at(x, 0),
        lambda: np.hypot.accumulate(x),
        lambda: np.add.reduceat(x, [0]),
        lambda: np.arctan2.reduce(x),
    ]
    for call in calls:
        with pytest.raises(TypeError, match=r"np\.\w+\.\w+ (has no rule for Tensors|writes into its argument)"):
            call()


def test_numpy_scalars_and_arrays_leave_the_operation_to_the_tensor() -> None:
    t = leaf([1.0, 2.0])
    for left in (np.float64(2), np.float32(2), np.int8(2), np.array(2.0), np.array([2.0, 2.0])):
        for y in (left * t, left + t, left - t, left / t, left**t, left > t, np.maximum(left, t)):
            assert isinstance(y, Tensor)
    y = np.float64(2) * t
    y.backward([1.0, 1.0])
    np.testing.assert_array_equal(t.grad, [2, 2])


def test_functions_take_lists_and_numbers_beside_a_tensor() -> None:
    t = leaf([1.0, 2.0])
    for y in (
        np.maximum([0.0, 5.0], t), np.where([True, False], t, 0), np.where([True, False], [9.0, 9.0], t),
        np.concatenate([[0.0], t]), np.stack([t, [1, 2]]), np.clip(t, [0, 0], 1.5), np.power(2, t),
        np.matmul([1.0, 1.0], t), np.dot([1.0, 1.0], t),
    ):  # fmt: skip
        assert isinstance(y, Tensor)
        assert y.requires_grad


def test_where_with_a_condition_alone_gives_places() -> None:
    (places,) = np.where(leaf([0.0, 2.0, 0.0, 1.0]))
    np.testing.assert_array_equal(places, [1, 3])
    with pytest.raises((TypeError, ValueError), match="where"):
        np.where(leaf([1.0, 2.0]), 1.0)


def test_clip_takes_its_bounds_by_either_name() -> None:
    t = leaf([-2.0, 0.5, 2.0])
    for y in (
        np.clip(t, -1, 1),
        np.clip(t, a_min=-1, a_max=1),
        np.clip(t, min=-1, max=1),
        t.clip(-1, 1),
        t.clip(min=-1, max=1),
    ):
        np.testing.assert_array_equal(y.numpy(), [-1, 0.5, 1])


def test_plain_answers() -> None:
    t = leaf([[1.0, 2.0], [3.0, 0.0]])
    assert (np.shape(t), np.ndim(t), np.size(t), np.size(t, 0)) == ((2, 2), 2, 4, 2)
    assert (int(np.argmax(t)), int(np.argmin(t)), bool(np.all(t)), bool(np.any(t))) == (2, 3, False, True)
    for y, fill in ((np.zeros_like(t), 0), (np.ones_like(t), 1), (np.full_like(t, 7), 7)):
        assert isinstance(y, Tensor)
        assert not y.requires_grad
        np.testing.assert_array_equal(y.numpy(), np.full((2, 2), fill))
    assert np.zeros_like(t, dtype=np.float32).dtype == np.float32
    assert np.ones_like(Tensor(np.float16([1]))).dtype == np.float16


def test_logic_functions_give_tensors_without_gradient() -> None:
    t = leaf([0.0, np.nan, np.inf])
    assert np.isnan(t).numpy().tolist() == [False, True, False]
    assert np.isfinite(t).numpy().tolist() == [True, False, False]
    assert np.logical_not(t > 0).numpy().tolist() == [True, True, False]
    assert not np.isnan(t).requires_grad


def test_complex_and_object_operands_are_refused_by_name() -> None:
    for other in (1j, np.ones(2, complex), np.array([None, None]), "ab", np.array(["a", "b"])):
        with pytest.raises(TypeError, match="takes real numbers"):
            np.add(leaf([1.0, 2.0]), other)
        with pytest.raises(TypeError, match="takes real numbers"):
            np.where([True, False], leaf([1.0, 2.0]), other)


def test_every_answer_is_for_a_function_of_numpy() -> None:
    assert all(callable(f) and callable(answer) for f, answer in ANSWERS.items())
    assert all((getattr(f, "__module__", None) or "numpy").startswith("numpy") for f in ANSWERS)
