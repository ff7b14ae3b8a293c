"""Where a number leaves the graph without a word: `array[i] = t` and `math.exp(t)` ask a tensor for a float too.

`float(t)` says what it does. The other two call the same method, and would end in a gradient that lacks a part; so
the caller's instruction tells them apart.
"""

from __future__ import annotations

import dis
import math
from functools import lru_cache
from inspect import getattr_static
from types import CodeType, FrameType
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, describe

FLAT = frozenset((math.ceil, math.floor, math.isclose, math.isfinite, math.isinf, math.isnan, math.trunc))


def refuse_to_leave(t: Node, caller: FrameType) -> None:
    """Raise a TypeError unless the caller asked for a number in so many words."""
    stores, path = _asking(caller.f_code, caller.f_lasti)
    if stores:
        raise TypeError(
            f"array[i] = t: an array keeps numbers, and {describe(t)} requires a gradient, which would be lost. Put "
            "the tensors in a list and np.stack them; for the number alone write t.item()."
        )
    if path and (f := _called(path, caller)) is not None:
        instead = next((f"np.{n}" for n in (f.__name__, "arc" + f.__name__[1:]) if hasattr(np, n)), "")
        if f.__name__ in ("erf", "erfc"):
            instead = f"tl.{f.__name__}"
        raise TypeError(
            f"math.{f.__name__} takes numbers, and {describe(t)} requires a gradient, which would be lost. "
            + (f"Write {instead}(...); " if instead else "Compose it of NumPy's functions; ")
            + "for the number alone write t.item()."
        )


@lru_cache(256)
def _asking(code: CodeType, at: int) -> tuple[bool, tuple[str, ...]]:
    """Whether the instruction at offset `at` stores into an array; or what loads the function it calls, and its names.

    For `math.exp(t)` that is ("LOAD_GLOBAL", "math", "exp").
    """
    steps = [step for step in dis.get_instructions(code) if step.offset <= at]
    if not steps or steps[-1].offset != at:
        return False, ()
    if steps[-1].opname == "STORE_SUBSCR":
        return True, ()
    start = _start(steps[-1])
    if start is None or "CALL" not in steps[-1].opname:
        return False, ()
    path: tuple[str, ...] = ()
    for step in steps:  # what is called is loaded first: its text begins where the call's does
        if _start(step) == start and step.opname.startswith("LOAD_") and isinstance(step.argval, str):
            if step.opname not in ("LOAD_ATTR", "LOAD_METHOD"):
                path = step.opname, step.argval
            elif path:
                path = (*path, step.argval)
    return False, path


def _start(step: dis.Instruction) -> tuple[int, int] | None:
    place = step.positions
    if place is None or place.lineno is None or place.col_offset is None:  # python -X no_debug_ranges
        return None
    return place.lineno, place.col_offset


def _called(path: tuple[str, ...], caller: FrameType) -> Any:
    """The function of `math` that the names stand for; None for any other, and where its derivative is 0."""
    load, name, *attributes = path
    f: Any = caller.f_globals.get(name)
    if load != "LOAD_GLOBAL":  # who asks a frame for its locals keeps them alive, and with a loss its whole graph
        f = caller.f_locals.get(name, f)
    for attribute in attributes:
        f = getattr_static(f, attribute, None)  # static: a property is not to be computed a second time
    return f if getattr(f, "__module__", None) == "math" and f not in FLAT else None
