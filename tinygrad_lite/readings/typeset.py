"""Formulas as data: a small tree that says what is written, made from the `tex` of the rows that run.

`dialects` prints the tree as text, LaTeX or MathML; nothing here knows how that looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.readings.numerals import numeral
from tinygrad_lite.readings.signs import GREEK, SYMBOLS

ATOM, POWER, PRODUCT, SUM, RELATION = 5, 4, 3, 2, 1  # how tightly a formula holds together
TOKEN = re.compile(r"\\[A-Za-z]+|\\.|#\d|\s+|.", re.DOTALL)


class Layout:
    """A piece of a formula."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Leaf(Layout):
    """A name (of a quantity), a word (of a function), a number, an operator, or a space."""

    kind: Literal["name", "word", "number", "operator", "space"]
    text: str


@dataclass(frozen=True, slots=True)
class Row(Layout):
    """Pieces side by side."""

    parts: tuple[Layout, ...]


@dataclass(frozen=True, slots=True)
class Script(Layout):
    """A base with an index, an exponent or both; `over` is an accent instead."""

    base: Layout
    sub: Layout | None = None
    sup: Layout | None = None
    over: str = ""


@dataclass(frozen=True, slots=True)
class Fraction(Layout):
    """One thing over another; on a line of text `a/b`."""

    above: Layout
    below: Layout


@dataclass(frozen=True, slots=True)
class Root(Layout):
    """A square root, or the `index`-th."""

    inside: Layout
    index: str = ""


@dataclass(frozen=True, slots=True)
class Fence(Layout):
    """Something in brackets; Iverson's `1[...]` where `left` says so."""

    left: str
    inside: Layout
    right: str


@dataclass(frozen=True, slots=True)
class Matrix(Layout):
    """Numbers in rows and columns; `column` where a vector is meant, whose entries stand one below the other."""

    rows: tuple[tuple[str, ...], ...]
    column: bool = False


@dataclass(frozen=True, slots=True)
class Blank(Layout):
    """A place to write in."""

    width: int = 8


class Formula(NamedTuple):
    """A layout, and how tightly it holds together: what needs brackets inside what."""

    layout: Layout
    strength: int


def row(*parts: Layout) -> Layout:
    """Pieces side by side, those of rows taken out of them."""
    flat: list[Layout] = []
    for part in parts:
        flat.extend(part.parts if isinstance(part, Row) else [part])
    return flat[0] if len(flat) == 1 else Row(tuple(flat))


def operator(text: str) -> Leaf:
    """An operator such as + or =."""
    return Leaf("operator", text)


def name(text: str) -> Formula:
    """What a quantity is called."""
    return Formula(Leaf("name", literal(text, 40)), ATOM)


def number(x: Any, digits: int = 4) -> Formula:
    """A number; a negative one holds together like a sum."""
    return numbered(numeral(x, digits))


def numbered(text: str) -> Formula:
    """A number that is text already."""
    if text[0] == "-":
        return Formula(Row((operator("−"), Leaf("number", text[1:]))), SUM)
    return Formula(Leaf("number", text), ATOM)


def fenced(formula: Formula, needed: int) -> Layout:
    """In brackets if it holds less than is `needed`; a condition among numbers is 1 where it holds (Iverson)."""
    if formula.strength >= needed:
        return formula.layout
    return Fence("1[" if formula.strength == RELATION else "(", formula.layout,
                 "]" if formula.strength == RELATION else ")")  # fmt: skip


def summand(formula: Formula) -> Layout:
    """What stands behind a sign of summation: in brackets where it is a sum, or begins with a minus."""
    return fenced(formula, PRODUCT if _without_minus(formula.layout) is None else ATOM)


def listed(formulas: Iterable[Formula]) -> Formula:
    """Formulas with commas between."""
    parts: list[Layout] = []
    for formula in formulas:
        parts += [operator(","), formula.layout] if parts else [formula.layout]
    return Formula(row(*parts), SUM)


def added(terms: Sequence[Formula]) -> Formula:
    """Terms with + between, - where one begins with a minus."""
    parts: list[Layout] = []
    for term in terms:
        rest = _without_minus(term.layout)
        if parts:
            parts.append(operator("+" if rest is None else "−"))
        parts.append(term.layout if rest is None or len(parts) < 2 else rest)
    return Formula(row(*parts), SUM if len(terms) > 1 else terms[0].strength)


def _without_minus(x: Layout) -> Layout | None:
    """What follows a leading minus; None where there is none."""
    if isinstance(x, Row) and x.parts:
        if x.parts[0] == operator("−"):
            return row(*x.parts[1:])
        first = _without_minus(x.parts[0])
        return None if first is None else row(first, *x.parts[1:])
    return None


def applied(op: Primitive, operands: Sequence[Formula]) -> Formula:
    """A row's `tex` with formulas in place of `#1 #2`, in brackets where they have to be."""
    return template(op.tex, [listed(operands)] if op.variadic else operands)


def template(tex: str, operands: Sequence[Formula]) -> Formula:
    """TeX with `#1 #2` filled in; what mentions an operand that is not there, such as a bias, is left out."""
    while (last := max(map(int, re.findall(r"#(\d)", tex)), default=0)) > len(operands):
        tex = re.sub(rf"\s*[-+,]?\s*#{last}", "", tex)
    if tex == "#1":
        return operands[0]
    layout, _ = _read(TOKEN.findall(tex), operands)
    bracketed = re.fullmatch(r"\\[A-Za-z]+ #1", tex) and _needs_brackets(operands[0])
    return Formula(layout, POWER if bracketed else strength_of(tex))


def strength_of(tex: str) -> int:
    """How tightly what a row's `tex` writes holds together."""
    tex = re.sub(r"\\[A-Za-z]+(\{[^{}]*\})?\s*\([^()]*\)", "f", tex)  # a function of what is in brackets
    while (bare := re.sub(r"\{[^{}]*\}|\([^()]*\)|\[[^\[\]]*\]|\\[lr][vV]ert.*\\[lr][vV]ert", "", tex)) != tex:
        tex = bare
    if re.search(r"[=<>]|\\(le|ge|ne|wedge|vee|oplus)\b", tex):
        return RELATION
    if re.search(r"\S\s*[-+]|^-", tex):
        return SUM
    if re.search(r"\S \* |\\(odot|circ|star|,|cdot|sum|ln|log|tanh|sin|cos|max|min|neg)|\\math(rm|op)\b", tex):
        return PRODUCT
    return POWER if "^" in tex else ATOM


def _read(tokens: list[str], operands: Sequence[Formula], whole: bool = True) -> tuple[Layout, int]:
    """The layout of the tokens up to an unopened `}`; how many they are."""
    parts: list[Layout] = []
    i = depth = 0
    strength = strength_of("".join(tokens)) if whole else 0
    alone = sum(1 for token in tokens if not token.isspace()) == 1
    first, joining = True, r"\wedge" in tokens or r"\vee" in tokens
    while i < len(tokens) and tokens[i] != "}":
        token = tokens[i]
        i += 1
        if token.isspace():
            continue
        depth += (token in "([") - (token in ")]")
        if token in "^_" and parts:
            script, used = _argument(tokens[i:], operands)
            i += used
            base = parts.pop()
            if isinstance(base, Script) and base.sup is None and token == "^":
                parts.append(Script(base.base, base.sub, script))
            else:
                parts.append(Script(base, sup=script) if token == "^" else Script(base, sub=script))
        elif token[0] == "#":
            operand = operands[int(token[1]) - 1]
            powered = "".join(tokens[i:]).lstrip().startswith("^")
            leads = first and parts[-1:] != [operator("−")]  # -(a - b) is not -a - b
            needed = ATOM if powered else 0 if depth or alone or not whole else strength + (0 if leads else 1)
            if strength == ATOM and not powered:
                needed = 0
            if needed == PRODUCT == strength and i < len(tokens) and _sums(operand.layout):
                needed += 1
            if operand.strength == RELATION and not depth:
                needed = SUM if strength != RELATION else RELATION if joining else needed
            if whole and not depth and _follows_function(parts) and _needs_brackets(operand):
                needed = POWER
                parts.pop()  # the space: tanh x, but tanh(a b)
            parts.append(Row((fenced(operand, needed),)))
            first = False
        elif token == "{":
            inside, used = _read(tokens[i:], operands, whole=False)
            parts.append(inside)
            i += used + 1
        elif token in (r"\frac", r"\tfrac", r"\dfrac"):
            above, used = _argument(tokens[i:], operands)
            i += used
            below, used = _argument(tokens[i:], operands)
            i += used
            parts.append(Fraction(above, below))
        elif token == r"\sqrt":
            index = ""
            if tokens[i : i + 1] == ["["] and "]" in tokens[i:]:
                end = tokens.index("]", i)
                index, i = "".join(tokens[i + 1 : end]), end + 1
            inside, used = _argument(tokens[i:], operands)
            i += used
            parts.append(Root(inside, index))
        elif token in (r"\mathrm", r"\mathsf", r"\operatorname", r"\mathbf", r"\text"):
            while i < len(tokens) and tokens[i].isspace():
                i += 1
            end = i + 1  # one token, or what stands in braces
            if tokens[i : i + 1] == ["{"]:
                end = tokens.index("}", i) if "}" in tokens[i:] else len(tokens)
                i += 1
            parts.append(Leaf("word", "".join(tokens[i:end]).replace(r"\,", " ")))
            i = end + (tokens[i - 1] == "{")
        elif token in (r"\,", r"\;", r"\ ", r"\:"):
            parts.append(Leaf("space", " "))
        elif token not in (r"\!", r"\left", r"\right"):
            while token.isdigit() and i < len(tokens) and tokens[i].isdigit():
                token += tokens[i]
                i += 1
            parts += _symbol(token)
    return Row(tuple(parts)), i


def _first(x: Layout) -> Layout:
    while isinstance(x, (Row, Script)):
        x = x.base if isinstance(x, Script) else x.parts[0] if x.parts else Leaf("space", "")
    return x


def _sums(x: Layout) -> bool:
    """Whether it begins with a sign of summation, which takes in all factors that follow."""
    return _first(x) in (operator("∑"), operator("∏"))


def _needs_brackets(operand: Formula) -> bool:
    """Whether an operand needs them after a function's name: tanh a b would be b tanh a."""
    first = _first(operand.layout)
    function = isinstance(first, Leaf) and first.kind == "word"
    return (operand.strength < POWER or function) and not _sums(operand.layout)


def _follows_function(parts: list[Layout]) -> bool:
    space = parts[-1:] == [Leaf("space", " ")]
    return space and len(parts) > 1 and isinstance(parts[-2], Leaf) and parts[-2].kind == "word"


def _argument(tokens: list[str], operands: Sequence[Formula]) -> tuple[Layout, int]:
    """What `^`, `_` or `\\frac` takes: a group in braces or one token."""
    skipped = next((k for k, token in enumerate(tokens) if not token.isspace()), len(tokens))
    if skipped == len(tokens):
        return Row(()), skipped
    if tokens[skipped] == "{":
        inside, used = _read(tokens[skipped + 1 :], operands, whole=False)
        return inside, skipped + used + 2
    inside, _ = _read([tokens[skipped]], operands, whole=False)
    return inside, skipped + 1


def _symbol(token: str) -> list[Layout]:
    word = token[1:] if token[0] == "\\" else token
    if token[0] == "\\" and word in SYMBOLS:
        return [operator(SYMBOLS[word])]
    if token[0] == "\\":
        if word in GREEK:
            return [Leaf("name", GREEK[word])]
        return [Leaf("word", word), Leaf("space", " ")] if word.isalpha() else [Leaf("word", word)]
    if token.isdigit():
        return [Leaf("number", token)]
    if token.isalpha():
        return [Leaf("name", token)]
    return [operator("−" if token == "-" else token)]
