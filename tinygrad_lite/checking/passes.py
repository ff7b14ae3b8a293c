"""The backward pass with a wrong rule in it: the engine's sweep, with places where it can be changed on purpose.

Without a change it gives what `loss.backward()` gives, bit for bit. It runs on arrays, to compare numbers with, and on
nodes, so that a wrong pass is a graph like any other, to be drawn or printed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
    near      other nodes, whose values the rule gets as keywords, and arrays of the forward pass that are no nodes
    upstream  other nodes, whose cotangents the rule gets as keywords; they are complete by then
    """

    kind: Literal["edge", "bridge", "sum", "cotangent", "value"]
    at: Node
    rule: Callable[..., Any]
    position: int = 0
    to: Node | None = None
    near: Mapping[str, Any] = field(default_factory=dict)
    upstream: Mapping[str, Node] = field(default_factory=dict)


@dataclass
class Pass:
    """One backward pass: the cotangent of every node, its shares, and what each was before it was overridden."""

    cotangents: dict[Node, Any]
    received: dict[Node, list[Any]]
    computed: dict[Node, Any]
    handed: dict[Node, list[tuple[int | None, Node, Any]]]
    values: dict[Node, Any]


class Crash(Exception):
    """The wrong rule does not even run here: shapes do not fit."""


def run_backward(
    forward: Sequence[Node],
    loss: Node,
    seed: Any,
    changes: Iterable[Change] = (),
    *,
    given: Given | None = None,
    base: Pass | None = None,
    on_nodes: bool = False,
    constant: Constant | None = None,
) -> Pass:
    """One backward pass over `forward`, the nodes of `loss` in program order.

    given     cotangents that are taken in place of the computed ones from where they stand on: a student's own
    base      a pass to take what has not changed from
    constant  on nodes, what stands in the rules for an array that is no node; None for the array itself
    Raises: Crash where a change does not fit the shapes.
    """
    try:
        return _swept(forward, loss, seed, list(changes), given or {}, base, on_nodes, constant)
    except (ValueError, TypeError, IndexError, RuntimeError, AttributeError, np.exceptions.AxisError) as error:
        raise Crash(str(error)) from error


def _swept(
    forward: Sequence[Node],
    loss: Node,
    seed: Any,
    changes: list[Change],
    given: Given,
    base: Pass | None,
    on_nodes: bool,
    constant: Constant | None,
) -> Pass:
    edges = {(c.at, c.position): c for c in changes if c.kind == "edge"}
    bridges: dict[Node, list[Change]] = {}
    sums: dict[Node, Change] = {}
    after: dict[Node, list[Change]] = {}
    for c in changes:
        if c.kind == "bridge":
            bridges.setdefault(c.at, []).append(c)
        elif c.kind == "sum":
            sums[c.at] = c
        elif c.kind == "cotangent":
            after.setdefault(c.at, []).append(c)
    wrong = [c for c in changes if c.kind == "value"]
    found = Pass({}, {}, {}, {}, _values(forward, wrong, base, on_nodes, constant))
    values, touched = found.values, {at for at, _ in edges} | set(bridges)
    if values:  # what has another value, and whatever is multiplied by one, has to be done again
        touched |= {node for node in forward if node in values or any(x in values for x in node.inputs)}

    def look(node: Node) -> Any:
        return values.get(node, node if on_nodes else node.value)

    def beside(c: Change) -> dict[str, Any]:
        near = {key: look(n) if isinstance(n, Node) else _outside(n, constant) for key, n in c.near.items()}
        return near | {key: found.cotangents[n] for key, n in c.upstream.items()}

    dirty: set[Node] = set()
    for node in reversed(forward):
        if node is loss:
            g = seed
        elif node in found.received:
            if base is not None and node not in dirty and node not in sums:
                g = base.computed[node]
            elif node in sums:
                g = sums[node].rule(*found.received[node])
                dirty.add(node)
            else:
                g = found.received[node][0]
                for share in found.received[node][1:]:
                    g = g + share
        else:
            continue
        for c in after.get(node, ()):
            g = c.rule(g, look(node), **beside(c))
            dirty.add(node)
        found.computed[node] = g
        if node in given:
            g = given[node]
            if base is None or base.cotangents.get(node) is not g:
                dirty.add(node)
        found.cotangents[node] = g
        if base is not None and node not in dirty and node not in touched:
            handed = base.handed.get(node, [])
        else:
            handed = _handed(node, g, look, beside, edges, bridges.get(node, ()), on_nodes, constant, values)
            dirty.update(x for _, x, _ in handed)
            if base is not None:
                dirty.update(x for _, x, _ in base.handed.get(node, []))
        found.handed[node] = handed
        for _, x, share in handed:
            found.received.setdefault(x, []).append(share)
    return found


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
    forward: Sequence[Node], changes: Sequence[Change], base: Pass | None, on_nodes: bool, constant: Constant | None
) -> dict[Node, Any]:
    """The values in a forward pass with other operations in it; empty where it is the right one."""
    values: dict[Node, Any] = dict(base.values) if base is not None else {}
    wrong = {c.at: c for c in changes}
    if not wrong:
        return values
    for node in forward:
        if node.op is None or not (node in wrong or any(x in values for x in node.inputs)):
            continue
        xs = tuple(
            _outside(a, constant) if x is None else values.get(x, x if on_nodes else x.value)
            for x, a in zip(node.inputs, node.args, strict=True)
        )
        if node in wrong:
            c = wrong[node]
            near = {key: values.get(n, n if on_nodes else n.value) for key, n in c.near.items()}
            values[node] = c.rule(node if on_nodes else node.value, *xs, **near)
        else:
            values[node] = node.op(*xs, **node.kwargs)
    return values
