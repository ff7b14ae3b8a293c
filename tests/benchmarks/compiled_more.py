"""What the compiled steps cost besides time per step: memory, the first call, depth and width, threads of BLAS."""

from __future__ import annotations

import gc
import json
import sys
import tracemalloc
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np

from . import steps_numpy
from .children import run
from .compiled import build_compiled
from .compiled_chains import Chain, chain_compiled, chain_eager, chain_numpy
from .peers import build_tinygrad_lite, build_torch
from .report import table
from .rows import ROWS, Row

BUILDS: dict[str, Any] = {"numpy": steps_numpy.build, "eager": build_tinygrad_lite, "compiled": build_compiled}
CHAINS: dict[str, Any] = {"numpy": chain_numpy, "eager": chain_eager, "compiled": chain_compiled}
MEMORY: list[tuple[Any, dict[str, Any]]] = [(ROWS[3], BUILDS), (ROWS[4], BUILDS), (Chain(10**6), CHAINS)]
TORCH: dict[str, Any] = {"torch": build_torch}
ADVICE = (
    "Advice: on this machine BLAS's own threads make slower: {}. Where a network has products of such sizes, start "
    "Python with OPENBLAS_NUM_THREADS=1 (or limit the pools with threadpoolctl); nothing here changes it for you.\n"
)
GENTLE = 1e-6  # a rate at which no network of any depth diverges while it is timed
DEPTHS, WIDTHS = (1, 10, 100, 1000), (8, 64, 256)


def memory_of(name: str, k: int) -> dict[str, float]:
    """Bytes at the peak of a step and held between steps, by tracemalloc."""
    row, builds = MEMORY[k]
    builds[name](row).step()
    tracemalloc.start()
    runner = builds[name](row)
    runner.step()
    tracemalloc.reset_peak()
    for _ in range(3):
        runner.step()
    held, peak = tracemalloc.get_traced_memory()
    return {"peak": peak, "held": held}


def resident_of(name: str, k: int) -> dict[str, float]:
    """Bytes by which the process grows, at its peak over some steps, as the system counts them: torch's too."""
    row, builds = MEMORY[k]
    build = (builds | TORCH)[name]
    small = replace(row, sizes=(8, 8, 10)) if isinstance(row, Row) else Chain(1000)
    build(small).step()  # imports and pools of threads are not the loop's
    gc.collect()
    before = _status("VmRSS")
    runner = build(row)
    for _ in range(3):
        runner.step()
    return {"resident": _status("VmHWM") - before}


def _status(what: str) -> int:
    """Bytes, from what Linux says of the process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(what))


def _time(runner: Any, calls: int = 5, rounds: int = 7) -> float:
    laps = []
    for _ in range(rounds):
        start = perf_counter()
        for _ in range(calls):
            runner.step()
        laps.append((perf_counter() - start) / calls)
    return min(laps) * 1e6


def growth_of(row: Row) -> dict[str, float]:
    """Microseconds of a step of each, and the milliseconds to the first result."""
    found: dict[str, float] = {}
    for name, build in BUILDS.items():
        runner = build(row)
        start = perf_counter()
        runner.step()
        found[f"{name} first, ms"] = (perf_counter() - start) * 1e3
        found[name] = _time(runner)
    return found


def products(sizes: tuple[int, int, int]) -> float:
    """Microseconds of one matrix product (m, k) x (k, n) in single precision, straight from NumPy."""
    m, k, n = sizes
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((m, k)).astype(np.float32), rng.standard_normal((k, n)).astype(np.float32)
    out = np.empty((m, n), np.float32)
    laps = []
    for _ in range(25):
        start = perf_counter()
        for _ in range(20):
            np.dot(a, b, out)
        laps.append((perf_counter() - start) / 20)
    return median(laps) * 1e6


PRODUCTS = ((16, 64, 64), (32, 784, 128), (256, 784, 512), (32 * 169, 288, 64))


def measure() -> dict[str, Any]:
    """Every table."""
    found: dict[str, Any] = {"memory": [], "growth": [], "threads": []}
    for k, (row, builds) in enumerate(MEMORY):
        made = {name: run(["-m", "tests.benchmarks.compiled_more", "memory", name, str(k)]) for name in builds}
        if Path("/proc/self/status").exists():
            more = TORCH if isinstance(row, Row) and find_spec("torch") else {}
            for name in (*builds, *more):
                grown = run(["-m", "tests.benchmarks.compiled_more", "resident", name, str(k)])
                made[name] = made.get(name, {}) | grown
        found["memory"].append({"row": row.name, **made})
    for depth in DEPTHS:
        row = replace(ROWS[4], name=f"{depth} layers of 64, batch 16", sizes=(64,) * depth + (10,), lr=GENTLE)
        found["growth"].append({"row": row.name, **growth_of(row)})
    for width in WIDTHS:
        row = replace(ROWS[4], name=f"4 layers of {width}, batch 16", sizes=(width,) * 4 + (10,), lr=GENTLE)
        found["growth"].append({"row": row.name, **growth_of(row)})
    for threads in ("1", ""):
        chosen = {"OPENBLAS_NUM_THREADS": threads, "OMP_NUM_THREADS": threads}  # empty: as if it were not set
        found["threads"].append(run(["-m", "tests.benchmarks.compiled_more", "products"], chosen))
    return found


def report(found: dict[str, Any]) -> str:
    """Three tables."""

    def megabytes(x: float) -> str:
        return f"{x / 1e6:.2f}"

    memory = [
        [r["row"], *(megabytes(r[n][what]) for n in BUILDS for what in ("peak", "held")),
         *(megabytes(r[n]["resident"]) if r.get(n, {}).get("resident") else "-" for n in (*BUILDS, *TORCH))]
        for r in found["memory"]
    ]  # fmt: skip
    columns = [f"{n} {what}" for n in BUILDS for what in ("peak", "held")]
    columns += [f"{n} process" for n in (*BUILDS, *TORCH)]
    growth = [
        [r["row"], *(f"{r[n]:,.0f}" for n in BUILDS), f"{r['compiled'] / r['numpy']:.2f}x",
         f"{r['compiled'] / r['eager']:.2f}x", *(f"{r[f'{n} first, ms']:.1f}" for n in ("eager", "compiled"))]
        for r in found["growth"]
    ]  # fmt: skip
    one, default = found["threads"]
    slower = [name for name in one if default[name] > 1.1 * one[name]]
    threads = [[name, f"{one[name]:.1f}", f"{default[name]:.1f}", f"{default[name] / one[name]:.2f}x"] for name in one]
    return "\n".join(
        [
            table(
                "Memory of a training loop, MB: at the peak of a step and held between steps (tracemalloc); growth of "
                "the process (torch keeps its arrays where tracemalloc cannot see)", ["step", *columns],
                memory,
            ),
            table(
                "Growth with depth and width, microseconds a step; milliseconds to the first result",
                ["step", *BUILDS, "/ numpy", "/ eager", "eager first", "compiled first"], growth,
            ),
            table("One product in BLAS, microseconds", ["(m, k, n)", "1 thread", "default", "default / 1"], threads),
            ADVICE.format(", ".join(slower) or "none of these"),
        ]
    )  # fmt: skip


if __name__ == "__main__":
    if sys.argv[1] in ("memory", "resident"):
        print(json.dumps((memory_of if sys.argv[1] == "memory" else resident_of)(sys.argv[2], int(sys.argv[3]))))
    else:
        print(json.dumps({str(sizes): products(sizes) for sizes in PRODUCTS}))
