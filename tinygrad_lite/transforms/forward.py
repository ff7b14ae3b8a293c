"""Forward mode: a reading of the recorded graph in the order in which it ran, that carries tangents along.

The tangent of a node says how its value changes when the inputs change in a given direction v: J v. Each row turns
the tangents of its inputs into one of its output. A pointwise row multiplies by its partial derivatives, and what is
linear is applied to the tangent itself. Any other row says only how it pulls a cotangent back, c = pull(g); but that
is linear in g, so its transpose is found by pulling through it: of <t, pull(g)> = <push(t), g> the gradient by g is
push(t).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING, recording
from tinygrad_lite.graph import Node, _fit, _operands, ancestors, descendants, sweep
from tinygrad_lite.primitives.shaping import broadcast_to
from tinygrad_lite.tensor import Tensor, as_tensor, leaf
from tinygrad_lite.transforms.tracing import Trace, as_leaf, name_of
from tinygrad_lite.transforms.trees import beside


def carry(trace: Trace, tangents: list[Any], on_nodes: bool) -> Any:
    """The tangent of `trace.y` from those of its inputs; None where it depends on none of them.

    With `on_nodes` the rows run on nodes instead of arrays: the tangents are then part of a graph themselves.
    """
    found: dict[Node, Any] = dict(zip(trace.inputs, tangents, strict=True))
    for node in trace.order:
        if node not in trace.path or node in found:
            continue
        op, total = node.op, None
        assert op is not None  # a leaf on the path is an input
        node.current()
        y, xs = (node, _operands(node)) if on_nodes else (node.value, node.args)
        for i, x in enumerate(node.inputs):
            if x is None or x not in found:
                continue
            t = op.push(i, found[x], y, xs, node.kwargs)
            if t is None:
                with trace.asking():  # a checkpoint runs f again
                    t = _transposed(node, i, found[x], y, xs, on_nodes)
            if t is not None:
                t = _fitted(t, node)
                total = t if total is None else total + t
        if total is not None:
            found[node] = total
    return found.get(trace.y)


def _transposed(node: Node, i: int, t: Any, y: Any, xs: tuple[Any, ...], on_nodes: bool) -> Any:
    """push(t), from the rule for input `i` alone: the gradient of <t, pull(g)> by g."""
    op = node.op
    assert op is not None
    with recording(True):
        g = leaf(np.zeros(node.value.shape, node.value.dtype)[()], requires_grad=True)
        c = op.pull(i, g, y, xs, node.kwargs)
        if not isinstance(c, Tensor) or not c.requires_grad:
            return None
        c = _fit(c, node.args[i], node, i)
    path = descendants([g], ancestors([c], differentiable=True))
    return sweep({c: t}, on_nodes=on_nodes, within=path).get(g)


def _fitted(t: Any, node: Node) -> Any:
    """`t` in the shape and dtype of the node's value: an input that was broadcast moves every copy of it."""
    value = node.value
    if t.shape != value.shape:
        t = broadcast_to(t, shape=value.shape)
    return t if t.dtype == value.dtype else t.astype(value.dtype)


def jvp(f: Callable[..., Any], xs: Any, vs: Any) -> tuple[Tensor, Tensor]:
    """(f(*xs), J v): the value of f, and how it changes when its arguments move in the direction `vs`.

    True forward mode, at the cost of a few runs of f however large x is; right for every order, alone or together
    with `grad`. `xs` and `vs` are tuples of one entry for each argument, which may be trees of tensors.

    Raises: ValueError if the directions have not the shapes of the arguments.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.jvp(np.sin, (0.0,), (2.0,))
    (Tensor(0.), Tensor(2.))
    >>> tl.jvp(lambda a, b: a * b, (2.0, 3.0), (1.0, 10.0))    # b da + a db
    (Tensor(6.), Tensor(23.))
    """
    if not isinstance(xs, (tuple, list)) or not isinstance(vs, (tuple, list)) or len(xs) != len(vs):
        raise ValueError(
            f"jvp(f, xs, vs) takes two tuples with an entry for each argument of {name_of(f)}, such as "
            "jvp(f, (x,), (v,))"
        )
    trace = Trace(f, tuple(xs), {}, range(len(xs)))
    directions = [as_tensor(v) for x, v in zip(xs, vs, strict=True) for v in beside(x, v)]
    shapes = [x.shape for x in trace.inputs], [v.shape for v in directions]
    if shapes[0] != shapes[1]:
        raise ValueError(f"jvp of {name_of(f)}: arguments of shapes {shapes[0]}, directions of shapes {shapes[1]}")
    on_nodes = trace.outer or (bool(RECORDING.get()) and any(v.requires_grad for v in directions))
    directions = [v.astype(x.dtype) if v.dtype != x.dtype else v for v, x in zip(directions, trace.inputs, strict=True)]
    tangent = carry(trace, directions if on_nodes else [v.current() for v in directions], on_nodes)
    if tangent is None:
        tangent = np.zeros(trace.y.shape, trace.y.dtype)
    return trace.value(), as_leaf(tangent)
