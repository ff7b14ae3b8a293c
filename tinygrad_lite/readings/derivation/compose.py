"""From the data of a derivation to its page: what each level shows, in the chosen notation."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.indexing import unpick
from tinygrad_lite.readings.derivation import words
from tinygrad_lite.readings.derivation.asking import bare
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Quantity, parts
from tinygrad_lite.readings.derivation.forms import component_form, first_entry, letters_for
from tinygrad_lite.readings.derivation.layouts import numerator, turned
from tinygrad_lite.readings.derivation.lines import Builder, Step
from tinygrad_lite.readings.derivation.means import moved, on_the_way
from tinygrad_lite.readings.derivation.naming import Preset, derivative
from tinygrad_lite.readings.derivation.page import Entry, Inline, Section
from tinygrad_lite.readings.derivation.shapes import shapes
from tinygrad_lite.readings.derivation.stages import deltas, weighted_inputs
from tinygrad_lite.readings.derivation.writing import Look, entry_text, numbers, written
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.numerals import numeral, oddities
from tinygrad_lite.readings.typeset import (
    SUM,
    Fence,
    Fraction,
    Layout,
    Leaf,
    Script,
    added,
    fenced,
    numbered,
    operator,
    row,
)


@dataclass
class Options:
    """What changes the look of a derivation and nothing else."""

    level: int = 3
    delta: str = "full"
    product: str = "⊙"
    layout: str = "shape"
    digits: int = 4
    numbers: bool = True
    entries: int = 12
    mean: int = 0  # how many examples the loss is a mean over, if 1/N is to be left to the parameters


class Composer:
    """Writes entries and sections of a page."""

    def __init__(self, builder: Builder, names: Names, preset: Preset, options: Options) -> None:
        self.builder, self.names, self.preset, self.options = builder, names, preset, options
        self.loss = names[builder.program.loss]
        self.deltas = deltas(weighted_inputs(builder.folding), names) if options.delta == "delta" else {}
        self.look = Look(self.quantity, options.digits, options.product, options.entries, columns(builder))

    # -- symbols -----------------------------------------------------------------------------------------------

    def quantity(self, q: Quantity, index: Layout | None = None) -> Layout:
        """A quantity's name, or the derivative by it; with an index, of one entry."""
        name = self.names.get(q.node, "v")
        if index is not None and isinstance(index, Layout) and getattr(index, "parts", None) == ():
            index = None
        if q.cotangent:
            return derivative(self.loss, name, self.options.delta, self.preset, self.deltas.get(q.node), index)
        return Leaf("name", name) if index is None else Script(Leaf("name", name), sub=index)

    def symbol(self, step: Step, index: Layout | None = None) -> Layout:
        """What a line is about."""
        return self.quantity(Quantity(step.node, step.value, step.cotangent), index)

    def entry_name(self, node: Node, index: tuple[int, ...]) -> Layout:
        """One entry of a value: h[2], or h where it is the only one."""
        name = Leaf("name", self.names.get(node, node.op.name if node.op is not None else "v"))
        if np.size(node.value) == 1:
            return name
        return row(name, Fence("[", row(*_commas([str(i) for i in index])), "]"))

    def entry_symbol(self, node: Node, index: tuple[int, ...]) -> Layout:
        """The derivative by one entry."""
        above = row(operator("∂"), Leaf("name", self.loss))
        return Fraction(above, row(operator("∂"), self.entry_name(node, index)))

    def in_letters(self, step: Step) -> tuple[Layout, Layout] | None:
        """One entry of a line, left and right, with letters for its indices; None where a row has no such form."""
        e, shape = step.expression, np.shape(step.value)
        if np.shape(e.value) != shape:
            return None
        letters = letters_for(shape, step.node.op is None)
        form = component_form(e, self.look, self.quantity, letters)
        if form is None:
            return None
        index = (
            row(*(leaf for leaf, n in zip(letters, shape, strict=True) if n > 1)) if np.size(step.value) > 1 else None
        )
        return self.symbol(step, index), fenced(form, SUM)

    def cotangent(self, node: Node, index: Layout | None = None) -> Layout:
        """The derivative by a value, or by one entry of it."""
        return self.quantity(Quantity(node, None, True), index)

    # -- entries -----------------------------------------------------------------------------------------------

    def entry(self, step: Step) -> Entry:
        """A line with the registers of the level."""
        level, look = self.options.level, self.look
        if (n := self.options.mean) and step.cotangent:
            contributions = [replace(c, expression=moved(c.expression, step.node, n)) for c in step.contributions]
            value = np.asarray(step.value) * n if on_the_way(step.node) else step.value
            step = replace(step, expression=moved(step.expression, step.node, n), value=value,
                           contributions=contributions)  # fmt: skip
        if self.options.layout == "numerator" and step.cotangent:
            contributions = [replace(c, expression=numerator(c.expression)) for c in step.contributions]
            step = replace(step, expression=numerator(step.expression), value=turned(step.value),
                           contributions=contributions)  # fmt: skip
        e = step.expression
        form = written(e, look).layout
        entry = Entry(self.symbol(step), [form], step.number, key=step.key)
        pieces = _side_by_side(step)
        if step.contributions and not pieces:
            entry.right = [self._terms(step, entry)]
            total = written(e, look).layout
            if sorted(_text(total)) != sorted(_text(entry.right[0])):  # the same terms in another order say nothing
                entry.right.append(total)
        if level >= 2:
            entry.shapes = shapes(e, look, every=level >= 3)
        if level != 1 and self.options.numbers:
            found = numbers(e, look)
            plugged = found.layout if found is not None and len(_text(found.layout)) <= LONG else None
            entry.value = look.array(step.value).layout
            trivial = isinstance(e, (Quantity, Constant)) or plugged == entry.value
            entry.numbers = None if trivial else plugged
            entry.extent = extent(step.value, self.options.entries, self.options.digits)
        if level >= 3:
            entry.component = self._component(step) if self.options.layout != "numerator" else []
            cut = words.sentence("pieces", x=self.names[step.node], n=len(step.contributions)) if pieces else None
            entry.rule = [cut] if cut else [*entry.rule, *step.rule, *self._columns(step)]
        entry.mark = mark(step)
        return entry

    def _columns(self, step: Step) -> list[list[Inline]]:
        """What is to be said of the vectors of a line that go along its rows; the notation does not show it."""
        said = {}
        shown = [step.expression, *(c.expression for c in step.contributions)]
        for whole in (e for expression in shown for e in parts(expression)):
            if not isinstance(whole, Apply) or not whole.shape:
                continue
            for a in whole.args if whole.op.kind == "pointwise" else whole.args[:1] if whole.op is unpick else ():
                q, wide = bare(a), (*a.shape, 1) if whole.op is unpick else a.shape
                if (
                    isinstance(q, Quantity)
                    and 0 < len(q.shape) < len(wide)
                    and 1 in wide
                    and wide[-1] < whole.shape[-1] != q.shape[-1]
                ):
                    x = self.quantity(q)
                    said[_text(x)] = words.sentence("lacking", x=x, shape=q.shape, wide=wide)
        return list(said.values())

    def _terms(self, step: Step, entry: Entry) -> Layout:
        shown = [written(c.expression, self.look) for c in step.contributions]
        n = len(step.contributions)
        entry.rule = [words.sentence("fork", x=self.names[step.node], n=n)]
        for c, formula in zip(step.contributions, shown, strict=True):
            entry.terms.append((words.phrase("via", line=c.via or words.phrase("via.folded")), formula.layout))
        return added(shown).layout

    def _component(self, step: Step) -> list[Layout]:
        e = step.expression
        form = None if isinstance(e, (Quantity, Constant)) else self.in_letters(step)
        if form is None or form[1] == written(e, self.look).layout:
            return []
        left = form[0]
        found = [row(left, operator("="), form[1])]
        if self.options.numbers and np.size(step.value):
            at = first_large(step.value)
            spelt = first_entry(e, self.look, at)
            value = np.asarray(step.value)[at]
            if (
                spelt is not None
                and len(_text(spelt.layout)) <= LONG
                and entry_text(value, self.options.digits) != _text(spelt.layout)
            ):
                here = left
                if at:
                    here = self._entry_of(step, at)
                result = numbered(entry_text(value, self.options.digits)).layout
                found.append(row(here, operator("="), spelt.layout, operator("="), result))
        return found

    def _entry_of(self, step: Step, at: tuple[int, ...]) -> Layout:
        if not step.cotangent:
            return self.entry_name(step.node, at)
        if self.options.mean:  # where dz is not the derivative that a fraction would be
            return row(self.symbol(step), Fence("[", row(*_commas([str(i) for i in at])), "]"))
        return self.entry_symbol(step.node, at)

    # -- sections ----------------------------------------------------------------------------------------------

    def section(self, title: str, steps: Iterable[Step], intro: list[list[Inline]], omitted: int) -> Section:
        """Lines under a heading, given by its key in the table of sentences."""
        section = Section(words.phrase(title), intro, [self.entry(step) for step in steps])
        if omitted:
            section.notes.append(words.sentence("omitted", n=f"{omitted:,}"))
        return section


LONG = 100  # characters of a sum of numbers that somebody still reads


def columns(builder: Builder) -> bool:
    """Whether the program multiplies matrices by vectors: then all its vectors are columns."""
    products = ("affine", "matmul")
    return any(
        n.op is not None and n.op.name in products and 1 in (np.ndim(a) for a in n.args[:2])
        for n in builder.program.forward
    )


def _side_by_side(step: Step) -> bool:
    """Whether a value was cut into pieces that share no entry, so that what comes back is put side by side."""
    e = step.expression
    joined = isinstance(e, Apply) and e.op.name in ("concatenate", "stack")
    return joined and all(
        isinstance(c.expression, Apply) and c.expression.op.name == "scatter_add" for c in step.contributions
    )


def first_large(value: Any) -> tuple[int, ...]:
    """The first place where a value is not 0, if there is one: it shows most."""
    flat = np.flatnonzero(np.asarray(value))
    return (
        tuple(int(i) for i in np.unravel_index(flat[0] if flat.size else 0, np.shape(value))) if np.ndim(value) else ()
    )


def extent(value: Any, entries: int, digits: int) -> str:
    """Shape and norm of an array that is not shown in full; how many of its entries are no numbers."""
    value = np.asarray(value)
    parts = []
    if value.size > entries or value.ndim > 2:
        norm = float(np.linalg.norm(value.astype(float).reshape(-1))) if value.size else 0.0
        parts = ["x".join(map(str, value.shape)), f"norm {numeral(norm, digits)}"]
    if odd := oddities(value):
        parts.append(odd)
    return f"({', '.join(parts)})" if parts else ""


def mark(step: Step) -> str:
    """`ok`, or which check failed and by how much; nothing where nothing was checked."""
    failed = [check for check in step.checks if not check.ok]
    if failed:
        said = (words.phrase("off", kind=c.kind, note=c.note, error=f"{c.error:.2g}") for c in failed)
        return f"{words.phrase('fails')} {'; '.join(said)}"
    return "ok" if step.checks else ""


def _commas(texts: list[str]) -> list[Layout]:
    parts: list[Layout] = []
    for text in texts:
        parts += [operator(","), Leaf("number", text)] if parts else [Leaf("number", text)]
    return parts


def _text(layout: Layout) -> str:
    from tinygrad_lite.readings.dialects import text

    return text(layout)
