"""The backward pass with a wrong rule in it: the engine's sweep, with places where it can be changed on purpose.

Without a change it gives what `loss.backward()` gives, bit for bit. It runs on arrays, to compare numbers with, and on
nodes, so that a wrong pass is a graph like any other, to be drawn or printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any, Literal

import numpy as np

from tinygrad_lite.graph import Node, shares

Given = Mapping[Node, Any]
Constant = Callable[[Any], Any]


@dataclass(frozen=True, eq=False)
class Change:
    """One place where the backward pass computes something else.

    kind  "edge":       rule(g, y, *xs, **kwargs) is what `at` hands to its input number `position`, as it stands
          "bridge":     rule(g, y, x) is what `to` gets when `at` is complete; the steps in between are skipped
          "sum":        rule(first, second, ...) makes the cotangent of `at` from the shares that meet there
          "cotangent":  rule(g, x) is taken for the cotangent of `at` when it is complete
          "value":      rule(y, *xs, **kwargs) is taken for the value of `at` in the forward pass
          "leaves":     rule(g, h) makes the gradients of two leaves, `at` and `to`, from what they have in the end
    near      other nodes, whose values the rule gets as keywords, and arrays of the forward pass that are no nodes
    upstream  other nodes, whose cotangents the rule gets as keywords; they are complete by then
    """

    kind: Literal["edge", "bridge", "sum", "cotangent", "value", "leaves"]
    at: Node
    rule: Callable[..., Any]
    position: int = 0
    to: Node | None = None
    near: Mapping[str, Any] = field(default_factory=dict)
    upstream: Mapping[str, Node] = field(default_factory=dict)


@dataclass
class Pass:
    """One backward pass: the cotangent of every node, and all that is needed to do part of it again.

    cotangents  of every node, with what was given in place of what was computed
    computed    what each was before it was overridden
    received    {node: {the node that handed it: shares}}, in the order of the sweep
    handed      {node: (position, input, share)}
    values      in the forward pass, where they are others than the graph's
    changes     the wrong rules in it
    """

    cotangents: dict[Node, Any] = field(default_factory=dict)
    received: dict[Node, dict[Node, list[Any]]] = field(default_factory=dict)
    computed: dict[Node, Any] = field(default_factory=dict)
    handed: dict[Node, list[tuple[int | None, Node, Any]]] = field(default_factory=dict)
    values: dict[Node, Any] = field(default_factory=dict)
    changes: tuple[Change, ...] = ()

    def shares(self, node: Node) -> list[Any]:
        """What the cotangent of `node` is the sum of."""
        return [share for found in self.received.get(node, {}).values() for share in found]


class Crash(Exception):
    """The wrong rule does not even run here: shapes do not fit."""


class Stopped(Exception):
    """A pass whose outcome is known before its end."""


class Goal:
    """What a pass has to arrive at, so that one that does not can be left: the first number that is off ends it.

    holds    whether a node's computed cotangent is as it has to be
    pending  nodes where the pass that it starts from falls short; all of them have to be computed anew
    """

    def __init__(self, holds: Callable[[Node, Any], bool], pending: Iterable[Node]) -> None:
        self.holds = holds
        self.pending = sorted(pending, key=lambda node: node.order)  # the next of the sweep is the last

    def reached(self, node: Node | None, g: Any = None) -> None:
        """The sweep has come to `node`, or to its end: everything after it in the program is as it stays."""
        if self.pending and (node is None or self.pending[-1].order > node.order):
            raise Stopped
        if node is not None:
            if self.pending and self.pending[-1] is node:
                self.pending.pop()
            if not self.holds(node, g):
                raise Stopped

    def met(self, found: Pass, base: Pass | None) -> None:
        """The pass is over, and was not looked at on the way; what nothing came to any more is 0."""
        gone = {} if base is None else {node: 0 * g for node, g in base.computed.items()}
        if not all(self.holds(node, g) for node, g in (gone | found.computed).items()):
            raise Stopped


def run_backward(
    forward: Sequence[Node],
    loss: Node,
    seed: Any,
    changes: Iterable[Change] = (),
    *,
    given: Given | None = None,
    base: Pass | None = None,
    goal: Goal | None = None,
    on_nodes: bool = False,
    constant: Constant | None = None,
) -> Pass:
    """One backward pass over `forward`, the nodes of `loss` in program order.

    given     cotangents that are taken in place of the computed ones from where they stand on: a student's own
    base      a pass with the same `given`, of which only what the changes that it has not reach is done again
    goal      what it has to arrive at
    constant  on nodes, what stands in the rules for an array that is no node; None for the array itself
    Raises: Crash where a change does not fit the shapes; Stopped where the goal is missed.
    """
    try:
        return _swept(forward, loss, seed, tuple(changes), given or {}, base, goal, on_nodes, constant)
    except (ValueError, TypeError, IndexError, RuntimeError, AttributeError, np.exceptions.AxisError) as error:
        raise Crash(str(error)) from error


def _swept(
    forward: Sequence[Node],
    loss: Node,
    seed: Any,
    changes: tuple[Change, ...],
    given: Given,
    base: Pass | None,
    goal: Goal | None,
    on_nodes: bool,
    constant: Constant | None,
) -> Pass:
    edges: dict[tuple[Node, int], Change] = {}
    bridges: dict[Node, list[Change]] = {}
    sums: dict[Node, Change] = {}
    after: dict[Node, list[Change]] = {}
    pairs = [(c, c.at, c.to) for c in changes if c.kind == "leaves" and c.to is not None]
    for c in changes:
        if c.kind == "edge":
            edges[c.at, c.position] = c
        elif c.kind == "bridge":
            bridges.setdefault(c.at, []).append(c)
        elif c.kind == "sum":
            sums[c.at] = c
        elif c.kind == "cotangent":
            after.setdefault(c.at, []).append(c)
    values, moved = _values(forward, changes, base, on_nodes, constant)
    if base is None:
        found, queue = Pass({}, {}, {}, {}, values, changes), [(-loss.order, loss)]
    else:
        found = Pass(
            dict(base.cotangents), dict(base.received), dict(base.computed), dict(base.handed), values, changes
        )
        # another rule; one that looks at other places; another value, there or in what it is multiplied by
        again = {c.at for c in set(changes) ^ set(base.changes)}
        again |= {c.at for c in changes if c.upstream or (c.near and values)}
        again |= {leaf for _, *both in pairs for leaf in both}  # what they had before the rule
        if moved:
            again |= {node for node in forward if node in moved or any(x in moved for x in node.inputs)}
        queue = sorted((-node.order, node) for node in again)  # a sorted list is a heap
    waiting, own = {node for _, node in queue}, set()  # of `received`, what is not shared with the base any more
    on_the_way = None if pairs else goal

    def look(node: Node) -> Any:
        return values.get(node, node if on_nodes else node.value)

    def beside(c: Change) -> dict[str, Any]:
        near = {key: look(n) if isinstance(n, Node) else _outside(n, constant) for key, n in c.near.items()}
        return near | {key: found.cotangents[n] for key, n in c.upstream.items()}

    while queue:
        node = heappop(queue)[1]
        waiting.discard(node)
        shares = found.shares(node)
        if shares or node is loss:
            g = seed if node is loss else sums[node].rule(*shares) if node in sums else _total(shares)
            for c in after.get(node, ()):
                g = c.rule(g, look(node), **beside(c))
            found.computed[node] = g
            if on_the_way is not None:
                on_the_way.reached(node, g)
            g = found.cotangents[node] = given.get(node, g)
            handed = _handed(node, g, look, beside, edges, bridges.get(node, ()), on_nodes, constant, values)
        elif node in found.computed:  # in the base it got something
            if on_the_way is not None:
                on_the_way.reached(node, 0 * found.computed[node])
            del found.computed[node], found.cotangents[node]
            handed = []
        else:
            continue
        before, found.handed[node] = found.handed.get(node, ()), handed
        for x in dict.fromkeys([x for _, x, _ in (*before, *handed)]):
            got = [share for _, other, share in handed if other is x]
            if x not in own:
                own.add(x)
                found.received[x] = dict(found.received.get(x, ()))
            by = found.received[x]
            new = node not in by
            if got:
                by[node] = got
            else:
                by.pop(node, None)
            if new and base is not None:
                found.received[x] = dict(sorted(by.items(), key=lambda item: -item[0].order))
            if x not in waiting:
                waiting.add(x)
                heappush(queue, (-x.order, x))
    for c, at, to in pairs:
        both = c.rule(*(found.computed.get(leaf, 0 * look(leaf)) for leaf in (at, to)))
        found.computed.update(zip((at, to), both, strict=True))
        found.cotangents.update(zip((at, to), both, strict=True))
    if on_the_way is not None:
        on_the_way.reached(None)
    elif goal is not None:
        goal.met(found, base)
    return found


def _total(shares: list[Any]) -> Any:
    g = shares[0]
    for share in shares[1:]:
        g = g + share
    return g


def _handed(
    node: Node,
    g: Any,
    look: Callable[[Node], Any],
    beside: Callable[[Change], dict[str, Any]],
    edges: Mapping[tuple[Node, int], Change],
    bridges: Iterable[Change],
    on_nodes: bool,
    constant: Constant | None,
    values: Mapping[Node, Any],
) -> list[tuple[int | None, Node, Any]]:
    """What `node` hands to its inputs, by its own rules or by those planted here."""
    bridges = list(bridges)
    if bridges:
        out: list[tuple[int | None, Node, Any]] = []
        for c in bridges:
            assert c.to is not None
            out.append((None, c.to, c.rule(g, look(node), look(c.to), **beside(c))))
        return out
    op = node.op
    if op is None:
        return []
    changed = {i for at, i in edges if at is node}
    if not changed and not values:
        return list(shares(node, g, on_nodes=on_nodes, constant=constant))
    xs = tuple(
        _outside(a, constant) if x is None else look(x) if on_nodes or x in values else a
        for x, a in zip(node.inputs, node.args, strict=True)
    )
    found: list[tuple[int | None, Node, Any]] = []
    for i, x in enumerate(node.inputs):
        if x is None or not x.requires_grad:
            continue
        if i in changed:
            c = edges[node, i]
            found.append((i, x, c.rule(g, look(node), *xs, **node.kwargs, **beside(c))))
        else:
            share = op.pull(i, g, look(node), xs, node.kwargs)
            if share is not None:
                found.append((i, x, fitted(share, xs[i])))
    return found


def _outside(a: Any, constant: Constant | None) -> Any:
    return a if constant is None or not isinstance(a, np.ndarray) else constant(a)


def fitted(c: Any, x: Any, gather: Callable[..., Any] = np.sum) -> Any:
    """The cotangent `c` summed over the axes along which `x` was broadcast; `gather` does something else there."""
    shape, got = np.shape(x) if not hasattr(x, "shape") else x.shape, c.shape if hasattr(c, "shape") else ()
    if shape == got:
        return c
    lead = len(got) - len(shape)
    axes = tuple(range(lead)) + tuple(k + lead for k, n in enumerate(shape) if n != got[k + lead])
    return np.reshape(gather(c, axis=axes), shape)


def _values(
    forward: Sequence[Node],
    changes: tuple[Change, ...],
    base: Pass | None,
    on_nodes: bool,
    constant: Constant | None,
) -> tuple[dict[Node, Any], set[Node]]:
    """The values in a forward pass with other operations in it, and which of them are not the base's."""
    values: dict[Node, Any] = {}
    wrong = {c.at: c for c in changes if c.kind == "value"}
    if not wrong and not (base is not None and base.values):
        return values, set()
    before, known = (base.values, set(base.changes)) if base is not None else ({}, set())
    moved: set[Node] = set()
    for node in forward:
        c = wrong.get(node)
        if node.op is None or (c is None and not any(x in values for x in node.inputs)):
            if node in before:
                moved.add(node)
            continue
        beside = c.near.values() if c is not None else ()
        if node in before and (c is None or c in known) and not any(x in moved for x in (*node.inputs, *beside)):
            values[node] = before[node]
            continue
        moved.add(node)
        xs = tuple(
            _outside(a, constant) if x is None else values.get(x, x if on_nodes else x.value)
            for x, a in zip(node.inputs, node.args, strict=True)
        )
        if c is not None:
            near = {key: values.get(n, n if on_nodes else n.value) for key, n in c.near.items()}
            values[node] = c.rule(node if on_nodes else node.value, *xs, **near)
        else:
            values[node] = node.op(*xs, **node.kwargs)
    return values, moved
