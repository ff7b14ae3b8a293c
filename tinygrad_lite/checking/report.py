"""The report: what is right, which line is the first wrong one, and what is likely wrong with it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import Any, Self

import numpy as np

from tinygrad_lite.checking.records import as_dict, as_gradescope
from tinygrad_lite.checking.rows import CARRIED, FIRST, KINDS, MISSING, OK, RIGHT, WRONG, Named, Row
from tinygrad_lite.checking.showing import HEIGHT, Advice, bundle, html_table, remarks, table, wrapped


class CheckFailed(AssertionError):
    """What `assert_ok` raises, and a plain `assert report` under pytest; the message is the report."""


@dataclass(repr=False)
class Report:
    """What a check came to. True if nothing is wrong; prints on one screen and shows itself in Jupyter.

    rows         a row per quantity, in the order of the backward pass; `report["dW1"]` is one of them
    mistakes     those that were named, the first one first
    nearest      where none was: what comes closest, as a suggestion
    conventions  what was understood of the way in which it was written
    trouble      why it could not be checked at all

    As the last line of a test: `assert report` for pytest, `report.points(6)` for nbgrader, `report.assert_ok()` for
    otter-grader and both. A cell of nbgrader's that ends in `report.ok` or `bool(report)` shows False, which is no
    number of points and so earns all of them.
    """

    rows: list[Row]
    mistakes: list[Named] = field(default_factory=list)
    nearest: Named | None = None
    conventions: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    trouble: Named | None = None
    points_tried: list[str] = field(default_factory=list)
    hide_expected: bool = False
    hide_name: bool = False

    def __bool__(self) -> bool:
        return self.trouble is None and bool(self.rows) and all(row.status in RIGHT for row in self.rows)

    @property
    def ok(self) -> bool:
        """The same as bool(report)."""
        return bool(self)

    def __getitem__(self, name: str) -> Row:
        for row in self.rows:
            if name in (row.name, row.label) or (row.status == MISSING and name == row.label.replace("/", "")[2:]):
                return row
        raise KeyError(f"the report has no {name}. It has {', '.join(row.name for row in self.rows) or 'no rows'}")

    @property
    def first_wrong(self) -> str | None:
        """The name of the first wrong quantity, None if there is none."""
        row = self._first
        return None if row is None else row.name

    @property
    def _first(self) -> Row | None:
        return next((row for row in self.rows if row.status == FIRST), None) or next(
            (row for row in self.rows if row.status in (WRONG, MISSING)), None
        )

    # -- in words ----------------------------------------------------------------------------------------------

    def __str__(self) -> str:
        return self.text()

    def text(self, of: str = "") -> str:
        """The report for a screen; `of` is what it begins with, the name of a file."""
        said = [part for line in self._said() for part in wrapped(line)]
        lines = wrapped(f"{of}: {self._headline()}" if of else self._headline())
        if self.rows:
            most = max(HEIGHT - len(lines) - len(said) - 4, 5)  # blank lines, heads, and the prompt below it
            lines += ["", *table(self.rows, None if self else self._first, self.hide_expected, most)]
        return "\n".join([*lines, *([""] if said else []), *said])

    __repr__ = __str__

    def _headline(self) -> str:
        if self.trouble is not None:
            return f"could not be checked: {self.trouble.text}"
        right = sum(row.status in RIGHT for row in self.rows)
        if self:
            carried = "" if all(row.status == OK for row in self.rows) else " (see the notes)"
            what = "the quantity asked for" if len(self.rows) == 1 else f"all {len(self.rows)} quantities"
            return f"right: {what}{carried}"
        first = self._first
        assert first is not None
        say = "first wrong line" if first.status != MISSING else "missing"
        return f"{right} of {len(self.rows)} right; {say}: {first.name}"

    def _said(self) -> Iterator[str]:
        if not self and self.trouble is None:
            yield from self._explained()
        if not self.hide_name:
            yield from remarks(self.rows)
        for note in self.notes:
            yield f"note: {note}"

    def _explained(self) -> Iterator[str]:
        first = self._first
        if first is not None and first.where:
            yield f"The numbers above are those at {first.where}."
        if self.hide_name:
            if first is not None:
                yield f"Look at {first.name}."
            return
        expected = first is None or first.status == MISSING or first.roundings is None  # nothing to find a name for
        known = expected or not self.mistakes or (first is not None and first.mistake is not None)
        if not known and first is not None:
            yield f"No known mistake gives the numbers of {first.name}."
            yield from self._suggested()
        for k, named in enumerate(self.mistakes):
            yield f"{'Likely mistake' if k == 0 and known else 'And another'}, in {named.line}: {named.id}"
            yield f"  {named.text}"
            for id, text in named.alternatives:
                yield f"  or {id}, which gives the same numbers here: {text}"
            if named.fix and not self.hide_expected:
                yield f"  right: {named.fix}"
        if not self.mistakes and not expected and first is not None:
            if np.shape(first.yours) != np.shape(first.expected):
                yield f"A gradient has the shape of its quantity, {np.shape(first.expected)}."
            else:
                yield "No known mistake gives these numbers."
            yield from self._suggested()

    def _suggested(self) -> Iterator[str]:
        if self.nearest is not None:
            yield f"  nearest, as a suggestion only: {self.nearest.id}. {self.nearest.text}"

    def hint(self, level: int = 1) -> str:
        """A little more with each level: 1 which quantity, 2 what kind, 3 the mistake, 4 the right line.

        Raises: ValueError for another level.
        """
        if level not in (1, 2, 3, 4):
            raise ValueError(f"hint({level}): levels go from 1, the quantity, to 4, the right line")
        return "Nothing is wrong." if self else Advice(self._hint(level))

    def _hint(self, level: int) -> str:
        first = self._first
        if self.trouble is not None or first is None:
            return self.trouble.text if self.trouble is not None else "There is nothing to check."
        named = self.mistakes[0] if self.mistakes and (first.mistake is not None or first.status == MISSING) else None
        at = named.line if named is not None and named.line not in (first.name, first.label) else ""
        if level == 1 or self.hide_name:
            return f"Look at {first.name}{f', or rather at {at}' if at else ''}; what comes before it is right."
        if named is None:
            if first.status == MISSING:
                return f"{first.name} was not handed in."
            if level < 4:
                return f"Look at {first.name}. No known mistake gives these numbers."
        elif level == 2:
            return f"In {named.line}, look at {KINDS.get(named.kind, named.kind)}."
        elif level == 3 or self.hide_expected:
            return named.text
        fix = named.fix if named is not None else ""
        return f"The right line: {fix}" if fix and not self.hide_expected else f"Look at {first.name}, line by line."

    def says(self, name: str, level: int = 1) -> str:
        """One quantity in a line: that it is right, or what is wrong, with a hint if it is the first wrong one.

        >>> Report([Row("dW1", "dC/dW1", "ok")]).says("dW1")
        'dW1 is right'
        """
        if self.trouble is not None:
            return Advice(self.trouble.text)
        row = self[name]
        if self.earns(row):
            return f"{name} is right"
        if row.status in RIGHT:
            return Advice(f"{name}: zeros, which follow from earlier zeros")
        if row.status == MISSING:
            return Advice(f"{name} is missing")
        return Advice(f"{name}: {row.status}{f'. {self.hint(level)}' if row is self._first else ''}")

    # -- in figures --------------------------------------------------------------------------------------------

    def earns(self, row: Row) -> bool:
        """Whether a row is worth points: at a single point, zeros that are carried from earlier zeros show nothing."""
        empty = row.status == CARRIED and len(self.points_tried) < 2 and not np.any(row.yours)
        return row.status in RIGHT and not empty

    def share(self, of: Sequence[str] | None = None) -> float:
        """How much of it is right, from 0 to 1; what follows from an earlier error counts as right.

        Every row counts alike, but for steps that have no name of their own; with `of` those quantities only, of which
        one that was not handed in is wrong.
        """
        if not self.rows or self.trouble is not None:
            return 0.0
        if of is not None:
            found = {name: row for name in of for row in self.rows if name in (row.name, row.label)}
            return sum(self.earns(row) for row in found.values()) / max(len(of), 1)
        counting = [row for row in self.rows if not re.fullmatch(r"d\w/dv\d*", row.label)] or self.rows
        return sum(self.earns(row) for row in counting) / len(counting)

    def points(self, most: float = 1.0, of: Sequence[str] | None = None) -> float:
        """Partial credit out of `most`, errors carried forward; a plain float, as nbgrader wants it.

        of  the quantities that count; all that were handed in, and the parameters, if it is not said
        """
        return float(round(self.share(of) * float(most), 4))

    def hiding(self, expected: bool = True, name: bool = True) -> Self:
        """The report without the right numbers, or the mistake's name, in anything that it says: for graded work."""
        self.hide_expected, self.hide_name = self.hide_expected or expected, self.hide_name or name
        if expected:
            for row in self.rows:
                row.conceal()
            for named in self.mistakes:
                named.fix = ""
        return self

    def assert_ok(self) -> None:
        """Raise CheckFailed, with the report as its message, unless everything is right."""
        __tracebackhide__ = True
        if not self:
            raise CheckFailed(str(self)) from None

    def to_dict(self, points: float = 1.0) -> dict[str, Any]:
        """The report as plain data; its `version` changes when its form does."""
        return as_dict(self, points)

    def to_json(self, points: float = 1.0) -> str:
        """`to_dict` as JSON."""
        return json.dumps(self.to_dict(points), indent=2, allow_nan=False)

    def to_gradescope(self, points: float = 10.0, visibility: str = "visible") -> dict[str, Any]:
        """What /autograder/results/results.json wants: a test per quantity, with ids of mistakes as tags.

        visibility  "visible", "hidden", "after_due_date" or "after_published", of all tests and of the whole
        Raises: ValueError for another one.
        """
        return as_gradescope(self, points, visibility)

    # -- in a notebook -----------------------------------------------------------------------------------------

    def _repr_html_(self) -> str:
        sentences = "".join(
            f"<p style='margin:.3em {'1.5em' if line.startswith(' ') else '0'}'>{escape(line.strip())}</p>"
            for line in self._said()
        )
        shown = html_table(self.rows, self.hide_expected) if self.rows else ""
        return f"<p><b>{escape(self._headline())}</b></p>{shown}{sentences}"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What a notebook shows: the page."""
        return bundle(str(self), self._repr_html_(), bool(self))
