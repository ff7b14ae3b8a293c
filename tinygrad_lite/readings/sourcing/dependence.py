"""What a printed program would have from the data of its run alone: found by running the function on other data.

A function may leave the graph (`t.numpy()`, a branch, a mask that it draws). What it brings back stands in the text as
an input or a number, and is right for the data of the run: the text has to say so.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.simplify import nodes_of
from tinygrad_lite.readings.sourcing.trace import Run


@dataclass
class Dependence:
    """What was another on other data.

    arrays   (node, position) of arrays among the operands
    leaves   tensors that the function made
    numbers  as text: numbers among the operands and settings
    branch   whether other operations ran
    by       what was another: "data", "parameters"
    """

    arrays: set[tuple[Node, int]] = field(default_factory=set)
    leaves: set[Node] = field(default_factory=set)
    numbers: list[str] = field(default_factory=list)
    branch: bool = False
    by: list[str] = field(default_factory=list)

    @property
    def tried(self) -> str:
        """What other branches or numbers were found with."""
        return " and ".join(self.by)


def dependence(run: Run) -> Dependence:
    """Of a function's run; of a loss that is there already nothing can be found out."""
    if run.again is None:
        return Dependence()
    found = Dependence()
    inputs = [x.value for x in run.inputs]
    parameters = [x for x in run.program.parameters if x not in set(run.inputs)]
    _vary(run, found, "data", _others(inputs), lambda values: contextlib.nullcontext(values))
    _vary(
        run,
        found,
        "parameters",
        _others([x.value for x in parameters]),
        lambda values: _set(parameters, values, inputs),
    )
    found.numbers = list(dict.fromkeys(found.numbers))
    return found


def _vary(
    run: Run,
    found: Dependence,
    what: str,
    others: Iterator[list[Any]],
    arranged: Callable[[list[Any]], AbstractContextManager[list[Any]]],
) -> None:
    """Run the function with values of another kind, and note what is another then."""
    assert run.again is not None
    before = (found.branch, len(found.numbers))
    tried = 0
    for values in others:
        if not values:
            return
        try:
            with np.errstate(all="ignore"), arranged(values) as inputs:
                _compare(run, run.again(inputs), found)
        except Exception:  # values that the function refuses, in whatever way it likes
            continue
        tried += 1
        if tried == ENOUGH:
            break
    if (found.branch, len(found.numbers)) != before:
        found.by.append(what)


@contextlib.contextmanager
def _set(parameters: Sequence[Any], values: Sequence[Any], inputs: list[Any]) -> Iterator[list[Any]]:
    """The parameters with other values, for one run on the same inputs."""
    old = [(x.value, x._handle) for x in parameters]  # the array that the user may hold stays the same
    try:
        for x, value in zip(parameters, values, strict=True):
            x.data = np.array(value)
        yield inputs
    finally:
        for x, (value, handle) in zip(parameters, old, strict=True):
            x.value, x._handle = value, handle


ENOUGH = 2  # other sets of values


def _others(arrays: list[Any]) -> Iterator[list[Any]]:
    """Data like the run's: its own numbers elsewhere and scaled, turned round, elsewhere only, by rows, scaled only."""
    rng = np.random.default_rng(0)

    def scaled(a: Any) -> Any:
        a = np.asarray(a)
        return (a * rng.uniform(0.5, 1.5, a.shape)).astype(a.dtype) if a.dtype.kind == "f" else a

    def moved(a: Any) -> Any:
        a = np.asarray(a)
        return rng.permutation(a.reshape(-1)).reshape(a.shape)

    yield [scaled(moved(a))[()] for a in arrays]
    yield [(-a if np.asarray(a).dtype.kind == "f" else a) for a in arrays]
    yield [moved(a)[()] for a in arrays]
    yield [(a[::-1] if np.ndim(a) else a) for a in map(np.asarray, arrays)]
    yield [scaled(a)[()] for a in arrays]


def _compare(run: Run, other: Program, found: Dependence) -> None:
    mine, its = ([n for n in nodes_of(p) if n.op is not None] for p in (run.program, other))
    if [n.op for n in mine] != [n.op for n in its]:
        found.branch = True
        return
    made = set(run.program.forward) - set(run.inputs)
    constants = set(run.program.constants.values())
    for node, twin in zip(mine, its, strict=True):
        for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True)):
            y, b = twin.inputs[i], twin.args[i]
            if x is None or x in constants:
                if isinstance(a, np.ndarray) and not _same(a, b):
                    found.arrays.add((node, i))
                elif not isinstance(a, np.ndarray) and not _same(a, b):
                    found.numbers.append(_short(a))
            elif x.op is None and x in made and not x.requires_grad and y is not None and not _same(x.value, y.value):
                found.leaves.add(x)
        settings = ((k, v) for k, v in node.kwargs.items() if k != "shape")  # a wrong shape fails by itself
        found.numbers += [_short(v) for k, v in settings if not _same(v, twin.kwargs.get(k))]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, (np.ndarray, np.generic)) and isinstance(b, (np.ndarray, np.generic)):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    return bool(repr(a) == repr(b))


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) < 24 else f"{text[:20]}..."
