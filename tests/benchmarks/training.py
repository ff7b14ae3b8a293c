"""Training steps: proven to be the same step first, timed second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from statistics import median, quantiles
from typing import Any

import numpy as np

from .peers import BASELINE, COMPETITORS
from .report import table
from .rows import Array, Row
from .workers import Worker, interleave

STEPS = 3  # before the comparison: enough for a stale gradient or a forgotten zeroing to show

Result = dict[str, Any]


def assert_agree(row: Row, start: list[Array], trained: Mapping[str, list[Array]]) -> None:
    """Compare what became of each parameter after some steps with what NumPy made of it.

    The *change* of each parameter is compared, relative to its own size: against the parameter itself
    a wrong gradient would pass, since a few steps move a weight by little.
    """
    tolerance = 1e-10 if row.dtype is np.float64 else 1e-3
    expected = trained[BASELINE]
    for name, got in trained.items():
        assert len(got) == len(expected), f"{row.name}: {name} has {len(got)} parameters, not {len(expected)}"
        for k, (p0, p, q) in enumerate(zip(start, expected, got, strict=True)):
            where = f"{row.name}: {name}, parameter {k}"
            assert q.shape == p.shape, f"{where}: shape {q.shape}, not {p.shape}"
            assert q.dtype == p.dtype, f"{where}: {q.dtype}, not {p.dtype}"
            change = np.linalg.norm(p - p0)
            assert change > 0, f"{where}: never moved, so nothing is compared"
            off = np.linalg.norm(q - p) / change
            assert off < tolerance, f"{where}: its change is off by {off:.1e} of NumPy's"


def measure_row(row: Row, rounds: int) -> Result:
    """The median and quartiles in microseconds, and the ratio of medians, per competitor."""
    with ExitStack() as stack:
        workers = {c.name: stack.enter_context(Worker(c.build, row)) for c in COMPETITORS if c.can_run(row)}
        start = workers[BASELINE].ask("parameters")
        for worker in workers.values():
            worker.ask("train", STEPS)
        assert_agree(row, start, {name: worker.ask("parameters") for name, worker in workers.items()})
        turns = interleave(workers, rounds)
    seconds = {name: [s for s, _ in taken] for name, taken in turns.items()}
    timed = {}
    for name, values in seconds.items():
        low, middle, high = (s * 1e6 for s in quantiles(values, n=4))
        timed[name] = {"us": middle, "us_quartiles": (low, high), "ratio": median(values) / median(seconds[BASELINE])}
    # NumPy's main thread works or spins, it never sleeps: where it lacked a core, something else had it.
    share = median(share for _, share in turns[BASELINE])
    return {"row": row.name, "rounds": rounds, "share": share, "competitors": timed}


def measure(rows: Sequence[Row], rounds: int) -> list[Result]:
    """One result per row."""
    return [measure_row(row, rounds) for row in rows]


def cell(timed: Result | None, share: float) -> str:
    """Microseconds and ratio; a ~ where the middle half of the turns is wide, or NumPy lacked a core."""
    if timed is None:
        return "-"
    low, high = timed["us_quartiles"]
    unsteady = share < 0.9 or high - low > timed["us"] / 4
    return f"{timed['us']:,.1f} {timed['ratio']:5.2f}x" + ("~" if unsteady else " ")


def report(results: list[Result]) -> str:
    """One line per row; microseconds and ratio per competitor."""
    names = [c.name for c in COMPETITORS]
    lines = [[r["row"], *(cell(r["competitors"].get(name), r["share"]) for name in names)] for r in results]
    title = (
        "Training step: median microseconds, ratio to hand-written NumPy "
        "(-: not installed, or not for it; ~: no result, the machine had other work)"
    )
    return table(title, ["forward, loss, backward, SGD", *names], lines)
