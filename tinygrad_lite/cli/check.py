"""`tinygrad-lite check`: mark a solution of the exercise, or of a teacher's own."""

from __future__ import annotations

from argparse import Namespace

from tinygrad_lite.checking.solutions import Limits, mark_file
from tinygrad_lite.cli.ending import CANNOT_START, FAILED, Ending


def run(arguments: Namespace) -> None:
    """Mark and print; the status says right (0), wrong (1), or could not be run (2)."""
    report = mark_file(arguments.solution, arguments.spec, Limits(seconds=arguments.timeout))
    report.hiding(arguments.hide_expected, arguments.hide_name)
    if arguments.hint is not None:
        text = report.hint(arguments.hint)
    else:
        text = (
            report.to_json(arguments.points)
            if arguments.json
            else report.text(arguments.solution.name or str(arguments.solution))
        )
    print(text, flush=True)
    if report.trouble is not None:
        raise Ending(CANNOT_START, "")
    if not report:
        raise Ending(FAILED, "")
