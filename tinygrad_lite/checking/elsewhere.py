"""The same program at other numbers: a mistake that one point hides shows at another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node
from tinygrad_lite.tensor import Tensor


def elsewhere(s: Structure, values: Mapping[Node, Any]) -> tuple[Tensor, dict[Node, Any]]:
    """The loss with other values in some leaves, and {node: what stands in its place}."""
    new: dict[Node, Any] = {}
    for leaf, value in values.items():
        if np.shape(value) != np.shape(leaf.value):
            raise ValueError(f"{leaf.name or 'a leaf'} has the shape {np.shape(leaf.value)}, not {np.shape(value)}")
        new[leaf] = Tensor(np.asarray(value, leaf.value.dtype), leaf.requires_grad, leaf.name)
    for node in s.forward:
        if node.op is not None and node not in new and any(x in new for x in node.inputs):
            args = [a if x is None else new.get(x, x) for x, a in zip(node.inputs, node.args, strict=True)]
            new[node] = node.op(*args, **node.kwargs)
            if node.name is not None:
                new[node].name = node.name
    loss = new.get(s.loss, s.loss)
    assert isinstance(loss, Tensor)
    return loss, new


def drawn(s: Structure, seed: int = 0) -> dict[Node, Any]:
    """Other values for the parameters: no two units alike, and where a layer has a bias, its first unit is off."""
    rng = np.random.default_rng(seed)
    values = {}
    for p in s.parameters:
        shape = np.shape(p.value)
        fan = (
            max(np.size(p.value) / max(shape), 1) if len(shape) > 1 else 1
        )  # of wide layers, so that nothing saturates
        values[p] = rng.uniform(0.3, 1.5, shape) * rng.choice([-1.0, 1.0], shape) / max(np.sqrt(fan / 4), 1)
    for layer in s.layers[:-1]:  # a mask that is missing shows where a unit is off
        bias = None if layer.bias is None else s.leaf_of(layer.bias[0].inputs[layer.bias[1]])
        if bias is not None:
            values[bias] = np.array(values[bias])
            values[bias].reshape(-1)[0] = -1 - 10 * float(np.max(np.abs(layer.out.value), initial=1))
    return values
