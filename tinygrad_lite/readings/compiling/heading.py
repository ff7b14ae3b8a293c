"""The head of a printed program: what it is about, and the tests that it fits a call, quick enough for every one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from tinygrad_lite.hooks import HOOKS, Handle
from tinygrad_lite.nn.module import CHANGES
from tinygrad_lite.readings.compiling import watching
from tinygrad_lite.readings.compiling.calls import count, order_of
from tinygrad_lite.tensor import Tensor

if TYPE_CHECKING:
    from tinygrad_lite.readings.compiling.running import Executable


def hooks_now() -> tuple[Handle, ...]:
    """The hooks that are there."""
    return tuple(handle for handles in HOOKS.values() for handle in handles)


def unless(conditions: list[str], otherwise: str) -> list[str]:
    """What to do where any of the conditions holds, as text: one condition a line where there are several."""
    if len(conditions) == 1:
        return [f"if {conditions[0]}:", f"    {otherwise}"]
    return ["if (", *(f"    {'or ' if k else ''}{c}" for k, c in enumerate(conditions)), "):", f"    {otherwise}"]


def arguments(e: Executable, names: list[str]) -> list[str]:
    """Each argument is of the form that was traced; from here on its name means its array."""
    lines, space = list[str](), e.printer.space
    arguments = e.arguments
    alone = list(dict.fromkeys(names[k] for k in arguments.twins))
    if len(alone) > 2:
        lines.append(f"if len({{{', '.join(f'id({name})' for name in alone)}}}) != {len(alone)}: return MISS")
    elif len(alone) == 2:
        lines.append(f"if {alone[0]} is {alone[1]}: return MISS")
    twins = [(name, names[k]) for name, k in zip(names, arguments.twins, strict=True) if names[k] != name]
    lines += [f"if {name} is not {first}: return MISS" for name, first in twins]
    for name, v, as_tensor, wanted in zip(names, e.program.arguments, arguments.kinds, arguments.wanted, strict=True):
        dtype = space.bind(str(v.dtype), v.dtype)
        if as_tensor:
            tensor = space.bind("Tensor", Tensor)
            lines += [
                f"if {name}.__class__ is not {tensor}: return MISS",
                f"if {'not ' if wanted else ''}{name}.requires_grad: return MISS",
                f"{name} = {name}.value if {name}._handle is None else {name}.known()",
                f"if {name}.shape != {v.shape} or {name}.dtype is not {dtype}: return MISS",
            ]
        else:
            array = space.bind("ndarray", np.ndarray)
            lines.append(
                f"if {name}.__class__ is not {array} or {name}.shape != {v.shape} or {name}.dtype is not {dtype}: "
                "return MISS"
            )
            if sum(n > 1 for n in v.shape):
                lines.append(f"if not {name}.flags.c_contiguous: {name} = {name}.copy()")
        if as_tensor and sum(n > 1 for n in v.shape) > 1:
            quick = f"not {name}.flags.c_contiguous and " if v.axes == tuple(range(len(v.shape))) else ""
            lines.append(f"if {quick}{space.bind('order_of', order_of)}({name}) != {v.axes}: return MISS")
    return lines


def watched(e: Executable, head: list[str]) -> None:
    """Nothing has changed that the program took for granted."""
    bind = e.printer.space.bind
    conditions = [f"{bind('changes', CHANGES)}[0] != seen_changes", bind("hooks", HOOKS)]
    e.printer.space.bound["seen_changes"] = CHANGES[0]
    if e.hooks:
        e.printer.space.bound["hooks_was"] = e.hooks
        conditions[-1] = f"{bind('hooks_now', hooks_now)}() != hooks_was"
    for look, thing, name in e.watched:
        was = e.printer.space.name(f"{name}_was")
        e.printer.space.bound[was] = thing
        e.watch_names.append(was)
        cell = watching.cell_of(look)
        now = f"{bind(f'{name}_cell', cell)}.cell_contents" if cell is not None else f"{bind('look', look)}()"
        conditions.append(f"{now} is not {was}")
    if e.copies:
        conditions.append(f"not {bind('same_numbers', e.same_numbers)}()")
    if e.optimizer is not None:
        conditions += [f"not {bind('move', move)}.fits()" for move in e.moves if move.state_names]
        groups = bind("groups", e.optimizer.param_groups)
        conditions.append(f"{bind('optimizer', e.optimizer)}.param_groups is not {groups}")
        conditions.append(f"len({groups}) != {len(e.trained)}")
        for k, params in enumerate(e.trained):  # they come and go while the lists stay the same objects
            was = e.printer.space.name("trained")
            e.printer.space.bound[was] = params
            conditions.append(f"[*map(id, {groups}[{k}]['params'])] != {was}")
    if e.unread:
        conditions.append(f"not {bind('same_kinds', e.same_kinds)}()")
    if e.has_containers:
        conditions.append(f"not {bind('unaltered', e.unaltered)}()")
    head += unless(conditions, "return MISS")
    if e.moves:
        tuned = [f"{bind('group', m.flat.group)} != {bind('options', m.options)}" for m in e.moves]
        head += unless(tuned, "if not retune(): return MISS")


def leaves(e: Executable, head: list[str]) -> None:
    """The arrays of parameters and buffers are those that the views were made of."""
    bind = e.printer.space.bind
    printer, still, shapes = e.printer, [], []
    for node, v in e.program.leaves.items():
        name = printer.leaf(v, moves=node in e.moving)
        tensor = bind(f"{name}_leaf", node)
        if node in e.moving:
            head.append(f"{name} = {tensor}.value if {tensor}._handle is None else {tensor}.known()")
            dtype = printer.space.bind(str(v.dtype), v.dtype)
            shapes.append(f"{name}.shape != {v.shape} or {name}.dtype is not {dtype}")
        else:
            e.leaf_names[node] = name
            printer.space.bound[name] = node.known()
            free = "not " if node.requires_grad else ""
            still.append(
                f"{tensor}.value is not {name} or {tensor}._handle is not None or {free}{tensor}.requires_grad"
            )
    if shapes:
        head += unless(shapes, "return MISS")
    if e.flats:
        still.append("sum(map(getrefcount, arrays)) != held")
    if still:
        head += unless(still, "if not rebind(): return MISS")


def about(e: Executable, title: str) -> list[str]:
    """What the text begins with: what it does, on which values, and how to read it."""
    program, named = e.program, e.printer.names
    shown = [f"{named[v]} {v.shape}" for v in (*program.arguments, *program.leaves.values()) if v in named]
    kinds = sorted({str(v.dtype) for v in (*program.arguments, *program.leaves.values())})
    lines = [f"{title}: {count(program.calls)} operations.", ""]
    lines += listed(shown) + ([f"of {', '.join(kinds)}"] if kinds else [])
    lines += [
        "",
        "Every result is written into an array that is made once: add(a, b, c) is c = a + b, and a.dot(b, c)",
    ]
    lines += ["c = a @ b. W_T is W transposed, and dz the derivative of the result by z."]
    return lines


def does(e: Executable) -> str:
    """What one call does."""
    return f"One step of {type(e.optimizer).__name__}; the loss." if e.optimizer is not None else "One call."


def listed(parts: list[str], width: int = 110) -> list[str]:
    """Parts with commas between them, on lines of a page's width."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(part) + 2 <= width:
            lines[-1] += f", {part}"
        else:
            lines.append(part)
    return lines
