"""`python -m tests.benchmarks`, from the root of the repository: every table, in one run."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from . import chain, compiled, compiled_more, drawing, functions, images, imports, memory, readings, training
from .report import conditions, header, write_json
from .rows import ROWS

SECTIONS = (
    "training",
    "compile",
    "compile-more",
    "images",
    "functions",
    "chain",
    "memory",
    "readings",
    "drawing",
    "import",
)
HOW_TO_READ = (
    "How to read: a ratio is a median over that of the reference named above its table, in this very run (the quickest "
    "turns of both, where the table says so); below 1 is quicker (or smaller). Ratios compare across machines of a "
    "kind, microseconds do not. Leave the whole machine to the run: where a product uses every core, one other busy "
    "process can cost a step a hundredfold."
)


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter chains: a look, no result")
    numbers = range(1, len(ROWS) + 1)
    parser.add_argument(
        "--rows", nargs="+", type=int, choices=numbers, default=numbers, help="training rows: --rows 1 5"
    )
    parser.add_argument("--repeat", type=int, help="rounds of the timing, 2 or more")
    parser.add_argument("--json", type=Path, help="also write every number to this file")
    parser.add_argument("--only", choices=SECTIONS, help="one section")
    return parser.parse_args()


def main() -> None:
    """Run the sections, printing each as it is done."""
    args = arguments()
    quick = args.quick
    rows = [ROWS[k - 1] for k in args.rows]
    lengths = chain.LENGTHS[:2] if quick else chain.LENGTHS
    sections: dict[str, tuple[Callable[[], Any], Callable[[Any], str]]] = {
        "training": (lambda: training.measure(rows, args.repeat or (3 if quick else 12)), training.report),
        "compile": (lambda: compiled.measure(args.repeat or (3 if quick else 12)), compiled.report),
        "compile-more": (compiled_more.measure, compiled_more.report),
        "images": (lambda: images.measure(args.repeat or (5 if quick else 25)), images.report),
        "functions": (lambda: functions.measure(2 if quick else 5), functions.report),
        "chain": (lambda: chain.measure(lengths), chain.report),
        "memory": (lambda: memory.measure(5 if quick else 20), memory.report),
        "readings": (lambda: readings.measure(3 if quick else 7), readings.report),
        "drawing": (lambda: drawing.measure(3 if quick else 7), drawing.report),
        "import": (lambda: imports.measure(args.repeat or (5 if quick else 15)), imports.report),
    }
    found: dict[str, Any] = {"conditions": conditions()}
    print(header(found["conditions"]), flush=True)
    for name in SECTIONS if args.only is None else (args.only,):
        measure, report = sections[name]
        found[name] = measure()
        print(report(found[name]), flush=True)
    print(HOW_TO_READ)
    if args.json is not None:
        write_json(args.json, found)


if __name__ == "__main__":
    main()
