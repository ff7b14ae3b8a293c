"""What a graph is, in the words of a course: layers, activations, the prediction, the batch, the loss.

A graph knows rows; people make mistakes with layers. What stands here is found in the graph, however it was written:
as modules, or as NumPy in a student's own way, `1 / (1 + np.exp(-z))` included, which is told by its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from tinygrad_lite.checking.activating import find_activations
from tinygrad_lite.checking.ends import find_end
from tinygrad_lite.checking.joints import find_normed, find_scattered
from tinygrad_lite.checking.parts import Activation, End, Layer, Normed, Shift, ratio
from tinygrad_lite.checking.passes import Pass, run_backward
from tinygrad_lite.checking.rounding import sizes_of_terms
from tinygrad_lite.graph import GraphError, Node, ancestors, describe
from tinygrad_lite.readings.labels import Names

THROUGH = ("transpose", "reshape", "identity", "astype", "broadcast_to", "expand_dims", "squeeze")


class Structure:
    """A loss taken apart. `names` are for labels: `locals()` will do."""

    def __init__(self, loss: Node, names: Mapping[str, Any] | None = None) -> None:
        if not loss.requires_grad:
            raise GraphError(
                f"{describe(loss)} requires no gradient, so there is no backward pass to check. Make the parameters "
                "with requires_grad=True."
            )
        if np.size(loss.value) != 1:
            raise ValueError(f"{describe(loss)} is not a scalar, so it has no one gradient. Reduce it: t.mean().")
        self.loss = loss
        self.forward = ancestors([loss])
        self.seed = np.ones(np.shape(loss.value), loss.value.dtype)[()]
        self.names = Names(self.forward, [loss], names)
        self.truth: Pass = run_backward(self.forward, loss, self.seed)
        self.users: dict[Node, list[tuple[Node, int]]] = {}
        for node in self.forward:
            for i, x in enumerate(node.inputs):
                if x is not None:
                    self.users.setdefault(x, []).append((node, i))
        self.quantities = self._in_backward_order()
        self.layers = [layer for node in self.forward if (layer := self._layer(node)) is not None]

    def value(self, node: Node) -> Any:
        """What a node's value was when it was used."""
        for user, i in self.users.get(node, ()):
            return user.args[i]
        return node.value

    @property
    def parameters(self) -> list[Node]:
        """The leaves that get a gradient, in backward order."""
        return [node for node in self.quantities if node.op is None]

    def _in_backward_order(self) -> list[Node]:
        """Everything that has a cotangent, as one writes it down: a parameter right after the last of its users."""
        order: list[Node] = []
        waiting = {x: sum(u in self.truth.cotangents for u, _ in found) for x, found in self.users.items()}
        for node in reversed(self.forward):
            if node.op is None or node not in self.truth.cotangents:
                continue
            order.append(node)
            for x in reversed(node.inputs):
                if x is not None and x in waiting:
                    waiting[x] -= 1
                    if waiting[x] == 0 and x.op is None and x in self.truth.cotangents:
                        order.append(x)
                        del waiting[x]
        return order

    def leaf_of(self, node: Node | None) -> Node | None:
        """The parameter that a node only rearranges, if it does."""
        while node is not None and node.op is not None and node.op.name in THROUGH:
            node = node.inputs[0]
        return node if node is not None and node.op is None and node.requires_grad else None

    def _layer(self, node: Node) -> Layer | None:
        name = node.op.name if node.op is not None else ""
        if name not in ("affine", "conv2d", "matmul") or not node.requires_grad:
            return None
        if name != "matmul":
            bias = (node, 2) if len(node.inputs) > 2 and self.leaf_of(node.inputs[2]) is not None else None
            return (
                Layer(node, 0, 1, node, bias, True, name == "conv2d")
                if self.leaf_of(node.inputs[1]) is not None
                else None
            )
        left, right = (self.leaf_of(x) for x in node.inputs)
        if (left is None) == (right is None) and left is None:
            return None
        rows = right is not None and (left is None or np.ndim(node.args[1]) == 2)
        found = [(user, i) for user, i in self.users.get(node, ()) if user.op is not None and user.op.name == "add"]
        out, bias = node, None
        if len(found) == 1 == len(self.users[node]) and self.leaf_of(found[0][0].inputs[1 - found[0][1]]) is not None:
            out = found[0][0]
            bias = (out, 1 - found[0][1])
        return Layer(node, 0, 1, out, bias, True) if rows else Layer(node, 1, 0, out, bias, False)

    @cached_property
    def shifts(self) -> list[Shift]:
        """Biases, and what shifts or scales a normalised value: parameters that every example meets alike."""
        found = [
            Shift(*layer.bias, leaf, layer.batch_axes)
            for layer in self.layers
            if layer.bias is not None and (leaf := self.leaf_of(layer.bias[0].inputs[layer.bias[1]])) is not None
        ]
        seen = {(shift.node, shift.i) for shift in found}
        for node in self.forward:
            if node.op is None or node.op.name not in ("add", "multiply") or node not in self.truth.cotangents:
                continue
            shape = np.shape(node.value)
            for i in (0, 1):
                leaf, other = self.leaf_of(node.inputs[i]), node.inputs[1 - i]
                if (node, i) in seen or leaf is None or other is None or not other.requires_grad or other.op is None:
                    continue
                own = (1,) * (len(shape) - np.ndim(node.args[i])) + np.shape(node.args[i])
                if np.shape(other.value) == shape and (axes := tuple(k for k, n in enumerate(own) if n != shape[k])):
                    found.append(Shift(node, i, leaf, axes, node.op.name == "multiply"))
        return found

    def activation_after(self, node: Node) -> Activation | None:
        """The activation that a node goes into, at once or after something was added."""
        by_input = {act.x: act for act in self.activations}
        shape = np.shape(node.value)
        while node not in by_input:
            users = self.users.get(node, [])
            if len(users) != 1 or users[0][0].op is None or users[0][0].op.name not in ("add", "multiply"):
                return None
            node = users[0][0]
            if np.shape(node.value) != shape:
                return None
        return by_input[node]

    @cached_property
    def terms(self) -> dict[Node, float]:
        """How large the terms are that add up to each quantity."""
        return sizes_of_terms(self)

    # -- joints ------------------------------------------------------------------------------------------------

    @cached_property
    def bottlenecks(self) -> list[Node]:
        """Nodes through which every path from the loss to a layer goes, from the loss downwards."""
        products = {layer.product for layer in self.layers}
        with_data: set[Node] = set()
        for node in self.forward:
            if node in products or any(x in with_data for x in node.inputs):
                with_data.add(node)
        if not with_data:
            with_data = {node for node in self.forward if node.op is not None}
        found, frontier = [], {self.loss}
        while frontier:
            node = max(frontier, key=lambda n: n.order)
            frontier.remove(node)
            if not frontier:
                found.append(node)
            frontier |= {x for x in node.inputs if x is not None and x in with_data and x.requires_grad}
        return found

    @cached_property
    def regularised(self) -> dict[Node, float]:
        """{parameter: c}: part of its gradient is c times itself, that of c/2 |W|^2, however the square was written."""
        found = {}
        for leaf in self.parameters:
            shares = self.truth.shares(leaf)
            parts = (
                [ratio(share, leaf.value) for share in shares] if len(shares) > 1 and np.size(leaf.value) > 1 else []
            )
            if c := sum(part for part in parts if part is not None):  # W * W hands back two halves
                found[leaf] = c
        return found

    @cached_property
    def activations(self) -> list[Activation]:
        """The functions of single entries, each as large as it was meant: a sigmoid and not its exponential."""
        return find_activations(self)

    @cached_property
    def end(self) -> End | None:
        """What kind of loss this is; None if it is none of the common ones."""
        return find_end(self)

    @cached_property
    def normed(self) -> list[Normed]:
        """Normalisations: batch, layer, with their variance in one operation or in many."""
        return find_normed(self)

    @cached_property
    def scattered(self) -> list[tuple[Node, int]]:
        """Reads by index arrays that name an entry more than once: (the read, the position of the array)."""
        return find_scattered(self)
