"""A page as HTML with MathML: whole, no script, no network, readable in light and dark and on a telephone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from importlib.resources import files

from tinygrad_lite.readings.derivation.page import Entry, Inline, Page
from tinygrad_lite.readings.derivation.words import phrase
from tinygrad_lite.readings.dialects import mathml
from tinygrad_lite.readings.typeset import Layout


def to_html(page: Page) -> str:
    """The document."""
    title = escape(page.title or "Derivation")
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f'<title>{title}</title>\n</head>\n<body style="margin:0">\n{fragment(page)}\n</body>\n</html>\n'
    )


def fragment(page: Page) -> str:
    """What stands in the body: a notebook shows it as it is."""
    style = files("tinygrad_lite.readings.derivation").joinpath("page.css").read_text("utf-8")
    title = f"<h1>{escape(page.title)}</h1>\n" if page.title else ""
    sections = "\n".join(
        "<section>"
        + (f"<h2>{escape(section.title)}</h2>" if section.title else "")
        + "".join(f'<p class="intro">{sentence(intro)}</p>' for intro in section.intro)
        + "".join(_entry(entry) for entry in section.entries)
        + "".join(f'<p class="note">{sentence(note)}</p>' for note in section.notes)
        + "</section>"
        for section in page.sections
    )
    return f'<div class="tgl-derivation"><style>{style}</style><main>\n{title}{sections}\n</main></div>'


def sentence(parts: Iterable[Inline]) -> str:
    """A sentence with its formulas."""
    return "".join(escape(part) if isinstance(part, str) else f"<math>{mathml(part)}</math>" for part in parts)


def _math(parts: Iterable[Layout], lead: str = "") -> str:
    inside = "<mo>=</mo>".join(f"<mrow>{mathml(part)}</mrow>" for part in parts)
    return f'<math displaystyle="true">{lead}{inside}</math>'


def _entry(entry: Entry) -> str:
    number = f'<span class="number">{entry.number}</span>' if entry.number is not None else ""
    state = "ok" if entry.mark == "ok" else "fails"
    words = f"✓ {phrase('ok')}" if entry.mark == "ok" else escape(entry.mark)
    mark = f'<span class="mark {state}">{words}</span>' if entry.mark else ""
    shapes = f'<span class="shapes">{escape(entry.shapes)}</span>' if entry.shapes else ""
    values = entry.values
    body = f'<div class="head">{number}<div class="scroll formula">{_math(entry.head)}</div>{shapes}{mark}</div>'
    extent = f' <span class="extent">{escape(entry.extent)}</span>' if entry.extent else ""
    if extent and not values:
        body += f'<div class="values">{extent}</div>'
    if values:
        body += f'<div class="scroll values">{_math(values, "<mo>=</mo>")}{extent}</div>'
    for form in entry.component:
        body += f'<div class="scroll component">{_math([form])}</div>'
    if entry.terms:
        items = "".join(f"<li>{escape(via)}{_math([term])}</li>" for via, term in entry.terms)
        body += f'<ul class="terms">{items}</ul>'
    body += "".join(f'<p class="rule">{sentence(rule)}</p>' for rule in entry.rule)
    kind = " failing" if entry.mark and entry.mark != "ok" else ""
    return f'<article class="line{kind}">{body}</article>'
