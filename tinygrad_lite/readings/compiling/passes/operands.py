"""Operands in the form for which NumPy has its quickest loops; the numbers are the same.

On small arrays a call costs what its set-up costs: two operands of one shape are spared the iterator that broadcasting
needs. And the larger of two arrays is found by vector instructions, that of an array and a number entry by entry.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value, fresh, value_like

SPREAD = 1 << 10  # entries: from there on a copy costs as much as broadcasting does
FILLED = 1 << 20  # entries: above that the memory is the limit


def _in_order(*values: Value) -> bool:
    return all(v.axes == tuple(range(len(v.shape))) for v in values)


def _joined(call: Call) -> bool:
    """Whether it is a ufunc of several operands whose result lies in memory as C has it."""
    several = call.kind == "elementwise" and isinstance(call.f, np.ufunc) and len(call.args) > 1
    return several and not call.kwargs and not call.out.scalar and call.out.size > 0 and _in_order(call.out)


def shapes(program: Program) -> None:
    """(3,) beside (1, 3) is given that shape, and a single entry beside many that of a number."""
    calls: list[Call] = []
    numbers = fresh(program)
    made: dict[tuple[Value, tuple[int, ...]], Value] = {}
    for call in program.calls:
        if _joined(call):
            args: list[Any] = list(call.args)
            for i, a in enumerate(args):
                if not isinstance(a, Value) or a.scalar or not _in_order(a) or a.shape == call.out.shape:
                    continue
                others = [b.shape for k, b in enumerate(args) if k != i and isinstance(b, Value)]
                to = call.out.shape if a.size == call.out.size else () if a.size == 1 else None
                if to is None or to == a.shape or np.broadcast_shapes(to, *others) != call.out.shape:
                    continue
                if (a, to) not in made:
                    made[a, to] = value_like(next(numbers), to, a.dtype, a.name)
                    calls.append(Call("view", _reshape, (a,), {"shape": to}, made[a, to], "reshape"))
                args[i] = made[a, to]
            call.args = tuple(args)
        calls.append(call)
    program.calls = calls


def spread(program: Program) -> None:
    """A row or a column that meets a small matrix is copied to its shape first: a copy sets out sooner than a ufunc."""
    calls: list[Call] = []
    numbers = fresh(program)
    made: dict[tuple[Value, tuple[int, ...]], Value] = {}
    for call in program.calls:
        values = [a for a in call.args if isinstance(a, Value)]
        shape = call.out.shape
        if _joined(call) and call.out.size < SPREAD and len({a.dtype for a in values}) == 1 and len(values) == 2:
            whole = [a for a in values if a.shape == shape and _in_order(a)]
            part = [a for a in values if 1 < a.size < call.out.size and a.constant is None]
            if len(whole) == len(part) == len(call.args) - 1:
                (a,) = part
                if (a, shape) not in made:
                    made[a, shape] = value_like(next(numbers), shape, a.dtype, a.name)
                    calls.append(Call("elementwise", _spread, (a,), {"shape": shape}, made[a, shape], "spread"))
                call.args = tuple(made[a, shape] if b is a else b for b in call.args)
        calls.append(call)
    program.calls = calls


def number_of_extreme(call: Call) -> int | None:
    """Which operand is the number c of max(x, c) or min(x, c) with an array x of floats; None for any other call."""
    if not _joined(call) or call.name not in ("maximum", "minimum") or call.out.dtype.char not in "fd":
        return None
    for i, (a, x) in enumerate(zip(call.args, call.args[::-1], strict=True)):
        whole = isinstance(x, Value) and x.shape == call.out.shape and x.dtype == call.out.dtype and _in_order(x)
        number = a.constant if isinstance(a, Value) and not a.live else a
        if whole and number is not None and not isinstance(number, Value) and np.size(number) == 1:
            return i
    return None


def as_number(call: Call, i: int) -> Any:
    """The operand as a scalar of the result's dtype."""
    a = call.args[i]
    return call.out.dtype.type(np.asarray(a.constant if isinstance(a, Value) else a).item())


def filled(program: Program) -> None:
    """max(x, 0) with an array of zeros for the 0."""
    found = [
        (call, i, as_number(call, i)) for call in program.calls
        if 1 < call.out.size <= FILLED and (i := number_of_extreme(call)) is not None
    ]  # fmt: skip
    arrays: dict[tuple[str, bytes], Any] = {}
    for call, _, number in sorted(found, key=lambda f: -f[0].out.size):
        key = number.dtype.str, number.tobytes()
        if key not in arrays:
            arrays[key] = np.zeros(call.out.size, number.dtype)
            if number.tobytes() != bytes(number.nbytes):
                arrays[key].fill(number)
    shared: dict[tuple[Any, ...], Value] = {}
    for call, i, number in found:
        key = number.dtype.str, number.tobytes()
        if (key, call.out.shape) not in shared:
            array = arrays[key][: call.out.size].reshape(call.out.shape)
            name = "zeros" if number == 0 else "ones" if number == 1 else "c"
            shared[key, call.out.shape] = Value(array, -1, array, name)
        call.args = (*call.args[:i], shared[key, call.out.shape], *call.args[i + 1 :])


def _reshape(x: Any, shape: Any) -> Any:
    return x.reshape(shape)


def _spread(x: Any, shape: Any) -> Any:
    return np.broadcast_to(x, shape).copy()
