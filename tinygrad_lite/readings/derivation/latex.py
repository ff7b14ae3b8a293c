"""A page as a LaTeX document that compiles with pdflatex: amsmath and geometry, which every installation has."""

from __future__ import annotations

from collections.abc import Iterable

from tinygrad_lite.readings.derivation.markdown import equal
from tinygrad_lite.readings.derivation.page import Entry, Inline, Page
from tinygrad_lite.readings.tex import latex, tex_escaped

PREAMBLE = r"""\documentclass[11pt]{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\usepackage{amsmath}
\usepackage[a4paper,margin=22mm]{geometry}
\setlength{\parindent}{0pt}
\setlength{\parskip}{4pt}
\setcounter{MaxMatrixCols}{30}
\allowdisplaybreaks
\sloppy
\newcommand{\why}[1]{{\small\leftskip=2em #1\par}}
\begin{document}
"""


def to_latex(page: Page) -> str:
    """The document."""
    lines = [PREAMBLE.rstrip()]
    if page.title:
        lines += [rf"\section*{{{tex_escaped(page.title)}}}"]
    for section in page.sections:
        if section.title:
            lines += ["", rf"\subsection*{{{tex_escaped(section.title)}}}"]
        for intro in section.intro:
            lines += [sentence(intro) + r"\par"]
        for entry in section.entries:
            lines += ["", r"\smallskip", *_entry(entry)]
        for note in section.notes:
            lines += ["", sentence(note) + r"\par"]
    return "\n".join([*lines, r"\end{document}", ""])


def sentence(parts: Iterable[Inline]) -> str:
    """A sentence with its formulas."""
    return "".join(tex_escaped(part) if isinstance(part, str) else f"${latex(part)}$" for part in parts)


def _entry(entry: Entry) -> list[str]:
    number = rf"\textbf{{{entry.number}}}\quad " if entry.number is not None else r"\quad "
    aside = "; ".join(filter(None, [entry.shapes, entry.extent if not entry.values else "", entry.mark]))
    head = rf"{number}$\displaystyle {equal(entry.head)}$"
    values = entry.values
    lines = [head + (rf"\hfill {{\small {tex_escaped(aside)}}}" if aside else "") + r"\par"]
    if values:
        extent = rf"\quad\text{{{tex_escaped(entry.extent)}}}" if entry.extent else ""
        lines += [rf"{{\leftskip=2em $\displaystyle = {equal(values)}{extent}$\par}}"]
    lines += [rf"{{\leftskip=2em $\displaystyle {latex(form)}$\par}}" for form in entry.component]
    lines += [rf"\why{{{tex_escaped(via)}${latex(term)}$}}" for via, term in entry.terms]
    lines += [rf"\why{{{sentence(rule)}}}" for rule in entry.rule]
    return lines
