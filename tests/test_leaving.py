"""Numbers that would leave the graph unasked: `array[i] = t` and `math.exp(t)` are refused, float(t) is not."""

from __future__ import annotations

import math
import weakref
from array import array as numbers
from collections.abc import Callable
from math import sqrt as root
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.leaves import leaf

FUNCTIONS = {name: f for name, f in vars(math).items() if callable(f) and name[0] != "_"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_no_function_of_math_lets_the_value_of_a_tensor_out_of_the_graph_unasked(name: str) -> None:
    """Whatever takes a float takes a tensor's: what it gives is a Tensor, or the same for other values, or an error."""
    f: Callable[..., Any] = FUNCTIONS[name]

    def results(*values: float) -> list[Any]:
        a, b = (leaf(v) for v in values)
        found = []
        for args in ((a,), (a, b), (0.5, a), ([a, b],), ([a], [b]), ([a], [0.5]), (a, b, 0.5)):
            try:
                found.append(f(*args))
            except (TypeError, ValueError) as error:
                found.append(None if "requires a gradient" in str(error) else type(error))
        return [y for y in found if not isinstance(y, tl.Tensor)]

    assert results(0.25, 0.5) == results(0.375, 0.625)


def test_the_answer_names_the_function_that_keeps_the_graph() -> None:
    t = leaf(0.5)
    calls: list[tuple[Callable[[], Any], str]] = [
        (lambda: math.exp(t) + 1, r"math\.exp takes numbers, and a tensor \(\) requires .* Write np\.exp"),
        (lambda: [math.log(x) for x in (t, t)], r"np\.log"),
        (lambda: root(t), r"np\.sqrt"),
        (lambda: math.erf(t * 2), r"a tensor \(\) from multiply .* tl\.erf"),
        (lambda: math.lgamma(t), "Compose it"),
    ]
    for call, said in calls:
        with pytest.raises(TypeError, match=said):
            call()


def test_an_array_takes_no_tensor_that_requires_a_gradient_as_an_entry() -> None:
    t = leaf(0.5)
    for dtype in (np.float64, np.float32, np.int64):
        array = np.zeros((2, 2), dtype)
        with pytest.raises((TypeError, ValueError)) as refused:
            array[0, 1] = t
        error: Any = refused.value if isinstance(refused.value, TypeError) else refused.value.__cause__
        assert "np.stack" in str(error)
        with pytest.raises((TypeError, ValueError)):
            array[1, 1] += t * t
        np.testing.assert_array_equal(array, 0)


def test_what_is_asked_for_in_so_many_words_is_given() -> None:
    t, array = leaf(2.0), np.zeros(5)
    array[0] = t.item()
    array[1] = float(t)
    array[2] = math.exp(float(t)) + int(t)
    assert math.floor(t) == 2
    assert round(leaf(2.345), 1) == 2.3
    assert list(range(round(t))) == [0, 1]
    assert list(range(int(t))) == [0, 1]
    array[3] = (t * t).detach()
    with tl.no_grad():
        array[4] = math.sqrt(t)
    np.testing.assert_allclose(array, [2, 2, math.exp(2) + 2, 4, math.sqrt(2)])


def test_looking_at_the_caller_keeps_none_of_its_tensors_alive() -> None:
    y = leaf(2.0) * 3
    kept = weakref.ref(y)
    assert float(y) == 6
    del y
    assert kept() is None


def test_looking_at_the_caller_computes_nothing_of_its_a_second_time() -> None:
    class Log:
        found = 0

        @property
        def losses(self) -> Any:
            self.found += 1
            return numbers("d")

    log, t = Log(), leaf(2.0)
    log.losses.append(t)
    assert log.found == 1
