"""Import time, each sample in a fresh process."""

from __future__ import annotations

from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

from .children import run
from .report import table

MODULES = ("numpy", "tinygrad_lite")
PROGRAM = """
from time import perf_counter
start = perf_counter()
import {module}
print(perf_counter() - start)
"""


def measure(rounds: int) -> dict[str, Any]:
    """Median seconds of each import, interleaved, and the ratio to NumPy's."""
    samples: dict[str, list[float]] = {name: [] for name in MODULES}
    errors = {}
    with TemporaryDirectory() as bytecode:
        # Compiled once and kept, as after an installation: where bytecode is not written, every import of a
        # source tree compiles it anew, and NumPy, installed with its own, would not.
        environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": bytecode}
        for turn in range(rounds + 1):
            for name in MODULES:
                found = run(["-c", PROGRAM.format(module=name)], environment=environment)
                if isinstance(found, dict):
                    errors[name] = found["error"]
                elif turn > 0:  # the first one compiles
                    samples[name].append(found)
    medians = {name: median(seconds) for name, seconds in samples.items() if seconds}
    ratios = {name: seconds / medians["numpy"] for name, seconds in medians.items()}
    return {"seconds": medians, "ratio": ratios, "errors": errors}


def report(found: dict[str, Any]) -> str:
    """One line per module."""
    lines = []
    for name in MODULES:
        if name in found["seconds"]:
            lines.append([name, f"{found['seconds'][name] * 1e3:.0f}", f"{found['ratio'][name]:.2f}x"])
        else:
            lines.append([name, found["errors"][name], "-"])
    return table("Import, in a fresh process: median milliseconds", ["import", "ms", "ratio to numpy"], lines)
