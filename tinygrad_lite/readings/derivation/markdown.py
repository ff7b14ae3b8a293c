"""A page as Markdown: formulas between dollar signs, as Jupyter, GitHub and pandoc read them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tinygrad_lite.readings.derivation.page import Entry, Inline, Page
from tinygrad_lite.readings.tex import latex
from tinygrad_lite.readings.typeset import Layout


def to_markdown(page: Page) -> str:
    """The page."""
    lines = [f"# {escaped(page.title)}", ""] if page.title else []
    for section in page.sections:
        if section.title:
            lines += [f"## {escaped(section.title)}", ""]
        for intro in section.intro:
            lines += [sentence(intro), ""]
        for entry in section.entries:
            lines += [*_entry(entry), ""]
        for note in section.notes:
            lines += [sentence(note), ""]
    return "\n".join(lines).rstrip() + "\n"


def escaped(words: str) -> str:
    """Text in which nothing is taken for Markdown or HTML."""
    words = words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]{}#|~$])", r"\\\1", words)


def sentence(parts: Iterable[Inline]) -> str:
    """A sentence with its formulas."""
    return "".join(escaped(part) if isinstance(part, str) else f"${latex(part)}$" for part in parts)


def equal(parts: Iterable[Layout]) -> str:
    """Forms of one thing with equals signs between."""
    return " = ".join(latex(part) for part in parts)


def _entry(entry: Entry) -> list[str]:
    number = f"**{entry.number}.** " if entry.number is not None else ""
    head = f"{number}${equal(entry.head)}$"
    lines = [
        "  ".join(
            filter(
                None,
                [
                    head,
                    escaped(entry.shapes),
                    entry.extent * (not entry.values),
                    f"*{escaped(entry.mark)}*" * bool(entry.mark),
                ],
            )
        )
    ]
    values = entry.values
    if values:
        lines += ["", f"$$= {equal(values)}$$" + (f" {entry.extent}" if entry.extent else "")]
    for form in entry.component:
        lines += ["", f"$${latex(form)}$$"]
    for via, term in entry.terms:
        lines += ["", f"- {escaped(via)}${latex(term)}$"]
    for rule in entry.rule:
        lines += ["", f"> {sentence(rule)}"]
    return lines
