"""The rows of a report, and the words for what they say."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

OK, CONVENTION, FIRST, WRONG, CARRIED, MISSING = "ok", "convention", "first wrong", "wrong", "carried", "missing"
RIGHT = (OK, CONVENTION, CARRIED)
MEANING = {
    CARRIED: "right, given your earlier values",
    CONVENTION: "right, in another convention",
    MISSING: "not handed in",
}
KINDS = {
    "sign": "a sign", "factor": "a constant factor", "derivative": "the derivative of a function", "mask": "a mask",
    "transpose": "a transpose", "sum": "a sum, over examples or paths", "shape": "a shape", "dtype": "a dtype",
    "operand": "an operand: another array is in its place", "axis": "an axis", "order": "the order of the steps",
    "product": "the kind of product", "penalty": "the penalty on the weights", "missing": "something that is missing",
    "target": "the target", "value": "a value of the forward pass", "aliasing": "an array that is shared",
    "flip": "the order of the entries", "border": "the border", "activation": "what the loss is fed with",
    "not finite": "numbers that are not finite", "run": "the program itself",
}  # fmt: skip


@dataclass
class Named:
    """A mistake as the report tells it."""

    id: str
    kind: str
    text: str
    line: str
    confidence: str = "exact"  # or "nearest"
    alternatives: list[tuple[str, str]] = field(default_factory=list)
    source: str = ""
    fix: str = ""  # the right line


@dataclass
class Row:
    """One quantity: what was handed in, what is right, and what to think of it."""

    name: str
    label: str
    status: str
    yours: Any = None
    expected: Any = None
    roundings: float | None = None
    note: str = ""
    mistake: Named | None = None
    where: str = ""  # at which of several points

    relative: float | None = field(init=False, default=None)
    worst: tuple[int, ...] | None = field(init=False, default=None)  # the entry that is furthest off

    def __post_init__(self) -> None:
        self.relative = self._relative()
        self.worst = self._worst()

    def _relative(self) -> float | None:
        """The error over the size of what is right; None where shapes differ or nothing was handed in."""
        if self.yours is None or np.shape(self.yours) != np.shape(self.expected) or self.roundings is None:
            return None
        scale = float(np.max(np.abs(self.expected), initial=0)) or float(np.max(np.abs(self.yours), initial=0))
        with np.errstate(all="ignore"):
            apart = float(np.max(np.abs(np.subtract(self.yours, self.expected, dtype=float)), initial=0))
        return apart / scale if scale else 0.0

    def _worst(self) -> tuple[int, ...] | None:
        """The index of the entry that is furthest off, one that is not finite before all others; None without any."""
        if self.yours is None or np.shape(self.yours) != np.shape(self.expected) or not np.size(self.yours):
            return None
        with np.errstate(all="ignore"):
            apart = np.abs(np.subtract(self.yours, self.expected, dtype=float))
        return tuple(map(int, np.unravel_index(np.argmax(np.where(np.isnan(apart), np.inf, apart)), apart.shape)))

    def conceal(self) -> None:
        """Forget the right numbers, for graded work; how far off the others were is known already."""
        self.expected = np.full(np.shape(self.expected), np.nan)
