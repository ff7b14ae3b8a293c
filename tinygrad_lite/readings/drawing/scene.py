"""What is to be seen, as plain data: no graph is needed to read it, and no layout is in it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Literal

from tinygrad_lite.graph import Node

Kind = Literal["input", "parameter", "constant", "operation", "module", "elided"]


@dataclass(slots=True, eq=False)
class Group:
    """A box around items: one call of a module, or the backward pass."""

    label: str
    parent: Group | None = None
    note: str = ""


@dataclass(slots=True, eq=False)
class Item:
    """One thing on the picture.

    name      what it is called, and `path`, with the names of the boxes before it
    text      what it is: an operation's expression, a module's class
    node      whose value and cotangent it shows; None where several nodes are folded and none comes out
    notes     remarks: "x 12", "9 parameters", "2 nan"
    value     the numbers, as lines; cotangent the same, `symbol` being how it is written
    inside    how many nodes are folded into it
    """

    kind: Kind
    name: str
    text: str = ""
    path: str = ""
    group: Group | None = None
    node: Node | None = None
    shape: str = ""
    notes: list[str] = field(default_factory=list)
    alarm: str = ""
    value: list[str] = field(default_factory=list)
    cotangent: list[str] = field(default_factory=list)
    symbol: str = ""
    is_output: bool = False
    inside: int = 1


@dataclass(slots=True, eq=False)
class Edge:
    """Data going from one item into another; `label` is the operand's position where that matters."""

    source: Item
    target: Item
    label: str = ""
    into_backward: bool = False  # from the forward pass into the backward one
    is_backward: bool = False  # within the backward pass


@dataclass(slots=True, eq=False)
class Scene:
    """A picture before it has a layout: items in program order, edges in operand order."""

    items: list[Item]
    edges: list[Edge]
    notes: list[str] = field(default_factory=list)
    direction: Literal["LR", "TB"] = "TB"
    passed: int = 0  # how many ranks edges pass by: what a layout costs


def direction(items: list[Item], edges: list[Edge]) -> tuple[Literal["LR", "TB"], int]:
    """Left to right for a short chain, top to bottom for what is long or wide; and the ranks that edges pass by.

    Each rank that an edge passes costs the layout a node more, and its time goes with the square.
    """
    into: dict[Item, list[Item]] = {}
    for edge in edges:
        into.setdefault(edge.target, []).append(edge.source)
    level: dict[Item, int] = {}
    passed = 0
    for item in items:  # in topological order
        sources = into.get(item, ())
        working = item.kind in ("operation", "module", "elided")
        level[item] = working + max((level.get(source, 0) for source in sources), default=0)
        passed += sum(level[item] - level.get(source, 0) - 1 for source in sources)
    widths = Counter(n for item, n in level.items() if item.kind in ("operation", "module", "elided"))
    chain = max(widths.values(), default=0) <= 1 and len(widths) <= 7
    return "LR" if chain else "TB", passed
