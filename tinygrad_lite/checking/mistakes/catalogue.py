"""What a mistake is: a wrong rule, where in a graph it can be made, and what to say to the one who made it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


@dataclass(frozen=True, eq=False)
class Place:
    """One place where a mistake can be made.

    line     whose cotangent it makes wrong first (or, with "value" changes, whose value)
    changes  the wrong rules
    words    what the sentence calls by name
    variant  which of several forms of the mistake it is: the first example or the last one
    times    at how many places it is made alike
    """

    line: Node
    changes: tuple[Change, ...]
    words: Mapping[str, Node | str] = field(default_factory=dict)
    variant: int = 0
    times: int = 1

    @property
    def value(self) -> Change | None:
        """The wrong operation of the forward pass that makes the line wrong, if it is one."""
        return next((c for c in self.changes if c.kind == "value" and c.at is self.line), None)


Finder = Callable[[Structure], Iterable[Place]]


@dataclass(frozen=True, eq=False)
class Mistake:
    """One row of the catalogue.

    id      stable: reports, tags and tests use it
    owner   the operation or the joint that it is made at: relu, affine, batch mean...
    kind    what the second hint says: "sign", "factor", "derivative", "mask", "transpose", "sum", "shape", "dtype"...
    text    a sentence for the student, with {line} and the place's words
    places  where a graph has room for it
    source  where it is described

    `free` mistakes have a strength that is not known (a learning rate, a penalty): the effect is known up to a factor.
    A `convention` is no mistake: it is said, not counted. A `rare` one is named where no other gives the numbers.
    """

    id: str
    owner: str
    kind: str
    text: str
    places: Finder
    free: bool = False
    convention: bool = False
    rare: bool = False
    source: str = ""

    @property
    def family(self) -> str:
        """The file that it stands in."""
        return self.places.__module__.rpartition(".")[2]


CATALOGUE: dict[str, Mistake] = {}


def mistake(id: str, owner: str, kind: str, text: str, **more: Any) -> Callable[[Finder], Finder]:
    """Enter a finder of places into the catalogue."""

    def enter(finder: Finder) -> Finder:
        if id in CATALOGUE:
            raise ValueError(f"two mistakes are called {id}")
        CATALOGUE[id] = Mistake(id, owner, kind, text, finder, **more)
        return finder

    return enter


def places(structure: Structure, only: Iterable[str] | None = None) -> Iterator[tuple[Mistake, Place]]:
    """Every mistake that the graph has room for, at every place; then at all of its places alike."""
    for row in CATALOGUE.values():
        if only is None or row.id in only:
            found = list(row.places(structure))
            for place in found:
                yield row, place
            if len(found) > 1 and not row.free and not row.convention:
                for place in _alike(structure, found):
                    yield row, place


def _alike(s: Structure, found: list[Place]) -> Iterator[Place]:
    """The same mistake at several places: at each use of one parameter, and everywhere.

    A line of code runs for every layer, or for every step in time, and so does what is wrong in it. Not so what is
    wrong in the forward pass, or in how the gradients are named in the end.
    """
    position = {q: i for i, q in enumerate(s.quantities)}
    groups: dict[Any, list[Place]] = {}
    for place in found:
        if not any(change.kind in ("value", "leaves") for change in place.changes):
            groups.setdefault((place.variant, place.line), []).append(place)
            groups.setdefault(place.variant, []).append(place)
    spots = {place: [(c.kind, c.at, c.position, c.to) for c in place.changes] for place in found}
    whole = {(place.line, frozenset(spots[place])) for place in found if len(place.changes) > 1}
    made = set()
    for group in groups.values():
        together = [spot for place in group for spot in spots[place]]
        first = min(group, key=lambda place: position.get(place.line, len(position)))
        same = first.line, frozenset(together)
        if (
            len(group) > 1
            and len(same[1]) == len(together)
            and same not in whole
            and (*same, first.variant) not in made
        ):
            made.add((*same, first.variant))
            changes = tuple(c for place in group for c in place.changes)
            yield replace(first, changes=changes, times=len(group))
