"""From nodes to a scene: what is drawn, in which boxes, with which words and numbers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, ancestors, same_bits
from tinygrad_lite.readings.drawing.folding import HUGE, Unit, count_at, elide, elide_huge, fold_runs, leaving, units_at
from tinygrad_lite.readings.drawing.places import BACKWARD, Places
from tinygrad_lite.readings.drawing.scene import Edge, Item, Scene, direction
from tinygrad_lite.readings.labels import Names, class_text, literal, shape_text
from tinygrad_lite.readings.numerals import oddities, table

COMMUTATIVE = {"add", "multiply", "maximum", "minimum", "equal", "not_equal"} | {
    f"{logic}_{what}" for logic in ("logical", "bitwise") for what in ("and", "or", "xor")
}


class Builder:
    """Builds the scene of everything that `outputs` were computed from.

    cotangents  those of the forward nodes, to be shown with them
    backward    nodes of a backward pass which is drawn as a graph: cotangent node by forward node
    inputs      leaves that are the inputs of a function, though they may require a gradient
    """

    def __init__(
        self,
        outputs: Sequence[Node],
        *,
        depth: int | None = None,
        max_nodes: float = 60,
        names: Mapping[str, Any] | None = None,
        values: bool = False,
        cotangents: Mapping[Node, Any] | None = None,
        backward: Mapping[Node, Node] | None = None,
        inputs: Iterable[Node] = (),
    ) -> None:
        self.outputs = list(outputs)
        self.values = values
        self.cotangents = cotangents or {}
        self.inputs = set(inputs)
        self.notes: list[str] = []
        forward = ancestors(outputs)
        everything = ancestors([*outputs, *backward.values()]) if backward else forward
        back = set(everything).difference(forward)
        self._outputs = set(outputs)
        self._has_backward = bool(back)
        self._copies: set[Item] = set()
        self._listed: set[Item] = set()
        self._arrays: list[tuple[Any, Item]] = []  # of the forward pass: the backward pass has copies of them
        self.uses = Counter(x for node in forward for x in node.inputs if x is not None)
        self.wanted = [*outputs, *(node for node in (backward or {}).values() if node in back)]
        first = Names((), given=names)
        self.places = Places(everything, first.modules, back)
        self.units = self._fold(everything, depth, max_nodes)
        self.unit_of = {node: unit for unit in self.units for node in unit.nodes}
        self.leaving = leaving(self.units, self.unit_of, self.wanted)
        shown = [node for unit in self.units for node in self._shown(unit)]
        shown.sort(key=lambda node: node.order)
        self.names = Names(shown, outputs, names, self.places.short)
        symbols: dict[Node, list[str]] = {}
        for node, cotangent in (backward or {}).items():
            if cotangent in back:  # boxes of their own tell `weight` from `weight`; here they are in one
                name = self.symbol(node, node.name if node in self.places.short else None)
                symbols.setdefault(cotangent, []).append(name)
        for cotangent, several in symbols.items():  # a bias hands on what it gets: one node, two cotangents
            self.names.rename(cotangent, " = ".join(several))

    def symbol(self, node: Node, name: str | None = None) -> str:
        """How the cotangent of a node is written."""
        name = literal(name or self.names.get(node, "…"), 16)
        if len(self.outputs) > 1:
            return f"∂Σ/∂{name}"
        output = self.outputs[0]
        of = literal(self.names[output], 16)
        return f"∂{of}/∂{name}" if np.size(output.value) == 1 else f"∂Σ{of}/∂{name}"

    def scene(self) -> Scene:
        """The scene."""
        items = {unit: self._item(unit) for unit in self.units}
        self._back = self.places.group((BACKWARD,)) if self._has_backward else None
        listed: list[Item] = []
        edges: list[Edge] = []
        for unit, item in items.items():
            edges_in, extra = self._edges(unit, item, items)
            listed += [*extra, item]
            self._listed.update(extra)
            edges += edges_in
        if self.cotangents and (len(self.outputs) > 1 or np.size(self.outputs[0].value) != 1):
            self.notes.append("cotangents are those of the sum over all outputs")
        if len(listed) == 1 and not self.outputs[0].requires_grad:
            self.notes.append(
                "no graph: a leaf, or detached, or computed under no_grad or from values that require no gradient"
            )
        listed = [item for item in listed if item not in self._copies]
        return Scene(listed, edges, self.notes, *direction(listed, edges))

    # -- folding -----------------------------------------------------------------------------------------------

    def _fold(self, nodes: list[Node], depth: int | None, most: float) -> list[Unit]:
        counts = count_at(nodes, self.places)
        deepest = len(counts) - 1
        if depth is not None and depth < 0:
            raise ValueError(f"draw: depth={depth}; it is the number of levels of modules to open, 0 or more")
        if most < 1:
            raise ValueError(f"draw: max_nodes={most}; at least one node has to be drawn")
        if depth is None and counts[-1] <= most:
            return units_at(nodes, self.places, deepest)
        if counts[min(1, deepest) if depth is None else min(depth, deepest)] > max(HUGE, most):
            self.notes.append(f"{len(nodes):,} nodes, most of them folded; draw a part, or the part inside a module")
            return elide_huge(nodes, self.places, int(most), self.wanted)
        if depth is not None:
            depth = min(depth, deepest)
            units = fold_runs(units_at(nodes, self.places, depth), self.wanted)
        else:
            units = []
            for depth in range(deepest, min(1, deepest) - 1, -1):
                if counts[depth] > HUGE and depth > 1:
                    continue
                units = fold_runs(units_at(nodes, self.places, depth), self.wanted)
                if len(units) <= most / 2:  # what has to be folded is best folded to what one takes in at a glance
                    break
        short = len(units)
        if short > most:
            units = elide(units, int(most), self.wanted)
        if len(units) < len(nodes):
            self.notes.append(f"{len(nodes):,} nodes, folded: {_advice(depth or 0, deepest, short, most)}")
        return units

    def _shown(self, unit: Unit) -> list[Node]:
        """The nodes of a unit that something outside sees."""
        if len(unit.nodes) == 1:
            return unit.nodes
        return self.leaving.get(unit, [])

    # -- items -------------------------------------------------------------------------------------------------

    def _item(self, unit: Unit) -> Item:
        if unit.kind in ("leaf", "operation"):
            node = unit.nodes[0]
            item = Item(self._kind(node), self.names[node], self.names.expression(node), node=node)
            if unit.place:
                item.path = self.places.path(unit.place[-1])
            if node.op is None and not item.text and node.requires_grad and item.kind == "input":
                item.notes.append("requires a gradient")
            uses = self.uses.get(node, 0)
            if uses > 1:
                item.notes.append(f"used {uses} times" + (": cotangents add up" if node in self.cotangents else ""))
        else:
            item = self._folded(unit)
            outgoing = [node for node in self._shown(unit) if node.op is not None]
            item.node = outgoing[0] if len(outgoing) == 1 else None
        item.group = self.places.group(unit.place)
        item.inside = len(unit.nodes)
        item.is_output = any(node in self._outputs for node in self._shown(unit))
        self._numbers(item)
        return item

    def _kind(self, node: Node) -> Any:
        if node.op is not None:
            return "operation"
        if self.places.of[node] == (BACKWARD,):
            return "constant"  # the seed
        return "parameter" if node.requires_grad and node not in self.inputs else "input"

    def _folded(self, unit: Unit) -> Item:
        count = sum(node.op is not None for node in unit.nodes)
        parameters = sum(int(np.size(node.value)) for node in unit.nodes if node.op is None and node.requires_grad)
        notes = [_counted(parameters, "parameter")] if parameters else []
        if unit.kind == "module":
            path = self.places.path(unit.level)
            text = "" if unit.level is BACKWARD else class_text(unit.level.module)
            sharing = self.places.sharing(unit.level)
            item = Item("module", path, text, path, notes=[*notes, *([sharing] if sharing else [])])
            if text.partition("(")[0] == path:
                item.name, item.text = text, ""
        elif unit.kind == "run" and unit.ends is not None:
            first, last = (self._brief(end) for end in unit.ends)
            texts = [self._brief(block, text=True) for block in unit.blocks]
            item = Item("module", f"{first} … {last}" if first else "", " → ".join(texts))
            item.notes = [f"× {unit.times}", *notes]
        else:
            what = _counted(count, "operation") if count else _counted(len(unit.nodes), "leaf", "leaves")
            item = Item("elided", f"… {what} …", notes=notes)
        return item

    def _brief(self, unit: Unit, text: bool = False) -> str:
        if unit.kind == "module":
            return class_text(unit.level.module) if text else self.places.path(unit.level)
        op = unit.nodes[0].op
        return op.name if text and op else ""

    def _numbers(self, item: Item) -> None:
        node = item.node
        if node is None:
            return
        item.shape = shape_text(node.value)
        if item.kind in ("module", "elided"):
            item.shape = f"{literal(self.names[node], 24)}: {item.shape}"
        item.alarm = oddities(node.value)
        if self.values:
            item.value = table(node.value)
        if node in self.cotangents:
            item.cotangent = table(self.cotangents[node])
            item.symbol = self.symbol(node)
            odd = oddities(self.cotangents[node])
            if odd:
                item.alarm = f"{item.alarm + '; ' if item.alarm else ''}{odd} in {item.symbol}"

    # -- edges -------------------------------------------------------------------------------------------------

    def _edges(self, unit: Unit, item: Item, items: Mapping[Unit, Item]) -> tuple[list[Edge], list[Item]]:
        """The edges into a unit, and items for the arrays among its operands."""
        edges: list[Edge] = []
        constants: list[Item] = []
        counted: dict[Item, int] = {}
        for node in unit.nodes:
            labels = _positions(node) if len(unit.nodes) == 1 else {}
            for i, x in enumerate(node.inputs):
                if x is None:
                    array = node.args[i]
                    if isinstance(array, np.ndarray) and self._from_outside(unit, node):
                        source = self._known(node, array) or self._constant(node, i, array)
                        if source not in constants and source not in self._listed:
                            constants.append(source)
                        edges.append(self._edge(source, item, labels.get(i, "")))
                    continue
                source = items[self.unit_of[x]]
                if source is item:
                    continue
                if x.op is None and not x.requires_grad and self.places.of[x] == (BACKWARD,):
                    known = self._known(node, x.value)
                    if known is not None:
                        self._copies.add(source)
                        source = known
                if len(unit.nodes) == 1 and source.kind != "elided":
                    edges.append(self._edge(source, item, labels.get(i, "")))
                else:
                    counted[source] = counted.get(source, 0) + 1
        for source, n in counted.items():
            edges.append(self._edge(source, item, f"× {n}" if n > 1 else ""))
        return edges, constants

    def _edge(self, source: Item, target: Item, label: str) -> Edge:
        ends = [item.group is not None and item.group is self._back for item in (source, target)]
        return Edge(source, target, label, ends[1] and not ends[0], all(ends))

    def _from_outside(self, unit: Unit, node: Node) -> bool:
        if len(unit.nodes) == 1 and unit.kind == "operation":
            return True
        return unit.kind == "module" and self.places.constant(node) == () != self.places.of[node]

    def _known(self, node: Node, array: Any) -> Item | None:
        """The item of an array that the backward pass has from the forward one."""
        if self.places.of[node] != (BACKWARD,):
            return None
        return next((item for other, item in self._arrays if same_bits(other, array)), None)

    def _constant(self, node: Node, i: int, array: Any) -> Item:
        place = self.places.constant(node)
        kind: Any = "input" if place != self.places.of[node] else "constant"
        item = Item(kind, self.names.operand(node, i), group=self.places.group(place), shape=shape_text(array))
        item.alarm = oddities(array)
        if self.values:
            item.value = table(array)
        if self._has_backward:
            self._arrays.append((array, item))
        return item


def _positions(node: Node) -> dict[int, str]:
    """The operands to be numbered: those of an operation on several things whose order matters."""
    if node.op is None or node.op.name in COMMUTATIVE:
        return {}
    if node.op.symbol:
        return {i: str(i + 1) for i in range(len(node.inputs))} if len(node.inputs) > 1 else {}
    fed = [
        i
        for i, x in enumerate(node.inputs)
        if (isinstance(node.args[i], np.ndarray) if x is None else not (x.op is None and x.requires_grad))
    ]
    return {i: str(i + 1) for i in fed} if len(fed) > 1 else {}


def _counted(n: int, one: str, many: str | None = None) -> str:
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def _advice(depth: int, deepest: int, short: int, most: float) -> str:
    more = [f"depth={depth + 1} opens more"] if depth < deepest else []
    more.append(f"max_nodes={short} shows all {short:,}" if short > most else "max_nodes=float('inf') draws each")
    return ", ".join(more)
