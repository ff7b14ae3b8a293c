"""Modules and losses give PyTorch's outputs, gradients and running statistics, from PyTorch's parameters."""

from __future__ import annotations

import functools
import importlib.util

import numpy as np
import pytest

from tests.nn import torch_cases
from tests.nn.cases import CASES, Case
from tests.nn.torch_cases import Array, observe

TORCH = importlib.util.find_spec("torch") is not None
stored = functools.cache(torch_cases.stored)


def assert_same(found: dict[str, Array], wanted: dict[str, Array]) -> None:
    assert found.keys() == wanted.keys()
    for what, array in wanted.items():
        assert found[what].shape == array.shape, what
        np.testing.assert_allclose(found[what], array, rtol=1e-9, atol=1e-11, err_msg=what)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_module_gives_pytorchs_stored_numbers(case: Case) -> None:
    assert_same(observe(case, "ours"), stored()[case.name])


def test_nothing_else_is_stored() -> None:
    assert stored().keys() == {case.name for case in CASES}


@pytest.mark.filterwarnings("ignore::UserWarning:torch")  # PyTorch's advice on its own defaults
@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_the_stored_numbers_are_those_of_this_torch() -> None:
    for case in CASES:
        assert_same(observe(case, "torch"), stored()[case.name])
