"""The computation graph: nodes, their order, and the backward sweep over them.

A node is a value and how it came about: the row of the table that ran, the nodes that it ran on, and the arrays
that it saw. The engine's duties are here and never in a rule: summing out broadcast axes, adding up where paths
meet, skipping what wants no gradient, and checking the shape and dtype of every cotangent.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from heapq import heappop, heappush
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING, Scope, Tracing
from tinygrad_lite.hooks import HOOKS, hooked
from tinygrad_lite.primitive import Primitive, Traced

next_order = itertools.count().__next__  # the number for the next node


class GraphError(RuntimeError):
    """The graph cannot give what was asked of it; the message says what to do."""


class Node(Traced):
    """A value in the graph.

    value     the array (or NumPy scalar); it belongs to the node and nobody ever writes into it
    op        the row that made it; None for a leaf, which was given and not computed
    inputs    the nodes that `op` ran on, in order and with repeats; None where a plain constant stood
    args      what `op` saw: the arrays of those inputs at that moment, and the constants
    kwargs    the rest of the call: axis, shape, index...
    order     a number that grows with time; an input's is smaller than its user's, so sorting by it is a
              topological order, the one in which the program ran
    scope     the call of a module in which it was made
    """

    __slots__ = (
        "__weakref__", "_handle", "args", "inputs", "kwargs", "name", "op", "order", "requires_grad", "scope", "value"
    )  # fmt: skip

    value: Any
    op: Primitive | None
    inputs: tuple[Node | None, ...]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    requires_grad: bool
    order: int
    scope: Scope | None
    name: str | None
    _handle: Any  # the copy of `value` that `.data` handed out, if any: see `current`

    # Equality of tensors is elementwise; a node in a set or a dict is itself.
    __hash__ = object.__hash__

    def current(self) -> Any:
        """The value, after taking in what was written into the array that `.data` handed out.

        A leaf that was written into gets a new value, and graphs that used the old one keep it. A computed
        node cannot change: its value would no longer be what its operation gives.
        """
        mode = RECORDING.get()
        if mode.__class__ is Tracing:
            return mode.trace.value_of(self)
        return self.known()

    def known(self) -> Any:
        """`current`, where no program is being traced."""
        if self._handle is not None and not same_bits(self._handle, self.value):
            if self.op is not None:
                raise GraphError(
                    f"{describe(self)} was written into after it was computed, so the graph no longer says how "
                    "it came about. Write into a leaf, or into `t.detach()`, or compute with np.where."
                )
            self.value = freeze(self._handle)
        return self.value


def freeze(array: Any) -> Any:
    """A private copy of an array; a NumPy scalar, which nobody can write into, for a 0-d one."""
    return array.copy() if array.ndim else array[()]


def same_bits(a: Any, b: Any) -> bool:
    """Whether two arrays are equal to the last bit (nan equals nan, 0.0 differs from -0.0)."""
    return bool(a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes())


def describe(node: Node) -> str:
    """A node in an error message: its name if it has one, what made it, and where."""
    shape = f"{np.shape(node.value)}"
    text = f"{node.name} {shape}" if node.name else f"a tensor {shape}"
    if node.op is not None:
        text += f" from {node.op.name}"
    if node.scope is not None:
        text += f" in {node.scope.path}"
    return text


def ancestors(outputs: Iterable[Node], *, differentiable: bool = False) -> list[Node]:
    """`outputs` and everything that they were computed from, in the order in which it was made.

    With `differentiable`, only what requires a gradient.
    """
    found = {node for node in outputs if node.requires_grad or not differentiable}
    stack = list(found)
    while stack:
        for node in stack.pop().inputs:
            if node is not None and node not in found and (node.requires_grad or not differentiable):
                found.add(node)
                stack.append(node)
    return sorted(found, key=lambda node: node.order)


def descendants(nodes: Iterable[Node], among: Iterable[Node]) -> set[Node]:
    """Those `among` (sorted by order) which are, or were computed from, one of `nodes`."""
    found = set(nodes)
    for node in among:
        if any(x in found for x in node.inputs):
            found.add(node)
    return found


def sweep(
    seeds: Mapping[Node, Any],
    *,
    on_nodes: bool = False,
    within: set[Node] | None = None,
    seen: dict[Node, Any] | None = None,
) -> dict[Node, Any]:
    """Run the graph backwards from `seeds` (node: cotangent); return the cotangent of every leaf it reaches.

    The newest node goes first. All users of a node are newer than it is, so when its turn comes every one of
    them has added its share and the cotangent is complete.

    on_nodes  run the rules on nodes instead of arrays: the cotangents are then part of a graph themselves
    within    go through these nodes only, and treat those of them with no input among them as leaves
    seen      gets the cotangent of every node that the sweep reaches: for readings, which show them all
    """
    cotangents = dict(seeds)
    queue = sorted([(-node.order, node) for node in cotangents])  # a sorted list is a heap
    leaves: dict[Node, Any] = {}
    hooks = HOOKS
    mode = RECORDING.get()
    trace = mode.trace if mode.__class__ is Tracing else None
    while queue:
        node = heappop(queue)[1]
        g = cotangents.pop(node)
        if hooks and node.op is not None:
            g = hooked(node, g)
        if seen is not None:
            seen[node] = g
        op = node.op
        if op is None:  # only where the sweep started at a leaf
            leaves[node] = g
            continue
        if node._handle is not None:
            node.current()
        reached = False
        args = node.args
        y, xs = (node, _operands(node)) if on_nodes else (node.value, args)
        for i, x in enumerate(node.inputs):
            if x is None or not x.requires_grad or (within is not None and x not in within):
                continue
            reached = True
            try:
                c = op.pull(i, g, y, xs, node.kwargs) if trace is None else trace.pull(op, i, g, y, xs, node.kwargs)
            except ValueError as error:
                raise GraphError(f"the rule of {op.name} for its input {i} failed: {error}") from error
            if c is None:
                continue
            a = args[i]
            if c.__class__ is not a.__class__ or c.dtype is not a.dtype or c.shape != a.shape:
                c = _fit(c, a, node, i)
            if x.op is None:
                if x in leaves:
                    leaves[x] = leaves[x] + c
                else:
                    leaves[x] = c if on_nodes else _own(c, g, y, args)
            elif x in cotangents:
                cotangents[x] = cotangents[x] + c
            else:
                cotangents[x] = c
                heappush(queue, (-x.order, x))
        if not reached:  # cut off by `within`: a leaf of the part asked for
            leaves[node] = g
    if hooks:
        leaves = {node: g if node.op is not None else hooked(node, g) for node, g in leaves.items()}
    if seen is not None:
        seen.update(leaves)
    return leaves


def shares(
    node: Node, g: Any, *, on_nodes: bool = False, constant: Callable[[Any], Any] | None = None
) -> list[tuple[int, Node, Any]]:
    """What `node`, whose cotangent is `g`, hands to its inputs: (position, input, share), one for each edge.

    It is one step of `sweep`, for readings that show where each share goes; a node's cotangent is the sum of those
    that it receives. With `on_nodes` the rules run on nodes, and the shares are part of a graph themselves;
    `constant` says what stands there for an array that is no node.
    """
    op = node.op
    if op is None:
        return []
    found = []
    y, xs = (node, _operands(node)) if on_nodes else (node.value, node.args)
    if constant is not None:
        xs = tuple(constant(a) if isinstance(a, np.ndarray) else a for a in xs)
    for i, x in enumerate(node.inputs):
        if x is not None and x.requires_grad:
            c = op.pull(i, g, y, xs, node.kwargs)
            if c is not None:
                found.append((i, x, _fit(c, node.args[i], node, i)))
    return found


def _operands(node: Node) -> tuple[Any, ...]:
    """The inputs as nodes, for rules that are to be recorded: each still has to be what `op` saw."""
    for x, seen in zip(node.inputs, node.args, strict=True):
        if x is not None and x.current() is not seen:
            raise GraphError(
                f"{describe(x)} has been changed since {node.op.name if node.op else '?'} used it, so the "
                "derivative cannot be recorded: it would mix old and new values. Differentiate before changing it."
            )
    return tuple(a if x is None else x for x, a in zip(node.inputs, node.args, strict=True))


def _fit(c: Any, a: Any, node: Node, i: int) -> Any:
    """The cotangent `c` in the shape and dtype of the input `a` that it belongs to.

    Where an input was broadcast, every copy of it got a share of the cotangent, and they add up.
    """
    if not hasattr(c, "dtype"):
        c = np.asarray(c)
    shape = a.shape
    lead = c.ndim - len(shape)
    if lead > 0:
        c = np.add.reduce(c, axis=0 if lead == 1 else tuple(range(lead)))
    if c.shape != shape:
        if lead < 0 or any(n not in (m, 1) for n, m in zip(shape, c.shape, strict=True)):
            raise GraphError(
                f"the rule of {node.op.name if node.op else '?'} for its input {i} gave a cotangent of shape "
                f"{c.shape} for an input of shape {shape}, from an output of shape {np.shape(node.value)}. "
                "A cotangent has the shape of its input; correct the rule."
            )
        c = np.add.reduce(c, axis=tuple(k for k, n in enumerate(shape) if n != c.shape[k])).reshape(shape)
    if c.dtype != a.dtype:
        if c.dtype.kind not in "fiub":
            raise GraphError(
                f"the rule of {node.op.name if node.op else '?'} for its input {i} gave a cotangent of dtype "
                f"{c.dtype}; cotangents are real numbers. Correct the rule."
            )
        if a.dtype.kind != "f":
            x = node.inputs[i]
            raise TypeError(
                f"{describe(x) if x is not None else 'an input'} of dtype {a.dtype} cannot have a gradient: a "
                "derivative needs values that vary continuously. Use floats, for example array.astype(float)."
            )
        c = c.astype(a.dtype)
    return c


def _own(c: Any, g: Any, y: Any, args: tuple[Any, ...]) -> Any:
    """`c`, copied if somebody else holds its memory: a leaf's gradient is its user's to write into."""
    if c.base is not None or c is g or c is y:
        return c.copy()
    for a in args:
        if c is a:
            return c.copy()
    return c
