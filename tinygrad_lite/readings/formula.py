"""Formulas in a drawing: what an operation computes, and what its rule does, as MathML.

A rule is plain NumPy, so that it runs on Tensors too. Run on stand-ins for g, y and the inputs it leaves a small
graph behind, and that graph, written with each row's own `tex`, is the formula.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.context import recording
from tinygrad_lite.graph import Node, ancestors, same_bits
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings import typeset
from tinygrad_lite.readings.dialects import mathml
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.readings.numerals import numeral
from tinygrad_lite.readings.typeset import ATOM, POWER, SUM, Fraction, Layout, Leaf, Row, operator
from tinygrad_lite.tensor import leaf


class Formula(tuple[str, int]):
    """(MathML, how tightly it holds together), and the layout that it was printed from."""

    layout: Layout

    def __new__(cls, layout: Layout, strength: int) -> Formula:
        self = super().__new__(cls, (mathml(layout), strength))
        self.layout = layout
        return self


def name(text: str) -> Formula:
    """A name as a formula: `z1` gets its number as an index.

    >>> name("z1")[0]
    '<msub><mi>z</mi><mn>1</mn></msub>'
    """
    return Formula(Leaf("name", literal(text, 24)), ATOM)


def number(x: Any) -> Formula:
    """A number as a formula."""
    text = numeral(x)
    if text[0] == "-":
        return Formula(Row((Row((operator("−"), Leaf("number", text[1:]))),)), SUM)
    return Formula(Leaf("number", text), ATOM)


def ratio(above: str, below: str) -> Formula:
    """The derivative of one named thing by another."""
    parts = (Row((operator("∂"), name(text).layout)) for text in (above, below))
    return Formula(Fraction(*parts), POWER)  # a fraction with an exponent needs brackets


def applied(op: Primitive, operands: Sequence[Formula]) -> Formula:
    """A row's `tex` with formulas in place of `#1 #2`, in brackets where they have to be.

    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite.primitives import TABLE
    >>> applied(TABLE["tanh"], [name("x")])[0]
    '<mi>tanh</mi><mspace width="0.2em"/><mrow><mi>x</mi></mrow>'
    """
    layout, strength = typeset.applied(op, [typeset.Formula(x.layout, x[1]) for x in operands])
    return Formula(layout, strength)


def computed(node: Node, named: Callable[[int], str]) -> str:
    """The right-hand side of a node: its row, with `named(i)` for operand i."""
    if node.op is None:
        return ""
    operands = [_operand(node, i, name(named(i))) for i in range(len(node.inputs))]
    if node.op.name == "getitem":
        operands = [operands[0], DOTS]
    return applied(node.op, operands)[0]


def _operand(node: Node, i: int, otherwise: Formula) -> Formula:
    a = node.args[i]
    return number(a) if node.inputs[i] is None and a is not None and np.ndim(a) == 0 else otherwise


def pulled(node: Node, i: int, g: Any, symbols: Callable[[str, int], Formula]) -> tuple[str, str, Any]:
    """How the cotangent of input `i` comes from `g`, that of the node: (formula, local derivative, its value).

    The local derivative is that of a pointwise operation; for others it is empty and None, for their rule makes no
    Jacobian. `symbols("g" | "y" | "x", position)` says how the stand-ins are written.
    """
    op = node.op
    if op is None:
        return "", "", None
    with recording(True):
        g, y = leaf(g, requires_grad=True), leaf(node.value, requires_grad=True)
        xs = tuple(
            a if x is None or np.asarray(a).dtype.kind != "f" else leaf(a, requires_grad=True)
            for x, a in zip(node.inputs, node.args, strict=True)
        )
        known: dict[Any, Formula] = {g: symbols("g", 0), y: symbols("y", 0)}
        known.update({x: symbols("x", k) for k, x in enumerate(xs) if isinstance(x, Node)})
        arrays = [(a, symbols("x", k)) for k, a in enumerate(xs) if isinstance(a, np.ndarray) and a.ndim]
        rule = None if op.variadic or i >= len(op.rules) else op.rules[i]
        local = rule(y, *xs, **node.kwargs) if op.kind == "pointwise" and callable(rule) else None
        if op.kind == "pointwise" and isinstance(rule, int):
            local = rule
        formula = written(op.pull(i, g, y, xs, node.kwargs), known, arrays)
        if local is None:
            return formula, "", None
        value = local.value if isinstance(local, Node) else local
        text = written(local, known, arrays)
        if np.asarray(value).dtype == bool:
            value, text = np.asarray(value).astype(node.value.dtype), f"<mn>1</mn><mo>[</mo>{text}<mo>]</mo>"
        return formula, text, value


def written(result: Any, known: dict[Any, Formula], arrays: list[tuple[Any, Formula]]) -> str:
    """A small graph as a formula, in terms of the nodes that are `known`; arrays are known by their bits."""

    def constant(a: Any) -> Formula:
        if a is None:
            return Formula(operator("∅"), ATOM)
        if np.ndim(a) == 0 or np.size(a) == 1:
            return number(np.asarray(a).reshape(-1)[0])
        found = next((formula for other, formula in arrays if same_bits(np.asarray(a), other)), None)
        return found or Formula(Leaf("name", "c"), ATOM)

    if not isinstance(result, Node):
        return constant(result)[0]
    formulas = dict(known)
    for node in ancestors([result]):
        if node in formulas:
            continue
        if node.op is None:
            formulas[node] = constant(node.value)
            continue
        operands = [constant(a) if x is None else formulas[x] for x, a in zip(node.inputs, node.args, strict=True)]
        if node.op.name in ("getitem", "scatter_add"):
            operands = [operands[0], DOTS]
        formulas[node] = applied(node.op, operands)
    text: str = formulas[result][0]
    return text


DOTS = Formula(operator("…"), ATOM)
