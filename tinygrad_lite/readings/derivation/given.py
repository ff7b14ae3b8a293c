"""What is given: the network in one line, its inputs, targets and parameters; and what is derived by none of them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.compose import Composer, extent
from tinygrad_lite.readings.derivation.expression import Constant, parts, quantities
from tinygrad_lite.readings.derivation.lines import Builder, Step
from tinygrad_lite.readings.derivation.naming import derivative
from tinygrad_lite.readings.derivation.page import Entry, Inline, Section
from tinygrad_lite.readings.derivation.words import phrase, sentence
from tinygrad_lite.readings.derivation.writing import written
from tinygrad_lite.readings.dialects import text
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.typeset import Layout, Leaf, operator, row

STAGES = 8  # of more, the middle is left out
FORMULA = 40  # characters of a formula that the line of the network has room for
ENTRIES = 200  # of the data, at most


def leaves(builder: Builder, names: Names) -> tuple[dict[str, Any], dict[str, Any]]:
    """The data and the parameters, by name."""
    steps = [*builder.forward, *builder.backward]
    mentioned = {e.name for step in steps for e in parts(step.expression) if isinstance(e, Constant) and e.name}
    shown = set(builder.folding.shown)
    data: dict[str, Any] = {}
    parameters: dict[str, Any] = {}
    for node in builder.program.forward:
        if node.op is None and node in shown and np.ndim(node.value) + node.requires_grad:
            (parameters if node.requires_grad else data).setdefault(names[node], node.value)
        for i, x in enumerate(node.inputs):
            if x is None and isinstance(node.args[i], np.ndarray) and node.args[i].ndim:
                name = names.operand(node, i)
                if name in mentioned and name not in parameters:
                    data.setdefault(name, node.args[i])
    return data, parameters


def data_section(composer: Composer) -> Section:
    """Inputs, targets and parameters, with shapes and numbers."""
    look, options = composer.look, composer.options
    data, parameters = leaves(composer.builder, composer.names)
    given = [*data.items(), *parameters.items()]
    section = Section(phrase("given"))
    for name, value in given[:ENTRIES]:
        entry = Entry(Leaf("name", name), shapes=look.size(np.shape(value)))
        if options.numbers:
            entry.value = look.array(value).layout
            entry.extent = extent(value, options.entries, options.digits)
        section.entries.append(entry)
    if look.columns and any(np.ndim(value) == 1 for _, value in given):
        section.intro = [sentence("columns")]
    return section


def network_section(composer: Composer) -> Section:
    """The way from the data to the loss: `x (2,1) → z = W1 x + b (3,1) → ... → C = 1/2 (y - a)^2`.

    Where paths part or meet there are several such chains; each begins with what its first stage is computed from.
    """
    steps, omitted = composer.builder.forward, composer.builder.omitted[0]
    head, tail = (steps, []) if len(steps) <= STAGES else (steps[: STAGES - 2], steps[-2:])
    omitted += len(steps) - len(head) - len(tail)
    lines = _chains(composer, head)
    if omitted:
        lines += [sentence("stages", n=f"{omitted:,}"), *_chains(composer, tail)]
    return Section(phrase("network"), lines, tells={step.key for step in [*head, *tail]})


def _chains(composer: Composer, steps: Iterable[Step]) -> list[list[Inline]]:
    lines: list[list[Inline]] = []
    before: Node | None = None
    for step in steps:
        computed = [q.node for q in quantities(step.expression) if q.node.op is not None]
        if before is None or not computed or any(node is not before for node in computed):
            lines.append(_sources(composer, step))
        lines[-1] += [*([" → "] if lines[-1] else []), *_stage(composer, step)]
        before = step.node
    return lines


def _sources(composer: Composer, step: Step) -> list[Inline]:
    """What a chain begins with: the values and the data that its first stage is computed from, no parameters."""
    found: dict[str, Any] = {}
    for e in parts(step.expression):
        if isinstance(e, Constant) and e.name:
            found.setdefault(e.name, e.value)
    for q in quantities(step.expression):
        if q.node.op is not None or not q.node.requires_grad:
            found.setdefault(composer.names[q.node], q.value if q.node.op is None else None)
    line: list[Inline] = []
    for name, value in found.items():
        line += [", "] if line else []
        line += [Leaf("name", name), f" {composer.look.size(np.shape(value))}" if np.ndim(value) else ""]
    return line


def _stage(composer: Composer, step: Step) -> list[Inline]:
    symbol, formula = composer.symbol(step), written(step.expression, composer.look).layout
    equation: Layout = row(symbol, operator("="), formula)
    shape = "" if step.node is composer.builder.program.loss else f" {composer.look.size(step.shape)}"
    return [equation if len(text(equation)) <= FORMULA else symbol, shape]


def not_needed(composer: Composer) -> list[list[Inline]]:
    """That nobody needs the derivatives by the data: `dC/dx: not needed, as no step changes the data`."""
    options, preset = composer.options, composer.preset
    data, _ = leaves(composer.builder, composer.names)
    names = [name for name, value in data.items() if np.asarray(value).dtype.kind == "f"]
    line: list[Inline] = []
    for name in names[:STAGES]:
        line += [", "] if line else []
        line.append(derivative(composer.loss, name, options.delta, preset))
    if len(names) > STAGES:
        line.append(", …")
    return [[*line, *sentence("not needed")]] if line else []
