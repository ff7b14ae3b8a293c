"""Largest entries by way of their places, which NumPy finds sooner than it reduces."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value, fresh, substituted, users, value_like


def largest(program: Program) -> None:
    """The largest of some whole numbers, and of each row where the sign of a zero can make no difference."""
    used, ends = users(program), set(program.ends())
    made = {call.out: call for call in program.calls}
    numbers = fresh(program)
    calls: list[Call] = []
    for call in program.calls:
        if call.kind == "reduce" and call.name == "maximum" and call.kwargs["dtype"] is None:
            (x,) = call.args
            if len(x.shape) == 1 and x.size and x.dtype.kind in "iu" and call.out.scalar:
                call.kind, call.name, call.f, call.kwargs = "call", "largest", _largest, {}
            elif _of_rows(call) and call.out not in ends and _indifferent(call.out, used, made):
                n = x.shape[0]
                starts = (np.arange(n) * x.shape[1]).reshape(n, 1)
                first = value_like(next(numbers), (n, 1), np.dtype(np.intp), "place")
                at = value_like(next(numbers), (n, 1), np.dtype(np.intp), "place")
                calls += [
                    Call("call", _argmax, (x,), {}, first, "argmax of rows"),
                    Call("elementwise", np.add, (Value(starts, -1, starts, "starts"), first), {}, at, "add"),
                ]
                call.kind, call.name, call.f, call.args, call.kwargs = "call", "entries", _entries, (x, at), {}
        calls.append(call)
    program.calls = calls


def _of_rows(call: Call) -> bool:
    x, axis = call.args[0], call.kwargs["axis"]
    rows = len(x.shape) == 2 and x.axes == (0, 1) and x.constant is None and x.size and x.dtype.char in "fd"
    return bool(rows and call.kwargs["keepdims"] and axis in (1, -1, (1,), (-1,)))


def _indifferent(m: Value, used: dict[Value, list[Call]], made: dict[Value, Call]) -> bool:
    """Whether m = max x is used as in ln sum e^(x - m) + m: there -0 in the place of 0 gives the same bits.

    e^(x - m) is 1 for either, and the logarithm of a sum with a 1 in it is not -0.
    """

    def harmless(user: Call) -> bool:
        if user.name in ("all_finite", "isfinite"):
            return True
        if user.kind != "elementwise" or len(user.args) != 2:
            return False
        a, b = user.args
        if user.name == "subtract" and b is m and a is made[m].args[0]:
            return all(u.kind == "elementwise" and u.name == "exp" for u in used.get(user.out, ()))
        if user.name == "add" and b is m and a in made and made[a].name == "log":
            total = made.get(made[a].args[0])
            if total is None or total.kind != "reduce" or total.name != "add":
                return False
            exp = made.get(total.args[0])
            shifted = made.get(exp.args[0]) if exp is not None and exp.name == "exp" else None
            return shifted is not None and shifted.name == "subtract" and shifted.args == (made[m].args[0], m)
        return False

    return all(harmless(user) for user in used.get(m, ()))


def softmax(program: Program) -> None:
    """The softmax from the exponentials that ln sum e^x has computed: a common factor of them cancels."""
    used, ends = users(program), set(program.ends())
    made = {call.out: call for call in program.calls}
    new: dict[Value, Value] = {}
    for call in program.calls:
        if call.kind != "elementwise" or call.name != "exp" or call.out in ends:
            continue
        found = _exponentials(call, made)
        if found is None:
            continue
        exps, total = found
        how = made[total].kwargs
        mine = [u.out for u in used.get(call.out, ()) if u.kind == "reduce" and u.name == "add" and u.kwargs == how]
        shares = [u for u in used.get(call.out, ()) if u.kind == "elementwise" and u.name == "multiply"]
        if len(mine) != 1 or len(shares) + 1 != len(used[call.out]) or mine[0] in ends:
            continue
        over = [made.get(next((a for a in u.args if a is not call.out), u.out)) for u in shares]
        if all(d is not None and d.name == "divide" and d.args[1] is mine[0] for d in over) and all(
            u.name == "divide" for u in used[mine[0]]
        ):
            new[call.out], new[mine[0]] = exps, total
    substituted(program, new)


def _exponentials(call: Call, made: dict[Value, Call]) -> tuple[Value, Value] | None:
    """(e^(x - m), its sum) where the call is e^(x - y) with y = ln sum e^(x - m) + m."""
    shifted = made.get(call.args[0])
    if shifted is None or shifted.name != "subtract":
        return None
    x, y = shifted.args
    while y in made and made[y].kind == "view":
        y = made[y].args[0]
    whole = made.get(y)
    if whole is None or whole.name != "add" or len(whole.args) != 2:
        return None
    log, m = made.get(whole.args[0]), whole.args[1]
    total = made.get(log.args[0]) if log is not None and log.name == "log" else None
    if total is None or total.kind != "reduce" or total.name != "add" or not total.kwargs["keepdims"]:
        return None
    exps = made.get(total.args[0])
    before = made.get(exps.args[0]) if exps is not None and exps.name == "exp" else None
    if exps is None or before is None or before.name != "subtract" or before.args != (x, m):
        return None
    return exps.out, total.out


def _largest(x: Any) -> Any:
    return x[x.argmax()]


def _argmax(x: Any) -> Any:
    return x.argmax(1, keepdims=True)


def _entries(x: Any, at: Any) -> Any:
    return x.reshape(-1)[at]
