"""What is printed and written: aligned tables, the conditions of the run, a JSON file."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from .peers import COMPETITORS, load

THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Plain text: the first column to the left, the others to the right."""
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]

    def line(cells: Sequence[str]) -> str:
        first, *others = zip(cells, widths, strict=True)
        return "  ".join([first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in others)])

    return "\n".join([title, line(header), "  ".join("-" * w for w in widths), *map(line, rows), ""])


def versions() -> dict[str, str]:
    """The version of each competitor, '-' where it is not installed."""
    found = {}
    for competitor in COMPETITORS:
        if not competitor.installed():
            found[competitor.module] = "-"
            continue
        try:
            found[competitor.module] = metadata.version(competitor.module)
        except metadata.PackageNotFoundError:  # tinygrad_lite itself, run from its sources
            found[competitor.module] = load(competitor.module).__version__
    return found


def blas_threads() -> str:
    """As threadpoolctl or the environment tells; never set here, so that the run is what users get."""
    if find_spec("threadpoolctl") is not None:
        pools = load("threadpoolctl").threadpool_info()
        return ", ".join(f"{pool['internal_api']} {pool['num_threads']}" for pool in pools) or "none found"
    chosen = [f"{name}={os.environ[name]}" for name in THREAD_VARIABLES if name in os.environ]
    return ", ".join(chosen) or "library default"


def conditions() -> dict[str, Any]:
    """What a reader needs to know before comparing this run with another."""
    return {
        "python": platform.python_version(),
        "versions": versions(),
        "cores": os.cpu_count(),
        "blas_threads": blas_threads(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def header(found: dict[str, Any]) -> str:
    """The conditions on one line."""
    peers = ", ".join(f"{name} {version}" for name, version in found["versions"].items())
    cores = f"cores {found['cores']}, load before the run {found['load']}; BLAS threads: {found['blas_threads']}"
    return f"python {found['python']}, {peers}; {cores}\n"


def write_json(path: Path, data: object) -> None:
    """Write the file whole or not at all: a reader never sees half of it."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_text(json.dumps(data, indent=1) + "\n")
    os.replace(temporary, path)
