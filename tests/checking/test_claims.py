"""What numbers say of the precision in which they were computed."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite.checking.claims import precision

SINGLE, DOUBLE = float(np.finfo(np.float32).eps), float(np.finfo(np.float64).eps)


@pytest.mark.parametrize("scale", [1.0, 1e-12, 1e12])
def test_single_precision_shows_in_its_missing_digits(scale: float) -> None:
    numbers = scale * np.random.default_rng(0).standard_normal(5)
    assert precision(numbers) == DOUBLE
    assert precision(numbers.astype(np.float32).astype(float)) == SINGLE


def test_few_digits_are_no_sign_of_it() -> None:
    for numbers in ([0.0, 1.0, -0.25], [2.0**-55, 0.0], [3 * 2.0**-60, 2.0**70], []):  # what is left of 0 has few, too
        assert precision(np.array(numbers)) == DOUBLE
