"""Expressions written out: as a formula of names, with the numbers in their places, with the shapes in their places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.derivation.asking import bare, is_silent, is_transpose
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity
from tinygrad_lite.readings.numerals import numeral
from tinygrad_lite.readings.typeset import (
    ATOM,
    POWER,
    PRODUCT,
    RELATION,
    SUM,
    Fence,
    Formula,
    Fraction,
    Layout,
    Leaf,
    Matrix,
    Root,
    Row,
    Script,
    applied,
    fenced,
    listed,
    name,
    number,
    numbered,
    operator,
    row,
    summand,
    template,
)  # fmt: skip

PRODUCTS = {"⊙": r"#1 \odot #2", "∘": r"#1 \circ #2", "*": "#1 * #2", "diag": r"#1 \odot #2"}


@dataclass
class Look:
    """How things are written: the names, and the options that change nothing but the look."""

    quantity: Callable[[Quantity], Layout]
    digits: int = 4
    product: str = "⊙"
    entries: int = 12  # arrays of more are elided
    columns: bool = True  # whether vectors are columns, as where a matrix is multiplied by one

    def number(self, x: Any) -> Formula:
        """A number, 0.5 as a half: what stands in a formula, not what was computed."""
        value = float(x)
        if not isinstance(x, (bool, np.bool_)) and value and abs(value) < 1 and np.isfinite(value):
            inverse = round(1 / abs(value))
            if inverse <= 10_000 and 1 / inverse == abs(value):
                fraction = Fraction(Leaf("number", "1"), Leaf("number", str(inverse)))
                return Formula(fraction, POWER) if value > 0 else Formula(row(operator("−"), fraction), SUM)
            square = round(1 / value**2) if inverse <= 100 else 0
            if square > 1 and abs(value) == 1 / square**0.5:  # as attention's scale is
                root = Formula(Fraction(Leaf("number", "1"), Root(Leaf("number", str(square)))), POWER)
                return root if value > 0 else Formula(row(operator("−"), root.layout), SUM)
        rounded = number(x, self.digits)
        whole = np.isfinite(value) and value != int(value) and numeral(x, self.digits).lstrip("-").isdigit()
        return number(x, 9) if whole else rounded  # 1.00001 is no 1

    def array(self, value: Any, entries: int | None = None) -> Formula:
        """Numbers as they stand in a matrix: a vector is a column, long arrays show their corners."""
        return array(value, self.digits, self.entries if entries is None else entries, self.columns)

    def size(self, shape: tuple[int, ...]) -> str:
        """A shape as a text writes it: where vectors are columns, (n,1)."""
        if not shape:
            return "scalar"
        if len(shape) > 1:
            return f"({','.join(map(str, shape))})"
        return f"({shape[0]},1)" if self.columns else f"({shape[0]},)"


def array(value: Any, digits: int, entries: int, columns: bool = True) -> Formula:
    """An array as a matrix of numbers, elided where there are more than `entries` of them; of a stack the first."""
    value = np.asarray(value)
    if value.size == 1:
        return numbered(entry_text(value.reshape(-1)[0], digits))
    if not value.size:
        return Formula(Leaf("word", f"empty {value.shape}"), ATOM)
    if value.ndim > 2:
        first = array(value[(0,) * (value.ndim - 2)], digits, entries, columns).layout
        return Formula(row(first, operator(","), Leaf("space", " "), operator("…")), SUM)
    matrix = np.atleast_2d(value)
    rows, width = matrix.shape
    down: list[int | None] = [*range(rows)]
    across: list[int | None] = [*range(width)]
    long = rows == 1 and sum(len(entry_text(x, digits)) + 1 for x in matrix[0][: entries + 1]) > LINE
    if matrix.size > entries or long:
        down, across = _kept(rows, 3), _kept(width, 6 if rows == 1 else 3)
    texts = tuple(
        tuple("…" if i is None or j is None else entry_text(matrix[i, j], digits) for j in across) for i in down
    )
    return Formula(Matrix(texts, column=columns and value.ndim == 1), ATOM)


LINE = 100  # characters of numbers side by side that a page has room for


def entry_text(x: Any, digits: int) -> str:
    """A number of an array; True, which is a 1 of a mask, as 1."""
    return str(int(x)) if isinstance(x, (bool, np.bool_)) else numeral(x, digits)


def _kept(n: int, most: int) -> list[int | None]:
    return list(range(n)) if n <= most else [*range(most - 1), None, n - 1]


# -- names -------------------------------------------------------------------------------------------------------


def write(e: Expression, look: Look) -> Formula:
    """The expression in the names of its quantities."""
    if isinstance(e, Quantity):
        layout = look.quantity(e)
        return Formula(layout, POWER if isinstance(layout, Fraction) else ATOM)
    if isinstance(e, Constant):
        if e.value is None:
            return Formula(operator("∅"), ATOM)
        if e.name:
            return name(e.name)
        return look.number(e.value) if np.ndim(e.value) == 0 else look.array(e.value)
    assert isinstance(e, Apply)
    return combined(e, [write(a, look) for a in e.args], look)


def written(e: Expression, look: Look) -> Formula:
    """The expression as a line has it, or a term of a sum: a condition is 1 where it holds."""
    form = write(e, look)
    return form if form.strength > RELATION else Formula(fenced(form, SUM), ATOM)


def combined(e: Apply, operands: list[Formula], look: Look) -> Formula:
    """The notation of one operation, whose operands are written already."""
    op, args = e.op, e.args
    if is_silent(e):
        return operands[0]
    if op.name == "multiply":
        return _product(e, operands, look)
    if op.name in ("matmul", "outer"):
        operands = [_apart(a, o) for a, o in zip(args, operands, strict=True)]
    if op.name == "matmul" and len(args[0].shape) == 1 == len(args[1].shape):
        return template(r"#1^{\mathsf T}\,#2", operands)
    if is_transpose(e):
        if np.size(bare(args[0]).value) == 1:
            return operands[0]  # the same number everywhere
        return template(r"#1^{\mathsf T}", operands)
    if op.name == "transpose":  # of more than two axes, and not the last two
        return template(r"\mathrm{permute}(#1)", operands)
    if op.name in ("getitem", "scatter_add", "take", "take_along_axis"):
        return _indexed(e, operands)
    if op.name in ("sum", "mean", "max", "min", "logsumexp", "prod", "var", "std") and "axis" in e.kwargs:
        return _over_axes(e, operands)
    if op.name in ("leaky_relu", "elu", "clip"):
        return _with_settings(e, operands, look)
    if op.name == "einsum":  # with the letters of its axes
        letters = (operator("→" if c == ">" else c) if c in ",>" else Leaf("name", c) for c in _subscripts(e))
        word = Script(Leaf("word", "einsum"), sub=row(*letters))
        return Formula(row(word, Fence("(", listed(operands).layout, ")")), ATOM)
    if op.variadic and len(operands) > 6:
        operands = [*operands[:3], Formula(operator("…"), ATOM), operands[-1]]
    return applied(op, operands)


def _subscripts(e: Apply) -> str:
    return str(e.kwargs["subscripts"]).replace("->", ">")


def _apart(e: Expression, written: Formula) -> Formula:
    """A product entry by entry, as a factor of a matrix product, holds no tighter than a sum: it gets brackets."""
    both = isinstance(e, Apply) and e.op.name == "multiply" and all(np.size(bare(a).value) > 1 for a in e.args)
    return Formula(written.layout, min(written.strength, SUM)) if both else written


def _product(e: Apply, operands: list[Formula], look: Look) -> Formula:
    """Entry by entry; a number times an array is no such product, and a number is written in front."""
    a, b = e.args
    if any(np.size(bare(x).value) == 1 for x in (a, b)):
        constant = isinstance(b, Constant) and not isinstance(a, Constant)
        shown = operands[::-1] if constant else operands
        if isinstance(b if constant else a, Constant):
            return template(r"#1\,#2", [Formula(shown[0].layout, max(shown[0].strength, PRODUCT)), shown[1]])
        return template(r"#1 \cdot #2", shown)
    if look.product == "diag" and a.shape == b.shape and len(a.shape) == 1:
        shown = operands if a.value.dtype == bool else operands[::-1]
        diagonal = Formula(row(Leaf("word", "diag"), Fence("(", fenced(shown[0], SUM), ")")), ATOM)
        return template(r"#1\,#2", [diagonal, shown[1]])
    return template(PRODUCTS.get(look.product, r"#1 \cdot #2"), operands)


def _indexed(e: Apply, operands: list[Formula]) -> Formula:
    if "index" in e.kwargs:
        rest = iter(operands[1:])
        places = [next(rest, name("…")) if part is ARRAY else Formula(_place(part), ATOM) for part in e.kwargs["index"]]
    else:
        places = operands[1:]
    inside = listed(places).layout if places else operator("…")
    if e.op.name == "scatter_add":
        there = row(operands[0].layout, operator("→"), Fence("[", inside, "]"))
        return Formula(row(Leaf("word", "scatter"), Fence("(", there, ")")), ATOM)
    return Formula(row(fenced(operands[0], POWER), Fence("[", inside, "]")), ATOM)


def _place(part: Any) -> Layout:
    if isinstance(part, slice):
        ends = ["" if end is None else str(end) for end in (part.start, part.stop)]
        return Leaf("number", ":".join(ends) + ("" if part.step is None else f":{part.step}"))
    return Leaf("number", "…" if part is Ellipsis else "new" if part is None else str(part))


def _axis_letters(ndim: int) -> list[str]:
    """What the axes of an array are called where they are summed over: n counts examples."""
    return {2: ["n", "j"], 3: ["n", "t", "j"], 4: ["n", "c", "i", "j"]}.get(ndim, [f"i{k}" for k in range(ndim)])


def _over_axes(e: Apply, operands: list[Formula]) -> Formula:
    """A reduction; the axes that vanish are its index, unless all do that there are."""
    ndim, axis = len(e.args[0].shape), e.kwargs["axis"]
    axes = range(ndim) if axis is None else sorted(a % ndim for a in (axis if isinstance(axis, tuple) else (axis,)))
    letters = [] if len(axes) == ndim else [_axis_letters(ndim)[a] for a in axes]
    sub = row(*(Leaf("name", letter) for letter in letters))
    signs = {"sum": "∑", "logsumexp": "∑", "prod": "∏"}
    mark: Layout = operator(signs[e.op.name]) if e.op.name in signs else Leaf("word", e.op.name)
    if letters:
        mark = Script(mark, sub=sub)
    if e.op.name == "logsumexp":
        power = Script(Leaf("name", "e"), sup=operands[0].layout)
        return Formula(Row((Leaf("word", "ln"), Leaf("space", " "), mark, Leaf("space", " "), power)), PRODUCT)
    if e.op.name in ("max", "min", "mean", "var", "std"):
        return Formula(row(mark, Fence("(", operands[0].layout, ")")), ATOM)
    return Formula(Row((mark, Leaf("space", " "), summand(operands[0]))), PRODUCT)


def _with_settings(e: Apply, operands: list[Formula], look: Look) -> Formula:
    """A function that has a number of its own: that number as an index where it is one."""
    settings = [v for k, v in e.kwargs.items() if k in ("slope", "alpha") and isinstance(v, (int, float))]
    if not settings:
        return applied(e.op, operands)
    word = Script(Leaf("word", e.op.name.replace("_", " ")), sub=number(settings[0], look.digits).layout)
    return Formula(row(word, Fence("(", operands[0].layout, ")")), ATOM)


# -- numbers -----------------------------------------------------------------------------------------------------


def numbers(e: Expression, look: Look) -> Formula | None:
    """The expression with numbers for its quantities; None where an array among them is too large to be read."""
    if isinstance(e, Constant) and e.value is not None and np.ndim(e.value) == 0:
        return look.number(e.value)
    arranged = isinstance(e, Apply) and (
        is_silent(e)
        or is_transpose(e)
        or e.op.kind == "constant"
        or e.op.name in ("getitem", "reshape", "transpose", "row", "up")
    )
    if not isinstance(e, Apply) or arranged:
        return _value(e.value, look)
    operands = [numbers(a, look) for a in e.args]
    shown = [o for o in operands if o is not None]
    if len(shown) < len(operands):
        return None
    if e.op.name in ("matmul", "outer"):
        shown = [_apart(a, o) for a, o in zip(e.args, shown, strict=True)]
    if e.op.name == "matmul":
        if len(e.args[0].shape) == 1 == len(e.args[1].shape):
            shown[0] = _turned(e.args[0].value, look)
        return times(*shown)
    if e.op.name == "outer":
        return times(shown[0], _turned(e.args[1].value, look))
    if e.op.name == "multiply" and any(np.size(bare(a).value) == 1 for a in e.args):
        half = isinstance(e.args[0], Constant) and isinstance(shown[0].layout, Fraction)
        return template(r"#1\,#2", shown) if half else times(*shown)
    return combined(e, shown, look)


def times(a: Formula, b: Formula) -> Formula:
    """A product of numbers; a minus in front of it needs no brackets."""
    return template("#1 * #2", [Formula(a.layout, max(a.strength, PRODUCT)) if _is_number(a) else a, b])


def _is_number(a: Formula) -> bool:
    parts = a.layout.parts if isinstance(a.layout, Row) else (a.layout,)
    return all(isinstance(p, Leaf) and p.kind in ("number", "operator") for p in parts) and len(parts) <= 2


def _value(value: Any, look: Look) -> Formula | None:
    if value is None:
        return Formula(operator("∅"), ATOM)
    if np.size(value) > look.entries or np.ndim(value) > 2:
        return None
    return look.array(value)


def _turned(value: Any, look: Look) -> Formula:
    """A vector as a row."""
    return look.array(np.atleast_2d(value))
