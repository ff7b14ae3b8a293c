"""Whatever is written, and wherever: a gradient is that of the values which were used, or an error names the tensor.

`World` is a program with every kind of operand; `WRITES` are the ways of writing into what it used; each write is
tried between the forward pass and each kind of differentiation. Then Hypothesis interleaves them at random.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.leaves import leaf
from tests.oracles import Array
from tinygrad_lite import GraphError, Tensor, optim


class World:
    """Arrays, tensors made from them, and a program that uses all of them."""

    def __init__(self) -> None:
        rng = np.random.default_rng(0)
        self.source = rng.normal(size=(3, 2))  # what p is made from
        self.p = Tensor(self.source, requires_grad=True, name="p")
        self.handle = self.p.data
        self.view = self.p.data[1]
        self.scale = Tensor(np.array(1.5), requires_grad=True, name="scale")
        self.offset_source = rng.normal(size=(4, 2))
        self.offset = Tensor(self.offset_source, name="offset")  # data: requires no gradient
        self.operand = rng.normal(size=(4, 3))  # a plain array
        self.rows = np.array([0, 2, 2])  # an index array
        self.index = Tensor(np.array([1, 0]), name="index")
        self.bound = np.array(1)  # a slice's bound
        self.mask = np.array([True, False])
        self.low = np.array([-0.9, -0.8])
        self.shape = [3, 2]
        self.detached = self.p.detach()
        self.taken = self.p.numpy()
        self.opt = optim.SGD([self.p, self.scale], lr=0.5, momentum=0.9)
        self.p.grad, self.scale.grad = np.ones((3, 2)), np.array(1.0)
        self.gradient = rng.normal(size=(3, 2))  # the cotangent of `y`
        self.h: Any = None  # a computed tensor, once the program has run

    def run(self, p: Any) -> Any:
        """The forward pass, from p to y of shape (3, 2)."""
        self.h = np.tanh(self.operand @ p * self.scale + self.offset)
        self.h.name = "h"
        y = np.where(self.mask, self.h[self.rows], np.clip(self.h, self.low, 2)[self.rows]) * self.h[self.bound :]
        return (np.reshape(y, self.shape) * p)[:, self.index] * y

    def fresh(self) -> None:
        """Forget the gradients that an optimiser's step needed."""
        self.p.grad = self.scale.grad = None


def rebind(w: World) -> None:
    w.p.data = np.full((3, 2), 9.0)


def subtract_in_place(w: World) -> None:
    w.p.data -= 3.0


def multiply_scalar_in_place(w: World) -> None:
    w.scale.data *= 3.0


def reshape_in_place(w: World) -> None:
    w.p.data = np.ones((2, 3))


WRITES: dict[str, Callable[[World], Any]] = {
    "p.data[...] = 9": lambda w: w.p.data.__setitem__(..., 9),
    "p.data[0, 0] = 9": lambda w: w.p.data.__setitem__((0, 0), 9),
    "p.data.fill(nan)": lambda w: w.p.data.fill(np.nan),
    "p.data.sort()": lambda w: w.p.data.sort(),
    "p.data -= 3": subtract_in_place,
    "scale.data *= 3": multiply_scalar_in_place,
    "scale.data[()] = 9": lambda w: w.scale.data.__setitem__((), 9),
    "p.data = new": rebind,
    "p.data = another shape": reshape_in_place,
    "np.add(p.data, 1, out=p.data)": lambda w: np.add(w.p.data, 1, out=w.p.data),
    "an array kept from p.data": lambda w: w.handle.__setitem__(..., 9),
    "a view kept from p.data": lambda w: w.view.__setitem__(..., 9),
    "a view of p.data.T": lambda w: w.p.data.T.__setitem__(0, 9),
    "the array that p was made from": lambda w: w.source.__setitem__(..., 9),
    "p.numpy()": lambda w: w.p.numpy().__setitem__(..., 9),
    "p.numpy() from before": lambda w: w.taken.__setitem__(..., 9),
    "p.detach().data": lambda w: w.p.detach().data.__setitem__(..., 9),
    "p.detach() from before": lambda w: w.detached.data.__setitem__(..., 9),
    "the array that offset was made from": lambda w: w.offset_source.__setitem__(..., 9),
    "offset.data": lambda w: w.offset.data.__setitem__(..., 9),
    "np.asarray(offset)": lambda w: np.asarray(w.offset).__setitem__(..., 9),
    "a plain operand": lambda w: w.operand.__setitem__(..., 9),
    "an index array": lambda w: w.rows.__setitem__(..., 1),
    "an index tensor's data": lambda w: w.index.data.__setitem__(..., 0),
    "a slice's bound": lambda w: w.bound.__setitem__((), 0),
    "a condition": lambda w: w.mask.__setitem__(..., True),
    "a bound of clip": lambda w: w.low.__setitem__(..., 9),
    "a shape": lambda w: w.shape.reverse(),
    "the data of a computed tensor": lambda w: w.h.data.__setitem__(..., 9),
    "h.numpy()": lambda w: w.h.numpy().__setitem__(..., 9),
    "h.detach().data": lambda w: w.h.detach().data.__setitem__(..., 9),
    "an optimiser's step": lambda w: w.opt.step(),
    "two steps": lambda w: [step() for step in [w.opt.step] * 2],
    "p.grad": lambda w: w.p.grad.__setitem__(..., 9) if w.p.grad is not None else None,
}
NAMED = r"\b(p|h|scale|offset|index)\b"

over_writes = pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)


def first_order(write: Callable[[World], Any]) -> list[Array | None]:
    """dy/dp and dy/dscale, with the write between forward and backward."""
    w = World()
    y = w.run(w.p)
    write(w)
    w.fresh()
    y.backward(w.gradient)
    return [w.p.grad, w.scale.grad]


def second_order(write: Callable[[World], Any], *, when: str) -> list[Array | None]:
    """d/dp of |d sum(y)/dp|^2, with the write inside f, after the inner gradient, or after the outer forward pass."""
    w = World()

    def f(p: Any) -> Any:
        y = w.run(p)
        if when == "before the inner sweep":
            write(w)
        return np.sum(y)

    g = tl.grad(f)(w.p)
    if when == "after the inner sweep":
        write(w)
    loss = np.sum(g * g)
    if when == "before the outer sweep":
        write(w)
    w.fresh()
    loss.backward()
    return [w.p.grad, w.scale.grad]


def same_or_named(run: Callable[[], list[Array | None]], want: list[Array | None]) -> None:
    said = ""
    try:
        got = run()
    except GraphError as error:
        got, said = want, str(error)
    assert not said or re.search(NAMED, said), f"the error names no tensor: {said}"
    for a, b in zip(got, want, strict=True):
        np.testing.assert_array_equal(a, b)


def nothing(w: World) -> None:
    pass


@over_writes
def test_a_write_between_forward_and_backward_changes_no_gradient_or_is_named(write: Callable[[World], Any]) -> None:
    same_or_named(lambda: first_order(write), first_order(nothing))


@pytest.mark.parametrize("when", ["before the inner sweep", "after the inner sweep", "before the outer sweep"])
@over_writes
def test_a_write_within_a_gradient_of_a_gradient(write: Callable[[World], Any], when: str) -> None:
    same_or_named(lambda: second_order(write, when=when), second_order(nothing, when=when))


@pytest.mark.parametrize("kind", [np.array, list])
@pytest.mark.parametrize(
    ("call", "how"),
    [
        (lambda x, k: np.insert(x, k, 9.0, 1), [1, 2]),
        (lambda x, k: np.delete(x, k, 1), [1, 2]),
        (lambda x, k: np.repeat(x, k, 1), [1, 2, 1]),
        (lambda x, k: np.roll(x, k, (0, 1)), [1, 2]),
        (lambda x, k: np.resize(x, k), [4, 2]),
        (lambda x, k: np.tile(x, k), [2, 1]),
        (lambda x, k: np.take(x, k, 1), [1, 2]),
        (lambda x, k: x[:, k], [1, 2]),
    ],
    ids=["insert", "delete", "repeat", "roll", "resize", "tile", "take", "getitem"],
)
def test_a_write_into_what_says_where_entries_go_changes_no_gradient(call: Any, how: list[int], kind: Any) -> None:
    gradients: list[Any] = []
    for written in (False, True):
        x, k = Tensor(np.ones((2, 3)), requires_grad=True), kind(how)
        y = call(x, k)
        if written:
            k[:] = kind([0] * len(how))
        y.backward(np.arange(1.0, 1 + y.size).reshape(y.shape))
        gradients.append(x.grad)
    np.testing.assert_array_equal(gradients[1], gradients[0])


def test_only_what_has_to_is_refused() -> None:
    """Leaves may be written into at any time before a plain backward; only a computed tensor may not."""
    refused = []
    for name, write in WRITES.items():
        try:
            first_order(write)
        except GraphError:
            refused.append(name)
    assert refused == ["the data of a computed tensor"]


def test_the_refusal_says_which_tensor_and_what_to_do() -> None:
    with pytest.raises(GraphError, match=r"h \(4, 2\) from tanh was written into after it was computed.*np.where"):
        first_order(WRITES["the data of a computed tensor"])
    with pytest.raises(GraphError, match=r"p \(3, 2\) has been changed since identity used it"):
        second_order(rebind, when="before the inner sweep")


IN_PLACE = [name for name in WRITES if name.startswith(("p.data", "scale", "np.add", "an array kept", "a view"))]


@pytest.mark.parametrize("name", [name for name in IN_PLACE if name != "p.data = another shape"])
def test_what_is_written_before_the_forward_pass_is_used(name: str) -> None:
    w, fresh = World(), World()
    WRITES[name](w)
    fresh.p.data, fresh.scale.data = w.p.data.copy(), w.scale.data.copy()
    changed = not np.array_equal(w.p.numpy(), World().p.numpy()) or w.scale.item() != World().scale.item()
    assert changed
    np.testing.assert_array_equal(w.p.numpy(), w.p.data)
    np.testing.assert_array_equal(w.run(w.p).numpy(), fresh.run(fresh.p).numpy())


@pytest.mark.parametrize(
    "run", [lambda x: x, lambda x: +x, lambda x: x + 0, lambda x: np.reshape(x, 2), lambda x: x * x]
)
def test_the_array_given_as_gradient_is_not_kept(run: Callable[[Tensor], Tensor]) -> None:
    x, gradient = Tensor([1.0, 1.0], requires_grad=True), np.array([3.0, 4.0])
    run(x).backward(gradient)
    assert x.grad is not None
    before = x.grad.copy()
    gradient[...] = 9
    np.testing.assert_array_equal(x.grad, before)
    x.grad[...] = 7
    np.testing.assert_array_equal(gradient, 9)


def test_a_failed_backward_leaves_every_grad_as_it_was() -> None:
    w = World()
    y = w.run(w.p)
    w.fresh()
    w.h.data[...] = 0
    for _ in range(2):
        with pytest.raises(GraphError, match="h"):
            np.sum(y).backward()
    assert w.p.grad is None
    assert w.scale.grad is None


def test_a_computed_tensor_that_was_written_into_is_refused_at_its_next_use_too() -> None:
    w = World()
    w.run(w.p)
    w.h.data[...] = 0
    for use in (lambda: w.h * 2, lambda: np.sum(w.h), w.h.numpy, w.h.detach, lambda: float(w.h[0, 0])):
        with pytest.raises(GraphError, match="h"):
            use()


def test_what_a_computed_tensor_hands_out_is_a_copy() -> None:
    x = leaf(1, 2)
    views: list[Any] = [x.reshape(2, 1), x.T, x[0:1], +x, np.broadcast_to(x, (2, 2)), x[...]]
    for y in views:
        for array in (y.numpy(), y.detach().data, y.detach().numpy()):
            array[...] = 9
    np.testing.assert_array_equal(x.numpy(), [1, 2])


def test_a_computed_tensor_cannot_be_rebound_or_written_by_index() -> None:
    h = Tensor([1.0, 2.0], requires_grad=True, name="x") * 2
    with pytest.raises(GraphError, match="from multiply is computed; only a leaf's data can be set"):
        h.data = np.zeros(2)
    with pytest.raises(TypeError, match=r"cannot be written into.*np.where"):
        h[0] = 1.0


@given(st.lists(st.sampled_from(["use", "write", "old", "rebind", "in place", "step", "back"]), max_size=14))
def test_any_interleaving_of_uses_writes_steps_and_backwards(actions: list[str]) -> None:
    """A model in plain NumPy says what p is; each use remembers what p was, and its gradient has to be for that."""
    p = Tensor([1.0, 2.0], requires_grad=True, name="p")
    opt = optim.SGD([p], lr=0.125)
    value, stale = np.array([1.0, 2.0]), p.data
    pending: list[tuple[Tensor, Array]] = []
    for k, action in enumerate(actions, 1):
        if action == "use":
            pending.append((np.sum(p * p * k), 2 * k * value))
        elif action == "write":
            p.data[0] = value[0] = k
        elif action == "old":  # an array taken from p.data before anything else: it counts until p is rebound
            stale[1] = k
            value = p.numpy() if stale is p.data else value
            assert stale is not p.data or value[1] == k
        elif action == "rebind":
            value = np.array([k, -k], float)
            p.data = value
        elif action == "in place":
            p.data *= 0.5
            value = value * 0.5
        elif action == "step":
            p.grad = np.array([1.0, k])
            opt.step()
            value = value - 0.125 * np.array([1.0, k])
        elif pending:
            y, want = pending.pop(0)
            p.grad = None
            y.backward()
            np.testing.assert_array_equal(p.grad, want)
        np.testing.assert_array_equal(p.numpy(), value)
