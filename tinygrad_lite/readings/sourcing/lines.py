"""The steps of a program as lines: which values get a name, which stand inside another line, and in which order."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, ancestors
from tinygrad_lite.primitives import indexing, shaping
from tinygrad_lite.primitives.arithmetic import negative
from tinygrad_lite.readings.code import Code, Helpers, filled, form, literal, uses
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size, full
from tinygrad_lite.readings.sourcing.names import Identifiers, stem_of

WIDE = 76  # characters: an expression that would be longer is taken apart
SHORT = 14  # what is written out wherever it is used
VIEWS = (shaping.transpose, shaping.expand_dims, shaping.reshape, shaping.squeeze, negative, full)


@dataclass
class Line:
    """One step: `name = text`, the value of `node`."""

    name: str
    text: str
    node: Node


@dataclass
class Steps:
    """A program as lines.

    forward, backward  the lines, in order
    names              {leaf or value with a line: its name}
    gradients          {parameter: the name of its gradient}
    """

    forward: list[Line] = field(default_factory=list)
    backward: list[Line] = field(default_factory=list)
    names: dict[Node, str] = field(default_factory=dict)
    gradients: dict[Node, str] = field(default_factory=dict)


class Writer:
    """Makes lines of a simplified program.

    program     the copy of the run's program
    new         {its node: what the simplifying pass made of it}
    names       the identifiers of the run's own nodes, which `old` gives for those of the copy
    """

    def __init__(
        self,
        program: Program,
        new: dict[Node, Node],
        old: dict[Node, Node],
        leaf_names: dict[Node, str],
        names: Identifiers,
        helpers: Helpers,
        sizes: dict[str, int],
        copies: bool,
    ) -> None:
        self.copies = copies  # a view of one entry many times lies otherwise in memory, and sums in another order
        self.program, self.new, self.old, self.names, self.helpers, self.sizes = (
            program,
            new,
            old,
            names,
            helpers,
            sizes,
        )
        self.steps = Steps(names=dict(leaf_names))
        self.loss = new[program.loss]
        self.ends = {x: new[program.cotangents[x]] for x in program.parameters}
        self.order = ancestors([self.loss, *self.ends.values()])
        self.constant_ends = {g for g in self.ends.values() if g.op is full}
        self.forms: dict[Node, str] = {}
        for node in self.order:  # operands come first: a form depends on how they are written
            if node.op is not None:
                self.forms[node] = self._form(node)
        self.count: dict[Node, int] = {}
        self.repeated: set[Node] = set()  # what one line mentions more than once
        for node, text in self.forms.items():
            for i, x in enumerate(node.inputs):
                if x is not None and (times := uses(text, i)):
                    self.count[x] = self.count.get(x, 0) + times
                    if times > 1:
                        self.repeated.add(x)
        self.labels: dict[Node, str] = {}  # the names of values that are to have a line
        self.wishes: dict[Node, str] = {}  # the names of values if they get one
        self.texts: dict[Node, Code] = {}
        self.belongs: dict[Node, Node] = {}  # {cotangent: what it is the cotangent of}
        for node, cotangent in program.cotangents.items():
            if node.op is not None:
                self.belongs.setdefault(new[cotangent], new[node])

    def _form(self, node: Node) -> str:
        op = node.op
        assert op is not None
        if op is full and not node.kwargs["shape"] and node in self.constant_ends:
            return literal(node.value, strong=True).text
        if op.symbol in ("==", "!=", "<", "<=", ">", ">=") and node.inputs[0] is node.inputs[1]:
            return f"np.{op.name}(_0, _1)"  # w == w reads like a slip of the pen, to a linter too
        constants = [x is None or _plain_number(x) or _is_numeral(self.forms.get(x, "")) for x in node.inputs]
        text = form(op, node.args, node.kwargs, constants, self.helpers, self.sizes)
        return f"{text}.copy()" if self.copies and op is shaping.broadcast_to else text

    # -- names -------------------------------------------------------------------------------------------------

    def _name_forward(self) -> None:
        for node in self.program.forward:
            x, old = self.new[node], self.old[node]
            if node.op is None or x.op is None or x in self.labels:
                continue
            if self.names.known(old) or node is self.program.loss:
                self.labels[x] = self.names.of(old)
            else:
                self.wishes.setdefault(x, stem_of(x))

    def _name_backward(self) -> None:
        """A cotangent is called d and the name of what it belongs to; the shares that it is a sum of are numbered."""
        needed = set(self.order)
        for node, cotangent in self.program.cotangents.items():
            g, x = self.new[cotangent], self.new[node]
            name = self.steps.names.get(x) or self.labels.get(x)
            if node is self.program.loss or node.op is None or name is None:
                continue
            if g in self.labels or g not in needed or g.op is None or g.op is full:
                continue
            self.labels[g] = self.names.free(f"d{name}")
            shares = self.program.shares.get(node, [])
            if len(shares) > 1:
                for k, share in enumerate(shares):
                    self.wishes.setdefault(self.new.get(share.node, share.node), f"d{name}_{k + 1}")
        for x, g in self.ends.items():
            if g not in self.labels:
                self.labels[g] = self.names.free(f"d{self.steps.names[self.new[x]]}")

    # -- lines -------------------------------------------------------------------------------------------------

    def write(self) -> Steps:
        """All lines."""
        self._name_forward()
        self._name_backward()
        forward = set(ancestors([self.loss]))
        self._decide()
        for node in self.order:
            if node in forward and self._has_line(node):
                self._add(node, self.steps.forward)
        for x in self._human_order():
            g = self.new[self.program.cotangents[x]]
            if g.op is None and x not in self.ends:
                continue
            self._emit(g, x)
        for x, g in self.ends.items():
            name = self.steps.names.get(g)
            wanted = f"d{self.steps.names[self.new[x]]}"
            if g.op is None or name != wanted:
                text = name or literal(g.value, strong=True).text
                own = self.names.free(wanted)
                place = next((k for k, line in enumerate(self.steps.backward) if line.node is g), None)
                line = Line(own, text, g)
                where = len(self.steps.backward) if place is None else place + 1
                self.steps.backward.insert(where, line)
                name = own
            self.steps.gradients[x] = name or wanted
        return self.steps

    def _has_line(self, node: Node) -> bool:
        return node.op is not None and node in self.labels

    def _decide(self) -> None:
        """Go through all values in order and write each inside its user where that reads well, else give it a line."""
        for node in self.order:
            if node.op is None:
                continue
            code = self._code(node)
            while len(code.text) > WIDE and (long := self._longest(node)) is not None:
                self._give_line(long)
                code = self._code(node)
            self.texts[node] = code
            if node in self.labels or node is self.loss:
                continue
            many = self.count.get(node, 0) > 1
            small = len(code.text) <= SHORT and (node.op in VIEWS or _is_index(node))
            if node.op is full and not np.ndim(node.value):
                small = True
            if many and not small:
                self._give_line(node)

    def _code(self, node: Node) -> Code:
        codes = [Code("") if x is None else self._operand(x) for x in node.inputs]
        return filled(self.forms[node], codes)

    def _operand(self, x: Node) -> Code:
        name = self.steps.names.get(x) or self.labels.get(x)
        if name is not None:
            return Code(name)
        if x.op is None:
            return literal(x.value)
        return self.texts[x]

    def _longest(self, node: Node) -> Node | None:
        inner = [x for x in node.inputs if x is not None and x.op is not None and x not in self.labels]
        inner = [x for x in inner if len(self.texts[x].text) > SHORT]
        return max(inner, key=lambda x: len(self.texts[x].text), default=None)

    def _give_line(self, node: Node) -> None:
        wish = self.wishes.get(node)
        if wish is None and (terms := self._cotangent_of(node)) is not None:
            wish = terms
        self.labels[node] = self.names.free(wish or stem_of(node))

    def _cotangent_of(self, g: Node) -> str | None:
        """d and the name of an unnamed value whose cotangent this is."""
        node = self.belongs.get(g)
        return None if node is None else f"d{self.labels.get(node) or self.wishes.get(node, 't')}"

    def _human_order(self) -> list[Node]:
        """The cotangents from the loss down; a parameter's comes right after that of the layer which it is used in."""
        place = {node: k for k, node in enumerate(self.program.cotangents)}

        def last_use(x: Node) -> int:
            return max((place[share.user] for share in self.program.shares.get(x, [])), default=0)

        leaves = [x for x in place if x.op is None]
        order = sorted([(last_use(x), 1, k, x) for k, x in enumerate(sorted(leaves, key=lambda x: x.order))]
                       + [(place[x], 0, 0, x) for x in place if x.op is not None], key=lambda t: t[:3])  # fmt: skip
        return [x for _, _, _, x in order]

    def _emit(self, g: Node, x: Node) -> None:
        """The line of `g` and, before it, the lines that it needs; no recursion, for a program may be deep."""
        if g not in self.labels and x not in self.ends:
            return
        stack = [g]
        while stack:
            node = stack[-1]
            if node.op is None or node in self.steps.names:
                stack.pop()
                continue
            missing = [y for y in self._lines_below(node) if y not in self.steps.names]
            if missing:
                stack += reversed(missing)
                continue
            stack.pop()
            self._add(node, self.steps.backward)

    def _lines_below(self, node: Node) -> list[Node]:
        found, seen, stack = [], set(), [x for x in reversed(node.inputs) if x is not None]
        while stack:
            x = stack.pop()
            if x in seen or x.op is None:
                continue
            seen.add(x)
            if x in self.labels:
                found.append(x)
            else:
                stack += [y for y in reversed(x.inputs) if y is not None]
        return found

    def _add(self, node: Node, to: list[Line]) -> None:
        self.steps.names[node] = self.labels[node]
        to.append(Line(self.labels[node], self.texts[node].text, node))


def _plain_number(x: Node) -> bool:
    return x.op is full and not x.kwargs["shape"] and not isinstance(x.args[0], (Quotient, Size))


def _is_numeral(text: str) -> bool:
    """Whether a form is a Python number, such as a mean of one: no array, so that its user has to take it as it is."""
    with contextlib.suppress(ValueError):
        return math.isfinite(float(text))
    return False


def _is_index(node: Node) -> bool:
    return node.op is indexing.getitem and len(node.inputs) == 1


def shapes_of(
    lines: Iterable[Line], known: dict[Node, tuple[Any, ...]], shape_of: Callable[[Any], tuple[Any, ...]]
) -> dict[str, str]:
    """{name: its shape as text}, with N where the batch goes; where nothing is `known`, by `shape_of` alone."""
    texts = {}
    for line in lines:
        shape = known.get(line.node)
        if shape is None:
            shape = shape_of(line.node.value)
        texts[line.name] = f"({', '.join(map(str, shape))}{',' * (len(shape) == 1)})" if shape else "a number"
    return texts
