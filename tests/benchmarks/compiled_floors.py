"""What the parts of a compiled step cost alone: its matrix products, the set-up of its other calls, their entries."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable
from time import perf_counter
from typing import Any

import numpy as np

from .compiled import ALL, Images, compiled_step
from .compiled_chains import Chain, chain
from .peers import load
from .rows import Row

BLOCK = 1 << 11  # entries: all operands of a call in the nearest cache
MOST = 300  # seconds are not spent on more calls than that


def quickest(f: Callable[[], object], laps: int = 15) -> float:
    """Microseconds of a call, in the quickest of some laps of a millisecond or so."""
    f()
    start = perf_counter()
    f()
    calls = max(1, min(MOST, round(1e-3 / (perf_counter() - start + 1e-9))))
    found = []
    for _ in range(laps):
        start = perf_counter()
        for _ in range(calls):
            f()
        found.append((perf_counter() - start) / calls)
    return min(found) * 1e6


def products_of(shapes: list[tuple[int, int, int]], dtype: Any) -> float:
    """The products of layers (B, I, O) forward and backward, each into memory that is there."""
    total = 0.0
    for k, (b, i, o) in enumerate(shapes):
        x, w, z = np.ones((b, i), dtype), np.ones((o, i), dtype), np.empty((b, o), dtype)
        dz, dw, dx = np.ones((b, o), dtype), np.empty((o, i), dtype), np.empty((b, i), dtype)
        total += quickest(lambda x=x, w=w, z=z: x.dot(w.T, z)) + quickest(lambda dz=dz, x=x, dw=dw: dz.T.dot(x, dw))  # type: ignore[misc]
        total += quickest(lambda dz=dz, w=w, dx=dx: dz.dot(w, dx)) if k else 0  # type: ignore[misc]
    return total


def entry_of(ufunc: Any, dtype: Any) -> float:
    """Microseconds of one entry in a long call."""
    args = [np.full(BLOCK, 0.5, dtype) for _ in range(ufunc.nin)]
    out = np.empty(BLOCK, dtype)
    return (quickest(lambda: ufunc(*args, out)) - call_cost(dtype)) / BLOCK


def call_cost(dtype: Any) -> float:
    """Microseconds of the shortest call: three entries, a place for the result."""
    a, b, out = (np.ones(3, dtype) for _ in range(3))
    multiply = np.multiply
    return quickest(lambda: multiply(a, b, out))


def floor_of(row: Any) -> dict[str, float]:
    """Microseconds of products, of the set-up of other calls, and of their entries; how many calls there are."""
    dtype: Any = row.dtype
    if isinstance(row, Row):
        fast, _, batch = compiled_step(row)
        fast(*batch)
        shapes = [(row.batch, i, o) for i, o in zip(row.sizes, row.sizes[1:], strict=False)]
        written, calls = fast.stats[0]["bytes without reuse"], fast.stats[0]["operations"]
        others = calls - 3 * len(shapes) + 1
        entries = written / np.dtype(dtype).itemsize * entry_of(np.multiply, dtype)
    elif isinstance(row, Images):  # convolutions as products of patches; the first has no derivative by its input
        n, calls, others, entries = row.batch, 0, 0, 0.0
        shapes = [(n * 26 * 26, 9, 32), (n * 11 * 11, 288, 64), (n, 1600, 128), (n, 128, 10)]
    else:
        assert isinstance(row, Chain)
        shapes = []
        tl = load("tinygrad_lite")
        fast = tl.compile(tl.value_and_grad(lambda x: chain(x, np.sqrt, np.exp, np.tanh).sum()))
        fast(tl.tensor(row.data()))
        calls = fast.stats[0]["operations"]
        slow = [np.tanh, np.exp, np.sqrt, np.divide]
        each = sum(entry_of(u, dtype) for u in slow) + (calls - len(slow)) * entry_of(np.multiply, dtype)
        entries, others = row.size * each, calls * math.ceil(row.size * np.dtype(dtype).itemsize / (1 << 17))
    return {
        "products": products_of(shapes, dtype), "calls": others * call_cost(dtype), "entries": entries,
        "calls made": calls,
    }  # fmt: skip


if __name__ == "__main__":
    print(json.dumps(floor_of(ALL[int(sys.argv[1])][0])))
