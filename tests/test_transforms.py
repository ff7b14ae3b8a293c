"""grad and value_and_grad: composed with themselves, with backward(), with closures and under no_grad."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import central_differences, complex_step, derivatives
from tinygrad_lite import Tensor

# -- what it gives -----------------------------------------------------------------------------------------------


def test_the_gradient_is_a_tensor_of_the_arguments_shape_and_dtype() -> None:
    for x in (2.0, 3, np.float32(2), np.ones((2, 3)), np.ones(3, np.float16), [1.0, 2.0], Tensor([1.0])):
        g = tl.grad(lambda v: np.sum(v * v))(x)
        t = Tensor(x)
        assert isinstance(g, Tensor)
        assert (g.shape, g.dtype) == (t.shape, t.dtype)
        np.testing.assert_array_equal(g.numpy(), 2 * t.numpy())


def test_value_and_gradient_come_from_one_run() -> None:
    runs = []

    def f(x: Any) -> Any:
        runs.append(x)
        return np.sum(x**3)

    value, g = tl.value_and_grad(f)(np.array([1.0, 2.0]))
    assert value.item() == 9
    np.testing.assert_array_equal(g.numpy(), [3, 12])
    assert len(runs) == 1


def test_nothing_is_kept_of_the_graph_if_nobody_could_ask() -> None:
    value, g = tl.value_and_grad(lambda x: x * x)(3.0)
    assert value.is_leaf
    assert g.is_leaf
    assert not g.requires_grad


def test_what_an_inner_transformation_made_for_itself_is_no_business_of_an_outer_one() -> None:
    """Its leaves looked like something else to differentiate by: the result required a gradient that nobody wanted."""
    q0, p = np.array([1.0, 2.0]), np.array([3.0, -1.0])

    def f(a: Any, b: Any) -> Any:
        return np.sum(a * b**2) ** 2

    inner: dict[str, Any] = {
        "grad": lambda q: tl.grad(f, 1)(q, p).sum(),
        "value": lambda q: tl.value_and_grad(f, 1)(q, p)[0],
        "vjp": lambda q: tl.vjp(lambda b: q * b**2, p)[1](p)[0].sum(),
        "jvp": lambda q: tl.jvp(lambda b: q * b**2, (p,), (p,))[1].sum(),
        "jacobian": lambda q: tl.jacobian(tl.grad(f, 1), 0)(q, p).sum(),
        "hessian": lambda q: tl.hessian(f, 1)(q, p).sum(),
        "hvp": lambda q: tl.hvp(lambda b: f(q, b), p, p).sum(),
    }
    for name, g in inner.items():
        want = central_differences(lambda q, g=g: g(q).numpy(), [q0], 0, np.array(1.0)).value
        for outer in (tl.grad, tl.jacobian):
            got = outer(g)(q0)
            assert got.is_leaf, name
            assert not got.requires_grad, name
            np.testing.assert_allclose(got.numpy(), want, rtol=1e-7, err_msg=name)


@pytest.mark.parametrize("argnums", [0, 1, -1, np.int64(1), (0, 1), [2, 0], (-1, -3), (0, 0), (0, -3), (1,)], ids=str)
def test_argnums_say_which_arguments(argnums: Any) -> None:
    """Asking for the same argument twice gives the same gradient twice; it once gave 0 first."""
    value, got = tl.value_and_grad(lambda a, b, c: a * a * b + 9 * c, argnums)(2.0, 3.0, 1.0)
    assert value.item() == 21
    slopes = [12.0, 4.0, 9.0]
    if not isinstance(argnums, (tuple, list)):
        assert got.item() == slopes[argnums]
    else:
        assert [g.item() for g in got] == [slopes[i] for i in argnums]


def test_keyword_arguments_are_handed_on() -> None:
    assert tl.grad(lambda x, *, power: x**power)(2.0, power=3).item() == 12


def test_one_tensor_for_two_arguments_gets_two_gradients() -> None:
    x = leaf(3)
    a, b = tl.grad(lambda u, v: u * u * v, argnums=(0, 1))(x, x)
    assert (a.item(), b.item()) == (18, 9)


def test_an_argument_that_is_not_used_has_gradient_zero() -> None:
    g = tl.grad(lambda a, b: np.sum(a), argnums=1)(Tensor(1.0), np.ones((2, 3), np.float32))
    assert g.dtype == np.float32
    np.testing.assert_array_equal(g.numpy(), np.zeros((2, 3)))


def test_the_identity_and_a_constant() -> None:
    assert tl.grad(lambda x: x)(2.0).item() == 1
    assert tl.grad(lambda x: Tensor(5.0))(2.0).item() == 0
    assert tl.grad(lambda x: x.detach() * x)(2.0).item() == 2


def test_the_arguments_own_grad_is_left_alone() -> None:
    x = leaf(3)
    tl.grad(lambda v: v * v)(x)
    assert x.grad is None


@pytest.mark.parametrize("transformation", [tl.grad, tl.value_and_grad, tl.jacobian, tl.hessian])
@pytest.mark.parametrize("point", [np.ones(2), 0.5, [1.0, 2.0], tl.tensor(1.0), True, "x"], ids=repr)
def test_the_point_in_place_of_argnums_is_told_where_it_goes(transformation: Any, point: Any) -> None:
    with pytest.raises(TypeError, match=r"argnums says which arguments.*tl\.grad\(f\)\(x\)"):
        transformation(lambda x: np.sum(x * 2), point)


def test_names_reach_the_function() -> None:
    seen = []

    def f(v: Any) -> Any:
        seen.append(v.name)
        return v * v

    tl.grad(f)(leaf(3, name="x"))
    assert seen == ["x"]


def test_the_wrapper_is_called_what_the_function_is_called() -> None:
    def cost(x: Any) -> Any:
        """What it costs."""
        return x

    assert tl.grad(cost).__name__ == tl.value_and_grad(cost).__name__ == "cost"
    assert tl.grad(functools.partial(lambda a, x: a * x, 2.0))(3.0).item() == 2


# -- composed ----------------------------------------------------------------------------------------------------


@given(st.integers(0, 6), st.floats(0.5, 2))
def test_any_order_of_derivative(order: int, at: float) -> None:
    def f(x: Any) -> Any:
        return np.exp(np.tanh(x) * x) / (1 + x * x)

    g: Any = f
    for _ in range(order):
        g = tl.grad(g)
    want, off = derivatives(lambda t: f(at + t), order, radius=0.25)
    got = g(at) if order == 0 else g(at).item()
    assert abs(got - want[order]) <= off[order] + 1e-10 * abs(want[order])


def test_no_perturbation_is_confused_with_another() -> None:
    """d/dx [x d/dy (x y)] = d/dx x^2 = 2x; a mixed-up tag gives something else (Siskind and Pearlmutter)."""
    assert tl.grad(lambda x: x * tl.grad(lambda y: x * y)(2.0))(3.0).item() == 6
    assert tl.grad(lambda x: x * tl.grad(lambda y: x + y)(1.0))(3.0).item() == 1
    assert tl.grad(lambda x: tl.grad(lambda y: x * y * y)(x))(3.0).item() == 12  # d/dx 2 x x
    assert tl.grad(lambda x: tl.grad(lambda x: x * x)(x) * x)(3.0).item() == 12
    assert tl.grad(lambda x: tl.value_and_grad(lambda y: x * y * y)(2.0)[0])(3.0).item() == 4


def test_three_levels_of_closure() -> None:
    def f(x: Any) -> Any:
        return tl.grad(lambda y: tl.grad(lambda z: x * y * y * z * z * z)(x + y) * y)(x * x)

    # d/dz = 3 x y^2 (x+y)^2; times y, d/dy at y = x^2
    x = 1.5
    y = x * x
    want = 3 * x * (3 * y**2 * (x + y) ** 2 + 2 * y**3 * (x + y))
    np.testing.assert_allclose(f(Tensor(x)).item(), want, rtol=1e-14)
    h = 1e-200

    def by_hand(x: complex) -> complex:
        y = x * x
        return 3 * x * (3 * y**2 * (x + y) ** 2 + 2 * y**3 * (x + y))

    np.testing.assert_allclose(tl.grad(f)(x).item(), by_hand(x + 1j * h).imag / h, rtol=1e-14)


def test_the_same_tensor_through_closure_and_argument_is_two_things() -> None:
    w = leaf(3)
    g = tl.grad(lambda x: x * w * w)(w)  # by x alone: w^2
    assert g.item() == 9
    g.backward()
    assert w.grad == 6


def test_backward_through_a_gradient_reaches_arguments_and_closures() -> None:
    x, w = leaf([1.0, 2.0]), leaf([3.0, 5.0])
    penalty = np.sum(tl.grad(lambda v: np.sum(w * v * v * v))(x) ** 2)  # sum (3 w x^2)^2
    penalty.backward()
    np.testing.assert_allclose(x.grad, 36 * np.array([9, 25]) * np.array([1, 8]), rtol=1e-15)
    np.testing.assert_allclose(w.grad, 18 * np.array([3, 5]) * np.array([1, 16]), rtol=1e-15)


def test_a_gradient_of_a_computed_tensor_is_on_its_graph() -> None:
    x = leaf(2)
    g = tl.grad(lambda v: v * v * v)(x * x)  # 3 x^4
    g.backward()
    assert x.grad == 12 * 8


def test_the_value_too_is_on_the_graph() -> None:
    w = leaf(2)
    value, _ = tl.value_and_grad(lambda x: x * w)(3.0)
    value.backward()
    assert w.grad == 3


def test_a_gradient_penalty_of_a_network_against_the_complex_step() -> None:
    rng = np.random.default_rng(0)
    w1, w2, x = rng.normal(size=(3, 4)), rng.normal(size=(1, 3)), rng.normal(size=(5, 4))

    def plain(w1: Any) -> Any:
        h = np.tanh(x @ w1.T)
        slope = (w2 * (1 - h * h)) @ w1  # d a / d x of each example
        return np.sum(slope * slope)

    def penalty(w1: Any) -> Any:
        return np.sum(tl.grad(lambda v: np.sum(np.tanh(v @ w1.T) @ w2.T))(x) ** 2)

    want = complex_step(plain, [w1], 0, np.array(1.0))
    assert want.error_of(tl.grad(penalty)(w1).numpy()) <= 1e-13


def test_backward_inside_a_function_that_is_being_differentiated() -> None:
    w = leaf(2)

    def f(x: Any) -> Any:
        (w * w).backward()
        return x * w

    assert tl.grad(f)(3.0).item() == 2
    assert w.grad == 4


# -- recording ---------------------------------------------------------------------------------------------------


def test_under_no_grad_the_gradient_is_there_but_not_its_graph() -> None:
    w = leaf(2)
    with tl.no_grad():
        value, g = tl.value_and_grad(lambda x: x * x * w)(leaf(3))
        assert not (w * 2).requires_grad
    assert (value.item(), g.item()) == (18, 12)
    assert not value.requires_grad
    assert not g.requires_grad


def test_no_grad_inside_hides_what_it_covers() -> None:
    def f(x: Any) -> Any:
        with tl.no_grad():
            scale = x * 1
        return x * scale

    assert tl.grad(f)(3.0).item() == 3


def test_nested_under_no_grad() -> None:
    with tl.no_grad():
        assert tl.grad(tl.grad(lambda x: x**3))(2.0).item() == 12


def test_an_error_in_the_function_leaves_recording_as_it_was() -> None:
    with tl.no_grad():
        with pytest.raises(ZeroDivisionError):
            tl.grad(lambda x: x * (1 // 0))(2.0)
        assert not (leaf(1) * 2).requires_grad
    assert (leaf(1) * 2).requires_grad


# -- refused -----------------------------------------------------------------------------------------------------


def cost(x: Any) -> Any:
    return np.sum(x * x)


@pytest.mark.parametrize(("call", "error", "said"), [
    (lambda: tl.grad(lambda x: x * x)(np.ones(3)), ValueError, r"<lambda> returned .*\(3,\).*that of a scalar"),
    (lambda: tl.grad(lambda x: 5.0)(1.0), TypeError, "returned float, not a Tensor"),
    (lambda: tl.grad(lambda x: (x, x))(1.0), TypeError, "returned a tuple of 2; a derivative is that of one Tensor"),
    (lambda: tl.grad(lambda x: None)(1.0), TypeError, "returned NoneType"),
    (lambda: tl.grad(cost)(np.array([1, 2])), TypeError, "argument 0 of cost of dtype int64 cannot require a gradient"),
    (lambda: tl.grad(cost)(np.array([True])), TypeError, "argument 0 of cost of dtype bool"),
    (lambda: tl.grad(cost)(1j), TypeError, "complex numbers"),
    (lambda: tl.grad(cost)("a"), TypeError, "takes real numbers"),
    (lambda: tl.grad(cost, argnums=1)(1.0), ValueError, "cost was called with 1 arguments; there is no argument 1"),
    (lambda: tl.grad(cost, argnums=-2)(1.0), ValueError, "there is no argument -2"),
    (lambda: tl.grad(cost)(x=1.0), ValueError, "cost was called with 0 arguments"),
    (lambda: tl.grad(leaf(1) * 2, leaf(1)), TypeError, r"takes a function .*a tensor \(\) from multiply: .*backward"),
    (lambda: tl.value_and_grad(cost(1.0)), TypeError, r"tl\.grad\(f\)\(x\); it got float64"),
    (lambda: tl.hessian(leaf(1)), TypeError, "grad takes a function"),
    (lambda: tl.jacobian(leaf(1)), TypeError, "jacobian takes a function"),
])  # fmt: skip
def test_what_cannot_be_differentiated_is_explained(call: Any, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        call()
