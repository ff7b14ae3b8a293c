"""Leaves for tests to differentiate by."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite import Tensor


def leaf(*values: Any, name: str | None = None, dtype: Any = float) -> Any:
    """A Tensor that requires a gradient: of one value or array, or of several numbers in a row.

    Typed as anything, for NumPy's stubs say that np.sum and its like give arrays, whatever they are given.
    """
    return Tensor(np.array(values[0] if len(values) == 1 else values, dtype), requires_grad=True, name=name)
