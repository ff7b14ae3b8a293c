"""Constants of one number, and operations that change nothing. (What constants alone decide, the trace computes.)"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value, mapped, substituted


def uniform(program: Program) -> None:
    """An array whose entries are all the same number is that number, where it meets another array entry by entry."""
    for call in program.calls:
        if call.kind != "elementwise" or call.out.scalar:
            continue
        for i, a in enumerate(call.args):
            others = [b.shape for k, b in enumerate(call.args) if k != i and isinstance(b, Value)]
            if not isinstance(a, Value) or a.constant is None or a.live or a.scalar or not a.size or not a.shape:
                continue
            if np.broadcast_shapes(*others) != call.out.shape or not others:
                continue
            flat = np.ascontiguousarray(a.constant).ravel()
            if flat.tobytes() == flat[:1].tobytes() * flat.size:
                number = np.array(flat[0])
                call.args = (*call.args[:i], Value(number, a.number, number, a.name), *call.args[i + 1 :])


def identities(program: Program) -> None:
    """x * 1, x / 1, and views that show the whole as it is: nothing to do, not even to a sign or a nan."""
    new: dict[Value, Value] = {}
    kept = []
    for call in program.calls:
        call.args = mapped(lambda a: new.get(a, a) if isinstance(a, Value) else a, call.args)
        same = _same(call)
        if same is not None:
            new[call.out] = same
        else:
            kept.append(call)
    program.calls = kept
    substituted(program, new)


def _same(call: Call) -> Value | None:
    args = call.args
    x: Any = None
    if call.kind == "elementwise" and call.name in ("multiply", "divide") and len(args) == 2:
        if _one(args[1]):
            x = args[0]
        elif _one(args[0]) and call.name == "multiply":
            x = args[1]
    elif (call.kind == "elementwise" and call.name == "positive") or (
        call.kind == "view" and call.name in ("reshape", "squeeze", "broadcast_to", "expand_dims")
    ):
        x = args[0]
    if isinstance(x, Value) and (x.shape, x.dtype, x.scalar) == (call.out.shape, call.out.dtype, call.out.scalar):
        return x
    return None


def _one(a: Any) -> bool:
    if isinstance(a, Value):
        return a.constant is not None and not a.live and np.size(a.constant) == 1 and bool(np.all(a.constant == 1))
    return isinstance(a, (int, float)) and not isinstance(a, bool) and a == 1
