"""What rounding can be expected of a gradient: the size of the terms that were added up for it.

A gradient can be 0 because large terms cancel, as that of a bias before batch norm does. What is left is the rounding
of the terms, and no measure relative to the gradient itself makes sense of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.graph import Node, shares

if TYPE_CHECKING:
    from tinygrad_lite.checking.structure import Structure

SATURATING = ("sigmoid", "tanh")
ROUNDINGS = 1000  # of the terms: more than any order of summing them makes, far below the smallest of the mistakes


def sizes_of_terms(s: Structure) -> dict[Node, float]:
    """{node: the size of the terms of its cotangent}.

    The rules run once more on errors as large as the true ones, each times a random number of its own: terms that
    cancel in the gradient do not cancel then.
    """
    rng = np.random.default_rng(0)
    sizes: dict[Node, Any] = {s.loss: abs(s.seed)}
    saturating = {act.y: act.x for act in s.activations if act.kind in SATURATING}
    found: dict[Node, float] = {}
    with np.errstate(all="ignore"):
        for node in reversed(s.forward):
            if node not in sizes:
                continue
            size = np.maximum(sizes.pop(node), np.abs(s.truth.cotangents.get(node, 0)))
            if s.end is not None and node is s.end.at:  # the difference of a prediction and its target
                size = np.maximum(size, np.abs(s.end.factor) * (np.abs(s.end.p) + np.abs(s.end.target)))
            largest = float(np.max(size, initial=0))
            found[node] = largest if np.isfinite(largest) else 0.0
            if node in saturating:  # f' is a difference too, 1 - h or 1 - h^2
                sizes[saturating[node]] = sizes.get(saturating[node], 0.0) + size
            if node.op is None:
                continue
            mixed = np.asarray(size * rng.standard_normal(np.shape(node.value)), np.asarray(node.value).dtype)[()]
            for _, x, share in shares(node, mixed):
                sizes[x] = sizes[x] + np.abs(share) if x in sizes else np.abs(share)
    return found
