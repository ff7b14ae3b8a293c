"""What a recorded loss may owe to its batch size without saying so.

A function can be run at another batch size, and its own `len(X)` is another number then. A loss that is there already
can only be replayed: the 4 of `/ len(X)` stays a 4, and a row that no index mentions is left out.
"""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.arithmetic import power
from tinygrad_lite.primitives.indexing import ARRAY, getitem
from tinygrad_lite.readings.program import Program
from tinygrad_lite.readings.rewriting.numbers import Size, is_number, plain
from tinygrad_lite.readings.sourcing.batch import Batch

CLOSE = 1e-6  # relative: numbers may have been rounded to float32


def may_hide_in(batch: Batch, program: Program) -> bool:
    """Whether a number, a shape or an index in the forward pass could have been made of the batch size."""
    n, largest = batch.n, max((np.size(x.value) for x in program.forward), default=1)
    return any(
        _picks(node, n) or _has_number(node, n, largest) or _has_shape(batch.numbers.get((node, "shape")), n)
        for node in program.forward
        if node.op is not None
    )


def _has_shape(shape: Any, n: int) -> bool:
    """Whether a shape that was asked for has an `n` that did not go by the data."""
    return isinstance(shape, tuple) and any(m == n and not isinstance(m, Size) for m in shape)


def _picks(node: Node, n: int) -> bool:
    """Whether an index counts along an axis of length `n`."""
    shape = np.shape(node.args[0]) if node.args else ()
    if node.op is not getitem:  # such as take, with a position among its operands
        whole = [a for x, a in zip(node.inputs, node.args, strict=True) if x is None and np.ndim(a) == 0]
        return node.op is not None and node.op.name.startswith("take") and bool(whole) and n in shape
    index = node.kwargs["index"]
    axis = 0
    for k, part in enumerate(index):
        if part is Ellipsis:
            after = sum(p is not None for p in index[k + 1 :])
            axis = len(shape) - after
        elif part is not None:
            ends = (part.start, part.stop) if isinstance(part, slice) else () if part is ARRAY else (part,)
            if axis < len(shape) and shape[axis] == n and any(end is not None for end in ends):
                return True
            axis += 1
    return False


def _has_number(node: Node, n: int, largest: int) -> bool:
    if node.op is power:  # its exponent is a number of the formula
        return False
    return any(_could_be(abs(a), n, largest) for a in _numbers(node))


def _numbers(node: Node) -> list[Any]:
    """The numbers among the operands of a node."""
    numbers = [plain(a) for x, a in zip(node.inputs, node.args, strict=True) if x is None and not np.ndim(a)]
    numbers += [plain(x.value) for x in node.inputs if x is not None and x.op is None and _is_bare(x)]
    return [a for a in numbers if is_number(a)]


def odd_numbers(program: Program) -> list[str]:
    """Numbers of a forward pass, outside its modules, that nobody writes in a formula: 0.6561 could be 0.9 ** N."""
    numbers = (a for node in program.forward if node.op is not None and node.scope is None for a in _numbers(node))
    texts = dict.fromkeys(repr(a) for a in numbers if math.isfinite(a))
    return [text for text in texts if len(re.sub(r"e.*|\D", "", text).strip("0")) >= MANY]


MANY = 4  # digits


def _is_bare(x: Node) -> bool:
    return not (np.ndim(x.value) or x.requires_grad or x.name)


def _could_be(a: float, n: int, largest: int) -> bool:
    """Whether a number is N, N - 1, N + 1, a multiple of N, a root of it, or one of these below an integer."""
    if a in (0, 1) or not math.isfinite(a):
        return False
    if _whole(a / n) or (_whole(a * n) and not _whole(a)):
        return True
    below = 1 / a
    near = [n - 1, n + 1, math.sqrt(n), math.log(n)]
    if any(m > 1 and (math.isclose(a, m, rel_tol=CLOSE) or math.isclose(below, m, rel_tol=CLOSE)) for m in near):
        return True
    return below <= largest and _whole(below / n)


def _whole(a: float) -> Any:
    return round(a) >= 1 and math.isclose(a, round(a), rel_tol=CLOSE)
