"""Expressions as data: rows of the table over named quantities. What is printed is this, and so is what is checked.

An expression is evaluated with the semantics of NumPy, by the `run` of its rows: a printed line that evaluates to
something else than the engine computed is wrong, whatever the reason.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.primitives.arithmetic import negative, subtract


class Expression:
    """A piece of the right-hand side of a line."""

    __slots__ = ()

    @property
    def value(self) -> Any:
        """What it evaluates to."""
        raise NotImplementedError

    @property
    def shape(self) -> tuple[int, ...]:
        """Of its value."""
        return np.shape(self.value)


@dataclass(frozen=True, slots=True, eq=False)
class Quantity(Expression):
    """A named value: that of `node`, or with `cotangent` the derivative of the loss by it."""

    node: Node
    given: Any
    cotangent: bool = False

    @property
    def value(self) -> Any:
        """The value that the program computed."""
        return self.given


@dataclass(frozen=True, slots=True, eq=False)
class Constant(Expression):
    """A number, or an array that was no tensor; `name` is the user's for it, if there is one."""

    given: Any
    name: str | None = None

    @property
    def value(self) -> Any:
        """The number."""
        return self.given


@dataclass(frozen=True, slots=True, eq=False)
class Apply(Expression):
    """An operation on expressions."""

    op: Primitive
    args: tuple[Expression, ...]
    kwargs: Mapping[str, Any] = field(default_factory=dict)
    _cache: list[Any] = field(default_factory=list, repr=False)

    @property
    def value(self) -> Any:
        """What the row gives on the values of its operands."""
        if not self._cache:
            with np.errstate(all="ignore"):
                self._cache.append(self.op.run(*(_operand(self.op, a.value) for a in self.args), **self.kwargs))
        return self._cache[0]


def _operand(op: Primitive, value: Any) -> Any:
    """What the row is to see: an array where it moves entries, numbers where truth values have a sign."""
    if op in (negative, subtract) and np.asarray(value).dtype.kind == "b":
        return value + 0  # 1[z > 0] is 1 or 0 in a formula, and NumPy has no minus for booleans
    return np.asarray(value) if op.kind != "pointwise" and isinstance(value, (int, float)) else value


def apply(op: Primitive, *args: Any, **kwargs: Any) -> Apply:
    """An operation on expressions and plain numbers."""
    return Apply(op, tuple(a if isinstance(a, Expression) else Constant(a) for a in args), kwargs)


def parts(expression: Expression) -> Iterator[Expression]:
    """The expression and all that it is made of, from the outside in, left to right."""
    stack = [expression]
    while stack:
        e = stack.pop()
        yield e
        if isinstance(e, Apply):
            stack.extend(reversed(e.args))


def quantities(expression: Expression) -> list[Quantity]:
    """The named values that it mentions, each once, in the order of reading."""
    found: dict[tuple[Node, bool], Quantity] = {}
    for e in parts(expression):
        if isinstance(e, Quantity):
            found.setdefault((e.node, e.cotangent), e)
    return list(found.values())


def substituted(e: Expression, what: Quantity, by: Expression) -> Expression:
    """The expression with another in the place of a quantity."""
    if isinstance(e, Quantity):
        return by if e.node is what.node and e.cotangent == what.cotangent else e
    if isinstance(e, Apply):
        return Apply(e.op, tuple(substituted(a, what, by) for a in e.args), e.kwargs)
    return e


def of_node(
    node: Node,
    known: Mapping[Node, Expression],
    constant: Callable[[Node, int], Expression],
    most: int = 400,
) -> Expression:
    """The expression of a node in terms of those that are `known`; the node itself is opened even if it is.

    constant  what stands for the operand at a position that is no node
    most      more operations than these are not opened: what lies deeper becomes a quantity
    """
    if node.op is None:
        return known.get(node) or Quantity(node, node.value)
    made: dict[Node, Expression] = {}
    stack = [node]
    opened: set[Node] = set()
    while stack:
        n = stack[-1]
        if n in made:
            stack.pop()
            continue
        if n is not node and (n in known or n.op is None or (len(opened) >= most and n not in opened)):
            plain = n.op is None and not n.requires_grad and not np.ndim(n.value)
            made[n] = known.get(n) or (Constant(n.value) if plain else Quantity(n, n.value))
            stack.pop()
            continue
        opened.add(n)
        waiting = [x for x in n.inputs if x is not None and x not in made]
        if waiting:
            stack.extend(waiting)
            continue
        stack.pop()
        args = tuple(constant(n, i) if x is None else made[x] for i, x in enumerate(n.inputs))
        assert n.op is not None
        made[n] = Apply(n.op, args, n.kwargs)
    return made[node]
