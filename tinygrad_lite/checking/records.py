"""A report as data: for JSON, and for Gradescope's results.json."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.checking.rows import Named

if TYPE_CHECKING:
    from tinygrad_lite.checking.report import Report

VERSION = 1  # of the form of the JSON
VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")  # that Gradescope knows


def as_dict(report: Report, points: float) -> dict[str, Any]:
    """The report as plain data; `version` changes when its form does."""
    rows: list[dict[str, Any]] = []
    for row in report.rows:
        relative = row.relative
        mistakes = [] if row.mistake is None or report.hide_name else [plain(row.mistake)]
        rows.append({
            "name": row.name,
            "label": row.label,
            "status": row.status.replace(" ", "_"),
            "shape": None if row.yours is None else list(np.shape(row.yours)),
            "expected_shape": list(np.shape(row.expected)),
            "rel_error": relative if relative is not None and math.isfinite(relative) else None,
            "note": "" if report.hide_name else row.note,
            "mistakes": mistakes,
        })  # fmt: skip
    return {
        "version": VERSION,
        "ok": bool(report),
        "probe": report.points_tried,
        "points": {"got": report.points(points), "of": float(points)},
        "first_wrong": report.first_wrong,
        "quantities": rows,
        "mistakes": [] if report.hide_name else [plain(named) for named in report.mistakes],
        "conventions": report.conventions,
        "trouble": None if report.trouble is None else plain(report.trouble),
    }


def as_gradescope(report: Report, points: float, visibility: str) -> dict[str, Any]:
    """What /autograder/results/results.json wants: a test per quantity, with ids of mistakes as tags.

    Raises: ValueError for points that are no number from 0 on, and for a visibility that Gradescope does not know.
    """
    if visibility not in VISIBILITIES:
        raise ValueError(f"to_gradescope: visibility={visibility!r}; Gradescope knows {', '.join(VISIBILITIES)}")
    if not (math.isfinite(points) and points >= 0):
        raise ValueError(f"to_gradescope: points={points} is no number of points")
    each = points / max(len(report.rows), 1)
    tests: list[dict[str, Any]] = []
    if report.trouble is not None:
        tests.append({
            "name": "could be checked", "score": 0.0, "max_score": float(points), "status": "failed",
            "output": report.trouble.text, "tags": [report.trouble.id], "visibility": visibility,
        })  # fmt: skip
    for k, row in enumerate(report.rows, start=1):
        right = report.earns(row) and report.trouble is None
        output = f"{row.status}{f': {row.mistake.text}' if row.mistake and not report.hide_name else ''}"
        tests.append({
            "name": row.name,
            "number": str(k),
            "score": round(each, 4) if right else 0.0,
            "max_score": round(each, 4),
            "status": "passed" if right else "failed",
            "output": output,
            "tags": [] if row.mistake is None or report.hide_name else [row.mistake.id],
            "visibility": visibility,
            "extra_data": {"mistake": None if row.mistake is None or report.hide_name else row.mistake.id},
        })  # fmt: skip
    return {
        "score": report.points(points),
        "output": str(report),
        "visibility": visibility,
        "stdout_visibility": "hidden",
        "tests": tests,
        "extra_data": {"mistakes": [] if report.hide_name else [named.id for named in report.mistakes]},
    }


def plain(named: Named) -> dict[str, Any]:
    return {
        "id": named.id, "kind": named.kind, "text": named.text, "line": named.line, "confidence": named.confidence,
        "alternatives": [id for id, _ in named.alternatives],
    }  # fmt: skip
