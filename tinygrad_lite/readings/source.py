"""`source`: the forward and backward pass of a program as a module of plain NumPy, as a person would write it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.code import Helpers
from tinygrad_lite.readings.program import whole as whole_program
from tinygrad_lite.readings.simplify import simplified
from tinygrad_lite.readings.sourcing import names as naming
from tinygrad_lite.readings.sourcing.batch import Batch, batch_of
from tinygrad_lite.readings.sourcing.copy import copied, is_own_number, outside_arrays
from tinygrad_lite.readings.sourcing.dependence import Dependence, dependence
from tinygrad_lite.readings.sourcing.examples import MASK
from tinygrad_lite.readings.sourcing.lines import Writer
from tinygrad_lite.readings.sourcing.module import Module
from tinygrad_lite.readings.sourcing.taken import may_hide_in
from tinygrad_lite.readings.sourcing.trace import Run, run_of
from tinygrad_lite.readings.sourcing.verdict import Verdict
from tinygrad_lite.saving import write_whole

__all__ = ["Source", "source"]
CONSTANT = Dependence()  # of data, on none


class Source(str):
    """The text of a module; it shows itself in a notebook, and runs.

    `.exec()` runs it and returns its names; `.save(path)` writes a file; `.key()` is the text with nothing left out.
    """

    __slots__ = ("_key", "blanks", "gradients", "loss", "values")

    _key: str
    blanks: tuple[str, ...]  # the names of the lines that were left out
    values: dict[str, Any]  # the arguments of the run
    loss: Any  # what the run came to
    gradients: dict[str, Any]

    @property
    def text(self) -> str:
        """The text as a plain str."""
        return str.__str__(self)

    def key(self) -> Source:
        """The same with its blanks filled in."""
        return self._with(self._key, self._key)

    def _with(self, text: str, key: str, blanks: tuple[str, ...] = ()) -> Source:
        made = Source(text)
        made._key, made.blanks = key, blanks
        made.values, made.loss, made.gradients = self.values, self.loss, self.gradients
        return made

    def exec(self) -> dict[str, Any]:
        """The names of the module, run in a namespace of its own.

        >>> import tinygrad_lite as tl
        >>> w = tl.tensor([1.0, 2.0], requires_grad=True, name="w")
        >>> module = tl.source((w * w).sum()).exec()
        >>> module["loss_and_gradients"](**module["example"]())
        (np.float64(5.0), {'w': array([2., 4.])})
        """
        space: dict[str, Any] = {"__name__": "source"}
        exec(compile(self.text, "<source>", "exec"), space)
        return space

    def save(self, path: str | Path) -> Path:
        """Write the text to a file, whole or not at all; returns where."""
        write_whole(path, self.text.encode())
        return Path(path)

    def _repr_markdown_(self) -> str:
        return f"```python\n{self.text}```"


def source(
    target: Any,
    *inputs: Any,
    names: Mapping[str, Any] | None = None,
    exact: bool = True,
    update: Any = None,
    exercise: bool | Iterable[str] = False,
) -> Source:
    """A module of plain NumPy that computes a loss and its gradients: the program that ran, written out.

    target    a loss, or a function that returns one, called on `inputs`
    names     what to call tensors and arrays, for instance `locals()`; a function's own names are known
    exact     keep the engine's numbers to the last bit; False allows rounding, as in (p - onehot) / N
    update    a learning rate or an `optim.SGD`: write a step of gradient descent too
    exercise  leave the backward lines of these names blank, or (True) all of them; `.key()` has them

    Raises: TypeError, ValueError and GraphError for what has no backward pass to be written.

    >>> import numpy as np, tinygrad_lite as tl
    >>> W = tl.tensor([[1.0, 2.0]], requires_grad=True, name="W")
    >>> [line.strip() for line in tl.source(np.sum(W * W)).splitlines() if "dW =" in line]
    ['dW = 2 * W  # (1, 2)']
    """
    if names is not None and not isinstance(names, Mapping):
        raise TypeError(f"source: names= takes a dict such as locals(), not one of type {type(names).__name__}")
    given = dict(names or {})
    naming.check(given)
    run = run_of(target, inputs, given)
    whole_program(run.program, "source", "it cannot be written out")
    data = _data(run) or run.inputs  # where all is differentiated by, what has the batch size is among the arguments
    batch = batch_of(run, data, outside_arrays(run.program))
    if batch is not None and run.again is None and may_hide_in(batch, run.program):
        batch = None
    changing = dependence(run)
    module, verdict = _written(run, batch, exact, update, changing)
    if batch is not None and not verdict.free:
        module, verdict = _written(run, None, exact, update, changing)
    if exact and len(run.program.forward) <= READ:
        module.shorter = _shorter(module, _module(run, module.batch, False, update, changing))
    key = module.text(verdict)
    if "rng." in key and max(np.size(a) for a in module.values.values()) <= MASK and not _suits(key):
        module.written_out = True
        key = module.text(verdict)
    whole = Source(key)
    program = run.program
    whole.values, whole.loss = dict(module.values), program.loss.value
    whole.gradients = {module.names[module.new[x]]: program.cotangents[x].value for x in program.parameters}
    if exercise is False:
        return whole._with(key, key)
    blanks = module.blanks(exercise)
    return whole._with(module.text(verdict, blanks), key, blanks)


def _suits(text: str) -> bool:
    """Whether the example of a module is one: random numbers have no logarithm, and no matrix of them is definite."""
    space: dict[str, Any] = {"__name__": "source"}
    exec(compile(text, "<source>", "exec"), space)
    try:
        with np.errstate(all="ignore"):
            loss, gradients = space["loss_and_gradients"](**space["example"]())
    except Exception:  # numbers that NumPy refuses
        return False
    return all(np.isfinite(a).all() for a in (loss, *gradients.values()))


def _data(run: Run) -> list[Node]:
    """The leaves that are data: all that are no parameters."""
    leaves = (x for x in run.program.forward if x.op is None)
    return [x for x in dict.fromkeys([*run.inputs, *leaves]) if not x.requires_grad]


def _given(run: Run) -> set[Node]:
    """The leaves that came from the user, by name or as arguments."""
    return {x for x in (*run.given.values(), *run.inputs) if isinstance(x, Node)}


def _written(
    run: Run, batch: Batch | None, exact: bool, update: Any, changing: Dependence = CONSTANT
) -> tuple[Module, Verdict]:
    """The module, and what became of it when it was run; with views copied where that gives the engine's bits."""
    module = _module(run, batch, exact, update, changing)
    verdict = Verdict.of(module)
    if exact and verdict.units:
        other = _module(run, batch, exact, update, changing, copies=True)
        better = Verdict.of(other)
        if better.units < verdict.units:
            return other, better
    return module, verdict


def _shorter(module: Module, rounded: Module) -> str:
    """A line that reads shorter where rounding may differ; "" if there is none."""
    lines = {line.name: line.text for line in module.steps.backward}
    saved = [
        (len(lines[x.name]) - len(x.text), f"{x.name} = {x.text}") for x in rounded.steps.backward if x.name in lines
    ]
    most = max(saved, key=lambda found: found[0], default=(0, ""))
    return most[1] if most[0] >= WORTH else ""


WORTH = 12  # characters that a line has to be shorter
READ = 300  # operations of a program whose lines somebody reads


def _module(
    run: Run, batch: Batch | None, exact: bool, update: Any, changing: Dependence, copies: bool = False
) -> Module:
    program = run.program
    copy = copied(program, batch, _given(run), [a for a in run.given.values() if isinstance(a, np.ndarray)])
    new = simplified(copy.program, exact, constants=copy.constants)
    helpers = Helpers()
    sizes = {} if batch is None else {"N": batch.n}
    old = {x: node for node, x in copy.new.items()}
    leaves, values = _leaves(run, copy.arrays, helpers)
    writer = Writer(copy.program, new, old, leaves.names, leaves.identifiers, helpers, sizes, copies)
    steps = writer.write()
    return Module(run, batch, copy, new, steps, leaves.names, values, helpers, exact, update, changing)


class _Named:
    def __init__(self, names: dict[Node, str], identifiers: naming.Identifiers) -> None:
        self.names, self.identifiers = names, identifiers


def _leaves(run: Run, arrays: Mapping[tuple[Node, int], Node], helpers: Helpers) -> tuple[_Named, dict[str, Any]]:
    """The names of all inputs and parameters, inputs first, and their values."""
    identifiers = naming.Identifiers(run.program, run.given, helpers.sources)
    given = _given(run)
    shared = {id(x.value) for x in run.inputs}
    found = [
        x
        for x in run.program.forward
        if x.op is None and not is_own_number(x, given) and (x in given or id(x.value) not in shared)
    ]
    arrays_there = {id(x.value) for x in run.program.forward if x.op is None}
    there = {x for x in run.inputs if id(x.value) in arrays_there}
    first = dict.fromkeys([*(x for x in run.inputs if x in there), *found])
    names: dict[Node, str] = {}
    for x in sorted(first, key=lambda x: x.requires_grad):
        if not x.requires_grad:
            names[x] = identifiers.of(x)
    for (node, i), x in arrays.items():
        if x not in names and x.op is None:
            names[x] = identifiers.array(node, i)
    for x in first:
        if x.requires_grad:
            names[x] = identifiers.of(x)
    return _Named(names, identifiers), {name: x.value for x, name in names.items()}
