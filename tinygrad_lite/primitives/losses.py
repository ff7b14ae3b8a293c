"""The squared loss as one operation, for it is one line of every derivation: dC/da = (a - y) / N."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitive import general
from tinygrad_lite.primitives.reductions import divided


def _examples(a: Any) -> int:
    """The batch size N: every axis but the last counts examples."""
    return int(a.size // a.shape[-1]) if a.ndim > 1 and a.shape[-1] else 1


def _squared_loss(a: Any, y: Any) -> Any:
    d = a - y
    if d.dtype.char == "e":  # half precision: the sum over a batch can overflow where its mean does not
        d = d.astype(np.float32)
        return np.float16(0.5 * np.vdot(d, d) / _examples(a))
    return 0.5 * np.vdot(d, d) / _examples(a)


squared_loss = general(
    _squared_loss,
    r"\tfrac12 \lVert #1 - #2 \rVert^2",
    lambda g, c, a, y: (a - y) * divided(g, _examples(a)),
    lambda g, c, a, y: (y - a) * divided(g, _examples(a)),
    name="squared_loss",
)
