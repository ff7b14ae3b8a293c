"""What is drawn as one: closed boxes, runs of equal blocks, and the middle of what is still too long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.drawing.places import Place, Places
from tinygrad_lite.readings.labels import class_text

AT_LEAST = 3  # so many equal blocks in a row are drawn as one
LONGEST = 8  # operations or modules in a block
HUGE = 50_000  # units beyond which only the coarsest folding is tried, and if that does not help, none


class Unit:
    """Nodes that are drawn as one item.

    nodes   in program order; kind says what they are: one leaf, one operation, a closed box, or many
    place   the box around the item; `level` is the closed box itself
    blocks  for a run, one unit for each part of its first block; `times` is how often the block comes
    """

    __slots__ = ("blocks", "ends", "kind", "level", "nodes", "place", "times")

    def __init__(
        self, nodes: list[Node], place: Place, kind: Literal["leaf", "operation", "module", "run", "elided"]
    ) -> None:
        self.nodes = nodes
        self.place = place
        self.kind = kind
        self.level: Any = None
        self.blocks: list[Unit] = []
        self.ends: tuple[Unit, Unit] | None = None
        self.times = 1


def units_at(nodes: list[Node], places: Places, depth: int) -> list[Unit]:
    """The units with every box deeper than `depth` closed: leaves first, then in program order."""
    leaves: list[Unit] = []
    others: list[Unit] = []
    closed: dict[Any, Unit] = {}
    for node in nodes:
        place = places.of[node]
        if len(place) > depth:
            level = place[depth]
            if level in closed:
                closed[level].nodes.append(node)
                continue
            unit = closed[level] = Unit([node], place[:depth], "module")
            unit.level = level
            if node.op is None:  # a parameter, older than the call: wait for the first operation
                continue
        else:
            unit = Unit([node], place, "leaf" if node.op is None else "operation")
        (leaves if unit.kind == "leaf" else others).append(unit)
    listed = set(others)
    missing = [unit for unit in closed.values() if unit not in listed]
    if missing:  # those that began with a parameter, put where their first operation is
        others = sorted([*others, *missing], key=_first)
    return leaves + others


def _first(unit: Unit) -> int:
    return next((node.order for node in unit.nodes if node.op is not None), unit.nodes[0].order)


def count_at(nodes: list[Node], places: Places) -> list[int]:
    """How many units there would be at depth 0, 1, 2...; the last is with every box open."""
    here: dict[Place, int] = {}
    for node in nodes:
        place = places.of[node]
        here[place] = here.get(place, 0) + 1
    deepest = max(map(len, here), default=0)
    counts = []
    for depth in range(deepest + 1):
        shut = {place[: depth + 1] for place in here if len(place) > depth}
        counts.append(len(shut) + sum(n for place, n in here.items() if len(place) <= depth))
    return counts


def fold_runs(units: list[Unit], outputs: Iterable[Node]) -> list[Unit]:
    """The units with every run of equal blocks made one; leaves that only a run uses go into it."""
    folded: list[Unit] = []
    changed = False
    for chain in _chains(units, set(outputs)):
        i = 0
        signatures = [_signature(unit) for unit in chain] if len(chain) >= AT_LEAST else []
        while i < len(chain):
            period, times = repeats(signatures, i) if signatures else (1, 1)
            if times < AT_LEAST:
                folded.append(chain[i])
                i += 1
                continue
            parts = chain[i : i + period * times]
            run = Unit([node for unit in parts for node in unit.nodes], parts[0].place, "run")
            run.blocks, run.times, run.ends = parts[:period], times, (parts[0], parts[-1])
            folded.append(run)
            changed = True
            i += period * times
    return _absorb(folded, outputs) if changed else units


def elide(units: list[Unit], most: int, outputs: Iterable[Node]) -> list[Unit]:
    """At most about `most` units: of the operations the first and the last, between them one for all others.

    The units are in topological order, so that nothing goes from the middle back to the beginning.
    """
    if len(units) <= most:
        return units
    leaves = [unit for unit in units if unit.kind == "leaf"]
    others = [unit for unit in units if unit.kind != "leaf"]
    end = max(1, most // 3)
    if len(others) > 2 * end:
        middle = Unit([node for unit in others[end:-end] for node in unit.nodes], (), "elided")
        others = [*others[:end], middle, *others[-end:]]
    units = _absorb(leaves + others, outputs)
    leaves = [unit for unit in units if unit.kind == "leaf"]
    if len(leaves) > max(end, most - len(others)):  # leaves alone are too many: a stack of 1,000 tensors
        end = min(end, 8)  # they stand side by side
        wanted = set(outputs)
        kept = [unit for unit in leaves if unit.nodes[0] in wanted]
        rest = [unit for unit in leaves if unit.nodes[0] not in wanted]
        many = Unit([unit.nodes[0] for unit in rest[end:]], (), "elided")
        units = kept + rest[:end] + [many] + [unit for unit in units if unit.kind != "leaf"]
    return units


def elide_huge(nodes: list[Node], places: Places, most: int, outputs: Iterable[Node]) -> list[Unit]:
    """What `elide` does, for a graph of which not even the units should be made: no runs, and no box is closed."""
    end = max(1, most // 3)
    operations = [node for node in nodes if node.op is not None]
    seen = {*operations[:end], *operations[-end:]}
    wanted = {*outputs, *(x for node in seen for x in node.inputs if x is not None and x.op is None)}
    drawn = [node for node in nodes if node in seen or (node.op is None and node in wanted)]
    units = [Unit([node], places.of[node], "leaf" if node.op is None else "operation") for node in drawn]
    listed = set(drawn)
    middle = Unit([node for node in nodes if node not in listed], (), "elided")
    units.insert(len(units) - end, middle)
    return sorted(units, key=lambda unit: unit.kind != "leaf")


def leaving(units: list[Unit], unit_of: Mapping[Node, Unit], wanted: list[Node]) -> dict[Unit, list[Node]]:
    """The nodes of each unit that another one uses, or that are asked for."""
    found: dict[Unit, dict[Node, None]] = {}
    for unit in units:
        for node in unit.nodes:
            for x in node.inputs:
                if x is not None and unit_of[x] is not unit:
                    found.setdefault(unit_of[x], {})[x] = None
    for node in wanted:
        found.setdefault(unit_of[node], {})[node] = None
    return {unit: list(nodes) for unit, nodes in found.items()}


def _absorb(units: list[Unit], outputs: Iterable[Node]) -> list[Unit]:
    """Parameters used once, in a run or in the elided middle, are part of it; what is shared stays to be seen."""
    wanted = set(outputs)
    user: dict[Node, Unit | None] = {}
    for unit in units:
        for node in unit.nodes:
            for x in node.inputs:
                if x is not None and x.op is None and x.requires_grad:
                    user[x] = None if x in user else unit
    kept = []
    for unit in units:
        if unit.kind == "leaf" and unit.nodes[0] not in wanted:
            home = user.get(unit.nodes[0])
            if home is not None and home.kind in ("run", "elided"):
                home.nodes.append(unit.nodes[0])
                continue
        kept.append(unit)
    return kept


def _chains(units: list[Unit], outputs: set[Node]) -> Iterator[list[Unit]]:
    """The units cut into chains: within one, each feeds the next and nothing else. Leaves do not count."""
    unit_of = {node: unit for unit in units for node in unit.nodes}
    feeds: dict[Unit, set[Unit]] = {unit: set() for unit in units}
    users: dict[Unit, set[Unit]] = {unit: set() for unit in units}
    for unit in units:
        for node in unit.nodes:
            for x in node.inputs:
                if x is not None and x.op is not None:
                    other = unit_of[x]
                    if other is not unit:
                        feeds[unit].add(other)
                        users[other].add(unit)
    chain: list[Unit] = []
    for unit in units:
        last = chain[-1] if chain else None
        linked = (
            last is not None
            and unit.kind != "leaf"
            and unit.place == last.place
            and feeds[unit] == {last}
            and users[last] == {unit}
            and not any(node in outputs for node in (*last.nodes, *unit.nodes))
        )
        if not linked and chain:
            yield chain
            chain = []
        chain.append(unit)
    if chain:
        yield chain


def _signature(unit: Unit) -> Any:
    node = unit.nodes[-1]
    kind = class_text(unit.level.module) if unit.kind == "module" else (node.op.name if node.op else "", len(node.args))
    return kind, str(node.kwargs), len(unit.nodes), np.shape(node.value)


def repeats(signatures: list[Any], i: int) -> tuple[int, int]:
    """The block that repeats from `i` on and saves most: its length and how often it comes."""
    best = 1, 1
    for period in range(1, min(LONGEST, (len(signatures) - i) // AT_LEAST) + 1):
        at = i + period
        while at < len(signatures) and signatures[at] == signatures[at - period]:
            at += 1
        times = (at - i) // period
        if times >= AT_LEAST and (times - 1) * period > (best[1] - 1) * best[0]:
            best = period, times
    return best
