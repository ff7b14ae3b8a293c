"""Work that nobody needs, and work that is done twice."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value, substituted


def dead(program: Program) -> None:
    """Drop the calls whose results nothing depends on; draws stay, for the generator has to move on as in eager."""
    needed = set(program.ends())
    kept: list[Call] = []
    for call in reversed(program.calls):
        if call.kind in ("assume", "draw") or call.out in needed:
            needed.update(call.inputs())
            kept.append(call)
    program.calls = kept[::-1]


def common(program: Program) -> None:
    """Of calls that do the same to the same values, keep the first."""
    seen: dict[Any, Value] = {}
    new: dict[Value, Value] = {}
    kept = []
    for call in program.calls:
        if call.kind in ("assume", "draw"):
            kept.append(call)
            continue
        key = (
            call.kind,
            call.name,
            _which(call),
            tuple(_known(a, new) for a in call.args),
            repr(sorted(call.kwargs.items(), key=str)),
        )
        if key in seen:
            new[call.out] = seen[key]
        else:
            seen[key] = call.out
            kept.append(call)
    program.calls = kept
    substituted(program, new)


def _which(call: Call) -> Any:
    return call.name if isinstance(call.f, np.ufunc) else id(call.f)


def _known(a: Any, new: dict[Value, Value]) -> Any:
    """An operand as something to compare: equal constants are one, and so are values found to be equal."""
    if isinstance(a, Value):
        if a.constant is not None and not a.live and a.nbytes <= 4096:
            array = np.asarray(a.constant)
            return "constant", a.scalar, array.shape, array.dtype.str, array.tobytes()
        return new.get(a, a)
    if isinstance(a, (tuple, list)):
        return type(a).__name__, tuple(_known(x, new) for x in a)
    return type(a).__name__, repr(a)
