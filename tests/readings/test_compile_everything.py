"""Every row of the table and every module, compiled: values and gradients as without it, to the last bit."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests import sampling
from tests.nn.cases import CASES
from tests.nn.cases import Case as Module
from tests.nn.torch_cases import PUBLIC, Draws
from tests.quick import one_in
from tests.readings.test_compile import bits
from tests.samples import SAMPLES

ONE_OF_EACH = {case.row: case for case in sampling.cases(SAMPLES) if all(0 not in s for s in case.shapes)}


def floats(arrays: list[Any]) -> tuple[int, ...]:
    return tuple(i for i, a in enumerate(arrays) if np.asarray(a).dtype.kind == "f")


def same_tree(one: Any, two: Any) -> None:
    if isinstance(one, (tuple, list)):
        for a, b in zip(one, two, strict=True):
            same_tree(a, b)
    elif one is not None:
        assert bits(one) == bits(two)


@pytest.mark.parametrize("case", one_in(2, ONE_OF_EACH.values(), str))
def test_rows(case: sampling.Case) -> None:
    def f(*inputs: Any) -> Any:
        y = case.sample.call(*(tl.tensor(x) if isinstance(x, np.ndarray) else x for x in inputs))
        return np.sum(y * case.cotangent(y))

    inputs: list[Any] = list(case.inputs())
    wanted = floats(inputs)
    try:
        tl.value_and_grad(f, wanted)(*inputs)
    except (tl.GraphError, TypeError, IndexError):  # a comparison has no gradient
        g: Any = case.sample.call
        inputs = [tl.tensor(x) if x.dtype.kind == "f" else x for x in inputs]
    else:
        g = tl.value_and_grad(f, wanted)
    fast = tl.compile(g)
    for scale in (1.0, 1.01):
        given = [x * scale if i in wanted and scale != 1 else x for i, x in enumerate(inputs)]
        same_tree(fast(*given), g(*given))


@pytest.mark.parametrize("case", one_in(4, CASES, lambda case: case.name))
def test_modules(case: Module) -> None:
    draws = Draws(case.name)
    names = {name: getattr(draws, name) for name, _ in inspect.getmembers(Draws, inspect.isfunction) if name[0] != "_"}
    names |= {"array": np.array, "np": np}
    calls = [eval(f"[{case.inputs}]", names) for _ in range(2)]
    keywords = eval(f"dict({case.keywords})", names)
    modules = [eval(case.code, {**PUBLIC, "array": np.array}).train(case.train) for _ in range(2)]
    modules[1].load_state_dict(modules[0].state_dict())

    def loss_of(module: Any) -> Any:
        def loss(*inputs: Any) -> Any:
            return _total(module(*inputs, **keywords))

        return loss

    wanted = floats(calls[0])
    if not wanted or any(isinstance(x, (tuple, list)) for x in calls[0]):
        f, g = modules
        fast = tl.compile(lambda *inputs: g(*inputs, **keywords))
        eager: Any = lambda *inputs: f(*inputs, **keywords)  # noqa: E731
    else:
        eager = tl.value_and_grad(loss_of(modules[0]), wanted)
        fast = tl.compile(tl.value_and_grad(loss_of(modules[1]), wanted))
    with tl.no_grad():
        for inputs in calls:
            same_tree(fast(*inputs), eager(*inputs))
    for a, b in zip(modules[0].state_dict().values(), modules[1].state_dict().values(), strict=True):
        assert bits(a) == bits(b)


def _total(y: Any) -> Any:
    if isinstance(y, (tuple, list)):
        return sum(_total(part) for part in y if part is not None)
    return np.sum(np.tanh(y) * np.arange(1.0, 1.0 + y.size).reshape(y.shape))
