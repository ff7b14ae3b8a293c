"""How thorough Hypothesis is: `dev`, or `ci` (also by CI=true) or `explore` by HYPOTHESIS_PROFILE; and short cuts."""

from __future__ import annotations

import gc
import os

import pytest
from hypothesis import HealthCheck, settings

slow_is_fine = (HealthCheck.too_slow, HealthCheck.data_too_large)
patient = settings(deadline=None, suppress_health_check=slow_is_fine)
steady = settings(patient, derandomize=True)  # the result of a run does not hang on luck
settings.register_profile("dev", steady, max_examples=15)
settings.register_profile("ci", steady, max_examples=75, print_blob=True)
settings.register_profile("explore", patient, max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") == "true" else "dev"))


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite-golden`: take what the code does now as what it should do; look at the difference before a commit."""
    parser.addoption("--rewrite-golden", action="store_true", help="rewrite the golden files of tests/readings")


def pytest_collection_finish() -> None:
    """Let the garbage collector pass over thousands of collected tests: each of its full rounds took half a second."""
    gc.collect()
    gc.freeze()
