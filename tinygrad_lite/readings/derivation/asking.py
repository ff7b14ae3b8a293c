"""What is asked of expressions: whether one is a transpose, only arranges numbers, or is the same as another."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitives import shaping
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity

# Rows that only arrange numbers: not worth a line of their own, and not worth a word in another.
SILENT = frozenset({"identity", "detach", "astype", "expand_dims", "squeeze", "broadcast_to"})
OF_ONE = frozenset({"sum", "mean"})  # which compute nothing where there is one entry
ARRANGING = SILENT | {"reshape", "transpose"}


def transposed(e: Expression) -> Apply:
    """The last two axes exchanged."""
    n = len(e.shape)
    return Apply(shaping.transpose, (e,), {"axes": None if n == 2 else (*range(n - 2), n - 1, n - 2)})


def is_transpose(e: Expression) -> bool:
    """Whether it is another expression with its last two axes exchanged."""
    if not isinstance(e, Apply) or e.op.name != "transpose":
        return False
    n = len(e.args[0].shape)
    axes = e.kwargs.get("axes")
    axes = tuple(range(n))[::-1] if axes is None else tuple(a % n for a in axes)
    return n >= 2 and axes == (*range(n - 2), n - 1, n - 2)


def is_silent(e: Expression) -> bool:
    """Whether it only adds, drops or repeats axes of its operand."""
    if not isinstance(e, Apply):
        return False
    if e.op.name == "full":
        return True
    if e.op.name == "reshape":
        return _without_ones(e.shape) == _without_ones(e.args[0].shape)
    if e.op.name == "getitem":
        return len(e.args) == 1 and np.size(e.value) == np.size(e.args[0].value) and _forward_only(e.kwargs["index"])
    return e.op.name in SILENT or (e.op.name in OF_ONE and np.size(e.value) == np.size(e.args[0].value))


def _forward_only(index: tuple[Any, ...]) -> bool:
    return all(not isinstance(p, slice) or p.step is None or p.step > 0 for p in index)


def bare(e: Expression) -> Expression:
    """The expression inside all that is silent."""
    while is_silent(e):
        assert isinstance(e, Apply)
        e = e.args[0]
    return e


def scalar(e: Expression) -> Any:
    """The number that a constant is, or None."""
    return e.value if isinstance(e, Constant) and np.ndim(e.value) == 0 and e.value is not None else None


def _without_ones(shape: tuple[int, ...]) -> tuple[int, ...]:
    return tuple(n for n in shape if n != 1)


def same(a: Expression, b: Expression) -> bool:
    """Whether two expressions are one and the same: the same operations on the same quantities."""
    if a is b:
        return True
    if isinstance(a, Quantity) and isinstance(b, Quantity):
        return a.node is b.node and a.cotangent == b.cotangent
    if isinstance(a, Apply) and isinstance(b, Apply):
        alike = a.op is b.op and len(a.args) == len(b.args) and str(a.kwargs) == str(b.kwargs)
        return alike and all(same(x, y) for x, y in zip(a.args, b.args, strict=True))
    return isinstance(a, Constant) and isinstance(b, Constant) and np.array_equal(a.value, b.value)
