"""The sweep: fan-out, order, depth, memory, and what happens when there is nothing to differentiate."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tinygrad_lite import Tensor, nn
from tinygrad_lite.graph import Node, ancestors, descendants

# -- fan-out -----------------------------------------------------------------------------------------------------


def test_x_times_x_has_two_edges() -> None:
    x = leaf(3)
    y = x * x
    assert y.inputs == (x, x)
    y.backward()
    assert x.grad == 6.0


@given(st.integers(1, 7), st.floats(0.5, 1.5))
def test_a_tensor_used_n_times_gets_n_shares(n: int, at: float) -> None:
    x = leaf(at)
    y = x
    for _ in range(n - 1):
        y = y * x
    y.backward()
    assert x.grad is not None
    np.testing.assert_allclose(x.grad, n * at ** (n - 1), rtol=1e-14)


def test_a_diamond_adds_both_sides() -> None:
    x = leaf(2)
    top = x * x
    (top * 3 + np.exp(top)).backward()
    np.testing.assert_allclose(x.grad, (3 + np.exp(4.0)) * 4, rtol=1e-15)


def test_a_ladder_of_diamonds_costs_one_visit_per_node() -> None:
    x = leaf(1)
    y = x
    for _ in range(60):  # 2^60 paths
        y = y * 0.5 + y * 0.5
    y.backward()
    assert x.grad == 1.0


def test_fan_out_to_three_operations_of_different_depth() -> None:
    x = leaf(2)
    h = x * x
    y = h + (h * h) * h + np.exp(np.log(h))
    y.backward()
    np.testing.assert_allclose(x.grad, (1 + 3 * 16 + 1) * 4, rtol=1e-15)


def test_a_shared_leaf_and_everything_around_it_has_its_own_gradient() -> None:
    w, a, b = leaf(2, 3), leaf(5, 7), leaf(11, 13)
    (np.sum(w * a) + np.sum(w * b) + np.sum(w)).backward()
    np.testing.assert_array_equal(w.grad, [17, 21])
    np.testing.assert_array_equal(a.grad, [2, 3])
    np.testing.assert_array_equal(b.grad, [2, 3])


def test_an_early_user_waits_for_a_late_one() -> None:
    x = leaf(3)
    early = x * 2
    late = np.exp(early) * 0 + early * early
    (late + early).backward()
    assert x.grad == (2 * 6 + 1) * 2


def test_an_unused_input_keeps_no_gradient() -> None:
    used, unused = leaf(1), leaf(1)
    _ = unused * 5
    (used * 2).backward()
    assert unused.grad is None
    assert tl.grad(lambda a, b: a * 2, argnums=(0, 1))(1.0, 1.0)[1].item() == 0


def test_only_tensors_that_require_a_gradient_get_one() -> None:
    x, c = leaf(2), tl.tensor(3.0)
    h = x * c
    h.backward()
    assert x.grad == 3.0
    assert c.grad is None
    assert h.grad is None


def test_a_leaf_is_its_own_gradient_one() -> None:
    x = leaf(1, 2)
    x.backward([3.0, 4.0])
    x.backward([3.0, 4.0])
    np.testing.assert_array_equal(x.grad, [6, 8])


# -- order and depth ---------------------------------------------------------------------------------------------


def program() -> Any:
    x, y = leaf(1, 2, name="x"), leaf(3, 4, name="y")
    a = x * y
    return np.sum((a + np.tanh(x)) * (a - y) + a)


def test_equal_programs_give_equal_orders() -> None:
    def listed() -> list[tuple[Any, ...]]:
        nodes = ancestors([program()])
        place = {node: i for i, node in enumerate(nodes)}
        return [(n.op and n.op.name, n.name, *(x is not None and place[x] for x in n.inputs)) for n in nodes]

    assert len({tuple(listed()) for _ in range(20)}) == 1


def test_every_node_comes_after_its_inputs() -> None:
    nodes = ancestors([program()])
    assert [n.order for n in nodes] == sorted(n.order for n in nodes)
    assert all(x is None or x.order < n.order for n in nodes for x in n.inputs)


def test_descendants_are_what_depends() -> None:
    x, y = leaf(1), leaf(1)
    a, b = x * 2, y * 2
    c = a + b
    assert descendants([x], ancestors([c])) == {x, a, c}


def test_rounding_does_not_depend_on_the_run() -> None:
    def gradient() -> Any:
        x = leaf(0.1, 0.7)
        np.sum(np.exp(x) * x + np.tanh(x) / x - x * x * 0.3).backward()
        assert x.grad is not None
        return x.grad.tobytes()

    assert len({gradient() for _ in range(10)}) == 1


@pytest.mark.parametrize("count", [100_000, pytest.param(1_000_000, marks=pytest.mark.thorough)])
def test_a_million_operations_run_forward_and_backward_and_are_freed(count: int) -> None:
    x = leaf(1)
    y = x
    for i in range(count):
        y = y * 1.0 if i % 2 else y + 1e-6
    y.backward()
    assert x.grad == 1.0
    first, last = weakref.ref(x), weakref.ref(y)
    del x, y
    assert first() is None
    assert last() is None


def test_a_deep_graph_is_differentiated_twice() -> None:
    def power(x: Tensor) -> Any:
        y = x
        for _ in range(4_999):
            y = y * x
        return y

    second = tl.grad(tl.grad(power))(1.0)
    assert second.item() == 5_000 * 4_999


# -- memory ------------------------------------------------------------------------------------------------------


@contextmanager
def no_garbage() -> Iterator[None]:
    """Inside, the garbage collector is off; whatever it would have found of the graph is an error."""
    gc.freeze()  # what was there before is not looked at: the heap of a whole test run takes half a second
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        yield
        gc.collect()
        assert [o for o in gc.garbage if isinstance(o, (Node, nn.Module))] == []
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
        gc.unfreeze()


def two_layers() -> Any:
    net = nn.Sequential(nn.Linear(3, 4, rng=0), nn.ReLU(), nn.Linear(4, 2, rng=1))
    return nn.SquaredLoss()(net(np.ones((5, 3))), np.zeros((5, 2)))


def after_backward() -> Any:
    loss = two_layers()
    loss.backward()
    return loss


def gradient_of_gradient() -> Any:
    x = leaf(1, 2)
    y: Any = np.sum(tl.grad(lambda v: np.sum(np.exp(v) * v))(x))
    y.backward()
    return y


def after_an_error() -> Any:
    x = leaf(1, 2)
    with pytest.raises(ValueError, match="matmul"):
        x @ np.ones(3)
    with pytest.raises(ValueError, match="not a scalar"):
        (x * 2).backward()
    return x * 2


@pytest.mark.parametrize("build", [program, two_layers, after_backward, gradient_of_gradient, after_an_error])
def test_a_graph_dies_with_its_last_reference(build: Callable[[], Tensor]) -> None:
    with no_garbage():
        y = build()
        nodes = [weakref.ref(node) for node in ancestors([y])]
        assert len(nodes) > 1
        del y
        assert [ref() for ref in nodes if ref() is not None] == []
