"""The numbers that a printed module runs on by itself."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.code import literal
from tinygrad_lite.readings.coding.layout import WIDTH

SMALL = 24  # entries: an array is written out up to here, and drawn at random beyond

MASK = 2000  # of one with infinities in it, or of one that no random numbers can stand for


def value_text(a: Any, written_out: bool = False) -> str:
    """An array as source: written out, or drawn at random where that would take much space."""
    a = np.asarray(a)
    if not a.size:
        return f"np.zeros({literal(a.shape)}, {literal(a.dtype)})"
    if a.ndim and a.size and a.dtype == np.float64 and (a == a.reshape(-1)[0]).all() and a.reshape(-1)[0] in (0, 1):
        shape = a.shape if a.ndim > 1 else a.shape[0]
        return f"np.{'ones' if a.any() else 'zeros'}({literal(shape).text})"
    if a.ndim == 2 and min(a.shape) > 2 and a[0, -1] and np.array_equal(a, np.triu(np.full_like(a, a[0, -1]), 1)):
        whole = f"{literal(a.shape)}, {literal(a[0, -1])}" + (f", dtype={literal(a.dtype)}" if a.dtype != float else "")
        return f"np.triu(np.full({whole}), 1)"  # what hides the future from each place
    if written_out or not is_long(a):
        return literal(a[()], strong=True).text
    shape = literal(a.shape if a.ndim > 1 else a.size).text
    if a.dtype.kind == "b":
        return f"rng.random({shape}) < 0.5"
    if a.dtype.kind in "iu":
        return f"rng.integers({a.min()}, {int(a.max()) + 1}, {shape})"
    a = a[np.isfinite(a)] if not np.isfinite(a).all() else a
    scale = f"{float(np.std(a)) or 1.0:.1g}"
    text = f"rng.random({shape})" if a.min() >= 0 else f"rng.standard_normal({shape})"
    text = text if float(scale) == 1 or a.min() >= 0 else f"{float(scale)!r} * {text}"
    return text if a.dtype == np.float64 else f"({text}).astype({literal(a.dtype)})"


def is_long(a: Any) -> bool:
    """Whether an array is too long to be written out: many entries, or few of many digits."""
    if a.dtype.kind == "f" and a.size <= MASK and not np.isfinite(a).all():
        return False  # a mask, say: no random numbers would do
    return bool(a.ndim and (a.size > SMALL or len(literal(a).text) > min(WIDTH - 24, 24 + 10 * a.size)))
