"""What the docstring of a module says of where it is from, and of what may be right for that run only."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.sourcing.names import identifier
from tinygrad_lite.readings.sourcing.taken import odd_numbers

if TYPE_CHECKING:
    from tinygrad_lite.readings.sourcing.module import Module


def origin(module: Module) -> str:
    """How the module came about: a function's data can be another, that of a loss that is there already can not."""
    if module.run.seen_with_other_data:
        return "Written by tinygrad_lite from one run: where a program branches, as that run did."
    return (
        "Written by tinygrad_lite from one run. What the program did there outside of the graph, with Python or NumPy "
        "(a branch, len(x), numbers and arrays made of its data), is in here as it was."
    )


def cautions(module: Module) -> list[str]:
    """What is right for this run only: what the program made of its data by other means than operations."""
    run, found = module.run, module.dependence
    ids = {id(module.copy.arrays[place]) for place in found.arrays if place in module.copy.arrays}
    ids |= {id(module.copy.new[x]) for x in found.leaves}
    known = {identifier(name) for name in run.given}
    made = [name for x, name in module.names.items() if id(x) in ids and name not in known]
    recorded = run.again is None  # its arrays may have been computed, and nobody saw of what
    sentences = []
    if found.branch or found.numbers:
        what = "other operations ran" if found.branch else f"numbers in it were others ({', '.join(found.numbers)})"
        sentences.append(
            f"RIGHT FOR THIS RUN ONLY: on other {found.tried} {what}, because the program branches, or takes numbers "
            "off the graph (t.item(), t.numpy())."
        )
    if made:
        sentences.append(
            f"{', '.join(made)}: made or drawn by the program in this run, by means that are not written here. "
            "Other data has others: compute them before you call this on any."
        )
    if not run.seen_with_other_data and (numbers := odd_numbers(run.program)):
        sentences.append(f"Taken as numbers of the program, not made of its data: {', '.join(numbers)}.")
    if unknown := _unknown(module, known, made):
        sentences.append(
            f"{', '.join(unknown)}: taken as given. If the program made them of its data (a mask, positions), "
            "other data has others."
        )
    sentences += [f"{a}: one array for {' and '.join(names)}, equal in this run." for a, names in _equal(module)]
    if recorded and (unused := _unused(module)):
        sentences.append(
            f"No operation has {', '.join(unused)}. If {', '.join(module.data)} was made of it before the graph "
            "began (standardised, say), make it likewise of other data."
        )
    return sentences


def _unknown(module: Module, known: set[str], made: list[str]) -> list[str]:
    """Inputs that nobody has named, so that the program may have made them."""
    recorded = module.run.again is None
    looked_up = {id(x) for x in module.copy.found}
    given = (x for x in module.run.given.values() if isinstance(x, (np.ndarray, Node)))
    named = recorded and any(not getattr(x, "requires_grad", False) for x in given)  # and what has no name was made
    return [name for x, name in module.names.items() if name not in known and name not in made
            and (id(x) in looked_up or (recorded and re.fullmatch(r"c\d*", name))
                 or (named and name in module.data))]  # fmt: skip


def _given_arrays(module: Module) -> dict[str, Any]:
    given = module.run.given.items()
    return {name: x for name, x in given if isinstance(x, np.ndarray) and x.ndim and not name.startswith("_")}


def _equal(module: Module) -> list[tuple[str, list[str]]]:
    """Inputs that stand for several of the user's arrays: where they are equal, nobody can tell which was meant."""
    arrays, found = _given_arrays(module), []
    for name in module.data:
        value = module.values[name]
        names = [other for other, a in arrays.items() if _same(a, value)]
        if len(names) > 1 and any(arrays[names[0]] is not arrays[other] for other in names):
            found.append((name, names))
    return found


def _unused(module: Module) -> list[str]:
    """The user's arrays of as many rows as the data, of which no operation knows."""
    there = [*module.values.values(), *(node.value for node in module.run.program.forward)]
    rows = {len(module.values[name]) for name in module.data if np.ndim(module.values[name])}
    return [
        name
        for name, a in _given_arrays(module).items()
        if a.dtype.kind == "f" and len(a) in rows and not any(_same(a, value) for value in there)
    ]


def _same(a: Any, value: Any) -> bool:
    """Whether they are one array, whatever the precision and the order of the axes."""
    value = np.asarray(value)
    if a.shape == value.shape:
        return bool(np.array_equal(a.astype(value.dtype), value, equal_nan=value.dtype.kind == "f"))
    return a.ndim == 2 and a.T.shape == value.shape and bool(np.array_equal(a.T.astype(value.dtype), value))
