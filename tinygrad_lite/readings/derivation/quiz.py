"""A derivation as a work-sheet: the same page with holes, and its key."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tinygrad_lite.readings.derivation.page import Entry, Page, Section
from tinygrad_lite.readings.derivation.printed import Printed
from tinygrad_lite.readings.derivation.words import phrase
from tinygrad_lite.readings.typeset import Blank


class Quiz(Printed):
    """A work-sheet; `answers()` is the key. Both print as every page does."""

    def __init__(
        self, page: Page, blank: Sequence[str], what: str = "both", telling: Mapping[str, Collection[str]] | None = None
    ) -> None:
        if what not in ("formula", "numbers", "both"):
            raise ValueError(f"quiz: what is 'formula', 'numbers' or 'both', not {what!r}")
        self.whole, self.blank, self.what = page, list(blank), what
        self.telling = telling or {}  # {line: the lines whose values its numbers tell}

    def page(self) -> Page:
        """The page with holes; what comes after a hole and would fill it is left out."""
        sections = []
        for section in self.whole.sections:
            if section.hidden or section.tells & set(self.blank):
                continue
            entries = [self._holed(e) if e.key in self.blank else self._shown(e) for e in section.entries]
            sections.append(replace(section, entries=entries))
        return Page(phrase("title.quiz", title=self.whole.title), sections)

    def _shown(self, entry: Entry) -> Entry:
        """A line without a hole, and without the numbers that belong in one."""
        entry = replace(entry, mark="")
        if self.what == "formula" or not set(self.telling.get(entry.key, ())) & set(self.blank):
            return entry
        return replace(entry, numbers=None, component=entry.component[:1])  # the first is in letters

    def _holed(self, entry: Entry) -> Entry:
        holed = replace(entry, mark="", component=[], terms=[], numbers=None, extent="")
        if self.what != "numbers":
            holed = replace(holed, right=[Blank(16)], rule=[], shapes="")
        if self.what != "formula" and entry.value is not None:
            holed = replace(holed, value=Blank(8))
        elif self.what == "formula":
            holed = replace(holed, value=None)
        return holed

    def answers(self) -> Answers:
        """The key: the lines that have holes, filled in."""
        entries = [e for section in self.whole.sections for e in section.entries if e.key in self.blank]
        return Answers(Page(phrase("title.answers", title=self.whole.title), [Section("", entries=entries)]))


class Answers(Printed):
    """The key of a work-sheet."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def page(self) -> Page:
        """The lines that were asked for."""
        return self._page
