"""Activations, found by what they do to numbers, in however many operations they were written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.checking.parts import Activation
from tinygrad_lite.graph import Node

if TYPE_CHECKING:
    from tinygrad_lite.checking.structure import Structure

GRID = np.array([-2.5, -1.3, -0.6, -0.2, 0.1, 0.4, 0.9, 1.7, 3.1])
KINDS: dict[str, Callable[[Any], Any]] = {
    "relu": lambda x: np.maximum(x, 0),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)),
    "tanh": np.tanh,
    "softplus": lambda x: np.log1p(np.exp(x)),
    "exp": np.exp,
    "sin": np.sin,
    "square": np.square,
}
TABLE = np.array([f(GRID) for f in KINDS.values()])
LONGEST = 12  # operations: a longer chain of them is no activation


def find_activations(s: Structure) -> list[Activation]:
    """The functions of single entries, each as large as it was meant: a sigmoid and not its exponential."""
    roots: dict[Node, Node] = {}
    depth: dict[Node, int] = {}
    for node in s.forward:
        roots[node] = _root(node, roots, depth)
    found: list[Activation] = []
    taken: set[Node] = set()
    for node in s.forward:
        root = roots[node]
        if (
            root is node
            or not node.requires_grad
            or root.op is None
            or root in taken
            or not _closed(s, root, node, roots)
        ):
            continue
        kind, slope = _kind(root, node, roots)
        if kind == "other" and (
            node.op is None
            or len([x for x in node.inputs if x is not None]) != 1
            or node.inputs[0] is not root
            or node.op.name in ("negative", "add", "subtract", "multiply", "divide", "astype")
        ):
            continue
        found.append(Activation(root, node, kind, slope))
        taken.add(root)
    return found


def _root(node: Node, roots: dict[Node, Node], depth: dict[Node, int]) -> Node:
    if node.op is None or node.op.kind not in ("pointwise", "linear", "constant"):
        return node
    if node.op.kind == "linear" and node.op.name not in ("where", "identity", "astype"):
        return node
    found = set()
    for x, a in zip(node.inputs, node.args, strict=True):
        if x is not None:
            if np.size(a) > 1 or x.requires_grad:
                found.add(roots[x])
        elif np.size(a) > 1:
            return node
    if len(found) != 1:
        return node
    root = found.pop()
    depth[node] = 1 + max((depth.get(x, 0) for x in node.inputs if x is not None), default=0)
    if depth[node] > LONGEST or np.shape(root.value) != np.shape(node.value):
        depth[node] = 0
        return node
    return root


def _between(root: Node, node: Node, roots: dict[Node, Node]) -> list[Node]:
    """The nodes from `root` (left out) to `node`, in order."""
    found, stack = {node}, [node]
    while stack:
        for x in stack.pop().inputs:
            if x is not None and x is not root and x not in found and roots.get(x) is root:
                found.add(x)
                stack.append(x)
    return sorted(found, key=lambda n: n.order)


def _closed(s: Structure, root: Node, node: Node, roots: dict[Node, Node]) -> bool:
    inside = set(_between(root, node, roots))
    return all(user in inside for x in inside - {node} for user, _ in s.users.get(x, ()))


def _kind(root: Node, node: Node, roots: dict[Node, Node]) -> tuple[str, float]:
    values: dict[Node, Any] = {root: GRID}
    with np.errstate(all="ignore"):
        for step in _between(root, node, roots):
            xs = [values.get(x, a) if x is not None else a for x, a in zip(step.inputs, step.args, strict=True)]
            assert step.op is not None
            try:
                values[step] = step.op.run(*xs, **step.kwargs)
            except (ValueError, TypeError, IndexError):  # it has an axis that the grid lacks: a softmax of one class
                return "other", 0.0
        got = values[node]
        if np.shape(got) != GRID.shape:
            return "other", 0.0
        for kind, same in zip(KINDS, _near(got, TABLE).all(axis=1).tolist(), strict=True):
            if same:
                return kind, 0.0
        slopes = got[GRID < 0] / GRID[GRID < 0]
        if slopes[0] != 1 and _near(got[GRID > 0], GRID[GRID > 0]).all() and _near(slopes, slopes[0]).all():
            return "leaky", float(slopes[0])
    return "other", 0.0


def _near(a: Any, b: Any) -> Any:
    return np.abs(a - b) <= 1e-9 + 1e-6 * np.abs(b)
