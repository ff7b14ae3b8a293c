"""Which box each node belongs in: the calls of modules, the outermost first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from tinygrad_lite.context import Scope
from tinygrad_lite.graph import Node
from tinygrad_lite.readings.drawing.scene import Group
from tinygrad_lite.readings.labels import class_text, literal

Place = tuple[Any, ...]  # scopes, the outermost first; () is outside of all


class Places:
    """The place of every node, and what the boxes are called.

    An operation is where it ran. A parameter is with the module that owns it, inside the smallest box around all
    of its uses; other leaves are outside. Arrays are outside too if they come in from there.
    """

    def __init__(self, nodes: list[Node], names: Mapping[int, str], backward: Iterable[Node] = ()) -> None:
        self._names = names
        self._chains: dict[Scope, Place] = {}
        self._groups: dict[Any, Group] = {}
        self._below: dict[int, dict[int, str]] = {}
        self._paths: dict[Scope, str] = {}
        self._roots: dict[int, str] = {}
        self.short: dict[Node, str] = {}
        beyond = set(backward)
        self.of: dict[Node, Place] = {}
        uses: dict[Node, Place] = {}
        for node in nodes:
            if node in beyond:
                self.of[node] = (BACKWARD,)
            elif node.op is None:
                self.of[node] = ()
            else:
                self.of[node] = place = self._chain(node.scope)
                for x in node.inputs:
                    if x is not None and x.op is None and x.requires_grad:
                        uses[x] = _common(uses[x], place) if x in uses else place
        for leaf, place in uses.items():
            if leaf not in beyond:
                self.of[leaf] = self._home(leaf, place)
        self.calls = self._count_calls()

    def constant(self, node: Node) -> Place:
        """Where an array among the operands of `node` belongs: outside where that is where it came from.

        A graph does not tell. An operation with no data but this array is where data enters; and what an
        outermost module takes, such as a loss its target, is given to it from outside.
        """
        place = self.of[node]
        if len(place) <= 1 and place != (BACKWARD,):
            return ()
        fed = any(x is not None and not (x.op is None and x.requires_grad) for x in node.inputs)
        return place if fed else ()

    def group(self, place: Place) -> Group | None:
        """The box for a place, with the boxes around it."""
        group = None
        for level in place:
            if level not in self._groups:
                self._groups[level] = self._new_group(level, group)
            group = self._groups[level]
        return group

    def path(self, level: Any) -> str:
        """The dotted name of a box, `net.fc2`."""
        if level is BACKWARD:
            return "backward pass"
        todo = []
        scope: Scope | None = level
        while scope is not None and scope not in self._paths:
            todo.append(scope)
            scope = scope.parent
        for scope in reversed(todo):
            self._paths[scope] = self._name(scope)
        return self._paths[level]

    def title(self, level: Any) -> str:
        """A box in one line: `net.fc2: Linear(64, 10)`."""
        if level is BACKWARD:
            return "backward pass"
        path, text = literal(self.path(level)), literal(class_text(level.module), 60)
        return text if text.partition("(")[0] == path else f"{path}: {text}"

    def sharing(self, level: Any) -> str:
        """What to say of a module that is called more than once."""
        if level is BACKWARD or self.calls[id(level.module)] == 1:
            return ""
        k, n = self._turn[level], self.calls[id(level.module)]
        return f"call {k} of {n}" + (", same parameters" if any(True for _ in level.module.parameters()) else "")

    # -- inside ------------------------------------------------------------------------------------------------

    def _chain(self, scope: Scope | None) -> Place:
        if scope is None:
            return ()
        todo = []
        at: Scope | None = scope
        while at is not None and at not in self._chains:
            todo.append(at)
            at = at.parent
        for at in reversed(todo):
            self._chains[at] = (*(self._chains[at.parent] if at.parent is not None else ()), at)
        return self._chains[scope]

    def _home(self, leaf: Node, place: Place) -> Place:
        for depth in range(len(place), 0, -1):
            name = self._owned(place[depth - 1].module).get(id(leaf))
            if name is not None:
                # An attribute's name is short inside the box of its owner; a name of the user's own stays.
                if leaf.name is not None and f".{leaf.name}".endswith(f".{name}"):
                    self.short[leaf] = name
                return place[:depth]
        return ()

    def _owned(self, module: Any) -> dict[int, str]:
        key = -id(module)
        if key not in self._below:
            self._below[key] = {id(parameter): name for name, parameter in module.named_parameters()}
        return self._below[key]

    def _name(self, scope: Scope) -> str:
        module, parent = scope.module, scope.parent
        if id(module) in self._names:
            return self._names[id(module)]
        if parent is None:
            if id(module) not in self._roots:
                name = module.root_name
                used = sum(root == name or root.startswith(f"{name}_") for root in self._roots.values())
                self._roots[id(module)] = f"{name}_{used + 1}" if used else name
            return self._roots[id(module)]
        key = id(parent.module)
        if key not in self._below:
            self._below[key] = {id(below): name for name, below in parent.module.named_modules()}
        return f"{self._paths[parent]}.{self._below[key].get(id(module), type(module).__name__)}"

    def _new_group(self, level: Any, parent: Group | None) -> Group:
        return Group(self.title(level), parent, self.sharing(level))

    def _count_calls(self) -> Counter[int]:
        scopes = {level: None for place in self._chains.values() for level in place}
        calls: Counter[int] = Counter()
        self._turn: dict[Any, int] = {}
        for scope in scopes:  # in the order of the program, for nodes are
            calls[id(scope.module)] += 1
            self._turn[scope] = calls[id(scope.module)]
        return calls


class _Backward:
    """The box around the backward pass."""

    module = None


BACKWARD = _Backward()


def _common(a: Place, b: Place) -> Place:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x is not y:
            break
        n += 1
    return a[:n]
