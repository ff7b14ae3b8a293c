"""NumPy's own traps: what changes the numbers though the formulas are right."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

from tinygrad_lite.checking.mistakes.activations import hidden
from tinygrad_lite.checking.mistakes.catalogue import Place, mistake
from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


@mistake(
    "vectorize_dtype", "np.vectorize", "dtype",
    "np.vectorize takes its dtype from the first result: where the first unit is off, max(0, x) is the integer 0 and "
    "all others are cut to integers. Say otypes=[float], or use np.maximum.",
    source="NumPy: vectorize",
)  # fmt: skip
def _vectorize_dtype(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind == "relu":

            def rule(y: Any, *xs: Any, z: Any) -> Any:
                return np.where(z.reshape(-1)[0] <= 0, np.floor(y), y)

            yield Place(act.y, (Change("value", act.y, rule, near={"z": act.x}),), {"z": act.x})


@mistake(
    "np_max_for_maximum", "np.maximum", "value",
    "np.max gives the largest entry of all; np.maximum compares entry by entry: {line} is one number everywhere.",
    source="NumPy: maximum",
)  # fmt: skip
def _np_max_for_maximum(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        if act.kind == "relu":
            yield Place(act.y, (Change("value", act.y, lambda y, *xs, z: 0 * y + np.max(y), near={"z": act.x}),))


@mistake(
    "int_dtype", "dtype", "dtype",
    "Integers: everything after the point is cut off. Make the arrays of floats, np.array(..., dtype=float).",
    source="NumPy: data types",
)  # fmt: skip
def _int_dtype(s: Structure) -> Iterator[Place]:
    if s.parameters:
        yield Place(s.parameters[0], tuple(Change("cotangent", p, lambda g, x: np.trunc(g)) for p in s.parameters))


@mistake(
    "bias_not_in_forward", "layer", "value", "The bias {b} is missing in the forward pass: {line} is that without it.",
)  # fmt: skip
def _bias_not_in_forward(s: Structure) -> Iterator[Place]:
    for layer in s.layers:
        if layer.bias is None:
            continue
        node, i = layer.bias
        b = s.leaf_of(node.inputs[i])
        if b is not None and np.any(node.args[i]):
            yield Place(node, (Change("value", node, lambda y, *xs, i=i: y - _placed(xs[i], y)),), {"b": b})


# What is left of the derivative of an activation h = f(z) where h is z.
KEPT: dict[str, Callable[..., Any]] = {
    "relu": lambda g, y, x, slope: np.where(x > 0, g, 0 * g),
    "leaky": lambda g, y, x, slope: np.where(x > 0, g, slope * g),
    "sigmoid": lambda g, y, x, slope: g * x * (1 - x),
    "tanh": lambda g, y, x, slope: g * (1 - x * x),
}


@mistake(
    "act_not_in_forward", "activation", "value",
    "The activation is missing in the forward pass: {line} is {z} as it came.",
)  # fmt: skip
def _act_not_in_forward(s: Structure) -> Iterator[Place]:
    for act in hidden(s):
        forgotten = Change("value", act.y, lambda y, *xs, z, **how: z, near={"z": act.x})
        words: dict[str, Node | str] = {"z": act.x, "h": act.y}
        if act.kind in KEPT:  # its derivative is still there
            kept = Change("bridge", act.y, partial(KEPT[act.kind], slope=act.slope), to=act.x)
            yield Place(act.y, (forgotten, kept), words)
        yield Place(act.y, (forgotten, Change("bridge", act.y, lambda g, y, x: g, to=act.x)), words, variant=1)


def _placed(b: Any, y: Any) -> Any:
    """A bias in a shape that broadcasts against its layer's output."""
    return b[:, None, None] if y.ndim == 4 and b.ndim == 1 else b
