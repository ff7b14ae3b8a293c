"""Which values of a program get a line of their own, and which are folded into the line of their user."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.asking import ARRANGING, OF_ONE
from tinygrad_lite.readings.program import Program

ENDING = frozenset({"mean", "sum", "add", "subtract", "negative", "multiply", "divide", "logsumexp", "pick", "getitem"})
CHEAP = frozenset({"add", "subtract", "multiply", "divide", "negative"})


class Folding:
    """Which nodes have a line of their own, and into whose line the others are folded.

    Folded are what only arranges numbers, arithmetic with a plain number that is used once, and, with `fuse`, what
    lies inside the call of a loss. A value that has a name is never folded.
    """

    def __init__(self, program: Program, given: Mapping[Node, str], fuse: bool) -> None:
        self.users: dict[Node, list[Node]] = {}
        for node in program.forward:
            for x in node.inputs:
                if x is not None:
                    self.users.setdefault(x, []).append(node)
        self.owner: dict[Node, Node] = {}
        self.fused: set[Node] = set()
        depth: dict[Node, int] = {}
        together = self._together(program, given) if fuse else set()
        for node in reversed(program.forward):
            self.owner[node] = node
            owners = {self.owner[user] for user in self.users.get(node, ())}
            if node.op is None or len(owners) != 1 or node in given or (node.name and not _renamed(node)):
                continue
            (owner,) = owners
            inside = fuse and (
                node in together or (_loss_call(node) is not None and _loss_call(node) is _loss_call(owner))
            )
            if inside or ((arranges(node) or self._cheap(node)) and depth.get(owner, 0) < 6):
                self.owner[node] = owner
                depth[owner] = depth.get(owner, 0) + (not inside)
                if inside:
                    self.fused.add(owner)
        self.shown = [node for node in program.forward if self.owner[node] is node]
        self.lines = frozenset(node for node in self.shown if node.op is not None)

    def _together(self, program: Program, given: Mapping[Node, str]) -> set[Node]:
        """What belongs to one formula although no module says so: softmax, and a cross-entropy at the end."""
        found: set[Node] = set()
        for node in program.forward:
            if node.op is not None and node.op.name == "largest":  # and what is shifted by it
                found |= {node, *self.users.get(node, ())}
            if node.op is not None and node.op.name == "subtract" and _is_log_softmax(node):
                exponentials = [u for u in self.users.get(node, ()) if u.op is not None and u.op.name == "exp"]
                found |= {x for x in node.inputs if x is not None and x.op is not None and x.op.name == "logsumexp"}
                found |= {node} if exponentials else set()
        stack, end = [program.loss], set()
        while stack:
            for x in stack.pop().inputs:
                single = x is not None and x.op is not None and len(set(self.users[x])) == 1 and x not in given
                if x is not None and x.op is not None and single and x.op.name in ENDING and not x.name:
                    end.add(x)
                    stack.append(x)
        entropy = any(x.op is not None and x.op.name == "logsumexp" for x in end)
        return found | (end if entropy else set())

    def _cheap(self, node: Node) -> bool:
        assert node.op is not None
        if node.op.name not in CHEAP or len(self.users[node]) != 1:
            return False
        return node.op.name == "negative" or any(
            x is None and np.ndim(a) == 0 for x, a in zip(node.inputs, node.args, strict=True)
        )


def _is_log_softmax(node: Node) -> bool:
    """Whether it is x - logsumexp(x)."""
    x, lse = node.inputs
    return lse is not None and lse.op is not None and lse.op.name == "logsumexp" and lse.inputs[0] is x


def arranges(node: Node) -> bool:
    """Whether a node only arranges numbers anew: no number is computed, none is left out."""
    if node.op is None:
        return False
    if node.op.name == "getitem":
        return len(node.inputs) == 1 and np.size(node.value) == np.size(node.args[0])
    if node.op.name in OF_ONE and np.size(node.value) == np.size(node.args[0]):
        return True
    return node.op.name in ARRANGING


def _renamed(node: Node) -> bool:
    """Whether a node is a copy that goes by the name of what it is a copy of."""
    x = node.inputs[0] if node.op is not None and node.op.name == "identity" else None
    return x is not None and x.name == node.name


def _loss_call(node: Node) -> Any:
    scope = node.scope
    while scope is not None:
        if type(scope.module).__name__.endswith("Loss"):
            return scope
        scope = scope.parent
    return None
