"""Optimisers and schedules go PyTorch's way, step for step, with its names, argument order and defaults."""

from __future__ import annotations

import importlib.util
import json

import numpy as np
import pytest

import tinygrad_lite as tl
from tests.optim.torch_cases import OPTIMISERS, SCHEDULES, STORED, path, rates, resumed_rates
from tinygrad_lite import optim

TORCH = importlib.util.find_spec("torch") is not None
PATHS = json.loads(STORED.read_text(encoding="utf-8"))


@pytest.mark.parametrize("code", OPTIMISERS)
def test_an_optimiser_takes_pytorchs_path(code: str) -> None:
    np.testing.assert_allclose(path(code, "ours"), PATHS[code], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("code", SCHEDULES)
def test_a_schedule_gives_pytorchs_rates(code: str) -> None:
    np.testing.assert_allclose(rates(code, "ours"), PATHS[code], rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("code", [code for code in SCHEDULES if "Plateau" not in code and "Sequential" not in code])
def test_a_schedule_goes_on_after_its_last_epoch(code: str) -> None:
    np.testing.assert_allclose(resumed_rates(code, 5), PATHS[code], rtol=1e-12, atol=1e-14)


def test_a_schedule_that_goes_on_has_to_know_the_first_rate() -> None:
    opt = optim.SGD([tl.tensor([0.0], requires_grad=True)], lr=0.1)
    with pytest.raises(KeyError, match=r"first rate of param_groups\[0\], its 'initial_lr'"):
        optim.lr_scheduler.StepLR(opt, 3, last_epoch=4)


def test_nothing_else_is_stored() -> None:
    assert PATHS.keys() == set(OPTIMISERS) | set(SCHEDULES)


@pytest.mark.thorough
@pytest.mark.filterwarnings("ignore::UserWarning:torch")
@pytest.mark.skipif(not TORCH, reason="torch is not installed")
def test_the_stored_paths_are_those_of_this_torch() -> None:
    for code in OPTIMISERS:
        np.testing.assert_allclose(path(code, "torch"), PATHS[code], rtol=1e-12, atol=1e-14)
    for code in SCHEDULES:
        np.testing.assert_allclose(rates(code, "torch"), PATHS[code], rtol=1e-12, atol=1e-14)
