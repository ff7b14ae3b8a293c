"""What is done to several values alike is done once, to all of them: they lie side by side in one array, a table.

The backward pass asks each ReLU's result where it is positive. Those results are all there before the first question,
and none of them depends on the answers: one comparison of the whole table answers them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.buffers import takes_out
from tinygrad_lite.readings.compiling.calls import Call, Program, Value, fresh, value_like

MOST = 1 << 14  # entries of a table: above that the calls are no longer what costs, and memory counts


def together(program: Program) -> None:
    """Make one call of those that do the same to values of which none depends on another's result."""
    parts: dict[Value, tuple[Value, int]] = {}  # (table, where it begins in it)
    numbers = fresh(program)
    while _once(program, parts, numbers):
        pass


def _once(program: Program, parts: dict[Value, tuple[Value, int]], numbers: Iterator[int]) -> bool:
    at = {out: i for i, call in enumerate(program.calls) for out in call.outs()}
    ends = set(program.ends())
    groups: dict[Any, list[tuple[Call, Value]]] = {}
    for i, call in enumerate(program.calls):
        x = _operand(call)
        if x is None or x not in at or call.out in ends:
            continue
        operands = tuple("x" if a is x else _constant(a) for a in call.args)
        key = id(call.f), call.name, repr(call.kwargs), x.dtype, call.out.dtype, operands
        group = groups.setdefault(key, [])
        first = at[group[0][0].out] if group else i
        maker = program.calls[at[x]]
        if at[x] < first and (x in parts or (maker.kind in ("elementwise", "product") and _placeable(maker, ends))):
            group.append((call, x))
    joined = False
    for group in groups.values():
        placed = {v for members in program.tables.values() for v in members}  # each by a call of its own
        for several in list(_tables([one for one in group if one[0].out not in placed], parts)):
            if len(several) > 1:
                _join(program, several, parts, numbers)
                joined = True
    return joined


def _tables(
    group: list[tuple[Call, Value]], parts: dict[Value, tuple[Value, int]]
) -> Iterator[list[tuple[Call, Value]]]:
    """Those of a group that make up a table which is there; others, so many at a time as make a table of their own."""
    whole: dict[Value, list[tuple[Call, Value]]] = {}
    free: list[tuple[Call, Value]] = []
    size = 0
    seen: set[Value] = set()
    for call, x in group:
        if x in seen:
            continue
        seen.add(x)
        if x in parts:
            whole.setdefault(parts[x][0], []).append((call, x))
            continue
        if free and size + x.size > MOST:
            yield free
            free, size = [], 0
        free.append((call, x))
        size += x.size
    if size <= MOST:
        yield free
    for table, some in whole.items():
        if len(some) == sum(t is table for t, _ in parts.values()):
            yield some


def _join(
    program: Program, group: list[tuple[Call, Value]], parts: dict[Value, tuple[Value, int]], numbers: Iterator[int]
) -> None:
    table = parts[group[0][1]][0] if group[0][1] in parts else None
    if table is None:
        table = value_like(next(numbers), (sum(x.size for _, x in group),), group[0][1].dtype, group[0][1].name)
        program.tables[table] = [x for _, x in group]
        start = 0
        for _, x in group:
            parts[x] = table, start
            start += x.size
    call, x = group[0]
    whole = value_like(next(numbers), table.shape, call.out.dtype, call.out.name)
    made = [
        Call("elementwise", call.f, tuple(table if a is x else a for a in call.args), call.kwargs, whole, call.name)
    ]
    for one, x in group:
        parts[one.out] = whole, parts[x][1]
        made.append(Call("view", _part, (whole,), {"start": parts[x][1], "shape": x.shape}, one.out, "part"))
    gone = {id(one) for one, _ in group}
    where = next(i for i, c in enumerate(program.calls) if id(c) in gone)
    rest = [c for c in program.calls[where:] if id(c) not in gone]
    program.calls = [*program.calls[:where], *made, *rest]


def _operand(call: Call) -> Value | None:
    """The one operand that is no constant, where the call works on it entry by entry."""
    if call.kind != "elementwise" or call.name in ("spread", "add at labels") or not takes_out(call):
        return None
    values = [a for a in call.args if isinstance(a, Value) and (a.constant is None or a.live or a.size > 1)]
    if len(values) != 1 or values[0].shape != call.out.shape or values[0].constant is not None:
        return None
    order = tuple(range(len(call.out.shape)))
    return values[0] if values[0].axes == call.out.axes == order else None


def _placeable(maker: Call, ends: set[Value]) -> bool:
    return takes_out(maker) and maker.out not in ends


def _constant(a: Any) -> Any:
    if isinstance(a, Value):
        return np.asarray(a.constant).dtype.str, np.asarray(a.constant).tobytes()
    return type(a).__name__, repr(a)


def _part(x: Any, start: int, shape: Any) -> Any:
    return x[start : start + int(np.prod(shape))].reshape(shape)
