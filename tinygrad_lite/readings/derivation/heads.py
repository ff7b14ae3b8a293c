"""The heads of attention: a matrix cut into pieces side by side, each a matrix of its own, and joined again.

Programs write it as a reshape and a transpose, forwards, and the same in the other order, backwards.
"""

from __future__ import annotations

import math

import numpy as np

from tinygrad_lite.primitive import linear
from tinygrad_lite.primitives.shaping import transpose
from tinygrad_lite.readings.derivation.expression import Apply, Expression

heads = linear(  # (..., T, count * d) -> (..., count, T, d)
    lambda x, count: np.swapaxes(x.reshape(*x.shape[:-1], count, x.shape[-1] // count), -3, -2),
    r"\mathrm{heads}(#1)",
    None,
    name="heads",
)
join = linear(  # (..., count, T, d) -> (..., T, count * d)
    lambda x: np.swapaxes(x, -3, -2).reshape(*x.shape[:-3], x.shape[-2], x.shape[-3] * x.shape[-1]),
    r"\mathrm{join}(#1)",
    None,
    name="join",
)


def cut(e: Apply) -> Expression | None:
    """A transpose of a reshape as `heads`, or as the transpose of it; None where it is something else."""
    x = e.args[0]
    if not isinstance(x, Apply) or x.op.name != "reshape" or len(x.shape) < 3:
        return None
    whole, n = x.args[0], len(x.shape)
    if whole.shape != (*x.shape[:-2], x.shape[-2] * x.shape[-1]):
        return None
    axes = _axes(e, n)
    if axes == (*range(n - 3), n - 2, n - 3, n - 1):
        return Apply(heads, (whole,), {"count": x.shape[-2]})
    if axes == (*range(n - 3), n - 2, n - 1, n - 3):
        pieces = Apply(heads, (whole,), {"count": x.shape[-2]})
        return Apply(transpose, (pieces,), {"axes": (*range(n - 2), n - 1, n - 2)})
    return None


def joined(e: Apply) -> Expression | None:
    """A reshape of a transpose as `join`; None where it is something else."""
    x = e.args[0]
    if not isinstance(x, Apply) or x.op.name != "transpose" or len(x.shape) < 3:
        return None
    n, *batch, length, count, width = len(x.shape), *x.shape
    axes, inside = _axes(x, n), x.args[0]
    if axes == (*range(n - 3), n - 1, n - 3, n - 2):  # of the transpose
        inside = Apply(transpose, (inside,), {"axes": (*range(n - 2), n - 1, n - 2)})
    elif axes != (*range(n - 3), n - 2, n - 3, n - 1):
        return None
    whole = Apply(join, (inside,))
    if e.shape == (*batch, length, count * width):
        return whole
    if e.shape == (math.prod(batch) * length, count * width):  # the rows of all examples
        return Apply(e.op, (whole,), {"shape": e.shape})
    return None


def _axes(e: Apply, n: int) -> tuple[int, ...]:
    axes = e.kwargs.get("axes")
    return tuple(range(n))[::-1] if axes is None else tuple(int(a) % n for a in axes)
