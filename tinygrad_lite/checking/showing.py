"""Numbers, errors and sentences of a report as short text, for a screen and for a page."""

from __future__ import annotations

import math
import sys
import textwrap
from collections.abc import Sequence
from html import escape
from typing import Any

import numpy as np

from tinygrad_lite.checking.rows import CARRIED, CONVENTION, FIRST, MEANING, MISSING, OK, RIGHT, WRONG, Row
from tinygrad_lite.readings.numerals import numeral

WIDTH, HEIGHT = 80, 24  # of a screen
NARROWEST = 6  # what is left for numbers at least
BRIEF = 14  # longer notes stand below the table
COLOURS = {OK: "#1a7f37", CONVENTION: "#1a7f37", CARRIED: "#9a6700", FIRST: "#cf222e", WRONG: "#cf222e"}


def bundle(plain: str, page: str, right: bool) -> dict[str, str]:
    """What a notebook shows of something that is right or not.

    nbgrader takes the plain text of a cell's result for its points, and what is no number for all of them; so that
    what is wrong does not earn these, its plain text in a kernel is 0.
    """
    graded = "ipykernel" in sys.modules and not right
    return {"text/html": page, "text/plain": "0.0" if graded else plain}


class Advice(str):
    """What is said of work that is wrong: a text that earns no points as the last line of a graded cell."""

    __slots__ = ()

    def __repr__(self) -> str:  # IPython asks this of every str, whatever its bundle says
        return bundle(super().__repr__(), "", False)["text/plain"]

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return bundle(super().__repr__(), f"<p>{escape(self)}</p>", False)


def wrapped(line: str, width: int = WIDTH) -> list[str]:
    """A sentence in lines that fit a screen."""
    if len(line) <= width:
        return [line]
    indent = " " * (len(line) - len(line.lstrip()))
    return textwrap.wrap(line, width, subsequent_indent=indent or "  ", break_long_words=True)


def error_text(row: Row) -> str:
    """How large the error is: in units of rounding where it may be that, else beside the size of what is right."""
    if row.status == MISSING or row.yours is None:
        return ""
    if np.shape(row.yours) != np.shape(row.expected):
        return f"shape {str(np.shape(row.yours)).replace(' ', '')}"
    if row.roundings is None:
        return ""
    if not math.isfinite(row.roundings):
        return "not finite"
    if row.roundings < 1e5 or row.relative is None:
        return "0" if row.roundings == 0 else f"{max(row.roundings, 1):.0f} ulp"
    if row.relative < 1e-3:
        return f"{100 * row.relative:.2g}%"
    return f"{row.relative:.1%}" if row.relative < 10 else f"{row.relative:.3g} times"


def short(array: Any, most: int = 26) -> str:
    """An array as a few numbers on one line."""
    if array is None:
        return ""
    array = np.asarray(array)
    if array.dtype.kind not in "fiub":
        return str(array.dtype)
    if array.ndim == 0:
        return numeral(array[()])
    text = _nested(array)
    if len(text) <= most:
        return text
    flat = [numeral(x) for x in array.reshape(-1)[:6]]
    room = most - array.ndim - len(", ...")
    while len(", ".join(flat)) > room and len(flat) > 1:
        flat.pop()
    return f"{'[' * array.ndim}{', '.join(flat)}, ..."


def _nested(array: Any) -> str:
    if array.size > 12:
        return "." * 99
    if array.ndim == 0:
        return numeral(array[()])
    return "[" + ", ".join(_nested(row) for row in array) + "]"


def beside(row: Row, most: int = 26) -> tuple[str, str, str]:
    """What was handed in and what is right, as a few numbers on one line each; and from where on they are, if not all.

    Those of a row that is wrong differ: where they do not fit, they begin with the entry that is furthest off.

    >>> yours, right = np.zeros((20, 30)), np.zeros((20, 30))
    >>> yours[4, 7] = 2.0
    >>> beside(Row("dW", "", WRONG, yours, right, np.inf), 12)
    ('2, 0, 0, ...', '0, 0, 0, ...', '[4, 7]')
    """
    yours, right = short(row.yours, most), short(row.expected, most)
    whole = not yours.endswith("...") and not right.endswith("...")
    at = row.worst
    if at is None or row.status in RIGHT or (whole and yours != right):
        return yours, right, ""
    yours, right = _from(row.yours, row.expected, at, most), _from(row.expected, row.yours, at, most)
    return yours, right, str(list(at)) if at else ""


def _from(array: Any, other: Any, at: tuple[int, ...], most: int) -> str:
    """The entry at an index, in as many digits as tell it from another's, and those that follow it in its row."""
    array, other = np.asarray(array), np.asarray(other)
    digits = next((d for d in range(4, 17) if numeral(array[at], d) != numeral(other[at], d)), 4)
    left = array[at[:-1]][at[-1] + 1 :] if at else ()
    for count in range(min(len(left), 5), -1, -1):
        text = ", ".join([numeral(array[at], digits), *map(numeral, left[:count])])
        text += ", ..." if count < len(left) else ""
        if len(text) <= most:
            return text
    return numeral(array[at], digits)


def shortened(rows: Sequence[Row], most: int) -> list[Row | None]:
    """At most so many lines: what is wrong, the first and the last; None where some are left out."""
    if len(rows) <= most:
        return list(rows)
    wrong = [k for k, row in enumerate(rows) if row.status in (FIRST, WRONG, MISSING)]
    keep: set[int] = set()
    for k in (*wrong[:1], 0, len(rows) - 1, *wrong[1:], 1, len(rows) - 2):
        tried = keep | {k}
        gaps = sum(a + 1 not in tried for a in tried if a + 1 < len(rows))
        if len(tried) + gaps <= most:
            keep = tried
    shown: list[Row | None] = []
    for k, row in enumerate(rows):
        if k in keep:
            shown.append(row)
        elif not shown or shown[-1] is not None:
            shown.append(None)
    return shown


def table(rows: Sequence[Row], first: Row | None, hide_expected: bool, most: int, width: int = WIDTH) -> list[str]:
    """The rows as lines of text; `first`, the first wrong one, has an arrow."""
    heads = ["quantity", "status", "error", "yours", *([] if hide_expected else ["expected"])]
    columns = len(heads) - 3
    shown = shortened(rows, most)
    lines = [["...", "", ""] if row is None else _cells(row) for row in shown]
    placed: dict[int, str] = {}  # the entry that a row's numbers begin with, which takes of the room for numbers
    while True:
        errors = [" at ".join(filter(None, (cells[2], placed.get(k)))) for k, cells in enumerate(lines)]
        before = [heads[:3], *([*cells[:2], error] for cells, error in zip(lines, errors, strict=True))]
        widths = [max(map(len, column)) for column in zip(*before, strict=True)]
        room = max((width - 3 - sum(widths) - 2 * (columns + 2)) // columns, NARROWEST)
        texts = [("", "", "") if row is None else beside(row, room) for row in shown]
        more = {k: at for k, (*_, at) in enumerate(texts) if at and k not in placed}
        if not more:
            break
        placed |= more
    for cells, error, numbers in zip(lines, errors, texts, strict=True):
        cells[2:] = [error, *(_cut(text, room) for text in numbers[:columns])]
    lines = [heads, *lines]
    widths += [max(len(cells[k]) for cells in lines) for k in range(3, len(heads))]
    marks = ["  ", *("->" if row is not None and row is first else "  " for row in shown)]
    return [
        f"{mark} {'  '.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))}".rstrip()
        for mark, cells in zip(marks, lines, strict=True)
    ]


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 3]}..."


def _cells(row: Row) -> list[str]:
    name = row.name if row.label in ("", row.name) else f"{row.name} = {row.label}"
    if len(name) > 24:
        name = row.name if len(row.name) <= 34 else f"{row.name[:31]}..."
    note = f" {row.note}" if row.note and len(row.note) <= BRIEF else ""
    return [name, row.status + note, error_text(row)]


def remarks(rows: Sequence[Row]) -> list[str]:
    """What is to be said of rows and is too long for the table."""
    return [f"{row.name}: {row.note}" for row in rows if len(row.note) > BRIEF]


def html_table(rows: Sequence[Row], hide_expected: bool) -> str:
    """The rows as a table of a page."""
    heads = ["yours", "is", "status", "error", "value", *([] if hide_expected else ["expected"])]
    style = "text-align:left;padding:.1em 1em .1em 0"
    lines = ["".join(f"<th style='{style}'>{head}</th>" for head in heads)]
    for row in rows:
        status = (
            f"<b style='color:{COLOURS.get(row.status, '#57606a')}'>{escape(row.status)}</b> "
            f"{escape(row.note or MEANING.get(row.status, ''))}"
        )
        *texts, at = beside(row, 32)
        numbers = [f"<code>{escape(text)}</code>" if text else "" for text in texts[: 1 if hide_expected else 2]]
        error = " at ".join(filter(None, (error_text(row), at)))
        cells = [f"<code>{escape(row.name)}</code>", escape(row.label), status, escape(error), *numbers]
        lines.append("".join(f"<td style='{style};white-space:nowrap'>{cell}</td>" for cell in cells))
    return f"<table>{''.join(f'<tr>{line}</tr>' for line in lines)}</table>"
