"""Where a rule would divide 0 by 0, or by the difference of equal values: the convention is that the answer is 0."""

from __future__ import annotations

from typing import Any

import numpy as np


def or_one(d: Any) -> Any:
    """A denominator that is 0 only where the numerator is 0 too: 0 / 1 = 0 stands for 0 / 0 there."""
    return np.where(d == 0, 1, d)


def one_over(d: Any) -> Any:
    """1 / d, and 0 where d is 0: equal values have no direction of their own, so none is handed on."""
    zero = d == 0
    return np.where(zero, 0, 1 / np.where(zero, 1, d))
