"""The body of a printed program and its end: the calls, what they leave behind, and what is returned."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.readings.compiling.calls import Value
from tinygrad_lite.readings.compiling.results import Place
from tinygrad_lite.tensor import Tensor, leaf

if TYPE_CHECKING:
    from tinygrad_lite.readings.compiling.running import Executable


def calls(e: Executable) -> list[str]:
    """The calls as text. Where an assumption may fail after random numbers were drawn, generators are put back."""
    bind, body, drawn = e.printer.space.bind, list[str](), False
    for call in e.program.calls:
        if call.kind == "draw" and not drawn and any(c.kind == "assume" for c in e.program.calls):
            drawn = True
            body.append(f"states = {bind('states_of', _states)}({bind('generators', e.generators)})")
        lines = e.printer.lines(call)
        if call.kind == "assume" and drawn:
            undo = f"{bind('back', _back)}({bind('generators', e.generators)}, states)"
            lines = [lines[0].replace("return MISSED", f"{undo}; return MISSED")]
        body += lines
    return body


def effects(e: Executable) -> list[str]:
    """What a call leaves behind: values of buffers, gradients in their places, the optimiser's move."""
    lines, bind = list[str](), e.printer.space.bind
    for node, v in e.program.writes.items():
        name = e.printer.of(v)
        own = name if _fresh(e, v) else f"{bind('array', np.array)}({name})"
        if not v.shape and not v.scalar:
            own = f"{own}[()]"
        lines.append(f"{bind(f'{node.name}_leaf', node)}.value = {own}")
        lines.append(f"{bind(f'{node.name}_leaf', node)}._handle = None")
    for node, v in e.program.gradients.items():
        place = e.places.get(node)
        if place is not None and v not in e.fixed_for.get(node, ()):
            lines.append(f"{bind('g', place)}[...] = {e.printer.of(v)}")
    for move in e.moves:
        lines += [f"# {type(move.flat.optimizer).__name__}", *move.lines()]
    if e.optimizer is not None and not e.flats:
        pairs = ", ".join(f"({bind('p', node)}, {e.printer.of(v)})" for node, v in e.program.gradients.items())
        lines.append(f"{bind('moved', _moved)}({bind('optimizer', e.optimizer)}, [{pairs}])")
    return lines


def result(e: Executable, form: Any) -> str:
    """What is returned, as text; an array that is kept for the next call is copied."""
    bind = e.printer.space.bind
    if isinstance(form, Place):
        v = e.program.outputs[form.number]
        name = e.printer.of(v)
        if not _fresh(e, v) and not v.scalar:
            name = f"{bind('array', np.array)}({name})"
        return f"{bind('leaf', leaf)}({name})" if form.tensor else name
    if isinstance(form, dict):
        return "{" + ", ".join(f"{k!r}: {result(e, v)}" for k, v in form.items()) + "}"
    if isinstance(form, (tuple, list)):
        parts = ", ".join(result(e, part) for part in form)
        if hasattr(form, "_fields"):
            return f"{bind(type(form).__name__, type(form))}({parts})"
        return f"[{parts}]" if isinstance(form, list) else f"({parts}{',' if len(form) == 1 else ''})"
    return bind("k", form) if form is not None else "None"


def _fresh(e: Executable, v: Value) -> bool:
    """Whether the array is made at each call, and nobody else's."""
    source = e.printer.root.get(v, v)
    made = {v for call in e.program.calls for v in call.outs()}
    return source in made and source not in e.printer.kept


def _states(generators: list[Any]) -> list[Any]:
    return [rng.bit_generator.state for rng in generators]


def _back(generators: list[Any], states: list[Any]) -> None:
    for rng, state in zip(generators, states, strict=True):
        rng.bit_generator.state = state


def _moved(optimizer: Optimizer, pairs: list[tuple[Tensor, Any]]) -> None:
    """Let an optimiser make its move itself, from these gradients; what `.grad` held is put back."""
    before = [p.grad for p in optimizer.params]
    for p in optimizer.params:
        p.grad = None
    try:
        for p, g in pairs:
            p.grad = np.array(g)
        optimizer.step()
    finally:
        for p, g in zip(optimizer.params, before, strict=True):
            p.grad = g
