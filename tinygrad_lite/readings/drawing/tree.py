"""The scene of a module by itself: its parts in their boxes, without an input to run it on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tinygrad_lite.nn import Module, Sequential
from tinygrad_lite.readings.drawing.folding import AT_LEAST, repeats
from tinygrad_lite.readings.drawing.scene import Edge, Group, Item, Scene
from tinygrad_lite.readings.labels import class_text


def tree(module: Module, *, depth: int | None, max_nodes: float, names: Mapping[str, Any] | None = None) -> Scene:
    """The parts of a module down to `depth` (by default as deep as `max_nodes` allows), with parameter counts.

    Only a Sequential says by itself how data flows, and only there are arrows; a run on an input shows the rest.
    """
    root = next((name for name, thing in (names or {}).items() if thing is module), module.root_name)
    depths = [len(path.split(".")) if path else 0 for path, _ in module.named_modules()]
    deepest = max(depths)
    if depth is None:
        depth = next((d for d in range(deepest, 1, -1) if sum(n <= d for n in depths) <= max_nodes), min(1, deepest))
    items: list[Item] = []
    edges: list[Edge] = []
    flowing: set[Group | None] = set()
    last: dict[Group | None, Item] = {}
    seen: set[int] = set()
    todo = [_Part([module], root, 0, None)]
    while todo:
        part = todo.pop()
        below = list(part.modules[0].named_children())
        if below and part.level < depth and part.times == 1 and id(part.modules[0]) not in seen:
            box = Group(part.title(), part.group)
            if type(part.modules[0]).forward is Sequential.forward:
                flowing.add(box)
            todo.extend(reversed(_folded(below, part, box)))
        else:
            item = part.item(seen)
            group = part.group
            while group in flowing and group not in last:  # the first in its box follows what comes before the box
                group = group.parent if group else None
            if group in flowing:
                edges.append(Edge(last[group], item))
            items.append(item)
            group = part.group
            while group in flowing:
                last[group] = item
                group = group.parent if group else None
        seen.update(map(id, part.modules))
    notes = [f"folded: depth={depth + 1} opens more"] if depth < deepest else []
    if deepest:
        notes.append(f"the parts of {root}; to see data flow through them: tl.draw({root}, x) with an example x")
    chain = len(edges) == len(items) - 1 and len(items) <= 7
    return Scene(items, edges, notes, "LR" if chain else "TB")


@dataclass(slots=True)
class _Part:
    """Modules that stand in one place: a single one, or a run of equal blocks, `times` times the first `block`."""

    modules: list[Module]
    path: str
    level: int
    group: Group | None
    times: int = 1
    block: int = 1

    def title(self) -> str:
        """`net.fc2: Linear(64, 10)`; for a run its blocks' classes."""
        texts = " → ".join(class_text(module) for module in self.modules[: self.block])
        return texts if texts.partition("(")[0] == self.path else f"{self.path}: {texts}"

    def item(self, seen: set[int]) -> Item:
        """The item for it, with the count of parameters; those of a module seen before are shared."""
        path, _, text = self.title().rpartition(": ")
        item = Item("module", path or text, text if path else "", group=self.group)
        count = sum(p.size for p in {p: None for module in self.modules for p in module.parameters()})
        item.notes = [f"× {self.times}"] if self.times > 1 else []
        if count:
            again = ", shared with the above" if any(id(module) in seen for module in self.modules) else ""
            item.notes.append(f"{count:,} parameter{'' if count == 1 else 's'}{again}")
        return item


def _folded(below: list[tuple[str, Module]], part: _Part, box: Group) -> list[_Part]:
    """The parts of a module, runs of equal blocks as one."""
    marks = [
        ([(path, class_text(m)) for path, m in child.named_modules()], [p.shape for p in child.parameters()])
        for _, child in below
    ]
    parts = []
    i = 0
    while i < len(below):
        block, times = repeats(marks, i)
        if times < AT_LEAST:
            block, times = 1, 1
        names, modules = zip(*below[i : i + block * times], strict=True)
        path = f"{part.path}.{names[0]}" + (f" … {part.path}.{names[-1]}" if times > 1 else "")
        parts.append(_Part(list(modules), path, part.level + 1, box, times, block))
        i += block * times
    return parts
