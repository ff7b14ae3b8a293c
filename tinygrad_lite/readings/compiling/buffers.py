"""Where each value is kept: in one block of memory, each place free again after its value's last use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Program, Value

ALIGNMENT = 64  # bytes: a line of the cache, and what vector instructions like


@dataclass
class Plan:
    """Offsets in bytes of all values that have a buffer, and the length of the block."""

    offsets: dict[Value, int]
    size: int

    def arrays(self) -> dict[Value, Any]:
        """The buffers themselves, in fresh memory, laid out as eager's arrays are."""
        block = aligned(self.size, np.uint8)
        return {v: shaped(block[offset : offset + v.nbytes].view(v.dtype), v) for v, offset in self.offsets.items()}


def aligned(size: int, dtype: Any) -> Any:
    """Memory for so many entries that begins where a line of the cache does."""
    n = size * np.dtype(dtype).itemsize
    block = np.empty(n + ALIGNMENT, np.uint8)
    start = -block.ctypes.data % ALIGNMENT
    return block[start : start + n].view(dtype)


def shaped(flat: Any, v: Value) -> Any:
    """A flat array in the shape of a value, with its axes in the value's order in memory."""
    return flat.reshape([v.shape[k] for k in v.axes]).transpose(np.argsort(v.axes)) if v.shape else flat.reshape(())


def takes_out(call: Call, out: Value | None = None) -> bool:
    """Whether NumPy can write this call's result into memory that it is given."""
    out = call.out if out is None else out
    if out.scalar or out.dtype is None or not out.size:
        return False
    if call.kind in ("elementwise", "reduce", "block"):
        return True
    if call.kind == "product":
        if call.f is np.vdot:
            return False
        if call.f is np.dot:  # it insists on C order, and on what it would have made itself
            return out.axes == tuple(range(len(out.shape))) and len(out.shape) > 0
        return True
    return call.name == "unpick"


def roots(program: Program) -> dict[Value, Value]:
    """For each view, the value whose memory it is."""
    found: dict[Value, Value] = {}
    for call in program.calls:
        if call.kind == "view":
            source = call.args[0]
            found[call.out] = found.get(source, source)
    return found


def plan(program: Program, *, reuse: bool = True, in_place: bool = True, fixed: frozenset[Value] = frozenset()) -> Plan:
    """A place for every result that NumPy can write where it is told to, but for those that are returned.

    fixed     values that have a place elsewhere, such as gradients in their flat buffer
    reuse     give a place to another value after the last use of the one in it
    in_place  let an elementwise call write over an operand that nobody needs any more
    """
    root = roots(program)
    ends = {root.get(v, v) for v in (*program.outputs, *program.writes.values())}
    last: dict[Value, int] = {}
    for i, call in enumerate(program.calls):
        for v in call.inputs():
            last[root.get(v, v)] = i
    for v in program.gradients.values():
        last[root.get(v, v)] = len(program.calls)
    kept = {v for call in program.calls for v in call.outs() if takes_out(call, v) and v not in ends and v not in fixed}
    offsets: dict[Value, int] = {}
    holes: list[tuple[int, int]] = []  # (offset, size), by offset
    top = 0
    dying: dict[int, list[Value]] = {}
    for v in kept:
        dying.setdefault(last.get(v, -1), []).append(v)
    for i, call in enumerate(program.calls):
        inherited = None
        for out in call.outs():
            if out not in kept:
                continue
            if in_place and reuse and call.kind == "elementwise":
                inherited = _heir(call, kept, last, i)
            if inherited is not None:
                offsets[out] = offsets[inherited]
            else:
                offsets[out], top = _place(_rounded(out.nbytes), holes, top)
        if reuse:
            for v in dying.get(i, ()):
                if v is not inherited and v in offsets:
                    _free(offsets[v], _rounded(v.nbytes), holes)
            for out in call.outs():
                if out in kept and out not in last:  # nobody reads it
                    _free(offsets[out], _rounded(out.nbytes), holes)
    return Plan(offsets, top)


def _heir(call: Call, kept: set[Value], last: dict[Value, int], i: int) -> Value | None:
    if call.out.size == 1:  # NumPy takes a single entry written over for a reduction, and looks twice
        return None
    for v in call.inputs():
        if (
            v in kept
            and last.get(v) == i
            and (v.shape, v.dtype, v.axes) == (call.out.shape, call.out.dtype, call.out.axes)
        ):
            return v
    return None


def _rounded(n: int) -> int:
    return -(-n // ALIGNMENT) * ALIGNMENT


def _place(size: int, holes: list[tuple[int, int]], top: int) -> tuple[int, int]:
    """The smallest hole that is large enough, or new memory at the end."""
    best = min((h for h in holes if h[1] >= size), key=lambda h: h[1], default=None)
    if best is None:
        if holes and sum(holes[-1]) == top:  # the last hole can grow
            offset, _ = holes.pop()
            return offset, offset + size
        return top, top + size
    holes.remove(best)
    if best[1] > size:
        _free(best[0] + size, best[1] - size, holes)
    return best[0], top


def _free(offset: int, size: int, holes: list[tuple[int, int]]) -> None:
    """Add a hole, joined to those beside it."""
    for hole in list(holes):
        if sum(hole) == offset:
            offset, size = hole[0], hole[1] + size
            holes.remove(hole)
        elif offset + size == hole[0]:
            size += hole[1]
            holes.remove(hole)
    holes.append((offset, size))
    holes.sort()
