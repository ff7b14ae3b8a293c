"""Drawing: DOT text of graphs of 1e2, 1e3 and 1e4 nodes, nothing folded; linear in the number of nodes."""

from __future__ import annotations

from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

import tinygrad_lite as tl

from .report import table

SIZES = (100, 1_000, 10_000)


def graph(nodes: int) -> Any:
    """A chain with a skip connection at every third step, of so many operations."""
    x: Any = tl.tensor(np.ones(3), requires_grad=True)
    y = x
    for k in range(nodes - 1):
        y = y + x if k % 3 == 0 else np.tanh(y)
    return y.sum()


def measure(rounds: int) -> dict[str, Any]:
    """Median seconds for the text of each size."""
    seconds = {}
    for nodes in SIZES:
        loss = graph(nodes)
        samples = []
        for _ in range(rounds):
            start = perf_counter()
            assert len(tl.draw(loss, max_nodes=10 * nodes).source) > 10 * nodes
            samples.append(perf_counter() - start)
        seconds[nodes] = median(samples)
    return {"seconds": seconds}


def report(found: dict[str, Any]) -> str:
    """One line per size."""
    lines = [[f"{n:,}", f"{s * 1e3:.1f}", f"{s / n * 1e6:.0f}"] for n, s in found["seconds"].items()]
    return table("Drawing: DOT text, nothing folded", ["nodes", "ms", "us a node"], lines)
