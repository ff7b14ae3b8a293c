"""The gradient of every module, by its inputs and by its parameters, is that of its values: by differences alone."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.nn.cases import CASES, Case
from tests.nn.torch_cases import PUBLIC, Draws, inputs_of, outputs_of
from tinygrad_lite import nn

OWN = (Case("SquaredLoss()", "normal(3, 2), normal(3, 2)"), Case("Hardsigmoid()", "normal(3, 4)"))  # not as PyTorch's
KINDS = {name: kind for name, kind in PUBLIC.items() if isinstance(kind, type) and issubclass(kind, nn.Module)}
BARE = {"Module", "ModuleList", "ModuleDict"}  # which compute nothing


def kind_of(case: Case) -> str:
    """The class that a case is about."""
    return re.split(r"\(", case.code)[0]


FIRST: dict[str, Case] = {}
for example in (*OWN, *CASES):
    FIRST.setdefault(kind_of(example), example)


def test_every_module_has_a_case() -> None:
    assert set(FIRST) == set(KINDS) - BARE


@pytest.mark.parametrize("kind", FIRST)
def test_the_gradient_of_a_module_is_that_of_its_values(kind: str) -> None:
    case = FIRST[kind]
    draws = Draws(case.name)
    inputs, keywords = inputs_of(case, draws)
    module = eval(case.code, {**PUBLIC, "array": np.array}).train(case.train)
    module.load_state_dict(draws.state({k: v.shape for k, v in module.state_dict().items()}))
    places = [
        (part, name) for part in module.modules() for name, x in vars(part).items() if isinstance(x, nn.Parameter)
    ]
    moving = [i for i, a in enumerate(inputs) if np.asarray(a).dtype.kind == "f" and i < case.differentiated]
    assert len(places) == len(list(module.parameters()))

    values = [np.asarray(inputs[i]) for i in moving] + [getattr(part, name).numpy() for part, name in places]
    ways = [draws.rng.standard_normal(a.shape) for a in values]

    def weighed(*steps: Any) -> Any:
        """What the module gives, as one number, with every input and parameter so far along a direction of its own."""
        given = list(inputs)
        there = [a + step * way for a, step, way in zip(values, steps, ways, strict=True)]
        for i, x in zip(moving, there, strict=False):
            given[i] = x
        for (part, name), x in zip(places, there[len(moving) :], strict=True):
            vars(part)[name] = x if isinstance(x, tl.Tensor) else tl.tensor(x)
        outputs = [y for y in outputs_of(module(*given, **keywords)) if y.dtype.kind == "f"]
        return sum(np.sum(y * np.cos(np.arange(1.0, 1 + y.size)).reshape(y.shape)) for y in outputs)

    assert tl.gradcheck(weighed, *(np.zeros(()) for _ in values))
