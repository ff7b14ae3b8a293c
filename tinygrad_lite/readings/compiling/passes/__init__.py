"""The passes, each a function from a program to a shorter one that computes the same; any can be left out.

Those in `ORDER` rewrite the calls. The names in `STORAGE` say how the results are kept: `buffers` (memory that is made
once), `reuse` (one place for several values in turn), `in place` (over an operand), `flat` (all parameters of an
optimiser in one array). Eager's results come out of all of them bit for bit, but for those that are `INEXACT`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tinygrad_lite.readings.compiling.calls import Program, Value, count
from tinygrad_lite.readings.compiling.passes.blocks import blocks
from tinygrad_lite.readings.compiling.passes.constants import identities, uniform
from tinygrad_lite.readings.compiling.passes.forms import casts, finite, labels, masks, places, singles, sums
from tinygrad_lite.readings.compiling.passes.maxima import largest, softmax
from tinygrad_lite.readings.compiling.passes.operands import filled, shapes, spread
from tinygrad_lite.readings.compiling.passes.products import dots, turned
from tinygrad_lite.readings.compiling.passes.sharing import common, dead
from tinygrad_lite.readings.compiling.passes.together import together

Pass = Callable[[Program], None]

ORDER: dict[str, Pass] = {
    "uniform": uniform,
    "identities": identities,
    "common": common,
    "masks": masks,
    "labels": labels,
    "places": places,
    "finite": finite,
    "singles": singles,
    "softmax": softmax,
    "largest": largest,
    "dots": dots,
    "turned": turned,
    "sums": sums,
    "dead": dead,
    "casts": casts,
    "together": together,
    "blocks": blocks,
    "shapes": shapes,
    "spread": spread,
    "filled": filled,
}
INEXACT = ("sums", "softmax")  # add up in another order, round otherwise
STORAGE = ("buffers", "reuse", "in place", "flat")
NAMES = (*ORDER, *STORAGE)


def run(program: Program, without: frozenset[str]) -> dict[str, Any]:
    """Run all passes but those named; how many operations there are after each, and what those that acted did."""
    counts: dict[str, int] = {}
    words: list[str] = []
    before = _looks(program)
    for name, simplify in ORDER.items():
        if name in without or (name == "together" and "buffers" in without):  # a table is a buffer
            continue
        if name == "blocks":
            blocks(program, exact="sums" in without)
        else:
            simplify(program)
        counts[name] = count(program.calls)
        after = _looks(program)
        if changed := len(after - before) or len(before - after):
            words.append(f"{name} ({changed}): {_said(simplify)}")
        before = after
    return {"passes": counts, "folded": words}


def _looks(program: Program) -> set[Any]:
    """What each call of a program is, as far as passes change it."""
    return {(id(call), call.name, *[id(a) for a in call.args if a.__class__ is Value]) for call in program.calls}


def _said(simplify: Callable[..., None]) -> str:
    return " ".join((simplify.__doc__ or "").partition("\n\n")[0].split())
