"""Memory of a training loop, one process per library, by tracemalloc (NumPy reports its arrays to it)."""

from __future__ import annotations

import json
import sys
import tracemalloc
from typing import Any

from .children import run
from .peers import BASELINE, COMPETITORS
from .report import table
from .rows import ROWS

ROW = ROWS[3]
# torch and jax allocate where tracemalloc cannot see
TRACED = [c for c in COMPETITORS if c.name in (BASELINE, "tinygrad_lite", "mygrad", "autograd")]


def trace(name: str, steps: int) -> dict[str, float]:
    """Bytes at the peak of a step, and held between steps: parameters, gradients kept, the batch."""
    (competitor,) = [c for c in TRACED if c.name == name]
    competitor.build(ROW).step()  # imports and caches are not the loop's
    tracemalloc.start()
    runner = competitor.build(ROW)
    runner.step()
    tracemalloc.reset_peak()  # making the batch and the weights is not the loop's either
    for _ in range(steps):
        runner.step()
    held, peak = tracemalloc.get_traced_memory()
    return {"peak": peak, "held": held}


def measure(steps: int) -> dict[str, Any]:
    """Peak and held bytes per library, or the error that stopped it."""
    return {c.name: run(["-m", "tests.benchmarks.memory", c.name, str(steps)]) for c in TRACED if c.can_run(ROW)}


def report(found: dict[str, Any]) -> str:
    """One line per library, with ratios to hand-written NumPy."""
    base = found[BASELINE]
    lines = []
    for name, got in found.items():
        if "error" in got:
            lines.append([name, got["error"], "-", "-", "-"])
        else:
            peak, held = got["peak"], got["held"]
            ratios = f"{peak / base['peak']:.2f}x", f"{held / base['held']:.2f}x"
            lines.append([name, f"{peak / 1e6:.2f}", ratios[0], f"{held / 1e6:.2f}", ratios[1]])
    title = f"Memory of a training loop, {ROW.name} (tracemalloc), ratio to hand-written NumPy"
    return table(title, ["library", "peak of a step, MB", "ratio", "held between steps, MB", "ratio"], lines)


if __name__ == "__main__":
    print(json.dumps(trace(sys.argv[1], int(sys.argv[2]))))
