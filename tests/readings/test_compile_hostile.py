"""What would fool a compiled function: memory laid out otherwise, aliases, empty arrays, numbers that are none."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections import OrderedDict, defaultdict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import tinygrad_lite as tl
from tests.readings.test_compile import OPTIMISERS, alike, batch, bits, mlp, pair_of_trainings
from tinygrad_lite import nn

LAYOUTS: dict[str, Callable[[Any], Any]] = {
    "C": np.ascontiguousarray, "Fortran": np.asfortranarray, "reversed": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "every other": lambda a: np.repeat(np.repeat(a, 2, 0), 2, 1)[::2, ::2], "transposed": lambda a: a.T.copy().T,
}  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(sorted(LAYOUTS)), st.booleans()), min_size=2, max_size=5), st.sampled_from("fd")
)
def test_the_order_in_memory_decides_the_order_of_sums(calls: list[tuple[str, bool]], dtype: str) -> None:
    f = tl.value_and_grad(lambda x: np.sum(np.tanh(x)) + np.sum(np.sum(x, axis=0) ** 2) + np.sum(x.sum(axis=1) ** 3))
    fast, a = tl.compile(f), np.random.default_rng(0).normal(size=(37, 23)).astype(dtype)
    for layout, as_tensor in calls:
        x = LAYOUTS[layout](a)
        # a Tensor made of an array is laid out as C does, the result of an operation as NumPy leaves it
        given_ = tl.tensor(x.T).T if as_tensor else x
        alike(fast(given_), f(given_))


def test_the_same_array_twice_is_another_call_than_two_equal_ones() -> None:
    f: Any = lambda a, b: np.sum(a * 2) if a is b else np.sum(a * b)  # noqa: E731
    fast, x = tl.compile(f), tl.tensor([1.0, 3.0])
    for a, b in ((x, x), (x, tl.tensor(x)), (x, x)):
        alike(fast(a, b), f(a, b))
    which: Any = lambda a, b, c: a * (2 if a is b else 3) * (5 if b is c else 7) * (11 if a is c else 13)  # noqa: E731
    three = [x, tl.tensor(x), tl.tensor(x)]
    picks = [(0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (0, 1, 2)]
    for first, second in itertools.permutations(picks, 2):
        fast = tl.compile(which)
        for pick in (first, second):
            alike(fast(*(three[i] for i in pick)), which(*(three[i] for i in pick)))
    t = tl.tensor([1.0, 2.0], requires_grad=True)
    plain: Any = lambda a, b, c: np.sum(a * b * c)  # noqa: E731
    product = tl.compile(plain)
    for args in ((t, t, x), (t, x, t), (t, t, t), (t, x, tl.tensor(x))):
        found = []
        for g in (product, plain):
            t.grad = None
            g(*args).backward()
            found.append(bits(t.grad))
        assert found[0] == found[1]


def test_how_many_there_are_is_no_constant() -> None:
    for f in (
        lambda x: np.mean(x[x > 0]), lambda x: np.var(x[np.nonzero(x > 0)]), tl.grad(lambda x: np.mean(x[x > 0] ** 2)),
        lambda x: np.ones(len(x[x > 0])) * x[0], lambda x: np.sum(np.argwhere(x > 0)) / len(np.argwhere(x > 0)),
    ):  # fmt: skip
        fast = tl.compile(f)
        for numbers in ([1.0, 2.0, 3.0, -1.0], [1.0, -2.0, 3.0, -4.0], [1.0, 2.0, 3.0, 4.0], [5.0, -2.0, 3.0, -4.0]):
            x = tl.tensor(numbers)
            alike(tl.tensor(fast(x)), tl.tensor(f(x)))


def test_containers_that_are_closed_over_are_looked_into() -> None:
    options: dict[str, Any] = {"scale": 2.0, "terms": [1.0, 2.0], "deep": {"a": [tl.tensor([1.0, 1.0])]}}

    def f(x: Any) -> Any:
        return x * options["scale"] + sum(options["terms"]) + sum(options["deep"]["a"]) + len(options)

    fast, x = tl.compile(f), tl.tensor([1.0, 2.0])
    for change in (
        lambda: options.update(scale=3.0), lambda: options["terms"].append(5.0),
        lambda: options["terms"].__setitem__(0, -1), lambda: options["deep"]["a"].append(2.0),
        lambda: options.update(terms=[0.5]), lambda: options.update(new=1), lambda: options["deep"]["a"].clear(),
    ):  # fmt: skip
        alike(fast(x), f(x))
        change()
    alike(fast(x), f(x))


@pytest.mark.parametrize("shape", [(0,), (0, 3), (3, 0)])
def test_arrays_of_nothing(shape: Any) -> None:
    f = tl.value_and_grad(lambda x: np.sum(np.tanh(x) * 2) + np.sum(tl.relu(x)))
    fast = tl.compile(f)
    for _ in range(2):
        alike(fast(np.zeros(shape)), f(np.zeros(shape)))


@given(st.sampled_from("fde"), st.sampled_from([0.0, -0.0, np.nan, np.inf, -np.inf, 5e-324, 1e300]), st.booleans())
def test_special_values(dtype: str, special: float, whole_row: bool) -> None:
    def f(x: Any) -> Any:
        largest = np.max(x, axis=1, keepdims=True)
        return (
            np.sum(tl.relu(x)) + np.sum(tl.logsumexp(x, axis=1)), np.sum(np.maximum(x, 0.5)), np.sum(np.minimum(x, 0)),
            largest, tl.softmax(x), tl.relu(x), x - largest,
        )  # fmt: skip

    fast = tl.compile(f)
    with np.errstate(all="ignore"):
        for seed in range(2):
            x = np.random.default_rng(seed).normal(size=(4, 5))
            x[1, 2] = special
            if whole_row:
                x[2] = special
                x[3] = np.resize([special, -special], 5)
            t = tl.tensor(x.astype(dtype))
            alike(fast(t), f(t))


@given(st.sampled_from(["i8", "i4", "u1", "i2"]))
def test_whole_numbers(dtype: str) -> None:
    def f(x: Any, y: Any) -> Any:
        return x + y, x // 2, x > y, np.maximum(x, y), np.sum(x), x @ y, np.max(x), np.maximum(x, 0)

    fast = tl.compile(f)
    for seed in range(2):
        x, y = (tl.tensor(a.astype(dtype)) for a in np.random.default_rng(seed).integers(1, 9, size=(2, 6)))
        alike(fast(x, y), f(x, y))


def test_arrays_of_other_classes_and_with_dtypes_of_their_own() -> None:
    f: Any = lambda x: np.sum(np.tanh(x) * x)  # noqa: E731
    fast, a = tl.compile(f), np.arange(6.0).reshape(2, 3)
    for x in (a, *(pickle.loads(pickle.dumps(a)) for _ in range(4)), a.view(np.recarray)):
        alike(fast(x), f(tl.tensor(a)))
    assert len(fast.stats) == 1  # a dtype that was read from a pickle is another object, but no other dtype
    with pytest.raises(TypeError, match="masked"):
        fast(np.ma.array(a, mask=a > 1))


def test_dicts_of_other_classes_stay_what_they_are() -> None:
    f: Any = lambda d: (next(reversed(d.values())) * 2, d["none"] + 1, type(d).__name__ == "dict")  # noqa: E731
    fast = tl.compile(f)
    dicts: list[Any] = [OrderedDict(a=tl.tensor([1.0]), none=2.0), defaultdict(float), {"none": 3.0}]
    dicts[1]["a"] = tl.tensor([1.0])
    for d in dicts:
        for _ in range(2):
            one, two = fast(copy.copy(d)), f(copy.copy(d))
            assert all(bits(a) == bits(b) for a, b in zip(one, two, strict=True)), d


def test_a_checkpoint_is_run_once_and_gives_the_same_gradients() -> None:
    def loss_of(net: Any) -> Any:
        first = tl.checkpoint(lambda x: net[1](net[0](x)))
        return lambda x, y: nn.CrossEntropyLoss()(net[4](net[3](net[2](first(x)))), y)

    nets = mlp(), mlp()
    eager, compiled = (OPTIMISERS[4](net.parameters()) for net in nets)
    fast = tl.compile(loss_of(nets[1]), optimizer=compiled)
    for k in range(4):
        c = loss_of(nets[0])(*batch(k))
        eager.zero_grad()
        c.backward()
        eager.step()
        assert bits(c) == bits(fast(*batch(k)))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)
    assert fast.source.count("tanh(") == 1  # nothing is run again
    twice = tl.checkpoint(lambda x: np.tanh(x) ** 2 * x)  # read twice, its shares may be added up in another order
    g, x = tl.grad(lambda x: np.sum(twice(x) * twice(x * 2))), np.linspace(-1, 1, 9)
    np.testing.assert_allclose(tl.compile(g)(x), g(x), rtol=1e-14, atol=1e-15)


# -- the function as a thing -----------------------------------------------------------------------------------


def double(x: Any) -> Any:
    return x * 2


def test_copies_and_pickles_are_compiled_anew() -> None:
    fast, x = tl.compile(double), tl.tensor([1.0, 2.0])
    alike(fast(x), double(x))
    for other in (copy.copy(fast), copy.deepcopy(fast), pickle.loads(pickle.dumps(fast))):
        assert not other.stats
        alike(other(x), double(x))
    net = mlp()
    again = copy.deepcopy(tl.compile(net))
    net[0].weight.data = net[0].weight.data * 2
    with tl.no_grad():
        assert bits(again(batch(0)[0])) == bits(mlp()(batch(0)[0]))


def test_steps_from_several_threads_are_steps_one_after_another() -> None:
    nets, _, eagerly, fast = pair_of_trainings(mlp, OPTIMISERS[4])
    x, y = batch(0)
    for _ in range(41):
        eagerly(x, y)
    fast(x, y)
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: fast(x, y), range(40)))
    for a, b in zip(nets[0].parameters(), nets[1].parameters(), strict=True):
        assert bits(a.data) == bits(b.data)


def test_names_of_arguments_that_the_text_uses_itself() -> None:
    f: Any = lambda arrays, held, k, x_flat, x, states, zeros: np.sum(  # noqa: E731
        np.exp(np.tanh(np.maximum(x, 0) + x_flat) * arrays) + held * k + states * zeros
    )
    fast, xs = tl.compile(tl.grad(f, argnums=tuple(range(7)))), [np.full(1 << 16, 0.1 * i) for i in range(7)]
    for _ in range(2):
        alike(fast(*xs), tl.grad(f, argnums=tuple(range(7)))(*xs))


def test_errors_show_the_line() -> None:
    def f(x: Any) -> Any:
        return x * float(np.sum(x))  # here

    with pytest.raises(tl.TracingError, match=r"at `return x \* float\(np\.sum\(x\)\)  # here`, float\("):
        tl.compile(f)(np.ones(2))
    with pytest.raises(tl.TracingError, match="not while it is traced"):
        tl.compile(lambda x, n: np.repeat(x, n))(np.ones(2), np.array([1, 2]))
