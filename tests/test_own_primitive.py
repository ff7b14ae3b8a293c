"""A user's own row, in one line: what it gets for it, and what it is told when the line is wrong."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import complex_step, derivatives
from tinygrad_lite import GraphError, Tensor
from tinygrad_lite.primitive import ANSWERS

X = np.array([0.3, -0.7, 1.1])
softsign = tl.pointwise(
    lambda x: x / (1 + abs(x)), r"\mathrm{softsign}(#1)", lambda y, x: 1 / (1 + np.abs(x)) ** 2, name="softsign"
)


@pytest.fixture(autouse=True)
def same_answers_afterwards() -> Iterator[None]:
    """A row with `numpy=` answers for a function everywhere; here only for one test."""
    before = dict(ANSWERS)
    yield
    ANSWERS.clear()
    ANSWERS.update(before)


def slopes(y: Tensor, *xs: Tensor) -> list[Any]:
    np.sum(y).backward()
    return [x.grad for x in xs]


# -- what it gets ------------------------------------------------------------------------------------------------


def test_a_value_on_arrays_and_a_gradient_on_tensors() -> None:
    np.testing.assert_allclose(softsign(X), X / (1 + np.abs(X)))
    assert isinstance(softsign(X), np.ndarray)
    assert softsign(2.0) == 2 / 3
    x = leaf(X)
    np.testing.assert_allclose(slopes(softsign(x), x)[0], (1 + np.abs(X)) ** -2.0, rtol=1e-15)
    assert repr(softsign) == "<pointwise softsign>"
    assert repr(softsign(x)).endswith("op=softsign)")


def test_derivatives_of_every_order() -> None:
    logistic = tl.pointwise(lambda x: 1 / (1 + np.exp(-x)), r"\sigma(#1)", lambda y, x: y * (1 - y), name="logistic")
    want, off = derivatives(lambda t: logistic.run(0.3 + t), 3)
    f: Any = logistic
    for order in (1, 2, 3):
        f = tl.grad(f)
        assert abs(f(0.3).item() - want[order]) <= off[order]


def test_broadcasting_and_dtypes_are_the_engines_business() -> None:
    hypotenuse = tl.pointwise(
        lambda a, b: np.sqrt(a * a + b * b),
        r"\lVert #1, #2 \rVert",
        lambda y, a, b: a / y,
        lambda y, a, b: b / y,
        name="hypotenuse",
    )
    a, b = np.full((2, 3), 3.0), np.array([4.0])
    x, y = Tensor(a.astype(np.float32), requires_grad=True), Tensor(b.astype(np.float16), requires_grad=True)
    gx, gy = slopes(hypotenuse(x, y), x, y)
    assert (gx.dtype, gy.dtype, gx.shape, gy.shape) == (np.float32, np.float16, (2, 3), (1,))
    np.testing.assert_allclose(gx, 0.6, rtol=1e-6)
    np.testing.assert_allclose(gy, 6 * 0.8, rtol=1e-3)


def test_it_answers_for_a_function_of_numpy() -> None:
    ANSWERS.pop(np.heaviside, None)
    step = tl.pointwise(np.heaviside, r"H(#1)", 0, 0, numpy=np.heaviside)
    assert step.name == "heaviside"
    x = leaf(X)
    y = np.heaviside(x, 0.5)
    assert y.op is step
    np.testing.assert_array_equal(slopes(y, x)[0], 0)


def test_it_answers_for_a_function_that_is_no_ufunc() -> None:
    ANSWERS.pop(np.i0, None)
    tl.pointwise(np.i0, "I_0(#1)", lambda y, x: x, numpy=np.i0)  # (not its derivative: only that it is asked)
    x = leaf(X)
    y: Any = np.i0(x)
    np.testing.assert_array_equal(slopes(y, x)[0], X)


def test_a_linear_row_with_a_keyword() -> None:
    roll = tl.linear(
        lambda x, by: np.concatenate([x[by:], x[:by]]), "#1", lambda g, y, x, by: roll(g, by=-by), name="roll"
    )
    x = leaf(X)
    y = roll(x, by=1)
    y.backward([1.0, 2.0, 3.0])
    np.testing.assert_array_equal(x.grad, [3, 1, 2])
    assert y.kwargs == {"by": 1}
    np.testing.assert_allclose(
        tl.grad(lambda v: np.sum(tl.grad(lambda u: np.sum(roll(u, by=2) ** 3))(v)))(X).numpy(), 6 * X
    )


def test_a_general_row() -> None:
    norm = tl.general(lambda x: np.sqrt(np.vdot(x, x)), r"\lVert #1 \rVert", lambda g, y, x: g * x / y, name="norm")
    x = leaf(X)
    want = complex_step(lambda v: np.sqrt(np.sum(v * v)), [X], 0, np.array(1.0))
    assert want.error_of(slopes(norm(x), x)[0]) <= 1e-14
    second = tl.grad(lambda v: np.sum(tl.grad(norm)(v)))(X).numpy()
    n = np.sqrt(np.sum(X * X))
    np.testing.assert_allclose(second, 1 / n - X * np.sum(X) / n**3, rtol=1e-13)


def test_a_variadic_row_has_one_rule_for_all() -> None:
    total = tl.linear(
        lambda *xs: sum(xs), r"\sum", lambda i, g, y, *xs: g * (i + 1) / (i + 1), variadic=True, name="total"
    )
    a, b = leaf(X), leaf(X)
    np.testing.assert_array_equal(slopes(total(a, 1.0, b, a), a, b), [[2, 2, 2], [1, 1, 1]])


def test_literals_stand_for_constant_partials() -> None:
    odd = tl.pointwise(lambda a, b, c: a - b + 0 * c, "#1 - #2", 1, -1, 0, name="odd")
    xs = [leaf(X) for _ in range(3)]
    np.testing.assert_array_equal(slopes(odd(*xs), *xs), [[1] * 3, [-1] * 3, [0] * 3])


def test_none_says_that_there_is_nothing_to_differentiate() -> None:
    pick = tl.pointwise(lambda mask, x: np.where(mask > 0, x, 0), "#1", None, lambda y, mask, x: mask > 0, name="pick")
    mask, x = leaf([1, -1, 1]), leaf(X)
    assert [None if g is None else g.tolist() for g in slopes(pick(mask, x), mask, x)] == [None, [1, 0, 1]]


def test_a_constant_row_requires_no_gradient() -> None:
    places = tl.constant(lambda x: np.argsort(x), r"\mathrm{argsort}", name="places")
    assert not places(leaf(X)).requires_grad
    assert places(leaf(X)).numpy().tolist() == [1, 0, 2]


def test_a_result_that_is_a_python_number_or_a_list_becomes_an_array() -> None:
    total = tl.general(lambda x: float(x.sum()), r"\sum #1", lambda g, y, x: g * np.ones_like(x), name="total")
    x = leaf(X)
    y = total(x)
    assert (y.shape, y.dtype) == ((), np.float64)
    np.testing.assert_array_equal(slopes(y, x)[0], 1)
    assert tl.linear(lambda x: x.tolist(), "#1", 1, name="listed")(x).shape == (3,)


def test_the_gradient_is_the_users_own_even_if_the_rule_gives_away_an_operand() -> None:
    for rule in (lambda g, y, a, b: a, lambda g, y, a, b: g, lambda g, y, a, b: y, lambda g, y, a, b: g[:]):
        odd = tl.general(lambda a, b: a + b, "", rule, 0, name="odd")
        a, b = leaf(X), leaf(X)
        y = odd(a, b)
        y.backward(np.ones(3))
        assert a.grad is not None
        a.grad[...] = 99
        np.testing.assert_array_equal(a.numpy(), X)
        np.testing.assert_array_equal(y.numpy(), 2 * X)


def test_an_array_handed_through_unrecorded_is_copied() -> None:
    """`run` may give back the very array that came from outside; later writes into that must not reach a graph."""
    through = tl.linear(lambda x, s: np.asarray(x), "#1", 1, None, name="through")
    array, w = np.ones(3), leaf(X)
    for t in (through(array, Tensor(1.0)), through(array, leaf(1.0)), through(array[:2], Tensor(1.0))):
        y = np.sum(t * w[: t.size])
        array[...] = 0
        w.grad = None
        y.backward()
        assert w.grad is not None
        np.testing.assert_array_equal(w.grad[: t.size], 1)
        array[...] = 1


# -- what it is told ---------------------------------------------------------------------------------------------


def test_an_input_without_a_rule() -> None:
    half = tl.pointwise(lambda a, b: a * b, "#1 #2", lambda y, a, b: b, name="half")
    a, b = leaf(X), leaf(X)
    np.testing.assert_array_equal(slopes(half(a, X), a)[0], X)
    with pytest.raises(TypeError, match="half has no rule for its input 1, which requires a gradient"):
        np.sum(half(a, b)).backward()
    assert b.grad is None


@pytest.mark.parametrize("rule", [
    lambda g, y, x: np.ones(2), lambda g, y, x: np.ones((2, 2)), lambda g, y, x: 1.0,
    lambda g, y, x: np.ones((3, 3))[:, :2],
])  # fmt: skip
def test_a_cotangent_of_the_wrong_shape_is_an_error_that_names_the_rule(rule: Any) -> None:
    wrong = tl.general(lambda x: x * 2, "", rule, name="wrong")
    x = leaf(X)
    with pytest.raises(
        GraphError,
        match=r"the rule of wrong for its input 0 gave a cotangent of shape .* shape \(3,\).*correct the rule",
    ):
        wrong(x).backward(np.ones(3))
    assert x.grad is None


def test_a_result_of_whole_numbers_can_have_no_cotangent() -> None:
    cut = tl.pointwise(lambda x: x.astype(int), r"\lfloor #1 \rfloor", 1, name="cut")
    x = leaf(X)
    with pytest.raises(TypeError, match="from cut of dtype int64 cannot have a gradient"):
        np.sum(cut(x) * 2.0).backward()
    assert x.grad is None


def test_a_rule_that_raises_raises() -> None:
    def rule(g: Any, y: Any, x: Any) -> Any:
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        np.sum(tl.general(lambda x: x * 2, "", rule, name="raises")(leaf(X))).backward()


def test_a_run_that_raises_names_operation_operands_and_reason() -> None:
    def run(a: Any, b: Any) -> Any:
        return a + b

    joined = tl.pointwise(run, "#1 + #2", 1, 1, symbol="<+>")
    with pytest.raises(ValueError, match=r"^run: operands could not be broadcast.*Operands: left \(3,\) <\+> \(2,\)\."):
        joined(leaf(X, name="left"), np.ones(2))
    explained = tl.pointwise(
        run, "", 1, 1, name="explained", explain=lambda a, b: f"I cannot join {a.shape} and {b.shape}"
    )
    with pytest.raises(ValueError, match=r"^explained: I cannot join \(3,\) and \(2,\)\."):
        explained(leaf(X), np.ones(2))


def test_an_explanation_never_hides_the_error() -> None:
    row = tl.pointwise(lambda a, b: a + b, "", 1, 1, name="row", explain=lambda a, b: str(1 // 0))
    with pytest.raises(ValueError, match="row: operands could not be broadcast"):
        row(leaf(X), np.ones(2))


def test_errors_of_other_kinds_pass_as_they_are() -> None:
    row = tl.pointwise(lambda x: x // (1 // 0), "", 1, name="row")
    with pytest.raises(ZeroDivisionError):
        row(leaf(X))


def test_a_tensor_given_by_keyword_is_refused() -> None:
    scaled = tl.linear(lambda x, by: x * by, "", lambda g, y, x, by: g * by, name="scaled")
    with pytest.raises(TypeError, match=r"scaled: by= is a tensor; only positional arguments are differentiated"):
        scaled(leaf(X), by=leaf(2.0))


@pytest.mark.parametrize("other", [1j, "a", np.ones(3, complex), object()])
def test_operands_that_are_no_real_numbers_are_refused_by_the_rows_name(other: Any) -> None:
    row = tl.pointwise(lambda a, b: a, "", 1, 0, name="mine")
    with pytest.raises(TypeError, match="mine takes real numbers"):
        row(leaf(X), other)


def test_a_row_without_its_text_is_refused_at_once() -> None:
    with pytest.raises(TypeError, match=r"pointwise: the second argument says how .* this is function"):
        tl.pointwise(lambda x: x**2, lambda y, x: 2 * x)  # type: ignore[arg-type]  # the mistake


@pytest.mark.parametrize("kind", [tl.pointwise, tl.linear, tl.general])
@pytest.mark.parametrize("rule", [2, -2, 0.5, True, "x", np.float64(1)])
def test_a_rule_that_is_neither_a_function_nor_a_literal_is_refused_at_once(kind: Any, rule: Any) -> None:
    with pytest.raises(TypeError, match=r"the rule for an input is a function.*lambda y, x: 2"):
        kind(lambda x: 2 * x, "2#1", rule, name="double")


def test_gradcheck_with_its_arguments_in_the_wrong_order_says_the_order() -> None:
    with pytest.raises(TypeError, match=r"gradcheck\(f, x\); the first is ndarray"):
        tl.gradcheck(X, np.sin)  # type: ignore[arg-type]  # the mistake
