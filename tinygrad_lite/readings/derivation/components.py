"""Component form: what one entry of a result is, with the sums written out: `z_j = sum_k W1_jk x_k + b_j`.

An index is a letter, a whole number, or arithmetic with either. With letters a sum gets a letter of its own; with
numbers it becomes its terms, and the quantities become their numbers. A row without a rule here says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import numpy as np

from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity
from tinygrad_lite.readings.derivation.writing import Look, combined, entry_text, times
from tinygrad_lite.readings.typeset import (
    ATOM,
    PRODUCT,
    SUM,
    Fence,
    Formula,
    Layout,
    Leaf,
    Row,
    Script,
    added,
    name,
    numbered,
    operator,
    row,
    summand,
    template,
)

Index = Layout | int
SUMMED = "klmpqrstuvwabdfgh"


class NoForm(Exception):
    """The row has no component form here."""


Form = Callable[["Components", Apply, Sequence[Index]], Formula]


class Components:
    """Writes one entry of an expression.

    forms     what to do for a row, by its name
    concrete  with numbers for indices, and then `most` terms of a sum are written before it is elided
    """

    def __init__(
        self,
        look: Look,
        quantity: Callable[[Quantity, Layout], Layout],
        forms: Mapping[str, Form],
        concrete: bool,
        most: int = 4,
    ) -> None:
        self.look = look
        self.forms = forms
        self.quantity = quantity  # how a quantity with an index is written
        self.concrete = concrete
        self.most = most
        self.used: set[str] = set()
        self.budget = 200  # operations: a form that is longer helps nobody

    def entry(self, e: Expression, at: Sequence[Index]) -> Formula:
        """The entry of `e` at `at`, one index for each axis; raises NoForm."""
        self.budget -= 1
        if self.budget < 0:
            raise NoForm
        if isinstance(e, Constant) and (e.value is None or np.ndim(e.value) == 0):
            return Formula(operator("∅"), ATOM) if e.value is None else self.look.number(e.value)
        if isinstance(e, (Quantity, Constant)):
            return self._leaf(e, at)
        assert isinstance(e, Apply)
        rule = self.forms.get(e.op.name)
        if rule is not None:
            return rule(self, e, at)
        if self.concrete and e.op.kind == "constant":
            return numbered(entry_text(np.asarray(e.value)[tuple(as_index(i) for i in at)], self.look.digits))
        if e.op.kind in ("pointwise", "constant"):
            if self.concrete and e.op.name == "multiply":
                return times(*(self.entry(a, aligned(a, e, at)) for a in e.args))
            return combined(e, [self.entry(a, aligned(a, e, at)) for a in e.args], _scalars(self.look))
        raise NoForm

    def _leaf(self, e: Quantity | Constant, at: Sequence[Index]) -> Formula:
        if self.concrete:
            return numbered(entry_text(np.asarray(e.value)[tuple(as_index(i) for i in at)], self.look.digits))
        letters = [i for i, n in zip(at, e.shape, strict=True) if n > 1]
        base = self.quantity(e, _joined(letters)) if isinstance(e, Quantity) else name(e.name or "c").layout
        if isinstance(e, Constant) and letters:
            base = Script(base, sub=_joined(letters))
        return Formula(base, ATOM)

    def total(self, sizes: Sequence[int], body: Callable[[list[Index]], Formula], word: str = "∑",
              wanted: str = "") -> Formula:  # fmt: skip
        """The sum (or `word`) of `body` over indices that go up to `sizes`."""
        free = [n for n in sizes if n > 1]
        if not self.concrete:
            chosen: list[Index] = [self.letter(wanted[k : k + 1]) if n > 1 else 0 for k, n in enumerate(sizes)]
            inside = body(chosen)
            if not free:
                return inside
            mark: Layout = operator("∑") if word == "∑" else Leaf("word", word)
            sign = Script(mark, sub=_joined([c for c, n in zip(chosen, sizes, strict=True) if n > 1]))
            return Formula(Row((sign, Leaf("space", " "), summand(inside))), PRODUCT)
        terms: list[Formula] = []
        for k in np.ndindex(*sizes):
            term = body(list(k))
            terms += [term] if term is not BORDER else []
            if len(terms) > self.most:
                last = next(t for t in (body(list(k)) for k in _backwards(sizes)) if t is not BORDER)
                terms = [*terms[: self.most - 2], Formula(operator("…"), ATOM), last]
                break
        terms = terms or [numbered("0")]
        if word != "∑":
            return Formula(row(Leaf("word", word), Fence("(", _commas(terms), ")")), ATOM)
        return added(terms)

    def product(self, a: Formula, b: Formula) -> Formula:
        """Two entries multiplied."""
        return times(a, b) if self.concrete else template(r"#1\,#2", [a, b])

    def letter(self, wanted: str = "") -> Leaf:
        """A letter that stands for no other index yet."""
        found = next((c for c in wanted + SUMMED if c not in self.used), None)
        if found is None:
            raise NoForm
        self.used.add(found)
        return Leaf("name", found)


BORDER = numbered("0")  # of an image: zeros that no sum mentions


def _backwards(sizes: Sequence[int]) -> Iterator[tuple[int, ...]]:
    count = int(np.prod(sizes))
    return (tuple(int(i) for i in np.unravel_index(k, sizes)) for k in range(count - 1, -1, -1))


def _scalars(look: Look) -> Look:
    return Look(look.quantity, look.digits, "·", look.entries)


def aligned(operand: Expression, e: Expression, at: Sequence[Index]) -> list[Index]:
    """The indices of an operand that was broadcast to `e`: none for axes that it lacks, 0 where it has size 1."""
    shape = operand.shape
    lead = len(e.shape) - len(shape)
    if lead < 0 or any(n not in (1, e.shape[lead + k]) for k, n in enumerate(shape)):
        raise NoForm  # no operation on entries
    return [0 if n == 1 else at[lead + k] for k, n in enumerate(shape)]


def as_index(i: Index) -> int:
    if not isinstance(i, int):
        raise NoForm
    return i


def _joined(letters: Sequence[Index]) -> Layout:
    shown = [numbered(str(i)).layout if isinstance(i, int) else i for i in letters]
    if all(isinstance(i, Leaf) and i.kind == "name" and len(i.text) == 1 for i in shown):
        return row(*shown) if shown else Row(())
    return _commas([Formula(i, SUM) for i in shown])


def _commas(terms: Sequence[Formula]) -> Layout:
    parts: list[Layout] = []
    for term in terms:
        parts += [operator(","), term.layout] if parts else [term.layout]
    return row(*parts)
