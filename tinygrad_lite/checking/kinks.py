"""Kinks: where a function has no derivative, and any number between those to its sides is right.

relu'(0) may be 0, 1 or between; where several entries are the largest, any of them may get the error, or all a share.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np

from tinygrad_lite.checking.passes import Change
from tinygrad_lite.checking.structure import Structure

NEAR = 100  # units of rounding: a unit this close to 0 may be on or off, by the order in which its terms were added
SELECTIONS = ("max", "min", "max_pool2d")


@dataclass(frozen=True)
class Choice:
    """One way to differentiate at kinks: what it is called, and where a graph has such kinks."""

    note: str
    places: Callable[[Structure], Iterator[Change]]


def _relu(at_zero: float) -> Callable[[Structure], Iterator[Change]]:
    def places(s: Structure) -> Iterator[Change]:
        for act in s.activations:
            if act.kind in ("relu", "leaky"):
                x = np.asarray(s.value(act.x))
                kink = np.abs(x) <= NEAR * np.finfo(x.dtype).eps * np.max(np.abs(x), initial=0)
                if np.any(kink):
                    slope = act.slope + at_zero * (1 - act.slope)
                    factor = np.where(kink, slope, np.where(x > 0, 1, act.slope)).astype(x.dtype)
                    yield Change("bridge", act.y, lambda g, y, x, factor=factor: g * factor, to=act.x)

    return places


def _selected(way: int) -> Callable[[Structure], Iterator[Change]]:
    def places(s: Structure) -> Iterator[Change]:
        for node in s.forward:
            if node.op is not None and node.op.name in SELECTIONS and node in s.truth.cotangents:
                op, x = node.op, np.asarray(node.args[0])
                # their ranks, with no two alike: the same entries are the largest, and of equal ones the first or last
                rank = np.unique(x, return_inverse=True)[1].reshape(x.shape) * float(x.size)
                single = rank + way * np.arange(x.size).reshape(x.shape)
                if not np.array_equal(_weights(op, x, node.kwargs), _weights(op, single, node.kwargs)):
                    yield Change("edge", node, lambda g, y, x, op=op, single=single, **how:
                                 op.pull(0, g, op.run(single, **how), (single,), how).astype(g.dtype))  # fmt: skip

    return places


def _weights(op: Any, x: Any, how: Any) -> Any:
    y = op.run(x, **how)
    return op.pull(0, np.ones_like(y), y, (x,), how)


RELU = (Choice("relu'(0) = 1", _relu(1.0)), Choice("relu'(0) = 1/2", _relu(0.5)))
TIES = (
    Choice("of equal entries the first gets the error", _selected(-1)),
    Choice("of equal entries the last gets the error", _selected(1)),
)


def choices(structures: list[Structure]) -> Iterator[tuple[str, list[tuple[Change, ...]]]]:
    """Ways to differentiate at the kinks of some points: what each is called, and its changes at each point.

    The first one changes nothing; there is no other where no value lies on a kink.
    """
    families = [
        [("", [()] * len(structures))]
        + [(c.note, changes) for c in family if any(changes := [tuple(c.places(s)) for s in structures])]
        for family in (RELU, TIES)
    ]
    for chosen in product(*families):
        note = "; ".join(name for name, _ in chosen if name)
        yield note, [tuple(c for _, at in chosen for c in at[k]) for k in range(len(structures))]
