"""The steps of a film: what is given, forward, backward from the output, sums where paths meet, the update.

Each is a piece of HTML. Everything that comes from a graph, names above all, is escaped here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, ancestors, shares
from tinygrad_lite.readings import formula
from tinygrad_lite.readings.drawing.build import Builder
from tinygrad_lite.readings.drawing.scene import Item, Scene
from tinygrad_lite.readings.labels import literal, shape_text
from tinygrad_lite.readings.numerals import oddities, table

Arrived = dict[Node, list[tuple[str, Any]]]  # the shares of a node's cotangent: where each came from, and itself


@dataclass(slots=True)
class Step:
    """One step: its kind, its title, the items and edges that light up, and the text as HTML."""

    kind: str
    title: str
    html: str
    items: list[Item]
    edges: list[int] = field(default_factory=list)


class Script:
    """Writes the steps of a scene, one after the other, into `steps`."""

    def __init__(self, builder: Builder, scene: Scene, cotangents: Mapping[Any, Any], optimizer: Any) -> None:
        self.builder = builder
        self.names = builder.names
        self.outputs = set(builder.outputs)
        self.cotangents = cotangents
        self.scene = scene
        self.steps: list[Step] = []
        self.item_of: dict[Node, Item] = {item.node: item for item in scene.items if item.node is not None}
        self.into: dict[Item, list[int]] = {}
        self.out_of: dict[Item, list[int]] = {}
        for k, edge in enumerate(scene.edges):
            self.into.setdefault(edge.target, []).append(k)
            self.out_of.setdefault(edge.source, []).append(k)
        self.uses: dict[Node, int] = {}
        for node in ancestors(builder.outputs):
            for x in node.inputs:
                if x is not None and x.requires_grad and node in cotangents:
                    self.uses[x] = self.uses.get(x, 0) + 1
        self._given()
        for item in scene.items:
            if item.kind in ("operation", "module", "elided"):
                self._forward(item)
        if cotangents:
            self._backward()
        if optimizer is not None:
            self._update(optimizer)

    def _add(self, kind: str, title: str, body: list[str], items: list[Item], edges: list[int]) -> None:
        self.steps.append(Step(kind, title, "".join(body), items, edges))

    def _given(self) -> None:
        given = [item for item in self.scene.items if item.kind in ("input", "parameter", "constant")]
        rows = [_numbers(f"{item.path}: {item.name}" if item.path else item.name, item.kind, item.value, item.shape)
                for item in given]  # fmt: skip
        self._add("given", "What is given", [_table(rows)] if rows else [], given, [])

    def _forward(self, item: Item) -> None:
        node = item.node
        if item.kind != "operation" or node is None:
            body = [f"<p>{escape(literal(text, 200))}</p>" for text in (item.text, *item.notes) if text]
            if node is not None:
                body.append(_table([_numbers(self.names[node], "out", _lines(node.value), shape_text(node.value))]))
            self._add("forward", item.name, body, [item], self.into.get(item, []))
            return
        formulas = formula.computed(node, lambda i: self.names.operand(node, i))
        code = escape(literal(f"{item.name} = {item.text}", 200))
        body = [_where(item), _math(f"{formula.name(item.name)[0]}<mo>=</mo>{formulas}"), f"<code>{code}</code>"]
        rows = [
            _numbers(self.names.operand(node, i), "in", _lines(a), shape_text(a))
            for i, a in enumerate(node.args)
            if a is not None and (node.inputs[i] is not None or isinstance(a, np.ndarray))
        ]
        rows.append(_numbers(item.name, "out", _lines(node.value), shape_text(node.value)))
        body.append(_table(rows))
        self._add("forward", f"{literal(item.name)} = {item.text}", body, [item], self.into.get(item, []))

    # -- backward ----------------------------------------------------------------------------------------------

    def _backward(self) -> None:
        arrived: Arrived = {}
        for item in reversed(self.scene.items):
            node = item.node
            if node is None or node not in self.cotangents:
                if item.kind in ("module", "elided"):
                    self._add("backward", f"back through {item.name}", [_folded(item)], [item], self.into.get(item, []))
                continue
            if node in self.outputs:
                ones = np.ones(node.value.shape, node.value.dtype)
                text = "The backward pass starts at the output. It changes as much as itself: its cotangent is 1."
                body = [f"<p>{text}</p>", _table([_numbers(item.symbol, "start", _lines(ones), "")])]
                self._add("backward", f"{item.symbol} = 1", body, [item], [])
                arrived.setdefault(node, []).append(("the start", ones))
            if item.kind in ("input", "parameter", "constant"):
                continue  # its sum came with the last share
            self._sum(item, arrived.get(node, []))
            if item.kind == "operation":
                self._through(item, node, arrived)
            elif item.kind in ("module", "elided"):
                body = [_folded(item), _table([_numbers(item.symbol, "arrives", item.cotangent, "")])]
                self._add("backward", f"back through {item.name}", body, [item], self.into.get(item, []))

    def _sum(self, item: Item, parts: list[tuple[str, Any]]) -> None:
        """The step at a node where several paths meet."""
        node = item.node
        if node is None or len(parts) < 2:
            return
        if len(parts) != self.uses.get(node, 0) + (node in self.outputs):
            return  # some of them are hidden in what is folded
        symbol = formula.ratio(*self._ratio(node))[0]
        shown = "<mo>+</mo>".join(f"<msub><mi>s</mi><mn>{k + 1}</mn></msub>" for k in range(len(parts)))
        rows = [
            _numbers(f"s{k + 1}, from {source}", "share", _lines(part), "") for k, (source, part) in enumerate(parts)
        ]
        body = [
            _where(item),
            f"<p>{len(parts)} shares arrive here, for {escape(literal(item.name))} is used {len(parts)} times. "
            "They add up.</p>",
            _math(f"{symbol}<mo>=</mo>{shown}"),
            _table([*rows, _numbers(item.symbol, "sum", _lines(self.cotangents[node]), "")]),
        ]
        self._add("sum", f"{item.symbol} is the sum of {len(parts)}", body, [item], self.out_of.get(item, []))

    def _ratio(self, node: Node) -> tuple[str, str]:
        above = self.names[self.builder.outputs[0]] if len(self.builder.outputs) == 1 else "Σ"
        return above, self.names.get(node, "…")

    def _through(self, item: Item, node: Node, arrived: Arrived) -> None:
        """The step back through an operation: what arrives, the local derivative, what goes on."""
        g = self.cotangents[node]
        body = [_where(item), _table([_numbers(item.symbol, "arrives", _lines(g), shape_text(g))])]
        onward = shares(node, g)
        for i, x, share in onward:
            arrived.setdefault(x, []).append((item.name, share))
            rule, local, value = formula.pulled(node, i, g, lambda what, k: self._symbol(node, what, k))
            target = formula.ratio(*self._ratio(x))[0]
            several = self.uses.get(x, 0) > 1
            operand = literal(self.names.operand(node, i))
            position = f", operand {i + 1}" if sum(x is other for other in node.inputs) > 1 else ""
            body.append(f"<h3>to {escape(operand)}{position}</h3>")
            rows = []
            if local:
                derivative = formula.ratio(self.names[node], self.names.operand(node, i))[0]
                body.append(_math(f"{derivative}<mo>=</mo>{local}"))
                rows.append(_numbers("local derivative", "local", _lines(value), ""))
            body.append(_math(f"{'<mi>share of</mi>' if several else ''}{target}<mo>=</mo>{rule}"))
            what = "share" if several else self.builder.symbol(x)
            rows.append(_numbers(what, "goes on", _lines(share), shape_text(share)))
            body.append(_table(rows))
        self._add("backward", f"back through {literal(item.name)} = {item.text}", body, [item], self.into.get(item, []))
        for x in dict.fromkeys(x for _, x, _ in onward):
            leaf = self.item_of.get(x)
            if x.op is None and leaf is not None and len(arrived[x]) == self.uses.get(x):
                self._sum(leaf, arrived[x])

    def _symbol(self, node: Node, what: str, k: int) -> formula.Formula:
        if what == "g":
            return formula.ratio(*self._ratio(node))
        return formula.name(self.names[node] if what == "y" else self.names.operand(node, k))

    # -- the update --------------------------------------------------------------------------------------------

    def _update(self, optimizer: Any) -> None:
        """What one step of the optimiser does, done by a copy of it on copies of the parameters."""
        trial = copy.deepcopy(optimizer)
        items, rows = [], []
        for p, copied in zip(optimizer.params, trial.params, strict=True):
            g = self.cotangents.get(p)
            copied.grad = None if g is None else np.array(g)
        trial.step()
        for p, copied in zip(optimizer.params, trial.params, strict=True):
            item = self.item_of.get(p)
            name = self.names.get(p, p.name or "parameter")
            if item is not None:
                items.append(item)
                name = f"{item.path}: {item.name}" if item.path else item.name
            rows += [
                _numbers(name, "before", _lines(p.value), shape_text(p.value)),
                _numbers(name, "cotangent", _lines(copied.grad), ""),
                _numbers(name, "after", _lines(copied.value), ""),
            ]
        options = optimizer.param_groups[0].items()
        settings = ", ".join(f"{key}={value}" for key, value in options if key != "params" and value)
        text = f"One step of {type(optimizer).__name__}({settings}): all parameters move at once, from the old values."
        self._add("update", "the update", [f"<p>{escape(text)}</p>", _table(rows)], items, [])


def _where(item: Item) -> str:
    return f'<p class="where">in {escape(literal(item.path))}</p>' if item.path else ""


def _folded(item: Item) -> str:
    return f"<p>{item.inside} nodes are folded here; draw with a greater depth to step through them.</p>"


def _math(inside: str) -> str:
    return f'<math display="block">{inside}</math>'


def _lines(array: Any) -> list[str]:
    odd = oddities(array) if isinstance(array, (np.ndarray, np.generic)) else ""
    return table(array, 8, 8) + ([f"! {odd}"] if odd else [])


def _table(rows: list[str]) -> str:
    return f'<div class="scroll"><table>{"".join(rows)}</table></div>'


def _numbers(name: str, role: str, lines: list[str], shape: str) -> str:
    pre = escape("\n".join(lines))
    return (
        f'<tr class="{role.split()[0]}"><th scope="row">{escape(literal(name, 40))}<small>{role}</small></th>'
        f"<td><pre>{pre}</pre><small>{escape(shape)}</small></td></tr>"
    )
