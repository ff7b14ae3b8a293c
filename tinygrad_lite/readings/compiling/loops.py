"""The text of a loop over blocks: the same calls as without it, each on the part of its arrays that is in the block."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_lite.readings.compiling.calls import Call, Value
from tinygrad_lite.readings.compiling.passes.blocks import cut, temporaries
from tinygrad_lite.readings.compiling.passes.operands import as_number, number_of_extreme

if TYPE_CHECKING:
    from tinygrad_lite.readings.compiling.printing import Printer


def loop(printer: Printer, call: Call) -> list[str]:
    """A loop over blocks; `x_part` is the part of an array x that is in the block."""
    members, outs, n = call.kwargs["members"], call.kwargs["outs"], call.kwargs["block"]
    space = printer.space
    size = members[0].out.size if members[0].kind == "elementwise" else members[0].args[0].size
    places, dtypes = temporaries(members, outs)
    constants = _constants(printer, members, min(n, size))
    threads = cut(size, n, dtypes, printer.threads)
    cuts = space.name("blocks")
    spare = [space.name(f"{'mask' if d == np.bool_ else 't'}{k}") for k, d in enumerate(dtypes)]
    lines, parts, inner, sums = [], dict[Value, str](), list[str](), dict[Value, str]()
    arrays = [v for v in dict.fromkeys([*call.args, *outs]) if v.size == size and not v.scalar]
    for v in outs:
        if v not in printer.kept and not v.scalar:
            make = space.bind("empty", np.empty)
            lines.append(f"{printer.of(v)} = {make}({v.shape}, {space.bind(str(v.dtype), v.dtype)})")
    for v in arrays:
        parts[v], flat = space.name(f"{printer.of(v)}_part"), space.name(f"{printer.of(v)}_flat")
        lines.append(f"{flat} = {printer.of(v)}.reshape(-1)")
        inner.append(f"{parts[v]} = {flat}[cut]")
    for v, k in places.items():
        parts[v] = spare[k]
    for one in members:
        if one.kind == "reduce":
            sums[one.out] = total = space.name(f"{printer.of(one.out)}_parts")
            space.bound[total] = np.empty(sum(map(len, threads)), one.out.dtype)
            inner.append(f"{total}[k] = {printer.reducer(one)}({parts[one.args[0]]}, None)")
            continue
        x = one.args[0]
        if one.name == "astype":
            inner.append(f"{parts[one.out]}[...] = {parts.get(x) or printer.of(x)}")
            continue
        arrays_in = [a for a in one.args if isinstance(a, Value)]
        like = arrays_in[0] if all(a.dtype == arrays_in[0].dtype and a.dtype.kind == "f" for a in arrays_in) else None
        texts = [
            (parts.get(a) or printer.of(a)) if isinstance(a, Value) else printer.operand(a, like) for a in one.args
        ]
        if id(one) in constants:
            k, name = constants[id(one)]
            texts[k] = name if size % n == 0 else f"{name}[:len({parts[one.out]})]"
        third = f"out={parts[one.out]}" if one.name in ("maximum", "minimum") else parts[one.out]
        inner.append(f"{space.bind(one.name, one.f)}({', '.join([*texts, third])})")
    head = f"for {', '.join(['k', 'cut', *spare])} in"
    if len(threads) > 1:  # NumPy lets go of the interpreter's lock while it computes
        space.bound[cuts] = threads
        part = space.numbered("part")
        lines += [f"def {part}(blocks):", f"    {head} blocks:", *(f"        {line}" for line in inner)]
        lines.append(f"{space.bind('share', printer.share)}({part}, {cuts})")
    else:
        space.bound[cuts] = threads[0]
        lines += [f"{head} {cuts}:", *(f"    {line}" for line in inner)]
    for one in members:
        if one.kind == "reduce":
            lines.append(f"{printer.of(one.out)} = {printer.reducer(one)}({sums[one.out]}, None)")
    return lines


def _constants(printer: Printer, members: list[Call], n: int) -> dict[int, tuple[int, str]]:
    """For max(x, c) the operand c as an array of a block's length, for which NumPy has its quick loop; by call."""
    found: dict[int, tuple[int, str]] = {}
    made: dict[bytes, str] = {}
    for one in members:
        if one.kind == "elementwise" and (k := number_of_extreme(one)) is not None:
            number = as_number(one, k)
            key = number.dtype.char.encode() + number.tobytes()
            if key not in made:
                made[key] = printer.space.name("zeros" if number == 0 else "c")
                printer.space.bound[made[key]] = np.full(n, number)
            found[id(one)] = k, made[key]
    return found
