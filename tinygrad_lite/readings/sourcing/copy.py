"""The graph again, with every array from outside as an input, and the batch size by its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.shaping import reshape
from tinygrad_lite.readings.program import Program, Share
from tinygrad_lite.readings.rewriting.numbers import Size, counted, full, plain
from tinygrad_lite.readings.simplify import nodes_of
from tinygrad_lite.readings.sourcing.batch import Batch, counts_rows
from tinygrad_lite.tensor import Tensor, leaf


@dataclass
class Copy:
    """A program to be rewritten, whose nodes nobody else has.

    new        {node of the run: the node here}
    constants  leaves that are numbers of the program: the seed, and cotangents that a rule gave as they are
    found      inputs that no operation of the forward pass has: positions that a rule of the backward pass looked up
    arrays     {(node of the run, position): the input here that the array there has become}
    """

    program: Program
    new: dict[Node, Node]
    constants: list[Node]
    arrays: dict[tuple[Node, int], Node] = field(default_factory=dict)
    found: list[Node] = field(default_factory=list)


def outside_arrays(program: Program) -> dict[tuple[Node, int], Any]:
    """The arrays that stand among the operands of the forward pass: {(node, position): array}."""
    return {
        (node, i): a
        for node in program.forward
        for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True))
        if x is None and isinstance(a, np.ndarray)
    }


def is_own_number(node: Node, given: set[Node]) -> bool:
    """Whether a leaf is a number that the program itself brought along, such as the seed of a gradient in it."""
    return not (np.ndim(node.value) or node.requires_grad or node.name or node in given)


def copied(program: Program, batch: Batch | None, given: set[Node], arrays: Sequence[Any] = ()) -> Copy:
    """The program again; `given` are the leaves, `arrays` the arrays that the user has a name for.

    A leaf of the same array is the same leaf.
    """
    copy = Copy(program, {}, [])
    nodes = nodes_of(program)
    inputs: dict[Any, Node] = {}
    forward = set(program.forward)
    constants = set(program.constants.values())
    twins = {id(x.value): x for x in given if np.ndim(x.value)}
    for node in nodes:
        if node in constants:
            continue  # an array among operands, and treated as such there
        if node.op is None:
            copy.new[node] = twins.get(id(node.value), node)
            if node not in forward or is_own_number(node, given):
                copy.constants.append(node)
            continue
        args: list[Any] = []
        xs: list[Any] = []
        for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True)):
            if x is not None and x not in constants:
                xs.append(copy.new[x])
                args.append(copy.new[x].value)
            elif isinstance(a, np.ndarray):
                if counts_rows(node, i, arrays):
                    xs.append(_counted(len(a), batch))
                else:
                    key = _bits(a)
                    if key not in inputs:
                        inputs[key] = _input(a, node in forward)
                        if node not in forward and inputs[key].op is None:
                            copy.found.append(inputs[key])
                    copy.arrays[node, i] = inputs[key]
                    xs.append(inputs[key])
                args.append(xs[-1].value)
            else:
                xs.append(None)
                args.append(a if batch is None else batch.numbers[node, i])
        kwargs = node.kwargs if batch is None else {key: batch.numbers[node, key] for key in node.kwargs}
        copy.new[node] = _node(node, tuple(xs), tuple(args), kwargs)
    new = copy.new
    copy.program = Program(
        new[program.loss], program.seed, [new[node] for node in program.forward],
        {new[node]: new.get(g, g) for node, g in program.cotangents.items()},
        {new[x]: [Share(new[s.user], s.position, new.get(s.node, s.node)) for s in found]
         for x, found in program.shares.items()},
    )  # fmt: skip
    return copy


def _node(node: Node, inputs: tuple[Any, ...], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    t = leaf(node.value, node.requires_grad)
    t.op, t.inputs, t.args, t.kwargs, t.scope = node.op, inputs, args, kwargs, node.scope
    return t


def _bits(a: Any) -> tuple[Any, ...]:
    return a.shape, a.dtype.str, a.tobytes()


def _counted(n: int, batch: Batch | None) -> Node:
    size = Size(n, "N") if batch is not None and n == batch.n else n
    with recording(EVERYTHING):
        node: Node = Tensor.record(counted, (n,), {})
    node.args = (size,)
    return node


def _input(a: Any, forward: bool) -> Node:
    """An array from outside as an input; one of equal numbers that a rule made as what it is."""
    if not forward and a.ndim > 1 and a.dtype == np.intp and np.array_equal(a.reshape(-1), np.arange(a.size)):
        with recording(EVERYTHING):
            node: Node = Tensor.record(reshape, (_counted(a.size, None),), {"shape": a.shape})
        return node
    uniform = not forward and a.ndim and a.size and (a == a.reshape(-1)[0]).all() and a.dtype.kind == "f"
    return _full(a, a.shape) if uniform else leaf(a)


def _full(a: Any, shape: tuple[Any, ...]) -> Node:
    with recording(EVERYTHING):
        node: Node = Tensor.record(full, (plain(a.reshape(-1)[0]),), {"shape": shape, "dtype": a.dtype})
    return node
