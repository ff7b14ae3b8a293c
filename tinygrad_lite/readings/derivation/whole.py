"""The whole page of a derivation: what is given, forward, backward, what was checked, the update."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.compose import Composer, extent
from tinygrad_lite.readings.derivation.expression import Apply, Expression, Quantity, parts, quantities, substituted
from tinygrad_lite.readings.derivation.given import data_section, network_section, not_needed
from tinygrad_lite.readings.derivation.heads import heads
from tinygrad_lite.readings.derivation.identities import balances
from tinygrad_lite.readings.derivation.lines import Step
from tinygrad_lite.readings.derivation.naming import Preset, derivative
from tinygrad_lite.readings.derivation.page import Entry, Inline, Page, Section
from tinygrad_lite.readings.derivation.paths import Paths
from tinygrad_lite.readings.derivation.update import Update
from tinygrad_lite.readings.derivation.words import phrase, sentence
from tinygrad_lite.readings.derivation.writing import times
from tinygrad_lite.readings.numerals import numeral
from tinygrad_lite.readings.typeset import (
    ATOM,
    Formula,
    Fraction,
    Layout,
    Leaf,
    listed,
    name,
    number,
    operator,
    row,
    template,
)

if TYPE_CHECKING:
    from tinygrad_lite.readings.derivation.derivation import Derivation


def whole_page(d: Derivation, composer: Composer) -> Page:
    """All sections, at the composer's level."""
    builder = d._builder
    loss = composer.loss
    page = Page(phrase("title", loss=loss))
    if composer.options.level == 0:
        page.sections.append(_in_one_line(d, composer))
        return page
    page.sections += [network_section(composer), data_section(composer)]
    page.sections.append(composer.section("forward", builder.forward, _legend(d), builder.omitted[0]))
    seed = composer.quantity(Quantity(d.loss, 1.0, True))
    options = composer.options
    intros = [sentence("upwards.numerator" if options.layout == "numerator" else "upwards", seed=seed)]
    if options.delta in ("bar", "code"):
        intros.append(sentence(options.delta, loss=loss))
    if composer.deltas:
        intros.append(sentence("delta", loss=loss, symbols=_deltas(composer)))
    if options.mean:
        intros.append(sentence("at parameters", n=options.mean, loss=loss))
    page.sections.append(composer.section("backward", builder.backward, intros, builder.omitted[1]))
    page.sections[-1].notes += not_needed(composer)
    if d.paths is not None:
        page.sections.append(_paths(composer, d.paths))
    if d.report is not None:
        page.sections.append(_checked(d))
        page.sections[-1].notes += [*_balances(d, composer), *_weak(d)]
    if d.update is not None:
        page.sections.append(_update(d, composer, d.update))
    return page


def _deltas(composer: Composer, most: int = 4) -> Layout:
    """What each δ is: δ1 = dL/dz1, δ2 = dL/dz2."""
    found: list[Formula] = []
    for node, symbol in list(composer.deltas.items())[:most]:
        full = derivative(composer.loss, composer.names.get(node, "v"), "full", Preset())
        found.append(Formula(row(symbol, operator("="), full), ATOM))
    more = [Formula(operator("…"), ATOM)] if len(composer.deltas) > most else []
    return listed([*found, *more]).layout


LONGEST = 60  # operations in a derivative that is written in one line


def _legend(d: Derivation) -> list[list[Inline]]:
    """What is to be said of notation that not every reader knows."""
    applied = (e for step in d.steps for e in parts(step.expression) if isinstance(e, Apply))
    cut = next((e for e in applied if e.op is heads), None)
    return [] if cut is None else [sentence("heads", n=cut.kwargs["count"])]


def _in_one_line(d: Derivation, composer: Composer) -> Section:
    """Level 0: each parameter's derivative in terms of values of the forward pass alone."""
    section = Section(phrase("one line"))
    inside = {step.node: step for step in d._builder.backward}
    for p in d.program.parameters:
        if p not in inside:
            continue
        step = replace(inside[p], expression=_opened(inside[p].expression, inside), contributions=[])
        entry = composer.entry(step)
        found = composer.in_letters(step)
        if found is not None:
            entry.left, entry.right = found[0], [found[1]]
        entry.number = None
        section.entries.append(entry)
    return section


def _opened(e: Expression, inside: dict[Node, Step]) -> Expression:
    """The expression with the cotangents in it replaced by what they are, as long as it stays readable."""
    for _ in range(LONGEST):
        found = [q for q in quantities(e) if q.cotangent and q.node in inside]
        if not found:
            return e
        opened = substituted(e, found[0], inside[found[0].node].expression)
        if sum(1 for _ in parts(opened)) > LONGEST:
            return e
        e = opened
    return e


def _paths(composer: Composer, found: Paths) -> Section:
    """Level 4: one entry, path by path."""
    look, digits = composer.look, composer.options.digits
    label = composer.names.get(found.node, "p")
    label += f"[{','.join(map(str, found.index))}]" if found.index else ""
    target = composer.entry_symbol(found.node, found.index)
    section = Section(phrase("one entry", entry=label), hidden=True)
    if not found.paths:
        section.intro = [sentence("paths.none", target=target)]
        return section
    several = "paths.many" if not found.complete else "paths.one" if found.count == 1 else "paths"
    section.intro = [sentence(several, n=f"{found.count:,}")]
    for path in found.paths:
        ratios: list[Layout] = []
        for k, (node, index) in reversed(list(enumerate(path.places))[1:]):
            above = composer.entry_name(node, index)
            below = composer.entry_name(*path.places[k - 1])
            ratios.append(Fraction(row(operator("∂"), above), row(operator("∂"), below)))
        numbers = None
        for factor in reversed(path.factors):
            shown = number(factor, digits)
            numbers = shown if numbers is None else times(numbers, shown)
        assert numbers is not None
        product = row(*(part for k, r in enumerate(ratios) for part in ((operator("·"), r) if k else (r,))))
        entry = Entry(product, [numbers.layout] if look else [])
        entry.value = number(path.product, digits).layout
        section.entries.append(entry)
    rest = found.count - len(found.paths)
    if rest > 0 or not found.complete:
        section.notes.append(sentence("paths.rest", n=f"{rest:,}") if found.complete else sentence("paths.others"))
    if found.complete:
        section.notes.append(sentence("paths.sum", target=target, total=numeral(found.total, digits)))
    return section


def _checked(d: Derivation) -> Section:
    report = d.report
    assert report is not None
    section = Section(phrase("checked"), hidden=True)
    for kind, held, n, worst in report.counts():
        section.notes.append(sentence(f"checked.{kind}", held=held, n=n, error=numeral(worst, 2)))
    for remark in dict.fromkeys(check.note for _, check in report.rows if check.ok and check.note):
        section.notes.append(sentence("kink", convention=remark))
    for key, check in report.failures:
        error = numeral(check.error, 3)
        section.notes.append(sentence("fails.line", line=key, kind=check.kind, note=check.note, error=error))
    if report.unchecked:
        section.notes.append(sentence("unchecked", n=len(report.unchecked)))
    return section


def _weak(d: Derivation) -> list[list[Inline]]:
    """What the numbers of this page could not show: units that are all equal, masks that stop nothing."""
    reasons: list[str] = []
    for step in d._builder.forward:
        x = step.node.inputs[0] if step.operation == "relu" else None
        z = np.asarray(x.value) if x is not None and step.node in d.program.cotangents else np.zeros(0)
        if z.size < 2 or x not in d.program.cotangents:
            continue
        called = d._names.get(x, "")
        if called and (z == z.reshape(-1)[0]).all():
            reasons.append(phrase("weak.equal", n=z.size, x=called))
        if called and (z > 0).all():
            reasons.append(phrase("weak.on", n=z.size, x=called))
    return [sentence("weak", reasons="; ".join(reasons))] if reasons else []


def _balances(d: Derivation, composer: Composer) -> list[list[Inline]]:
    """Euler's identity for each unit between two layers, in the names of this network and in numbers."""
    names = composer.names
    notes: list[list[Inline]] = []
    for found in balances(d.program):
        sides = []
        for weight, bias, letters in ((found.into, found.bias, "jk"), (found.out, None, "ij")):
            tex = rf"\sum_{letters.replace('j', '')} #1_{{{letters}}}\,#2" + (
                r" + #3_j\,#4" if bias is not None else ""
            )
            index = row(*(Leaf("name", c) for c in letters))
            terms = [name(names[weight]), Formula(composer.cotangent(weight, index), ATOM)]
            if bias is not None:
                terms += [name(names[bias]), Formula(composer.cotangent(bias, Leaf("name", "j")), ATOM)]
            sides.append(template(tex, terms).layout)
        n, held = found.left.size, int(np.count_nonzero(found.holds))
        first = (
            f"{numeral(found.left[0], composer.options.digits)} = {numeral(found.right[0], composer.options.digits)}"
        )
        op = found.unit.op.name if found.unit.op is not None else ""
        note = sentence("balance", op=op, equation=row(sides[0], operator("="), sides[1]), held=held, n=n)
        notes.append([*note, phrase("balance.first", numbers=first)] if composer.options.numbers else note)
    return notes


def _update(d: Derivation, composer: Composer, update: Update) -> Section:
    options = composer.options
    names, loss = composer.names, composer.loss
    how = update.how or phrase("step.descent")
    if update.lr is not None and "(" not in how:
        how = phrase("step.rate", how=how, lr=numeral(update.lr))
    section = Section(phrase("update"), [sentence("step", how=how)], hidden=True)
    for p, new in update.moved.items():
        entry = Entry(row(Leaf("name", names.get(p, "p")), operator("←"), Leaf("name", names.get(p, "p"))))
        if update.lr is not None:
            gradient = composer.quantity(Quantity(p, d.program.cotangents[p].value, True))
            entry.left = row(
                entry.left, operator("−"), number(update.lr, options.digits).layout, Leaf("space", " "), gradient
            )
        else:
            entry.left = row(Leaf("name", names.get(p, "p")), operator("←"))
        if options.numbers:
            entry.value = composer.look.array(np.asarray(new)).layout
            entry.extent = extent(new, options.entries, options.digits)
        section.entries.append(entry)
    if options.numbers:
        digits = max(options.digits, 6)
        total = sum(update.squares)
        if update.lr is not None:
            terms = " + ".join(numeral(s, options.digits) for s in update.squares[:8])
            squares = f"({terms})" if 1 < len(update.squares) <= 8 else numeral(total, options.digits)
            lr, decrease = numeral(update.lr), numeral(update.predicted, digits)
            section.notes.append(sentence("predicted.squares", lr=lr, squares=squares, decrease=decrease))
        else:
            section.notes.append(sentence("predicted", decrease=numeral(update.predicted, digits)))
        before, after, measured = (
            numeral(v, digits) for v in (update.before, update.after, update.before - update.after)
        )
        section.notes.append(sentence("measured", loss=loss, before=before, after=after, decrease=measured))
    return section
