"""Whether two traces of one function are one program: what differs is random, or counts, and cannot be compiled."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Program, Value


def same(first: Program, second: Program) -> str | None:
    """What differs between two traces of one function on the same arguments; None where nothing does.

    A constant that is the same object both times is one that somebody holds: it is marked as live, and read anew at
    each call.
    """
    if len(first.calls) != len(second.calls):
        return f"{len(first.calls)} operations, then {len(second.calls)}"
    starts = [[*program.arguments, *program.leaves.values()] for program in (first, second)]
    pairs: dict[Value, Value] = dict(zip(*starts, strict=False))
    for one, two in zip(first.calls, second.calls, strict=True):
        if (one.kind, one.name) != (two.kind, two.name) or repr(one.kwargs) != repr(two.kwargs):
            return f"{one.name}, then {two.name}"
        for a, b in zip(_flat(one.args), _flat(two.args), strict=False):
            if (why := _differ(a, b, pairs)) is not None:
                return f"an operand of {one.name}: {why}"
        pairs[one.out] = two.out
    for a, b in zip(first.ends(), second.ends(), strict=False):
        if (why := _differ(a, b, pairs)) is not None:
            return f"a result: {why}"
    return None


def _differ(a: Any, b: Any, pairs: dict[Value, Value]) -> str | None:
    if isinstance(a, Value) and isinstance(b, Value):
        if a.constant is None or b.constant is None:
            return None if pairs.get(a) is b else "another value"
        if a.constant is b.constant:
            a.live = isinstance(a.constant, np.ndarray)
            return None
        x, y = np.asarray(a.constant), np.asarray(b.constant)
        if x.shape != y.shape or x.dtype != y.dtype or x.tobytes() != y.tobytes():
            return f"{x.ravel()[:3]}, then {y.ravel()[:3]}"
        # two views of one array that is still there: written into, it changes what the program has to read
        a.live = x.base is not None and x.base is y.base and x.ctypes.data == y.ctypes.data and x.strides == y.strides
        return None
    if isinstance(a, (float, int, bool)) and isinstance(b, (float, int, bool)):
        return None if a == b or a != a else f"{a}, then {b}"
    return None


def _flat(args: Iterable[Any]) -> list[Any]:
    found = []
    for a in args:
        found.extend(_flat(a) if isinstance(a, (tuple, list)) else [a])
    return found
