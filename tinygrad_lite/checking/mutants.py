"""A wrong backward pass made on purpose, and what given data can reveal: for those who teach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude, same
from tinygrad_lite.checking.elsewhere import elsewhere
from tinygrad_lite.checking.mistakes import CATALOGUE, Mistake, Place, places
from tinygrad_lite.checking.passes import Change, Crash, Pass, run_backward
from tinygrad_lite.checking.points import loss_at, parameters
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.showing import wrapped
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node
from tinygrad_lite.readings.program import Program, Share
from tinygrad_lite.tensor import Tensor, leaf

if TYPE_CHECKING:
    from tinygrad_lite.readings.source import Source


@dataclass(repr=False)
class Mutant:
    """A backward pass with one mistake in it.

    id         the mistake
    line       the quantity that it makes wrong first, as dC/dz1
    gradients  {parameter: its wrong gradient}
    work       the same and all intermediate errors, as d + name
    answer     the sentence that the report would have
    """

    id: str
    line: str
    gradients: dict[str, Any]
    work: dict[str, Any]
    answer: str
    _structure: Structure
    _place: Place
    _names: Mapping[str, Any] | None = field(default=None)

    def __repr__(self) -> str:
        return f"<{self.id} in {self.line}: {', '.join(self.work)}>"

    def program(self) -> Program:
        """The wrong pass as a graph, for the readings: to draw, or to print."""
        return program(self._structure, self._place.changes)

    def source(self) -> Source:
        """The forward pass and the wrong backward pass as NumPy source: a find-the-bug exercise.

        `values` of what it returns are the numbers of the run.
        """
        from tinygrad_lite.checking.printing import printed

        return printed(self._structure, self._place.changes, self._names)


def mutate(loss: Any, id: str, where: str | None = None, *, names: Mapping[str, Any] | None = None) -> Mutant:
    """The backward pass of `loss` with the mistake `id` planted in it, at the first place or at `where`.

    where  the quantity to be made wrong, such as "z1" or "W2"
    Raises: ValueError for an id that is unknown, or a loss that has no room for the mistake or does not run with it.

    >>> from tinygrad_lite import exercise
    >>> loss = exercise.cost(exercise.network(), (2, 1), 10)
    >>> mutate(loss, "sign").gradients["W2"]
    array([[3., 3., 3.]])
    """
    if id not in CATALOGUE:
        near = ", ".join(get_close_matches(id, CATALOGUE, 3, 0.5))
        raise ValueError(
            f"check.mutate: no mistake is called {id!r}.{f' Did you mean {near}?' if near else ''} Those that a "
            "network has room for are listed by check.coverage(loss)."
        )
    structure = Structure(loss, names)
    words = Words(structure, names)
    found = list(places(structure, [id]))
    at = [words[place.line] for _, place in found]
    if not found:
        raise ValueError(f"check.mutate: this network has no room for {id}, which belongs to {CATALOGUE[id].owner}")
    if where is not None:
        wanted = {where, where.removeprefix("d"), where.rpartition("/d")[2]}
        found = [each for each, name in zip(found, at, strict=True) if name in wanted]
        if not found:
            raise ValueError(f"check.mutate: {id} can be made at {', '.join(dict.fromkeys(at))}, not at {where}")
    mistake, place, passed = _running(structure, found)
    wrong = {q: np.array(passed.computed.get(q, 0 * np.asarray(q.value))) for q in structure.quantities}
    gradients = {words[q]: wrong[q] for q in structure.parameters}
    work = {f"d{words[q]}": g for q, g in wrong.items() if q is not structure.loss}
    about = {key: v if isinstance(v, str) else words[v] for key, v in place.words.items()}
    about |= {"line": words.derivative(place.line), "strength": "0.1"}
    return Mutant(id, words.derivative(place.line), gradients, work, _filled(mistake, about), structure, place, names)


def _running(structure: Structure, found: list[tuple[Mistake, Place]]) -> tuple[Mistake, Place, Pass]:
    """The first of the places where the wrong pass runs, and what it gives there."""
    said = ""
    for mistake, place in found:
        try:
            passed = run_backward(
                structure.forward, structure.loss, structure.seed, place.changes, base=structure.truth
            )
        except Crash as error:
            said = said or str(error)
            continue
        return mistake, place, passed
    raise ValueError(f"check.mutate: with {found[0][0].id} the backward pass does not run here: {said}")


def _filled(mistake: Mistake, about: dict[str, str]) -> str:
    text = mistake.text
    for key, value in about.items():
        text = text.replace("{" + key + "}", value)
    return text


def program(structure: Structure, changes: tuple[Change, ...], *, constants: bool = False) -> Program:
    """A backward pass with changes in it, run on nodes: a Program like that of `readings.program.backward`."""
    loss = structure.loss
    seed = leaf(structure.seed)
    made = Program(loss, seed, structure.forward)

    def constant(array: Any) -> Node:
        return made.constants.setdefault(id(array), leaf(array))

    with recording(EVERYTHING):
        passed: Pass = run_backward(
            structure.forward, loss, seed, changes, on_nodes=True, constant=constant if constants else None
        )
    for node in [loss, *structure.quantities]:
        if node in passed.computed:
            g = passed.computed[node]
            made.cotangents[node] = g if isinstance(g, Node) else leaf(np.asarray(g)[()])
    for user, handed in passed.handed.items():
        for i, x, share in handed:
            made.shares.setdefault(x, []).append(
                Share(user, -1 if i is None else i, share if isinstance(share, Node) else leaf(np.asarray(share)[()]))
            )
    return made


@dataclass(repr=False)
class Coverage:
    """Which mistakes given data can reveal by the gradients of the parameters.

    seen     ids of mistakes that change a gradient here
    hidden   {id: where}: those that give the right numbers here, at one place at least
    alike    groups of ids that give the same wrong numbers here, and cannot be told apart
    absent   ids of mistakes that this network has no room for
    """

    seen: list[str]
    hidden: dict[str, list[str]]
    alike: list[tuple[str, ...]]
    absent: list[str]

    @property
    def share(self) -> float:
        """The part of the mistakes that this network has room for which can be seen."""
        return len(self.seen) / max(len(self.seen) + len(self.hidden), 1)

    def __repr__(self) -> str:
        return "\n".join(part for line in self._lines() for part in wrapped(line))

    def _lines(self) -> list[str]:
        lines = [f"{len(self.seen)} of {len(self.seen) + len(self.hidden)} mistakes would show at this point"]
        if self.hidden:
            lines.append("would not show: " + ", ".join(f"{id} ({', '.join(at)})" for id, at in self.hidden.items()))
        if self.alike:
            lines.append("look the same: " + "; ".join(" = ".join(group) for group in self.alike))
        return lines

    __str__ = __repr__


def coverage(loss: Any, *probes: Any, names: Mapping[str, Any] | None = None) -> Coverage:
    """Which mistakes would show in the gradients at a point, or at several together.

    loss    a Tensor, which is the first point; or a function of the numbers that each of the probes has
    probes  dicts of numbers, {"W": ..., "x": ...}: of a Tensor the leaves of these names; or more Tensors
    Raises: TypeError and ValueError for probes that do not fit.

    >>> from tinygrad_lite import exercise
    >>> found = coverage(exercise.cost(exercise.network(), (2, 1), 10))
    >>> "no_act_prime" in found.hidden, "sign" in found.seen
    (True, True)
    """
    seen: dict[tuple[str, str, int], bool] = {}
    prints: dict[tuple[str, str], list[Any]] = {}
    for at, called in _points(loss, probes, names):
        structure = Structure(at, called)
        words = Words(structure, called)
        claim = Claim(structure, {})
        met: Counter[tuple[str, str]] = Counter()
        for mistake, place in places(structure):
            key = mistake.id, words[place.line]
            nth = (*key, met[key])  # as in the steps of a recurrent network, one may show what another does not
            met[key] += 1
            try:
                with np.errstate(all="ignore"):
                    passed = run_backward(
                        structure.forward, structure.loss, structure.seed, place.changes, base=structure.truth
                    )
            except Crash:  # an error message of its own is as good as a report
                seen[nth] = True
                continue
            wrong = {}
            for q in structure.parameters:
                g = np.asarray(passed.computed.get(q, 0 * np.asarray(q.value)))
                if not claim.agrees(q, claim.right(q), g):
                    wrong[words[q]] = g
            seen[nth] = seen.get(nth, False) or bool(wrong)
            if wrong and not mistake.free:
                prints.setdefault(key, []).append(wrong)
    hidden: dict[str, list[str]] = {}
    for (id, line, _), shows in seen.items():
        if not shows and line not in hidden.setdefault(id, []):
            hidden[id].append(line)
    room = dict.fromkeys(id for id, _, _ in seen)
    shown = [id for id in room if id not in hidden]
    return Coverage(shown, hidden, _groups(prints), [id for id in CATALOGUE if id not in room])


def _points(loss: Any, probes: tuple[Any, ...], names: Mapping[str, Any] | None) -> Iterator[tuple[Tensor, Any]]:
    if isinstance(loss, Tensor):
        yield loss, names
        s = Structure(loss, names)
        words = Words(s, names)
        leaves = {alias: p for p in s.parameters for alias in words.aliases[p]}
        for probe in probes:
            if isinstance(probe, Tensor):
                yield probe, names
                continue
            unknown = [key for key in probe if key not in leaves] if isinstance(probe, Mapping) else [repr(probe)[:40]]
            if unknown:
                raise ValueError(
                    f"check.coverage: {', '.join(unknown)} is no parameter of this loss. It has "
                    f"{', '.join(words[p] for p in s.parameters)}; data are the numbers of a loss that is a function: "
                    "check.coverage(loss, {'W': W, 'x': x})"
                )
            at, new = elsewhere(s, {leaves[key]: value for key, value in probe.items()})
            yield at, {key: new.get(v, v) if isinstance(v, Node) else v for key, v in (names or {}).items()}
        return
    if not callable(loss) or not probes:
        raise TypeError("check.coverage: give a loss, a Tensor; or a function and the numbers to run it at, in dicts")
    for probe in probes:
        at, tensors = loss_at(loss, dict(probe), parameters(probe))
        yield at, {key: t for key, t in tensors.items() if isinstance(t, Node)}


def _groups(prints: dict[tuple[str, str], list[Any]]) -> list[tuple[str, ...]]:
    groups: list[tuple[list[Any], list[str]]] = []
    for (id, _), wrong in prints.items():
        for example, ids in groups:
            if len(example) == len(wrong) and all(
                a.keys() == b.keys() and all(same(a[q], b[q], magnitude(b[q])) for q in a)
                for a, b in zip(example, wrong, strict=True)
            ):
                if id not in ids:
                    ids.append(id)
                break
        else:
            groups.append((wrong, [id]))
    found = [tuple(ids) for _, ids in groups if len(ids) > 1]
    return list(dict.fromkeys(found))
