"""jvp, vjp, Jacobians, Hessians, trees, checkpoints and hooks."""

from __future__ import annotations

import gc
import math
import tracemalloc
from collections import namedtuple
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given

import tinygrad_lite as tl
from tests.primitives.test_rules import FILLED
from tests.sampling import Case
from tinygrad_lite import Tensor
from tinygrad_lite.hooks import HOOKS
from tinygrad_lite.testing import strategies

X, V = np.array([0.3, 0.7, -0.2]), np.array([1.0, 2.0, -1.0])
ONE_OF_EACH = [case for case in FILLED if case.number == 0 and len(case.shapes[0]) != 1]


def f(t: Any) -> Any:
    return np.sum(np.sin(t) * np.cumprod(t)) + np.linalg.norm(t) * np.exp(t[0] @ t[1:2] if t.ndim > 1 else t[0] * t[1])


H = np.stack([tl.grad(lambda t, i=i: tl.grad(f)(t)[i])(X).numpy() for i in range(3)])


# -- forward mode ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", ONE_OF_EACH, ids=str)
def test_forward_mode_is_the_transpose_of_reverse_mode(case: Case) -> None:
    """<g, J v> = <J^T g, v> for each row, on arrays and on Tensors."""
    arrays = case.inputs()
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]

    def of_floats(*xs: Any) -> Any:
        new = list(arrays)
        for i, x in zip(floats, xs, strict=True):
            new[i] = x
        return case.sample.call(*new)

    xs = [arrays[i] for i in floats]
    vs = [case.rng().normal(size=x.shape) for x in xs]
    y, pull = tl.vjp(of_floats, *xs)
    g = case.cotangent(y)
    want = sum(np.sum(c.numpy() * v) for c, v in zip(pull(g), vs, strict=True))
    _, tangent = tl.jvp(of_floats, xs, vs)
    assert (tangent.shape, tangent.dtype) == (y.shape, y.dtype)
    scale = np.sum(np.abs(g * tangent.numpy())) + 1
    assert abs(np.sum(g * tangent.numpy()) - want) <= 1e-13 * scale
    recorded = tl.jvp(of_floats, xs, [Tensor(v, requires_grad=True) for v in vs])[1]
    np.testing.assert_allclose(recorded.numpy(), tangent.numpy(), rtol=1e-14, atol=1e-14)


def test_modes_compose_in_every_order() -> None:
    def forward(h: Any) -> Any:
        return lambda t: tl.jvp(h, (t,), (V,))[1]

    np.testing.assert_allclose(tl.jvp(f, (X,), (V,))[1].numpy(), tl.grad(f)(X).numpy() @ V, rtol=1e-14)
    np.testing.assert_allclose(forward(forward(f))(X).numpy(), V @ H @ V, rtol=1e-13)
    np.testing.assert_allclose(forward(tl.grad(f))(X).numpy(), H @ V, rtol=1e-13)
    np.testing.assert_allclose(tl.grad(forward(f))(X).numpy(), H @ V, rtol=1e-13)
    by_direction = tl.grad(lambda v: tl.jvp(f, (X,), (v,))[1])(V)
    np.testing.assert_allclose(by_direction.numpy(), tl.grad(f)(X).numpy(), rtol=1e-14)
    third = tl.grad(forward(forward(f)))(X).numpy()
    np.testing.assert_allclose(third @ V, forward(forward(forward(f)))(X).numpy(), rtol=1e-12)


def test_an_inner_direction_is_not_mistaken_for_an_outer_one() -> None:
    inner = lambda x: x * tl.jvp(lambda y: x + y, (1.0,), (1.0,))[1]  # noqa: E731
    assert tl.jvp(inner, (1.0,), (1.0,))[1].item() == 1
    assert tl.grad(inner)(1.0).item() == 1


def test_jvp_of_what_does_not_move_is_zero() -> None:
    y, tangent = tl.jvp(lambda x: x * 0 + np.floor(x), (X,), (V,))
    np.testing.assert_array_equal(tangent.numpy(), np.zeros(3))
    assert tl.jvp(lambda x, c: np.where(c > 0, x, 2.0), (X, V), (V, V))[1].numpy().tolist() == [1.0, 2.0, 0.0]
    assert y.shape == (3,)


def test_a_direction_goes_by_the_names_of_a_dict_not_by_their_order() -> None:
    p = {"a": tl.tensor([1.0, 2.0]), "b": tl.tensor([3.0, 4.0])}
    v = {"b": np.zeros(2), "a": np.ones(2)}

    def f(p: Any) -> Any:
        return (p["a"] ** 2 * p["b"]).sum()

    assert tl.jvp(f, (p,), (v,))[1].item() == 2 * 1 * 3 + 2 * 2 * 4
    assert tl.hvp(f, p, v)["a"].numpy().tolist() == [6, 8]
    for wrong in ({"a": np.ones(2)}, {"a": np.ones(2), "c": np.ones(2)}, [np.ones(2), np.ones(2)]):
        with pytest.raises(ValueError, match="the form of what it is a direction of"):
            tl.hvp(f, p, wrong)
    with pytest.raises(ValueError, match=r"directions of shapes \[\(1, 2\), \(2,\)\]"):
        tl.hvp(f, p, {"a": np.ones((1, 2)), "b": np.ones(2)})


def test_jvp_and_vjp_say_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="two tuples"):
        tl.jvp(f, X, V)
    with pytest.raises(ValueError, match="directions of shapes"):
        tl.jvp(f, (X,), (V[:2],))
    with pytest.raises(ValueError, match="cotangent has shape"):
        tl.vjp(lambda x: x * 2, X)[1](V[:2])
    with pytest.raises(TypeError, match="returned ndarray"):
        tl.jvp(lambda x: np.ones(3), (X,), (V,))


# -- reverse mode ----------------------------------------------------------------------------------------------


def test_vjp_runs_once_and_pulls_often() -> None:
    runs = []

    def h(a: Any, b: Any) -> Any:
        runs.append(1)
        return a * b

    y, pull = tl.vjp(h, X, V)
    for g in np.eye(3):
        by_a, by_b = pull(g)
        np.testing.assert_array_equal(by_a.numpy(), g * V)
        np.testing.assert_array_equal(by_b.numpy(), g * X)
    assert len(runs) == 1
    assert not y.requires_grad


def test_pulls_of_one_vjp_may_run_at_the_same_time() -> None:
    """The first to end took the leaves from the others: their gradient was 0 without a word."""
    others: list[Any] = []

    def h(x: Any) -> Any:  # run again by a pull
        if others:
            with ThreadPoolExecutor(1) as thread:
                found.append(thread.submit(others.pop(), 1.0).result())
        return x * x

    _, pull = tl.vjp(lambda x: tl.checkpoint(h)(np.sin(x)), 0.5)
    found: list[Any] = []
    others.append(pull)
    found.append(pull(1.0))
    np.testing.assert_allclose([g.item() for (g,) in found], math.sin(1.0))


def test_vjp_is_differentiable_by_its_cotangent_and_by_what_surrounds_it() -> None:
    np.testing.assert_allclose(
        tl.grad(lambda g: np.sum(tl.vjp(np.sin, X)[1](g)[0] ** 2))(V).numpy(), 2 * V * np.cos(X) ** 2
    )
    w = Tensor(X, requires_grad=True)
    tl.vjp(lambda x: x * w, V)[1](np.ones(3))[0].sum().backward()
    np.testing.assert_array_equal(w.grad, np.ones(3))


def test_gradients_by_trees_have_their_form() -> None:
    Pair = namedtuple("Pair", "w b")
    tree = {"layers": [Pair(Tensor(X), np.array(2.0)), (V, [Tensor(1.0)])], "scale": 3.0}

    def cost(p: Any, q: Any) -> Any:
        (w, b), (v, [one]) = p["layers"]
        return np.sum(w * v) * b * one * p["scale"] + q

    value, (by_p, by_q) = tl.value_and_grad(cost, (0, 1))(tree, 5.0)
    assert isinstance(by_p["layers"][0], Pair)
    np.testing.assert_allclose(by_p["layers"][0].w.numpy(), V * 6)
    np.testing.assert_allclose(by_p["layers"][1][0].numpy(), X * 6)
    assert by_p["scale"].item() == pytest.approx(value.item() / 3 - 5 / 3)
    assert by_q.item() == 1
    assert tl.grad(lambda x: np.sum(x))([1.0, 2.0]).shape == (2,)  # a list of numbers is an array
    assert tl.jvp(lambda p: p[0] * p[1], ((2.0, Tensor(3.0)),), ((1.0, Tensor(1.0)),))[1].item() == 5


def test_what_is_none_in_a_tree_is_none_in_its_gradient() -> None:
    def affine(p: Any, q: Any = None) -> Any:
        return np.sum(p["w"] * p["w"]) + (0 if p["b"] is None else p["b"])

    p = {"w": X, "b": None, "rest": [None, V]}
    by_p, by_q = tl.grad(affine, (0, 1))(p, None)
    np.testing.assert_array_equal(by_p["w"].numpy(), 2 * X)
    np.testing.assert_array_equal(by_p["rest"][1].numpy(), 0 * V)
    assert by_p["b"] is by_p["rest"][0] is by_q is None
    assert tl.jvp(affine, (p,), (p,))[1].item() == pytest.approx(2 * np.sum(X * X))
    assert tl.hvp(affine, p, p)["b"] is None
    assert tl.hessian(affine)(p)["w"]["b"] is None


# -- matrices --------------------------------------------------------------------------------------------------


@given(strategies.networks())
def test_a_jacobian_is_the_same_by_rows_and_by_columns(network: Any) -> None:
    net, x = network
    jacobian = tl.jacobian(net)(x).numpy()
    y, pull = tl.vjp(net, x)
    assert jacobian.shape == y.shape + x.shape
    for k in np.ndindex(y.shape):
        g = np.zeros(y.shape)
        g[k] = 1
        np.testing.assert_allclose(jacobian[k], pull(g)[0].numpy(), atol=1e-13)
    for k in np.ndindex(x.shape):
        v = np.zeros(x.shape)
        v[k] = 1
        np.testing.assert_allclose(jacobian[(..., *k)], tl.jvp(net, (x,), (v,))[1].numpy(), atol=1e-13)


def test_the_mode_is_chosen_by_the_shapes(monkeypatch: pytest.MonkeyPatch) -> None:
    import tinygrad_lite.transforms.matrices as matrices

    monkeypatch.setattr(matrices, "_by_rows", lambda trace: [Tensor(1.0)])
    monkeypatch.setattr(matrices, "_by_columns", lambda trace: [Tensor(2.0)])
    assert tl.jacobian(np.sum)(X).item() == 1
    assert tl.jacobian(np.exp)(X).item() == 2
    assert tl.jacobian(lambda t: t * V)(2.0).item() == 2


def test_hessians_and_their_products() -> None:
    np.testing.assert_allclose(tl.hessian(f)(X).numpy(), H, rtol=1e-13)
    np.testing.assert_allclose(tl.hvp(f, X, V).numpy(), H @ V, rtol=1e-13)
    by_tree = tl.hvp(lambda p: p["a"] ** 2 * p["b"], {"a": Tensor(2.0), "b": Tensor(3.0)}, {"a": 1.0, "b": 1.0})
    assert (by_tree["a"].item(), by_tree["b"].item()) == (10, 4)
    third = tl.jacobian(tl.hessian(f))(X).numpy()
    np.testing.assert_allclose(third, np.transpose(third, (2, 0, 1)), atol=1e-12)


def test_the_hessian_by_several_tensors_is_the_hessian_of_all_entries_in_blocks() -> None:
    a, b, c = V[:2], np.arange(6.0).reshape(2, 3) / 7, np.array(0.7)

    def three(a: Any, b: Any, c: Any) -> Any:
        return np.sum(np.tanh(a @ b) * c) + np.sum(a**3)

    def joined(t: Any) -> Any:
        return three(t[:2], t[2:8].reshape(2, 3), t[8])

    whole = tl.hessian(joined)(np.concatenate([a, b.reshape(-1), [c]])).numpy()
    blocks = tl.hessian(three, (0, 1, 2))(a, b, c)
    by_tree = tl.hessian(lambda p: three(p["a"], *p["rest"]))({"a": a, "rest": (b, c)})
    order: tuple[Any, ...] = (
        (a, slice(0, 2), lambda row: row["a"]),
        (b, slice(2, 8), lambda row: row["rest"][0]),
        (c, slice(8, 9), lambda row: row["rest"][1]),
    )
    for i, (x, rows, row_of) in enumerate(order):
        for j, (y, columns, entry_of) in enumerate(order):
            want = whole[rows, columns].reshape(x.shape + y.shape)
            np.testing.assert_allclose(blocks[i][j].numpy(), want, atol=1e-13)
            np.testing.assert_allclose(entry_of(row_of(by_tree)).numpy(), want, atol=1e-13)
    ((alone,),) = tl.hessian(three, (0,))(a, b, c)
    np.testing.assert_array_equal(alone.numpy(), tl.hessian(three)(a, b, c).numpy())
    with pytest.raises(ValueError, match="three was called with 3 arguments; there is no argument 5"):
        tl.hessian(three, (0, 5))(a, b, c)


# -- checkpoints -----------------------------------------------------------------------------------------------


def test_a_checkpoint_has_the_same_derivatives_of_every_order() -> None:
    w = Tensor(V, requires_grad=True)

    def part(t: Any) -> Any:
        return np.sin(np.exp(t) * w)

    def whole(g: Any) -> Any:
        return lambda t: np.sum(g(t) ** 2)

    again = tl.checkpoint(part)
    np.testing.assert_array_equal(tl.grad(whole(again))(X).numpy(), tl.grad(whole(part))(X).numpy())
    np.testing.assert_array_equal(tl.hessian(whole(again))(X).numpy(), tl.hessian(whole(part))(X).numpy())
    np.testing.assert_allclose(tl.jvp(again, (X,), (V,))[1].numpy(), tl.jvp(part, (X,), (V,))[1].numpy(), rtol=1e-14)
    whole(part)(X).backward()
    want, w.grad = w.grad, None
    whole(again)(X).backward()
    np.testing.assert_array_equal(w.grad, want)


def test_a_checkpoint_stores_less() -> None:
    def steps(t: Any) -> Any:
        for _ in range(16):
            t = np.tanh(t)
        return t

    def peak(part: Any) -> int:
        x = Tensor(np.full(20_000, 0.5), requires_grad=True)
        gc.collect()
        tracemalloc.start()
        y = x
        for _ in range(16):
            y = part(y)
        y.sum().backward()
        found = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return found

    plain, spared = peak(steps), peak(tl.checkpoint(steps))
    assert plain > 256 * 160_000  # every value is kept
    assert spared < plain / 4  # 16 outputs, the 16 values of one part, and what the sweep holds at once


def test_a_checkpoint_runs_again_only_for_a_gradient_and_has_to_do_the_same() -> None:
    rng = np.random.default_rng(0)
    x = Tensor(X, requires_grad=True)
    y = tl.checkpoint(lambda t: t * rng.normal())(x)
    with pytest.raises(tl.GraphError, match="deterministic"):
        y.sum().backward()
    p = Tensor(V, requires_grad=True, name="p")
    y = tl.checkpoint(lambda t: t * p)(x)
    p.data = p.numpy() + 1
    with pytest.raises(tl.GraphError, match="changed"):
        y.sum().backward()
    with pytest.raises(TypeError, match="one Tensor"):
        tl.checkpoint(lambda t: (t, t))(x)
    with tl.no_grad():
        assert not tl.checkpoint(lambda t: t * 2)(x).requires_grad


# -- hooks -----------------------------------------------------------------------------------------------------


def test_a_hook_sees_the_whole_cotangent_once_and_may_replace_it() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    h = x * 3
    seen: list[Any] = []
    inner = h.register_hook(lambda g: seen.append(g.copy()))
    outer = x.register_hook(lambda g: g * 10)
    (h * h + h).sum().backward()
    np.testing.assert_array_equal(seen, [2 * h.numpy() + 1])
    np.testing.assert_array_equal(x.grad, 30 * (2 * h.numpy() + 1))
    inner.remove()
    inner.remove()
    outer.remove()
    x.grad = None
    (h * h).sum().backward()
    np.testing.assert_array_equal(x.grad, 6 * h.numpy())
    assert len(seen) == 1
    assert not HOOKS


def test_a_hook_goes_with_its_tensor_and_cannot_write_or_change_the_shape() -> None:
    x = Tensor([1.0, 2.0], requires_grad=True)
    x.register_hook(lambda g: g.__setitem__(0, 0.0))
    with pytest.raises(ValueError, match=r"a hook wrote into its cotangent, of shape \(2,\).*read-only.*Return a new"):
        (x * 2).sum().backward()
    assert x.grad is None
    x = Tensor([1.0, 2.0], requires_grad=True)
    gc.collect()
    assert not HOOKS
    with x.register_hook(lambda g: g[:1]), pytest.raises(ValueError, match="shape"):
        (x * 2).sum().backward()
    wrong: list[tuple[Any, str]] = [
        ("twice", "str 'twice'"), (1j * x.numpy(), "complex"), ([None, 2], r"list \[None, 2\]")
    ]  # fmt: skip
    for returned, came in wrong:
        hook: Any = lambda g, returned=returned: returned  # noqa: E731
        with x.register_hook(hook), pytest.raises(TypeError, match=f"a hook returns the cotangent.*{came}"):
            (x * 2).sum().backward()
    with x.register_hook(lambda g: [3, 4]):  # a list of numbers is as good as an array
        (x * 2).sum().backward()
    np.testing.assert_array_equal(x.grad, [3.0, 4.0])
    assert not HOOKS


def test_hooks_in_a_recorded_sweep_are_part_of_the_graph() -> None:
    def doubled(x: Any) -> Any:
        h = x * x
        if isinstance(h, Tensor) and h.requires_grad:
            h.register_hook(lambda g: g * 2)
        return h * x

    assert tl.grad(doubled)(3.0).item() == 2 * 18 + 9
    assert tl.grad(tl.grad(doubled))(3.0).item() != 0
