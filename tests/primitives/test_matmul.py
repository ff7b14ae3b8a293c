"""Products in every case that NumPy's matmul has: 1-D, 2-D, batched, and batches that broadcast; and the affine map."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import Array, adjoint_gap, complex_step
from tinygrad_lite import Tensor
from tinygrad_lite.graph import sweep
from tinygrad_lite.primitives.linear_algebra import affine

BATCHES: list[tuple[int, ...]] = [(), (1,), (4,), (5, 1), (5, 4), (1, 1, 4), (0,)]
MATRICES = [
    ((*left, 2, 3), (*right, 3, 2))
    for left, right in itertools.product(BATCHES, BATCHES)
    if not {4, 0} <= {n for side in (left, right) for n in side}
]
VECTORS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [((3,), (3,))]
VECTORS += [((3,), (*batch, 3, 2)) for batch in BATCHES] + [((*batch, 2, 3), (3,)) for batch in BATCHES]
EDGES: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((1,), (1,)), ((1, 1), (1, 1)), ((2, 0), (0, 3)), ((0,), (0,)), ((0, 3), (3, 2)), ((0,), (0, 2)), ((4, 2, 0), (0,)),
]  # fmt: skip
SHAPES = MATRICES + VECTORS + EDGES
over_shapes = pytest.mark.parametrize(("left", "right"), SHAPES, ids=str)


def drawn(*shapes: tuple[int, ...]) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.normal(size=shape) for shape in shapes]


def pulled(a: Array, b: Array) -> tuple[Array, list[Any], Array]:
    """a @ b, the two gradients, and the cotangent that they are for."""
    xs = [Tensor(a, requires_grad=True), Tensor(b, requires_grad=True)]
    y = xs[0] @ xs[1]
    g = np.random.default_rng(1).normal(size=y.shape)
    y.backward(g)
    return y.numpy(), [x.grad for x in xs], g


@over_shapes
def test_value_and_gradients_in_every_case(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    arrays = drawn(left, right)
    y, gradients, g = pulled(*arrays)
    np.testing.assert_array_equal(y, np.matmul(*arrays))
    for i, u in enumerate(drawn(left, right)):
        assert gradients[i].shape == u.shape

        def f(v: Array, i: int = i) -> Array:
            return np.asarray(np.matmul(*(v if j == i else arrays[j] for j in (0, 1))))

        assert adjoint_gap(f, gradients[i], u, g) <= 1e-14
        assert complex_step(np.matmul, arrays, i, g).error_of(gradients[i]) <= 1e-13


@over_shapes
def test_the_rules_on_tensors_are_those_on_arrays(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = (Tensor(x, requires_grad=True) for x in drawn(left, right))
    y = a @ b
    g = np.ones(y.shape)
    numbers, graph = sweep({y: g if g.ndim else g[()]}), sweep({y: Tensor(g)}, on_nodes=True)
    for x in (a, b):
        assert np.asarray(numbers[x]).tobytes() == graph[x].numpy().tobytes()


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 40), st.sampled_from(["e", "f", "d"]))
def test_large_products_too_are_equal_bit_for_bit(n: int, k: int, m: int, dtype: str) -> None:
    rng = np.random.default_rng(0)
    x = Tensor(rng.normal(size=(n, k)).astype(dtype), requires_grad=True)
    w = Tensor(rng.normal(size=(m, k)).astype(dtype), requires_grad=True)
    for y in (affine(x, w), x @ w.T):
        g = rng.normal(size=(n, m)).astype(dtype)
        numbers, graph = sweep({y: g}), sweep({y: Tensor(g)}, on_nodes=True)
        for t in (x, w):
            assert numbers[t].tobytes() == graph[t].numpy().tobytes()


@over_shapes
def test_an_array_on_either_side(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = drawn(left, right)
    _, (by_a, by_b), g = pulled(a, b)
    ta, tb = leaf(a), leaf(b)
    (ta @ b).backward(g)
    (a @ tb).backward(g)
    np.testing.assert_array_equal(ta.grad, by_a)
    np.testing.assert_array_equal(tb.grad, by_b)


DOTS: list[tuple[tuple[int, ...], tuple[int, ...]]] = [
    ((), ()), ((), (3,)), ((2, 3), ()), ((3,), (3,)), ((2, 3), (3,)), ((2, 3), (3, 4)), ((2, 2, 3), (3,)),
    ((2, 3), (4, 3, 2)), ((2, 2, 3), (4, 3, 2)),
]  # fmt: skip


@pytest.mark.parametrize(("left", "right"), DOTS)
def test_dot_is_numpys(left: tuple[int, ...], right: tuple[int, ...]) -> None:
    a, b = drawn(left, right)
    x = leaf(a)
    y: Any = np.dot(x, b)
    np.testing.assert_allclose(y.numpy(), np.dot(a, b), rtol=1e-15)
    g = np.ones(y.shape)
    y.backward(g)
    assert complex_step(lambda v: np.dot(v, b), [a], 0, g).error_of(x.grad) <= 1e-13


def test_a_product_with_itself_and_its_transpose() -> None:
    a = Tensor([[1.0, 2.0], [3.0, 4.0]], requires_grad=True)
    np.sum(a @ a.T).backward()
    np.testing.assert_array_equal(a.grad, 2 * np.sum(a.numpy(), axis=0) * np.ones((2, 2)))


@pytest.mark.parametrize(("left", "right", "said"), [
    ((8, 4), (2, 16), r"inner sizes differ: 4 != 2\. The second would have to have shape \(4, 16\)"),
    ((8, 4), (16, 4), r"4 != 16\. Did you mean the transpose of the second, `b\.T`, of shape \(4, 16\)"),
    ((4, 8), (4, 2), r"8 != 4\. Did you mean the transpose of the first, `a\.T`, of shape \(8, 4\)"),
    ((3,), (2,), r"inner sizes differ: 3 != 2\. The second would have to have shape \(3,\)"),
    ((2, 3, 4), (5, 4, 3), r"the batch axes \(2,\) and \(5,\) do not broadcast"),
    ((), (3,), "a scalar has no axis to sum over"),
])  # fmt: skip
def test_shapes_that_do_not_fit_are_explained(left: tuple[int, ...], right: tuple[int, ...], said: str) -> None:
    h, w = Tensor(np.ones(left), name="h"), Tensor(np.ones(right), name="W1", requires_grad=True)
    with pytest.raises(ValueError, match=f"^matmul: .*{said}") as error:
        h @ w
    assert f"h {left} @ W1 {right}" in str(error.value)


# -- the affine map ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
@pytest.mark.parametrize("batch", [(), (1,), (4,), (2, 3), (0,), (2, 0)])
def test_affine_is_a_product_and_a_sum(batch: tuple[int, ...], dtype: Any) -> None:
    x, w, b = (Tensor(a.astype(dtype), requires_grad=True) for a in drawn((*batch, 3), (2, 3), (2,)))
    y = affine(x, w, b)
    plain = x @ w.T + b
    assert (y.shape, y.dtype) == (plain.shape, plain.dtype)
    tolerance = 8 * float(np.finfo(dtype).eps)
    np.testing.assert_allclose(y.numpy(), plain.numpy(), rtol=tolerance, atol=tolerance)
    g = np.ones(y.shape, dtype)
    both = []
    for out in (y, plain):
        for t in (x, w, b):
            t.grad = None
        out.backward(g)
        both.append([t.grad for t in (x, w, b)])
    for a, c in zip(*both, strict=True):
        np.testing.assert_allclose(a, c, rtol=8 * tolerance, atol=8 * tolerance)


def test_affine_of_mixed_dtypes_promotes_as_numpy_does() -> None:
    x, w, b = (
        Tensor(np.ones((2, 3), np.float32)),
        Tensor(np.ones((4, 3), np.float32)),
        Tensor(np.ones(4), requires_grad=True),
    )
    y = affine(x, w, b)
    assert y.dtype == np.float64
    y.sum().backward()
    assert b.grad is not None
    assert b.grad.dtype == np.float64


@pytest.mark.parametrize("x", [2.0, 2, np.array(2.0), Tensor(2.0)])
def test_affine_refuses_what_has_no_features(x: Any) -> None:
    with pytest.raises((ValueError, TypeError), match=r"affine: the weight \(1, 1\) maps 1 features.*a scalar"):
        tl.nn.Linear(1, 1)(x)
