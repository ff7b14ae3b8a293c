"""The mean at the parameters: 1/N of a mean over N examples is left out of every line until a parameter is reached.

A backward pass is linear in its cotangents, so they may all be N times too large on the way: `dz` on such a page means
N times the derivative, and what a parameter gets is divided by N. Each line is evaluated again in this form; one that
no simple form suits says N and 1/N where they belong.
"""

from __future__ import annotations

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.arithmetic import divide, multiply
from tinygrad_lite.readings.derivation.asking import scalar
from tinygrad_lite.readings.derivation.expression import Apply, Constant, Expression, Quantity, apply, quantities
from tinygrad_lite.readings.derivation.notation import rewritten
from tinygrad_lite.readings.program import Program


def examples(program: Program) -> int:
    """How many examples the loss is a mean over: the rows of what is nearest to it, if the data has as many.

    Raises: ValueError where there is no batch.
    """
    data = {x.value.shape[0] for x in program.forward if x.op is None and not x.requires_grad and np.ndim(x.value)}
    data |= {a.shape[0] for node in program.forward for x, a in zip(node.inputs, node.args, strict=True)
             if x is None and np.ndim(a)}  # fmt: skip
    for node in program.cotangents:
        shape = np.shape(node.value)
        if len(shape) > 1 and on_the_way(node) and shape[0] > 1 and shape[0] in data:
            return int(shape[0])
    raise ValueError(
        "derive: mean='at_params' moves the 1/N of a mean over N examples, and no batch of examples was found on the "
        "way from this loss to its parameters. Leave it out."
    )


def on_the_way(node: Node) -> bool:
    """Whether the derivative by this is one that is N times too large."""
    return node.op is not None


def moved(e: Expression, node: Node, n: int) -> Expression:
    """The right-hand side of the line of `node`, with cotangents that are N times too large."""
    wanted = np.asarray(e.value) * (n if on_the_way(node) else 1)
    large = _put(e, n, False)
    none = not any(q.cotangent and on_the_way(q.node) for q in quantities(e))
    tries = [large, *([_times(e, n)] if none else [])] if on_the_way(node) else [e] if none else [_over(large, n)]
    for found in tries:
        if np.shape(found.value) == wanted.shape and np.allclose(found.value, wanted, rtol=1e-9, atol=0):
            return rewritten(found)
    in_place = _put(e, n, True)
    return rewritten(_times(in_place, n) if on_the_way(node) else in_place)


def _put(e: Expression, n: int, divided: bool) -> Expression:
    if isinstance(e, Quantity) and e.cotangent and on_the_way(e.node):
        large = Quantity(e.node, np.asarray(e.value) * n, True)
        return _over(large, n) if divided else large
    if isinstance(e, Apply):
        return Apply(e.op, tuple(_put(a, n, divided) for a in e.args), e.kwargs)
    return e


def _over(e: Expression, n: int) -> Expression:
    return apply(multiply, 1 / n, e)


def _times(e: Expression, n: int) -> Expression:
    """N e, where N meets a number in it."""
    if isinstance(e, Apply):
        first, last = scalar(e.args[0]), scalar(e.args[-1])
        if e.op.name == "full" and first is not None:
            return Apply(e.op, (Constant(first * n),), e.kwargs)
        if e.op is divide and last is not None:
            return e.args[0] if last == n else apply(divide, e.args[0], last / n)
        if e.op is multiply and (first is not None or last is not None):
            number, rest = (first, e.args[1]) if first is not None else (last, e.args[0])
            return rest if abs(number * n - 1) < 1e-12 else apply(multiply, number * n, rest)
        if e.op.name in ("negative", "transpose", "heads", "join", "sum"):
            return Apply(e.op, (_times(e.args[0], n), *e.args[1:]), e.kwargs)
    return apply(multiply, n, e)
