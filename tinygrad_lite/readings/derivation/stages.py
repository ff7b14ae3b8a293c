"""The weighted inputs of the layers, which are what a δ is the derivative by, and how each δ is written."""

from __future__ import annotations

import re

from tinygrad_lite.graph import Node
from tinygrad_lite.readings.derivation.folding import Folding, arranges
from tinygrad_lite.readings.derivation.naming import LAYERS
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.typeset import Layout, Leaf, Script


def weighted_inputs(folding: Folding) -> list[Node]:
    """What comes out of a layer before its activation: of W x + b written out, the sum and not the product."""
    found: dict[Node, None] = {}
    for node in folding.owner:
        if node.op is None or not (node.op.name in LAYERS or _weighs(node)):
            continue
        z = folding.owner[node]
        while (after := _biased(z, folding)) is not None:
            z = after
        if z in folding.lines and z not in folding.fused:
            found[z] = None
    return sorted(found, key=lambda node: node.order)


def deltas(stages: list[Node], names: Names) -> dict[Node, Layout]:
    """δ1 for z1, δ for z; δ with the name as its index where two would be one."""
    numbers = {n: m[1] if (m := re.fullmatch(r"[A-Za-z_]+?(\d+)", names.get(n, ""))) else "" for n in stages}
    if len(set(numbers.values())) == len(stages):
        return {n: Leaf("name", f"δ{numbers[n]}") for n in stages}
    return {n: Script(Leaf("name", "δ"), sub=Leaf("name", names.get(n, "v"))) for n in stages}


def _weighs(node: Node) -> bool:
    """Whether it is a matrix product with a parameter."""
    return node.op is not None and node.op.name == "matmul" and any(_parameter(x) for x in node.inputs)


def _parameter(x: Node | None) -> bool:
    while x is not None and arranges(x):
        x = x.inputs[0]
    return x is not None and x.op is None and x.requires_grad


def _biased(z: Node, folding: Folding) -> Node | None:
    """The sum of a product and a bias, if that is all that becomes of the product."""
    users = folding.users.get(z, [])
    if len(users) != 1 or users[0].op is None or users[0].op.name != "add":
        return None
    others = [x for x in users[0].inputs if x is not z]
    return folding.owner[users[0]] if len(others) == 1 and _parameter(others[0]) else None
