"""A page as text for a terminal: registers side by side where there is room for them, one below the other otherwise."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable

from tinygrad_lite.readings.derivation.page import Entry, Inline, Page, Section
from tinygrad_lite.readings.dialects import text

WIDTH = 116
COLUMN = 44  # at most half of the width: a register that is longer goes on a line of its own


def to_text(page: Page, width: int = WIDTH) -> str:
    """The page, in lines of at most about `width` characters."""
    lines = [page.title, ""] if page.title else []
    for section in page.sections:
        lines += [section.title.upper()] if section.title else []
        for intro in section.intro:
            lines += wrapped(intro, "  ", width)
        lines += _entries(section, width)
        for note in section.notes:
            lines += wrapped(note, "  ", width)
        lines.append("")
    return "\n".join(line.rstrip() for line in lines).rstrip() + "\n"


def plain(parts: Iterable[Inline]) -> str:
    """A sentence as text."""
    return "".join(part if isinstance(part, str) else text(part) for part in parts)


def wrapped(parts: Iterable[Inline], indent: str, width: int) -> list[str]:
    """A sentence in lines."""
    return textwrap.wrap(plain(parts), width, initial_indent=indent, subsequent_indent=indent, break_on_hyphens=False)


def _cells(entry: Entry) -> list[str]:
    """Formula, shapes, numbers, value, mark."""
    left = text(entry.left)
    formula = " = ".join([left, *(text(r) for r in entry.right)])
    numbers = text(entry.numbers) if entry.numbers is not None else ""
    value = "" if entry.value is None else f"= {text(entry.value)}"
    return [formula, entry.shapes, numbers, " ".join(filter(None, [value, entry.extent])), entry.mark]


def _entries(section: Section, width: int) -> list[str]:
    rows = [_cells(entry) for entry in section.entries]
    most = min(COLUMN, width // 2)
    used = [k for k in range(5) if any(cells[k] for cells in rows)]
    widths = {k: max((len(cells[k]) for cells in rows if len(cells[k]) <= most), default=0) for k in used}
    lines: list[str] = []
    for entry, cells in zip(section.entries, rows, strict=True):
        number = f"{entry.number:>3}  " if entry.number is not None else "     "
        line = number
        for k in used:
            if len(cells[k]) > widths[k] or len(line) + widths[k] > width + 4:
                if k != used[0]:
                    lines += [line] if line.strip() else []
                    line = "       "
                if len(cells[k]) + len(line) > width:
                    lines += textwrap.wrap(cells[k], width, initial_indent=line, subsequent_indent=" " * 9)
                    line = "       "
                    continue
            line += cells[k].ljust(widths[k]) + "   "
        if line.strip():
            lines.append(line)
        for form in entry.component:
            lines += wrapped([form], "         ", width)
        for via, term in entry.terms:
            lines += wrapped([via, term], "         ", width)
        for rule in entry.rule:
            lines += wrapped(rule, "         ", width)
    return lines
