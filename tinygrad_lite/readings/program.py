"""The program that ran, forwards and backwards, as one graph: what derivation, source, compilation and checker read.

The rules of the table run on nodes here, so that every cotangent is a computed value like any other. Its graph says
how it comes from the cotangents before it and from the values of the forward pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import GraphError, Node, ancestors, describe, shares
from tinygrad_lite.tensor import Tensor, leaf


class Share(NamedTuple):
    """What one use of a value hands back to it: `node` is the part of its cotangent that comes by this path."""

    user: Node
    position: int
    node: Node


@dataclass
class Program:
    """A loss, what it was computed from, and the cotangent of all that lies between.

    loss        the scalar at the end
    seed        its own cotangent, the leaf 1
    forward     all nodes that the loss was computed from, in the order in which they were made
    cotangents  {forward node: the node that is its cotangent}, from the loss down, in the order of the sweep
    shares      {forward node: the shares that its cotangent is the sum of}, one for each use
    constants   {array among the operands, by id: the leaf that stood for it in the rules}, where that was asked for
    """

    loss: Node
    seed: Node
    forward: list[Node]
    cotangents: dict[Node, Node] = field(default_factory=dict)
    shares: dict[Node, list[Share]] = field(default_factory=dict)
    constants: dict[int, Node] = field(default_factory=dict)

    @property
    def parameters(self) -> list[Node]:
        """The leaves that require a gradient and are reached by it, in the order in which they were made."""
        return [node for node in self.forward if node.op is None and node in self.cotangents]


def backward(loss: Node, wrt: Iterable[Node] | None = None, *, constants: bool = False) -> Program:
    """Run the backward pass of `loss` on nodes, keeping every share: the graph of the whole training step.

    wrt  leaves or computed nodes whose cotangents are wanted; None for every leaf that requires a gradient. Only the
         paths that lead to them are followed.
    constants  let the rules see leaves in the place of arrays, so that what they make of one is recorded too
    Raises: GraphError where there is no graph or `wrt` is not on it; ValueError where the loss is not a scalar.

    >>> import tinygrad_lite as tl
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> program = backward((x * x).sum())
    >>> program.cotangents[x].value, [share.node.value.tolist() for share in program.shares[x]]
    (array([2., 4.]), [[1.0, 2.0], [1.0, 2.0]])
    """
    if not loss.requires_grad:
        raise GraphError(
            f"{describe(loss)} requires no gradient, so it has no backward pass: nothing that it was computed from "
            "does, or it was computed under no_grad. Make a leaf with requires_grad=True first."
        )
    if np.size(loss.value) != 1:
        raise ValueError(
            f"{describe(loss)} is not a scalar, so it has no one gradient. Reduce it first, for example t.sum()."
        )
    forward = ancestors([loss])
    on_path = set(forward) if wrt is None else _leading_to(list(wrt), forward, loss)
    seed: Tensor = leaf(np.ones(np.shape(loss.value), loss.value.dtype)[()])
    program = Program(loss, seed, forward)
    found = program.shares

    def constant(array: Any) -> Node:
        return program.constants.setdefault(id(array), leaf(array))

    with recording(EVERYTHING):
        for node in reversed(forward):
            if node is loss:
                g: Any = seed
            elif node in found and node in on_path:
                g = found[node][0].node
                for share in found[node][1:]:
                    g = g + share.node
            else:
                continue
            program.cotangents[node] = g
            for i, x, c in shares(node, g, on_nodes=True, constant=constant if constants else None):
                if x in on_path:
                    found.setdefault(x, []).append(Share(node, i, c if isinstance(c, Node) else leaf(c)))
    return program


def _leading_to(wrt: list[Node], forward: list[Node], loss: Node) -> set[Node]:
    known = set(forward)  # `in` a list would compare tensors entry by entry
    for x in wrt:
        if x not in known:
            raise GraphError(f"{describe(loss)} was not computed from {describe(x)}: its derivative by that is zero.")
        if not x.requires_grad:
            raise GraphError(f"{describe(x)} requires no gradient. Make it with requires_grad=True.")
    found = set(wrt)
    for node in forward:
        if any(x in found for x in node.inputs):
            found.add(node)
    return found


def replay(nodes: Iterable[Node], given: Mapping[Node, Any]) -> dict[Node, Any]:
    """The values of `nodes` (sorted by order) when those in `given` have other values: only what depends on them runs.

    It cuts the graph at the given nodes: what they were computed from plays no part.

    >>> import tinygrad_lite as tl
    >>> x = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> y = x * 3
    >>> z = y.sum()
    >>> replay([x, y, z], {y: np.array([10.0, 20.0])})[z]
    np.float64(30.0)
    """
    values: dict[Node, Any] = dict(given)
    for node in nodes:
        if node not in values and node.op is not None and any(x in values for x in node.inputs):
            args = [
                a if x is None or x not in values else values[x] for x, a in zip(node.inputs, node.args, strict=True)
            ]
            values[node] = node.op.run(*args, **node.kwargs)
    return values


def whole(program: Program, reading: str, so: str) -> None:
    """Refuse what keeps no graph of what it computed, and so cannot be run again with other values."""
    if any(node.op is not None and node.op.name == "checkpoint" for node in program.forward):
        raise GraphError(
            f"{reading}: this loss was computed through tl.checkpoint(f), which keeps no graph of what f did, so {so}. "
            "Call f itself: the values and the derivatives are the same."
        )
