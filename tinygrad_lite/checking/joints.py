"""Normalisations and repeated reads: parts that more than one operation makes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_lite.checking.parts import Normed
from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.indexing import ARRAY

if TYPE_CHECKING:
    from tinygrad_lite.checking.structure import Structure


def find_normed(s: Structure) -> list[Normed]:
    """Normalisations: batch, layer, with their variance in one operation or in many."""
    found: list[Normed] = []
    for node in s.forward:
        if node.op is None or node.op.name not in ("var", "mean") or not node.requires_grad:
            continue
        x, axis = node.inputs[0], node.kwargs.get("axis")
        if x is None or axis is None or np.ndim(x.value) < 2 or any(n.x is x for n in found):
            continue
        axes = (axis,) if isinstance(axis, int) else tuple(axis)
        centred = x.value - x.value.mean(axis=axes, keepdims=True)
        for y in s.forward:
            if (
                y.order > node.order
                and y.op is not None
                and y.op.name in ("divide", "multiply")
                and np.shape(y.value) == np.shape(x.value)
                and y.requires_grad
            ):
                spread = np.sqrt((centred**2).mean(axis=axes, keepdims=True))
                near = (
                    (y.value * spread).sum(axis=axes, keepdims=True),
                    (y.value * centred).mean(axis=axes, keepdims=True),
                )
                scale = (centred**2).mean(axis=axes, keepdims=True) / np.where(near[1] == 0, 1, near[1])
                if (
                    np.allclose(y.value * scale, centred, rtol=1e-4, atol=1e-6)
                    and np.all(scale >= spread * 0.999)
                    and np.allclose(scale, spread, rtol=0.05)
                ):
                    found.append(Normed(x, y, axes, scale))
                    break
    return found


def find_scattered(s: Structure) -> list[tuple[Node, int]]:
    """Reads by index arrays that name an entry more than once."""
    found = []
    for node in s.forward:
        if node.op is not None and node.op.name == "getitem" and node.requires_grad and ARRAY in node.kwargs["index"]:
            found += [
                (node, i)
                for i, a in enumerate(node.args)
                if i and np.asarray(a).dtype.kind in "iu" and np.unique(a).size < np.size(a)
            ]
    return found
