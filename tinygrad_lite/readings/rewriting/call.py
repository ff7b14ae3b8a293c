"""What a rewriting sees: one call, whose operands have been rewritten already."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives import shaping
from tinygrad_lite.primitives.arithmetic import negative
from tinygrad_lite.readings.rewriting.numbers import counted, full, is_number, onehot


@dataclass
class Call:
    """One operation on rewritten operands, and what it has to come to.

    make          runs an operation and gives its node, the one that is there already if there is one
    shape, dtype  of the result
    """

    op: Primitive
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    make: Callable[..., Any]
    shape: tuple[int, ...]
    dtype: Any


Rule = Callable[[Call], Any]
EXACT: list[Rule] = []
CLOSE: list[Rule] = []


def exact(rule: Rule) -> Rule:
    """An identity that floating-point numbers keep to the last bit."""
    EXACT.append(rule)
    return rule


def close(rule: Rule) -> Rule:
    """An identity of real numbers, which floating-point numbers keep but for rounding."""
    CLOSE.append(rule)
    return rule


def made_by(x: Any, op: Primitive) -> bool:
    """Whether `x` is a node that `op` made."""
    return isinstance(x, Node) and x.op is op


def operands(x: Node) -> tuple[Any, ...]:
    """What a node was made of: nodes, and constants as they are."""
    return tuple(a if i is None else i for i, a in zip(x.inputs, x.args, strict=True))


def shape_of(x: Any) -> tuple[int, ...]:
    """The shape of a node, an array or a number."""
    return np.shape(x.value if isinstance(x, Node) else x)


def scalar(x: Any) -> Any:
    """The number behind an array of equal entries; None for anything else."""
    if is_number(x):
        return x
    return operands(x)[0] if made_by(x, full) else None


def elementwise(op: Primitive) -> bool:
    """Whether each entry of the result is made of the operands' entries at the same place alone."""
    return op.kind == "pointwise" or op.name == "where" or (op.kind == "constant" and op not in (counted, full, onehot))


# What IEEE arithmetic rounds correctly, and what moves numbers alone: an entry comes out the same in an array of any
# shape. NumPy's exp, tanh, power... may differ in the last bit between an entry of a long line and one by itself.
SAME_ANYWHERE = frozenset(
    {"add", "subtract", "multiply", "divide", "negative", "absolute", "square", "sqrt", "sign", "maximum", "minimum",
     "relu", "where", "clip", "greater", "greater_equal", "less", "less_equal", "equal", "not_equal", "logical_and",
     "logical_or", "logical_not", "bitwise_and", "bitwise_or", "invert"}
)  # fmt: skip


def negated(c: Call, x: Any) -> Any:
    """-x."""
    return c.make(negative, x)


RESHAPING = (shaping.reshape, shaping.expand_dims, shaping.squeeze)
