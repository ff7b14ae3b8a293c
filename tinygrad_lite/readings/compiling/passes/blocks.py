"""Chains of elementwise operations on large arrays, block by block: what one writes the next finds in the cache.

Memory is the limit of such a chain: every operation alone reads and writes all of it. In blocks that fit the cache
only what comes from outside is read, and only what is needed outside is written. A sum over everything is added up
from the sums of the blocks only where it need not be exact: that rounds otherwise than eager does, though by no more.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value

LEAST = 1 << 16  # entries: below that all of it fits the cache anyway
FEWEST = 3  # operations, that there be something to save
BLOCK = 1 << 17  # bytes of an array in a block: a handful of them fit the cache of a core


def blocks(program: Program, exact: bool = True) -> None:
    """Gather the elementwise calls on arrays of one large shape into loops over blocks; sums too if not `exact`."""
    shapes = {c.out.shape: c.out.size for c in program.calls if c.kind == "elementwise" and c.out.size >= LEAST}
    for shape in sorted(shapes, key=lambda s: -shapes[s]):
        _gather(program, shape, exact)


def _gather(program: Program, shape: tuple[int, ...], exact: bool) -> None:
    before: list[Call] = []
    members: list[Call] = []
    after: list[Call] = []
    late: set[Value] = set()
    inside: set[Value] = set()
    for call in program.calls:
        inputs = set(call.inputs())
        if inputs & late:
            after.append(call)
            late.update(call.outs())
        elif _joins(call, shape, inside, exact):
            members.append(call)
            (late if call.kind == "reduce" else inside).add(call.out)
        elif inputs & inside:
            after.append(call)
            late.update(call.outs())
        else:
            before.append(call)
    if sum(c.kind == "elementwise" for c in members) < FEWEST:
        return
    needed = set(program.ends()).union(*(call.inputs() for call in [*before, *after]))
    outs = [call.out for call in members if call.out in needed]
    outer = dict.fromkeys(v for call in members for v in call.inputs() if v not in inside)
    block = BLOCK // max(
        v.dtype.itemsize for call in members for v in (*call.outs(), *call.inputs()) if v.shape == shape
    )
    loop = Call("block", _run, tuple(outer), {"members": members, "outs": outs, "block": block}, outs[0], "block")
    program.calls = [*before, loop, *after]


def _joins(call: Call, shape: tuple[int, ...], inside: set[Value], exact: bool) -> bool:
    if call.kind == "reduce":
        if exact and call.name == "add":
            return False
        (x,) = call.args
        whole = call.kwargs["axis"] is None and call.kwargs["dtype"] is None and not call.kwargs["keepdims"]
        return bool(
            x in inside
            and x.shape == shape
            and whole
            and call.out.scalar
            and call.name in ("add", "maximum", "minimum")
        )
    if call.kind != "elementwise" or call.out.shape != shape or call.name == "add at labels":
        return False
    if call.kwargs and call.name != "astype":
        return False
    order = tuple(range(len(shape)))
    return call.out.axes == order and all(
        (v.shape == shape and v.axes == order) or (v.size == 1 and (v.constant is not None or v.scalar))
        for v in call.inputs()
    )


def _run(*_: Any) -> Any:
    raise NotImplementedError("a block is run by the text that is printed for it")


def temporaries(members: list[Call], outs: list[Value]) -> tuple[dict[Value, int], list[Any]]:
    """A number for each value that lives only within a block, and the dtype of each number: few, used in turn."""
    last = {v: i for i, call in enumerate(members) for v in call.inputs()}
    kept = set(outs)
    places: dict[Value, int] = {}
    dtypes: list[Any] = []
    free: list[int] = []
    for i, call in enumerate(members):
        out = call.out
        dying = [v for v in dict.fromkeys(call.inputs()) if v in places and last[v] == i]
        if call.kind == "elementwise" and out not in kept:
            heir = next((v for v in dying if v.dtype == out.dtype), None)
            if heir is not None:
                places[out] = places[heir]
                dying.remove(heir)
            else:
                at = next((k for k in free if dtypes[k] == out.dtype), None)
                if at is None:
                    dtypes.append(out.dtype)
                    at = len(dtypes) - 1
                else:
                    free.remove(at)
                places[out] = at
        free += [places[v] for v in dying]
    return places, dtypes


def cut(size: int, block: int, dtypes: list[Any], threads: int) -> list[list[tuple[Any, ...]]]:
    """For each thread its blocks: number, slice and temporaries, those of the last block as short as it is."""
    starts = list(enumerate(range(0, size, block)))
    each = -(-len(starts) // threads)
    found = []
    for first in range(0, len(starts), each):
        spare = [np.empty(min(block, size), dtype) for dtype in dtypes]
        blocks = []
        for k, start in starts[first : first + each]:
            n = min(block, size - start)
            blocks.append((k, slice(start, start + n), *(t if n == len(t) else t[:n] for t in spare)))
        found.append(blocks)
    return found
