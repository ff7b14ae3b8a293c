"""The shapes of an expression in the places of its quantities: `(1,1)(1,3) = (1,3)`."""

from __future__ import annotations

import numpy as np

from tinygrad_lite.readings.derivation.asking import bare
from tinygrad_lite.readings.derivation.expression import Apply, Expression
from tinygrad_lite.readings.derivation.writing import Look


def shapes(e: Expression, look: Look, every: bool = False) -> str:
    """`(1,1)(1,3) = (1,3)` for a product of matrices; with `every` also what is done entry by entry."""
    inside = e
    while (
        isinstance(inside, Apply) and inside.op.name in ("negative", "divide") and np.ndim(inside.args[-1].value) == 0
    ):
        inside = inside.args[0]
    if not isinstance(inside, Apply):
        return look.size(e.shape) if every else ""
    matrices = any(isinstance(p, Apply) and p.op.name in ("matmul", "outer") for p in _inner(inside))
    two = inside.op.name == "multiply" and all(np.size(bare(a).value) > 1 for a in inside.args)
    if not matrices and not (every and two and len(_leaves(inside)) == 2):
        return look.size(e.shape) if every else ""
    return f"{_shape_text(inside, look)} = {look.size(e.shape)}"


def _inner(e: Expression) -> list[Expression]:
    found = [e]
    if isinstance(e, Apply) and e.op.name in ("matmul", "outer", "multiply", "add", "subtract", "negative", "divide"):
        for a in e.args:
            found += _inner(a)
    return found


def _leaves(e: Apply) -> list[Expression]:
    return [a for a in _inner(e) if not isinstance(a, Apply)]


def _shape_text(e: Expression, look: Look, inside: bool = False) -> str:
    if isinstance(e, Apply) and e.op.name in ("matmul", "outer"):
        a, b = e.args
        if e.op.name == "outer":
            return f"{look.size(a.shape)}(1,{b.value.size})"
        left = f"(1,{a.shape[0]})" if len(a.shape) == 1 else _shape_text(a, look, True)
        return left + _shape_text(b, look, True)
    if isinstance(e, Apply) and e.op.name in ("multiply", "add", "subtract"):
        mark = {"multiply": "⊙", "add": "+", "subtract": "-"}[e.op.name]
        operands = [a for a in e.args if np.size(a.value) > 1 or len(e.args) < 2 or np.size(e.value) == 1]
        text = f" {mark} ".join(_shape_text(a, look, True) for a in operands)
        return f"({text})" if inside and len(operands) > 1 else text
    if isinstance(e, Apply) and e.op.name in ("negative",):
        return _shape_text(e.args[0], look, inside)
    return look.size(e.shape)
