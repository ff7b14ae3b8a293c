"""The lines of a derivation as data: which values get one, and what each is in terms of those before it."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.arithmetic import add
from tinygrad_lite.primitives.shaping import reshape
from tinygrad_lite.readings.derivation.asking import transposed
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity, of_node, parts
from tinygrad_lite.readings.derivation.folding import Folding
from tinygrad_lite.readings.derivation.normalised import short_form
from tinygrad_lite.readings.derivation.notation import rewritten
from tinygrad_lite.readings.derivation.page import Inline
from tinygrad_lite.readings.labels import Names
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.simplify import simplified

LONGEST = 120  # lines each way; of more, the middle is left out


@dataclass
class Check:
    """One check of a line: what was compared, whether it holds, how large the error was, and a remark."""

    kind: str
    ok: bool
    error: float
    note: str = ""


@dataclass
class Contribution:
    """One of the terms that a cotangent is the sum of: what comes back from one use of the value."""

    user: Node
    position: int
    via: str
    expression: Expression
    value: Any


@dataclass
class Step:
    """One line: a value of the forward pass, or the cotangent of one.

    node           of the forward pass
    cotangent      whether the line is about the derivative of the loss by it
    key            what the line is asked for by: `z1`, `dL/dz1`
    number         of the forward line that it belongs to
    operation      the row's name; for a cotangent that of the row whose rule gave it
    expression     rows over named quantities; `operands` are the values of those
    value          what the program computed
    contributions  the terms of a sum over paths, where there are several
    rule           why it looks as it does, in words
    checks         what `verify` found
    """

    node: Node
    cotangent: bool
    key: str
    number: int
    operation: str
    expression: Expression
    value: Any
    rule: list[list[Inline]] = field(default_factory=list)
    contributions: list[Contribution] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)

    @property
    def shape(self) -> tuple[int, ...]:
        """Of the value."""
        return np.shape(self.value)

    @property
    def operands(self) -> dict[Node, Any]:
        """The values that the expression is evaluated on, by node."""
        return {e.node: e.value for e in parts(self.expression) if isinstance(e, Quantity)}

    @property
    def ok(self) -> bool:
        """Whether no check failed."""
        return all(check.ok for check in self.checks)


class _Simplified(dict[Node, Node]):
    """{node: what takes its place}; where a program has far more lines than are shown, only of the ends that are."""

    def __init__(self, program: Program, folding: Folding, exact: bool) -> None:
        if len(folding.shown) <= 8 * LONGEST:
            super().__init__(simplified(program, exact=exact))
            return
        ends = set(_ends([n for n in folding.shown if n in program.cotangents], 4 * LONGEST))
        outside = {*program.forward, *(g for n, g in program.cotangents.items() if folding.owner[n] is n)}
        found: set[Node] = set()
        stack = [x for n in ends for x in (program.cotangents[n], *(s.node for s in program.shares.get(n, ())))]
        first = set(stack)
        while stack:
            node = stack.pop()
            if node not in found and (node in first or node not in outside):
                found.add(node)
                stack += [x for x in node.inputs if x is not None]
        super().__init__(simplified(sorted(found, key=lambda n: n.order), exact=exact, constants=[program.seed]))

    def __missing__(self, node: Node) -> Node:
        return node


class Builder:
    """Writes the steps of a program, forward ones first."""

    def __init__(self, program: Program, folding: Folding, names: Names, exact: bool) -> None:
        self.program, self.folding, self.names = program, folding, names
        self.new = _Simplified(program, folding, exact)
        self.loss = names[program.loss]
        self.known: dict[Node, Expression] = {}
        self.arrays = {  # the graph holds copies of arrays from outside: they are known again by their bits
            bits(a): names.operand(n, i)
            for n in program.forward
            for i, (x, a) in enumerate(zip(n.inputs, n.args, strict=True))
            if x is None and isinstance(a, np.ndarray) and a.ndim
        }
        self.number: dict[Node, int] = {}
        self.omitted: tuple[int, int] = (0, 0)  # lines left out, forward and backward
        computed = [n for n in folding.shown if n.op is not None]
        for k, node in enumerate(computed, 1):
            self.number[node] = k
        for node in folding.shown:
            self.known.setdefault(node, Quantity(node, node.value))
            self.known.setdefault(self.new[node], self.known[node])
        wanted = _ends(computed, LONGEST)
        self.forward = [self._forward(node) for node in wanted]
        self.backward = self._backward()
        self.omitted = (len(computed) - len(wanted), self.omitted[1])

    def constant(self, node: Node, i: int) -> Expression:
        """What stands at a position of a node that is no node."""
        a = node.args[i]
        if np.ndim(a) == 0:
            return Constant(a)
        name = self.arrays.get(bits(a))
        turned = self.arrays.get(bits(np.swapaxes(a, -1, -2))) if name is None and np.ndim(a) > 1 else None
        if turned is not None:
            return transposed(Constant(np.swapaxes(a, -1, -2), turned))
        return Constant(a, name or self.names.operand(node, i))

    def _forward(self, node: Node) -> Step:
        assert node.op is not None
        expression = rewritten(of_node(node, self.known, self.constant))
        return Step(node, False, self.names[node], self.number[node], node.op.name, expression, node.value)

    # -- backward ----------------------------------------------------------------------------------------------

    def _backward(self) -> list[Step]:
        order = self._order()
        wanted = _ends(order, LONGEST)
        chosen = set(wanted)
        self.omitted = (0, len(order) - len(wanted))
        steps = []
        for node in order:
            g = self.program.cotangents[node]
            new = self.new[g]
            if node in chosen:
                steps.append(self._cotangent(node, g, new))
            self._learn(node, g, new)
        return steps

    def _order(self) -> list[Node]:
        """From the loss up: by the first use of a value, and there the last operand first, bias before weight."""
        found = []
        for node in self.folding.shown:
            if node is self.program.loss or node not in self.program.cotangents:
                continue
            use = min(
                (self.number[owner], -self._position(owner, node))
                for owner in {self.folding.owner[user] for user in self.folding.users[node]}
                if owner in self.number
            )
            found.append((-use[0], use[1], -node.order, node))
        return [node for *_, node in sorted(found, key=lambda item: item[:3])]

    def _position(self, owner: Node, node: Node) -> int:
        return max((i for i, x in enumerate(owner.inputs) if x is node), default=0)

    def _learn(self, node: Node, g: Node, new: Node) -> None:
        """From here on this cotangent may be mentioned by name; and what it is the negative of, too."""
        quantity = Quantity(node, g.value, cotangent=True)
        self.known.setdefault(new, quantity)
        self.known.setdefault(g, quantity)
        if new.op is not None and new.op.name == "negative" and new.inputs[0] is not None:
            self.known.setdefault(new.inputs[0], Apply(new.op, (quantity,)))
        if new.op is reshape and new.inputs[0] is not None:
            shape = np.shape(new.inputs[0].value)
            self.known.setdefault(new.inputs[0], Apply(reshape, (quantity,), {"shape": shape}))

    def _cotangent(self, node: Node, g: Node, new: Node) -> Step:
        key = f"d{self.loss}/d{self.names[node]}"
        near = self._near(node)
        step = Step(node, True, key, self._number(node), self._operation(node), self._expression(new, near), g.value)
        step.contributions = self._contributions(node, near)
        if len(step.contributions) > 1 and not isinstance(step.expression, Quantity):
            total: Expression = step.contributions[0].expression
            if all(isinstance(c.expression, Quantity) for c in step.contributions):
                for c in step.contributions[1:]:
                    total = Apply(add, (total, c.expression))
                step.expression = rewritten(total)
            step.expression = short_form(node, self.program, self.folding) or step.expression
        return step

    def _near(self, node: Node) -> dict[Node, Expression]:
        """The cotangents of the lines that use a value by their own names, where others are equal to them: a line is
        to mention the one that the chain rule takes it from.
        """
        found: dict[Node, list[Node]] = {}
        for owner in {self.folding.owner[share.user]: None for share in self.program.shares[node]}:
            g = self.program.cotangents.get(owner)
            if g is not None and owner is not self.program.loss:
                found.setdefault(self.new[g], []).append(owner)
        return {
            new: Quantity(owners[0], self.program.cotangents[owners[0]].value, cotangent=True)
            for new, owners in found.items()
            if len(owners) == 1 and isinstance(self.known.get(new), Quantity)
        }

    def _expression(self, new: Node, near: Mapping[Node, Expression]) -> Expression:
        known = ChainMap(dict(near), self.known)
        found = known.get(new)
        if found is None or (new not in near and _of_another(found) and new.op is not None):
            found = of_node(new, known, self.constant)
        return rewritten(found)

    def _number(self, node: Node) -> int:
        owners = {self.folding.owner[user] for user in self.folding.users[node]}
        return min(self.number[owner] for owner in owners if owner in self.number)

    def _operation(self, node: Node) -> str:
        share = self.program.shares[node][0]
        return share.user.op.name if share.user.op is not None else ""

    def _contributions(self, node: Node, near: Mapping[Node, Expression]) -> list[Contribution]:
        shares = self.program.shares[node]
        owners = {self.folding.owner[share.user] for share in shares}
        if len(shares) < 2 or (len(owners) == 1 and owners <= self.folding.fused):
            return []
        found = []
        for share in shares:
            owner = self.folding.owner[share.user]
            new = self.new[share.node]
            via = self.names.get(owner, "")
            found.append(Contribution(share.user, share.position, via, self._expression(new, near), share.node.value))
        return found


def _of_another(e: Expression) -> bool:
    """Whether it is a cotangent by name."""
    return isinstance(e, Quantity) and e.cotangent


def bits(a: Any) -> tuple[Any, ...]:
    """What tells an array from another."""
    a = np.asarray(a)
    return a.shape, a.dtype.str, a.tobytes()


def _ends(nodes: Sequence[Node], most: int) -> list[Node]:
    """All of them, or the first and the last."""
    return list(nodes) if len(nodes) <= most else [*nodes[: most // 2], *nodes[-(most - most // 2) :]]
