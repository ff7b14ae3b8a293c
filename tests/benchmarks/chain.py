"""A chain of n scalar products, y = x * C * C * ... * C: time and bytes of one recorded operation."""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from .children import run
from .peers import load
from .report import table

C = 1.0000001  # C ** 1_000_000 is 1.1: neither overflow nor denormals at any length
LENGTHS = (1_000, 10_000, 100_000, 1_000_000)
LONGEST = {"tinygrad_lite": 1_000_000, "torch": 1_000_000, "mygrad": 100_000, "autograd": 100_000, "micrograd": 100_000}
REFERENCE = "torch"
LONGEST_WEIGHED = 10_000  # bytes per operation do not grow with the length, and tracing makes Python crawl
STATM = Path("/proc/self/statm")

Backward = Callable[[], float]


def product(x: Any, n: int) -> Any:
    """The forward pass, the same for all."""
    for _ in range(n):
        x = x * C
    return x


def forward(name: str, n: int) -> Backward:
    """Run the forward pass; what is returned holds the graph, runs backward when called, and gives dy/dx."""
    if name == "autograd":
        vjp, _ = load("autograd").make_vjp(lambda x: product(x, n))(1.0)
        return lambda: float(vjp(1.0))
    if name == "torch":
        torch = load("torch")
        x = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    elif name == "micrograd":
        x = load("micrograd.engine").Value(1.0)
    elif name == "mygrad":
        x = load("mygrad").tensor(1.0)
    else:
        x = load("tinygrad_lite").tensor(1.0, requires_grad=True)
    y = product(x, n)

    def backward() -> float:
        y.backward()
        return float(x.grad)

    return backward


def seconds_per_operation(name: str, n: int) -> float:
    """Median of several runs of forward, backward and the graph's release; of one, where it is slow."""
    samples: list[float] = []
    while len(samples) < 15 and sum(samples) < 2:
        start = perf_counter()
        backward = forward(name, n)
        slope = backward()
        del backward
        samples.append(perf_counter() - start)
        assert abs(slope / C**n - 1) < 1e-9, f"dy/dx is {slope}, not {C**n}"
    return median(samples) / n


def resident_bytes() -> int:
    """Of this process."""
    return int(STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def bytes_per_operation(name: str, n: int) -> float | None:
    """What the graph holds between forward and backward; None where it cannot be told."""
    if name != "torch":
        tracemalloc.start()
        held = forward(name, n)
        size = tracemalloc.get_traced_memory()[0]
        tracemalloc.stop()
        del held
        return size / n
    # torch's nodes are C++ objects: only the growth of the process tells, and not for short chains
    if n < 10_000 or not STATM.exists():
        return None
    before = resident_bytes()
    held = forward(name, n)
    size = resident_bytes() - before
    del held
    return size / n


def one(name: str, n: int) -> dict[str, float | None]:
    """Both measurements, in this process; memory first, while the allocator has nothing to give again."""
    forward(name, 100)()
    gc.collect()
    size = bytes_per_operation(name, n) if n <= LONGEST_WEIGHED else None
    return {"us": seconds_per_operation(name, n) * 1e6, "bytes": size}


def measure(lengths: tuple[int, ...]) -> dict[str, dict[str, Any]]:
    """Results by library and length, each from a process of its own, or the error that stopped it."""
    return {
        name: {str(n): run(["-m", "tests.benchmarks.chain", name, str(n)]) for n in lengths if n <= longest}
        for name, longest in LONGEST.items()
        if find_spec(name) is not None
    }


def report(found: dict[str, dict[str, Any]]) -> str:
    """Two tables: time with its ratio to torch, and bytes."""
    lengths = max(found.values(), key=len).keys()

    def time_cell(name: str, n: str) -> str:
        got = found[name].get(n, {})
        if "us" not in got:
            return str(got.get("error", "-"))
        reference = found.get(REFERENCE, {}).get(n, {}).get("us")
        return f"{got['us']:.2f}" + (f" {got['us'] / reference:5.2f}x" if reference else "")

    def bytes_cell(name: str, n: str) -> str:
        size = found[name].get(n, {}).get("bytes")
        return "-" if size is None else f"{size:,.0f}"

    header = ["operations", *found]
    times = [[f"{int(n):,}", *(time_cell(name, n) for name in found)] for n in lengths]
    weighed = [n for n in lengths if int(n) <= LONGEST_WEIGHED]
    sizes = [[f"{int(n):,}", *(bytes_cell(name, n) for name in found)] for n in weighed]
    time_title = "Chain of scalar products: microseconds per operation, forward and backward, ratio to torch"
    size_title = "Chain of scalar products: bytes per operation held by the graph (tracemalloc; torch: resident set)"
    return "\n".join([table(time_title, header, times), table(size_title, header, sizes)])


if __name__ == "__main__":
    print(json.dumps(one(sys.argv[1], int(sys.argv[2]))))
