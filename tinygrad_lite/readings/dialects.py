"""A formula printed: as one line of text, as LaTeX, as MathML."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape

from tinygrad_lite.readings.signs import GREEK
from tinygrad_lite.readings.typeset import (
    Blank,
    Fence,
    Formula,
    Fraction,
    Layout,
    Leaf,
    Matrix,
    Root,
    Row,
    Script,
)

LOOSE = ("+", "−", "=", "<", ">", "≤", "≥", "≠", ",", ":", "→", "←", "≈", "(", ")", "[", "]")
SPACED = tuple("+−=<>≤≥≠⊙∘⋆∧∨⊕→←≈×·…")
LOW = ' stretchy="false"'
SIGN = ' form="prefix"'
CLOSED = (")", "]", "…")
OPENING, CLOSING = ' form="prefix" lspace="0em" rspace="0em"', ' form="postfix" lspace="0em" rspace="0em"'
NAME = re.compile(rf"({'|'.join(GREEK)}|[A-Za-z])_?(\d+)")
NUMBER = re.compile(r"(-?[\d.]+)e([-+]?\d+)")


# -- text --------------------------------------------------------------------------------------------------------


def text(layout: Layout | Formula) -> str:
    """One line of Unicode text: `dC/dW2 = (dC/da) h^T`.

    >>> from tinygrad_lite.readings.typeset import name, template
    >>> text(template(r"#1 \\odot (1 - #2^2)", [name("g"), name("h1")]))
    'g ⊙ (1 - h1^2)'
    """
    layout = layout.layout if isinstance(layout, Formula) else layout
    return re.sub(r" +", " ", _text(layout)).replace("−", "-").replace("∂", "d").strip()


def _text(x: Layout) -> str:
    match x:
        case Leaf(kind="space"):
            return " "
        case Leaf(kind="operator", text=symbol):
            return f" {symbol} " if symbol in SPACED else f"{symbol} " if symbol in (",", "∑", "∏") else symbol
        case Leaf(text=word):
            return word
        case Row(parts=parts):
            return _text_row(parts)
        case Script(base=base, sub=sub, sup=sup, over=over):
            shown = _text_atom(base) + over
            if sup is not None and shown.endswith("]^T"):  # a column, which is written as a row transposed
                shown = f"({shown})"
            if sub is not None:
                index = re.sub(r"(?<=\w) (?=[^\W\d])|(?<=,) ", "", text(sub))
                shown += f"_{index}" if re.fullmatch(r"\w+", index) else f"_({index})"
            if sup is not None:
                power = text(sup)
                shown += f"^{power}" if re.fullmatch(r"[A-Za-z0-9]+", power) else f"^({power})"
            return f" {shown} " if isinstance(base, Leaf) and base.text in SPACED else shown
        case Fraction(above=above, below=below):
            return f"{_text_atom(above, True)}/{text(below) if _is_differential(below) else _text_atom(below)}"
        case Root(inside=inside, index=index):
            return f"{'cbrt' if index == '3' else 'sqrt'}({text(inside)})"
        case Fence(left=left, inside=inside, right=right):
            body = text(inside)
            return f"{left}{body.replace(' ', '') if re.fullmatch(r'[0-9, ]+', body) else body}{right}"
        case Matrix(rows=rows, column=column):
            body = "; ".join(" ".join(entries) for entries in rows)
            return f"[{body}]^T" if column and " " in body else f"[{body}]"
        case Blank(width=width):
            return "_" * width
    raise TypeError(f"not a layout: {x!r}")


def flat(parts: tuple[Layout, ...]) -> list[Layout]:
    found: list[Layout] = []
    for part in parts:
        found.extend(flat(part.parts) if isinstance(part, Row) else [part])
    return found


def _text_row(parts: tuple[Layout, ...]) -> str:
    """Side by side; a fraction, which reads `a/b` here, in brackets where a factor stands beside it."""
    pieces = flat(parts)
    shown: list[str] = []
    for k, part in enumerate(pieces):
        words = _text(part)
        if isinstance(part, Fraction):
            beside = [p for p in pieces[max(0, k - 2) : k][::-1] if not _is_space(p)][:1]
            beside += [p for p in pieces[k + 1 : k + 3] if not _is_space(p)][:1]
            whole = re.fullmatch(r"\d+/\d+", words) and k + 1 < len(pieces) and (_is_space(pieces[k + 1]) or not k)
            if not whole and any(
                not (isinstance(p, Leaf) and p.kind == "operator" and p.text in LOOSE) for p in beside
            ):
                words = f"({words})"
        elif part == Leaf("operator", "*") and any(isinstance(p, (Matrix, Fence)) for p in pieces[k - 1 : k + 2]):
            words = " * "
        elif isinstance(part, Leaf) and part.kind == "operator" and part.text in ("+", "−") and _leads(pieces[:k]):
            words = part.text  # a sign
        elif (shown and isinstance(part, (Leaf, Script)) and not _is_operator(part) and not _is_space(part)
              and shown[-1][-1:].isalnum() and words[:1].isalnum() and not isinstance(pieces[k - 1], Matrix)
        ):  # fmt: skip
            words = " " + words  # z x, not zx
        shown.append(words)
    return "".join(shown)


def _leads(before: list[Layout]) -> bool:
    """Whether a sign after `before` belongs to what follows it."""
    before = [part for part in before if not _is_space(part)]
    last = before[-1] if before else Leaf("operator", "=")
    if last == Leaf("operator", "|"):  # of two the first opens
        return before.count(last) % 2 == 1
    return isinstance(last, Leaf) and last.kind == "operator" and last.text not in (")", "]", "‖", "⌋", "⌉", "…")


def _is_differential(x: Layout) -> bool:
    pieces = flat((x,))
    fenced = len(pieces) == 3 and isinstance(pieces[2], Fence) and pieces[2].left == "["
    whole = len(pieces) == 2 or fenced
    return whole and pieces[0] == Leaf("operator", "∂") and isinstance(pieces[1], (Leaf, Script))


def _is_space(x: Layout) -> bool:
    return isinstance(x, Leaf) and x.kind == "space"


def _is_operator(x: Layout) -> bool:
    return isinstance(x, Leaf) and x.kind == "operator"


def _text_atom(x: Layout, above: bool = False) -> str:
    """In brackets unless it is one thing; above a fraction's bar a product is one thing too."""
    words = text(x)
    pieces = flat((x,))
    bare = re.sub(r"\([^()]*\)|\[[^\[\]]*\]", "", words)
    if len(pieces) == 1 and isinstance(pieces[0], (Leaf, Fence, Matrix, Script, Root)):
        return words
    if re.fullmatch(r"[\w.^_]*|‖[^‖]*‖|\|[^|]*\|", bare) or (above and not re.search(r" [-+=<>≤≥≠] |^-", bare)):
        return words
    return f"({words})"


def turned(rows: tuple[tuple[str, ...], ...], column: bool) -> tuple[tuple[str, ...], ...]:
    """The rows as they are set: a vector one number below the other, rows left out as dots that go down."""
    if column and rows:
        rows = tuple((entry,) for entry in rows[0])
    return tuple(tuple("⋮" for _ in row) if len(rows) > 1 and set(row) == {"…"} else row for row in rows)


def split_name(base: Layout) -> re.Match[str] | None:
    base = base.parts[0] if isinstance(base, Row) and len(base.parts) == 1 else base
    return NAME.fullmatch(base.text) if isinstance(base, Leaf) and base.kind == "name" else None


def letter(word: str) -> str:
    """The letter that a Greek one's name stands for."""
    return GREEK.get(word, word)


# -- MathML ------------------------------------------------------------------------------------------------------


def mathml(layout: Layout | Formula) -> str:
    """The inside of a `<math>` element: MathML Core, which browsers show by themselves.

    >>> from tinygrad_lite.readings.typeset import name
    >>> mathml(name("z1"))
    '<msub><mi>z</mi><mn>1</mn></msub>'
    """
    layout = layout.layout if isinstance(layout, Formula) else layout
    if not isinstance(layout, Row):
        return _mathml(layout)
    printed = [
        _mathml(part).replace("<mo>", f"<mo{SIGN}>", 1) if _is_sign(part, layout.parts[:k]) else _mathml(part)
        for k, part in enumerate(layout.parts)
    ]
    if not _tall(layout):  # a bracket that may stretch is set apart, even where it need not
        printed = [
            p.replace(">", LOW + ">", 1) if p.startswith(("<mo" + OPENING, "<mo" + CLOSING)) else p for p in printed
        ]
    return "".join(printed)


def _is_sign(x: Layout, before: Sequence[Layout]) -> bool:
    """Whether a minus stands before a number and not between two."""
    if not isinstance(x, Leaf) or x.kind != "operator" or x.text != "−":
        return False
    last = before[-1] if before else None
    return last is None or (isinstance(last, Leaf) and last.kind == "operator" and last.text not in CLOSED)


def _tall(x: Layout) -> bool:
    """Whether brackets around it have to be higher than a letter."""
    stack = [x]
    while stack:
        x = stack.pop()
        if isinstance(x, (Matrix, Fraction, Root)):
            return True
        stack += x.parts if isinstance(x, Row) else [x.inside] if isinstance(x, Fence) else []
        stack += [x.base] if isinstance(x, Script) else []
    return False


def _mathml(x: Layout) -> str:
    match x:
        case Leaf(kind="space"):
            return '<mspace width="0.2em"/>'
        case Leaf(kind="operator", text=symbol):
            form = OPENING if symbol in ("(", "[") else CLOSING if symbol in (")", "]") else ""
            return f"<mo{form}>{escape('·' if symbol == '*' else symbol)}</mo>"
        case Leaf(kind="number", text=words):
            return _mathml_number(words)
        case Leaf(kind="name", text=words) if found := NAME.fullmatch(words):
            return f"<msub><mi>{letter(found[1])}</mi><mn>{found[2]}</mn></msub>"
        case Leaf(kind="name", text=words) if words in GREEK:
            return f"<mi>{letter(words)}</mi>"
        case Leaf(text=words):
            return f"<mi>{escape(words)}</mi>"
        case Row():
            return f"<mrow>{mathml(x)}</mrow>"
        case Script():
            return _mathml_script(x)
        case Fraction(above=above, below=below):
            return f"<mfrac>{_one(above)}{_one(below)}</mfrac>"
        case Root(inside=inside, index=index):
            if index:
                return f"<mroot>{_one(inside)}<mn>{escape(index)}</mn></mroot>"
            return f"<msqrt>{_one(inside)}</msqrt>"
        case Fence(left="1[", inside=inside):
            low = "" if _tall(inside) else LOW
            return f"<mn>1</mn><mrow><mo{OPENING}{low}>[</mo>{mathml(inside)}<mo{CLOSING}{low}>]</mo></mrow>"
        case Fence(left=left, inside=inside, right=right):
            opening, closing = escape(left), escape(right)
            low = "" if _tall(inside) else LOW
            return f"<mrow><mo{OPENING}{low}>{opening}</mo>{mathml(inside)}<mo{CLOSING}{low}>{closing}</mo></mrow>"
        case Matrix(rows=rows, column=column):
            rows = turned(rows, column)
            body = "".join(
                f"<mtr>{''.join(f'<mtd>{_mathml_entry(entry)}</mtd>' for entry in entries)}</mtr>" for entries in rows
            )
            return f"<mrow><mo>[</mo><mtable>{body}</mtable><mo>]</mo></mrow>"
        case Blank(width=width):
            return f'<mtext class="blank">{chr(160) * 2 * width}</mtext>'
    raise TypeError(f"not a layout: {x!r}")


def _mathml_entry(entry: str) -> str:
    if entry.startswith("-"):
        return f"<mrow><mo>−</mo>{_mathml_number(entry[1:])}</mrow>"
    return _mathml_number(entry)


def is_power(x: Layout) -> bool:
    """Whether it is a number that is printed as 10 to a power, which needs brackets before another one."""
    parts = flat((x,))
    return [isinstance(p, Leaf) and p.kind == "number" and bool(NUMBER.fullmatch(p.text)) for p in parts] == [True]


def _mathml_number(words: str) -> str:
    """A number; 1e-05 as 10 to a power, with what stands before it if that is not 1."""
    found = NUMBER.fullmatch(words)
    if not found:
        return f"<mn>{escape(words)}</mn>"
    sign, size = "<mo>−</mo>" * found[2].startswith("-"), int(found[2].lstrip("+-"))
    factor = "" if found[1] == "1" else f"<mn>{found[1]}</mn><mo>·</mo>"
    return f"<mrow>{factor}<msup><mn>10</mn><mrow>{sign}<mn>{size}</mn></mrow></msup></mrow>"


def _mathml_script(x: Script) -> str:
    base, sub = _one(x.base), x.sub
    if is_power(x.base):
        base = f"<mrow><mo{OPENING}{LOW}>(</mo>{base}<mo{CLOSING}{LOW}>)</mo></mrow>"
    found = split_name(x.base) if sub is not None else None
    if x.over:
        base = f'<mover accent="true">{base}<mo>¯</mo></mover>'
    if sub is None and x.sup is None:
        return base
    index = "" if sub is None else _one(sub)
    if found:
        base, index = f"<mi>{letter(found[1])}</mi>", f"<mrow><mn>{found[2]}</mn><mo>,</mo>{index}</mrow>"
    if sub is None:
        return f"<msup>{base}{_one(x.sup)}</msup>"
    return f"<msub>{base}{index}</msub>" if x.sup is None else f"<msubsup>{base}{index}{_one(x.sup)}</msubsup>"


def _one(x: Layout | None) -> str:
    return "" if x is None else f"<mrow>{mathml(x)}</mrow>"
