"""The parts of a network that mistakes are made with, as they are found in its graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node


@dataclass(frozen=True, eq=False)
class Layer:
    """y = x W + b in any arrangement: the node of the product, which operand is which, and where the bias comes in."""

    product: Node
    x: int
    w: int
    out: Node
    bias: tuple[Node, int] | None
    rows: bool  # an example is a row; else a column
    conv: bool = False

    @property
    def batch_axes(self) -> tuple[int, ...]:
        """The axes of `out` that count examples (and places of an image)."""
        ndim = np.ndim(self.out.value)
        if self.conv:
            return 0, 2, 3
        if ndim < 2:
            return ()
        return tuple(range(ndim - 1)) if self.rows else (ndim - 1,)


@dataclass(frozen=True, eq=False)
class Shift:
    """A parameter that is added to every example, or multiplies it: operand `i` of `node`, summed over `axes`."""

    node: Node
    i: int
    leaf: Node
    axes: tuple[int, ...]
    scale: bool = False

    def error(self, g: Any, xs: tuple[Any, ...]) -> Any:
        """The error of the parameter, before it is summed over the examples."""
        return g * xs[1 - self.i] if self.scale else g

    def gathered(self, e: Any, b: Any, gather: Callable[..., Any] = np.sum) -> Any:
        """The errors of all examples gathered into the shape of the operand `b`."""
        c = gather(e, axis=self.axes)
        return c if np.shape(c) == np.shape(b) else np.reshape(c, np.shape(b))

    @property
    def examples(self) -> int:
        """How many errors are summed."""
        return int(np.prod([np.shape(self.node.value)[k] for k in self.axes]))


@dataclass(frozen=True, eq=False)
class Activation:
    """A function of each entry by itself, from `x` to `y`, in however many operations it was written."""

    x: Node
    y: Node
    kind: str
    slope: float = 0.0


@dataclass(frozen=True, eq=False)
class Normed:
    """(x - mean) / sqrt(variance + eps), from `x` to `y`, with mean and variance over `axes`; `scale` is the root."""

    x: Node
    y: Node
    axes: tuple[int, ...]
    scale: Any


@dataclass(frozen=True, eq=False)
class End:
    """The loss as its gradient shows it: `at` is where its derivative is c (p - target), p made from `at`.

    kind  "squared": p is the prediction itself; "softmax", "sigmoid": p is that of the logits
    """

    at: Node
    kind: str
    factor: float
    target: Any
    p: Any
    class_axis: int
    batch_axis: int | None


def only(node: Node, axis: int, which: int) -> Any:
    """1 for one example, 0 for all others, in a shape that broadcasts against the node's."""
    shape = np.shape(node.value)
    mask = np.zeros(shape[axis], np.asarray(node.value).dtype)
    mask[which] = 1
    return mask.reshape([-1 if k == axis else 1 for k in range(len(shape))])


def ratio(a: Any, b: Any, tolerance: float | None = None) -> float | None:
    """The number c with a = c b in every entry, if there is one and b is not all 0."""
    a, b = np.asarray(a), np.asarray(b)
    if a.shape != b.shape or not a.size or a.dtype.kind not in "fiub":
        return None
    b = b.astype(np.float64, copy=False)
    k = np.argmax(np.abs(b))
    if b.flat[k] == 0 or not np.isfinite(b.flat[k]):
        return None
    c = float(a.flat[k]) / float(b.flat[k])
    if tolerance is None:
        tolerance = 1e-5 if a.dtype.itemsize < 8 else 1e-9
    scale = max(abs(c * float(b.flat[k])), abs(float(a.flat[k])), 1e-300)
    return c if np.isfinite(c) and np.all(np.abs(a - c * b) <= tolerance * scale) else None
