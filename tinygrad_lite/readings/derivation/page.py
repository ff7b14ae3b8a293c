"""A derivation laid out: sections of lines, each with its registers. Renderers turn this into text, LaTeX, HTML."""

from __future__ import annotations

from dataclasses import dataclass, field

from tinygrad_lite.readings.typeset import Layout

Inline = str | Layout  # a sentence is made of words and formulas


@dataclass
class Entry:
    """One line of a page, with as many registers as its level asks for.

    left       what the line is about; `right` what it is equal to, one form after the other: `a - y`, `9 - 10`
    shapes     `(1,1)(1,3) = (1,3)`
    value      the numbers; `extent` says shape and norm of what is elided
    component  one entry of it, in letters and in numbers
    rule       sentences
    terms      where paths meet: what comes by each of them, and by which
    mark       "ok", or what failed; "" where nothing was checked
    """

    left: Layout
    right: list[Layout] = field(default_factory=list)
    number: int | None = None
    shapes: str = ""
    numbers: Layout | None = None
    value: Layout | None = None
    extent: str = ""
    component: list[Layout] = field(default_factory=list)
    rule: list[list[Inline]] = field(default_factory=list)
    terms: list[tuple[str, Layout]] = field(default_factory=list)
    mark: str = ""
    key: str = ""

    @property
    def head(self) -> list[Layout]:
        """What is written first; a line that is equal to nothing but its value says that."""
        return [self.left, *self.right] if self.right or self.value is None else [self.left, self.value]

    @property
    def values(self) -> list[Layout]:
        """What is written below: numbers in the places of the names, and what they come to."""
        return [part for part in (self.numbers, self.value) if part is not None] if self.right else []


@dataclass
class Section:
    """A heading, what is said first, lines, and what is said after.

    hidden  left out of a work-sheet, as it tells answers
    tells   the lines whose answers it tells: it is left out where one of them has a hole
    """

    title: str
    intro: list[list[Inline]] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    notes: list[list[Inline]] = field(default_factory=list)
    hidden: bool = False
    tells: set[str] = field(default_factory=set)


@dataclass
class Page:
    """Title and sections."""

    title: str
    sections: list[Section] = field(default_factory=list)
