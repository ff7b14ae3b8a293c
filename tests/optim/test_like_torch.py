"""Optimisers and schedules go PyTorch's way, step for step, with its names, argument order and defaults."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

from tests.optim.torch_cases import OPTIMISERS, SCHEDULES, STORED, path, rates

TORCH = importlib.util.find_spec("torch") is not None
PATHS = json.loads(STORED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", OPTIMISERS)
def test_an_optimiser_takes_pytorchs_path(code: str) -> None:
    np.testing.assert_allclose(path(code, "ours"), PATHS[code], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("code", SCHEDULES)
def test_a_schedule_gives_pytorchs_rates(code: str) -> None:
    np.testing.assert_allclose(rates(code, "ours"), PATHS[code], rtol=1e-12, atol=1e-14)


def test_nothing_else_is_stored() -> None:
    assert PATHS.keys() == set(OPTIMISERS) | set(SCHEDULES)


@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_the_stored_paths_are_those_of_this_torch() -> None:
    for code in OPTIMISERS:
        np.testing.assert_allclose(path(code, "torch"), PATHS[code], rtol=1e-12, atol=1e-14)
    for code in SCHEDULES:
        np.testing.assert_allclose(rates(code, "torch"), PATHS[code], rtol=1e-12, atol=1e-14)
