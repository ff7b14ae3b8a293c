"""Identities that a gradient obeys whatever the data: here the balance of a unit between two layers.

relu(c z) = c relu(z) for c > 0, so scaling what goes into a unit up and what leaves it down changes nothing, and
Euler's theorem gives, for every unit j, sum_k W1_jk dL/dW1_jk + b_j dL/db_j = sum_i W2_ij dL/dW2_ij.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.program import Program

HOMOGENEOUS = frozenset({"relu", "leaky_relu", "absolute"})


@dataclass
class Balance:
    """The two sides for each unit of `unit`, between the layers with the weights `into` and `out`."""

    unit: Node
    into: Node
    bias: Node | None
    out: Node
    left: np.ndarray
    right: np.ndarray

    @property
    def holds(self) -> np.ndarray:
        """For which units the two sides are equal, but for rounding."""
        scale = np.abs(self.left) + np.abs(self.right)
        eps = np.finfo(np.asarray(self.unit.value).dtype).eps
        return np.asarray(np.abs(self.left - self.right) <= 1e5 * eps * np.max(scale, initial=1e-300))


def balances(program: Program) -> list[Balance]:
    """One for each homogeneous activation that stands between two layers, each with weights of its own."""
    users: dict[Node, list[Node]] = {}
    for node in program.forward:
        for x in node.inputs:
            if x is not None:
                users.setdefault(x, []).append(node)

    def own(node: Node | None) -> bool:
        return node is not None and node.op is None and node in program.cotangents and len(users[node]) == 1

    found = []
    for h in program.forward:
        z = h.inputs[0] if h.op is not None and h.op.name in HOMOGENEOUS else None
        if z is None or z.op is None or z.op.name != "affine" or users[z] != [h] or len(users.get(h, ())) != 1:
            continue
        after = users[h][0]
        if after.op is None or after.op.name != "affine" or after.inputs[0] is not h:
            continue
        w1, w2 = z.inputs[1], after.inputs[1]
        b = z.inputs[2] if len(z.inputs) > 2 else None
        if w1 is None or w2 is None or not own(w1) or not own(w2) or (len(z.inputs) > 2 and not own(b)):
            continue
        g = program.cotangents
        left = np.sum(np.asarray(w1.value) * g[w1].value, axis=1)
        if b is not None:
            left = left + np.asarray(b.value) * g[b].value
        found.append(Balance(h, w1, b, w2, left, np.sum(np.asarray(w2.value) * g[w2].value, axis=0)))
    return found
