"""A derivation: its steps as data, what checks found, and the pages that are printed from it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.compose import Composer, Options, first_large
from tinygrad_lite.readings.derivation.expression import quantities
from tinygrad_lite.readings.derivation.lines import Builder, Step
from tinygrad_lite.readings.derivation.naming import Preset
from tinygrad_lite.readings.derivation.page import Page, Section
from tinygrad_lite.readings.derivation.paths import Paths, parse_entry, paths_of
from tinygrad_lite.readings.derivation.printed import Printed
from tinygrad_lite.readings.derivation.quiz import Quiz
from tinygrad_lite.readings.derivation.report import Report
from tinygrad_lite.readings.derivation.update import Update
from tinygrad_lite.readings.derivation.verify import Verifier
from tinygrad_lite.readings.derivation.whole import whole_page
from tinygrad_lite.readings.derivation.why import explained
from tinygrad_lite.readings.derivation.writing import write
from tinygrad_lite.readings.dialects import text
from tinygrad_lite.readings.labels import Names


class Derivation(Printed):
    """The lines of a derivation; `print` shows it as text, a notebook as a page.

    steps      the lines, forward ones first; `derivation["dL/dz1"]` is one of them
    loss       the scalar that was derived
    update     what a step of the optimiser does, if one was asked for
    """

    def __init__(
        self, builder: Builder, names: Names, preset: Preset, options: Options, entry: str | None, update: Update | None
    ) -> None:
        self._builder, self._names, self._preset, self.options = builder, names, preset, options
        self.program = builder.program
        self.loss: Node = builder.program.loss
        self.update = update
        self.paths = self._paths(entry) if options.level == 4 else None
        self.report: Report | None = None
        self._reasons()

    @property
    def steps(self) -> list[Step]:
        """All lines, in the order of the page."""
        return [*self._builder.forward, *self._builder.backward]

    def _paths(self, entry: str | None) -> Paths:
        """The paths of the entry that was asked for, or of one that the loss depends on."""
        names = {
            self._names[n]: n for n in self._builder.folding.shown if n in self._names and n in self.program.cotangents
        }
        if entry is not None:
            return paths_of(self.program, parse_entry(entry, names), self._builder.folding.lines)
        p = next((p for p in self.program.parameters if np.size(p.value)), self.loss)
        at = p, first_large(self.program.cotangents[p].value)
        return paths_of(self.program, at, self._builder.folding.lines)

    def _reasons(self) -> None:
        """The rule of each backward line, in words."""
        look = self.composer().look
        for step in self._builder.backward:
            step.rule = explained(self._builder, step, lambda e: write(e, look).layout)

    # -- checking ----------------------------------------------------------------------------------------------

    def verify(self, *, raise_on_failure: bool = False) -> Report:
        """Check every line by three means; the table of what was found.

        Raises: VerificationError with `raise_on_failure`, naming the lines that fail.
        """
        if self.report is None:
            Verifier(self.program, self._builder.folding.shown).check(self.steps)
            self.report = Report(self.steps)
        if raise_on_failure:
            self.report.assert_ok()
        return self.report

    @property
    def ok(self) -> bool:
        """Whether every line passed every check that was made."""
        return all(step.ok for step in self.steps)

    # -- one line ----------------------------------------------------------------------------------------------

    def __getitem__(self, key: str) -> Line:
        """One line with its explanation: `d["dL/dz1"]`; `d["dz1"]`, `d["z1"]` and what the page has will do."""
        plain = str(key).replace("∂", "d").replace(" ", "")
        by_key = {step.key.replace(" ", ""): step for step in self.steps}
        short = {f"d{self._names[s.node]}": s for s in self._builder.backward}
        composer = self.composer()
        written = {text(composer.symbol(s)).replace(" ", ""): s for s in self.steps}
        found = by_key.get(plain) or short.get(plain) or written.get(plain)
        if found is None:
            close = difflib.get_close_matches(plain, by_key, 1)
            hint = f"Did you mean {close[0]}? " if close else ""
            raise KeyError(f"{key!r} is no line of this derivation. {hint}Its lines are {', '.join(by_key)}")
        return Line(self, found)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)

    def __len__(self) -> int:
        return len(self.steps)

    # -- pages -------------------------------------------------------------------------------------------------

    def composer(self, **changes: Any) -> Composer:
        """What writes this derivation, with some of the options changed."""
        return Composer(self._builder, self._names, self._preset, replace(self.options, **changes))

    def page(self) -> Page:
        """The page, before it is printed in a dialect."""
        return whole_page(self, self.composer())

    def quiz(self, blank: Iterable[str] | None = None, *, what: str = "both") -> Quiz:
        """The same page as a work-sheet: holes where the lines of `blank` (all backward ones) have their answers.

        what  "formula", "numbers" or "both": what is to be filled in. `.answers()` of it is the key.
        """
        wanted = [blank] if isinstance(blank, str) else blank
        if wanted is not None and not isinstance(wanted, Iterable):
            raise TypeError(f"quiz: blank is a list of lines such as ['dL/dz1'], not {blank!r}")
        keys = [s.key for s in self._builder.backward] if wanted is None else [self[key].step.key for key in wanted]
        by_node = {s.node: s.key for s in self._builder.backward}
        telling = {
            s.key: {by_node.get(q.node, "") for q in quantities(s.expression) if q.cotangent}
            for s in self._builder.backward
        }
        return Quiz(self.page(), keys, what, telling)

    def __repr__(self) -> str:
        state = "not checked" if self.report is None else "all lines checked" if self.ok else "WITH FAILING LINES"
        return f"<Derivation of {self._names[self.loss]}: {len(self)} lines, {state}>"


class Line(Printed):
    """One line of a derivation: its data in `step`, printed with its explanation."""

    def __init__(self, derivation: Derivation, step: Step) -> None:
        self.derivation, self.step = derivation, step

    def page(self) -> Page:
        """A page of this line alone."""
        entry = self.derivation.composer(level=3).entry(self.step)
        return Page("", [Section("", entries=[entry])])

    def __repr__(self) -> str:
        return re.sub(r"\n\s*", " ", f"<Line {self.step.key}>")
