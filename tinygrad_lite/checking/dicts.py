"""Gradients in dicts, beside their losses: sorted, read in every way that their names allow, and marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim
from tinygrad_lite.checking.intake import MANY_READINGS, as_array, known, readings, sort
from tinygrad_lite.checking.marking import mark
from tinygrad_lite.checking.points import spot_check
from tinygrad_lite.checking.printing import RightLines
from tinygrad_lite.checking.recognise import Words, marked, spread
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.tensor import Tensor


def mark_dicts(
    works: Sequence[Any],
    losses: Sequence[Tensor],
    names: Mapping[str, Any] | None = None,
    adds: bool = False,
    *,
    points: Sequence[str] = (),
    notes: Sequence[str] = (),
    tensors: Sequence[Mapping[str, Any]] = (),
) -> Report:
    """The report on a dict for each loss; `tensors` says what the tensors of each loss are called."""
    tensors = tensors or [{}] * len(losses)
    structures = [Structure(loss, t) for loss, t in zip(losses, tensors, strict=True)]
    words = [Words(s, t) for s, t in zip(structures, tensors, strict=True)]
    for structure in structures:
        require_finite(structure)
    each: list[list[Claim]] = []
    strange: list[str] = []
    empty: list[str] = []
    for work, loss, structure, word in zip(works, losses, structures, words, strict=True):
        if not isinstance(work, Mapping):
            raise TypeError(f"check: gradients come in a dict, {{'W1': dW1, ...}}, not as {type(work).__name__}")
        found = sort(work, word, names)
        coarse = [key for key, a in found.arrays.items() if a.dtype == np.float16 and loss.value.dtype != np.float16]
        empty += [f"{key} is of float16, which has three digits: use {loss.value.dtype}" for key in coarse]
        if adds:
            found.arrays = {key: a if key in found.values else -a for key, a in found.arrays.items()}
        empty += [
            f"{key} is {type(value).__name__}, not an array of real numbers"
            for key, value in spread(work)
            if as_array(value) is None and not isinstance(value, type) and not callable(value)
            and (marked(key) or len(work) <= len(structure.quantities)) and word.meant(key)
        ]  # fmt: skip
        if not found.meanings and not found.values:
            keys = _listed(work) or "nothing"
            raise ValueError(
                f"check: {empty[0]}." if empty else
                f"check: none of the names handed in ({keys}) is a quantity of this loss. It has {known(word)}. "
                "Rename them, or say which is which: names={'my_name': 'W1'}."
            )  # fmt: skip
        strange += found.strange
        each.append(list(islice(readings(found, structure), MANY_READINGS)))
    count = min(len(claims) for claims in each)
    report = mark(
        [[claims[k] for claims in each] for k in range(count)], words, points=list(points), fix=RightLines(words)
    )
    report.notes += [note for note in (*notes, *(spot_check(s) for s in structures)) if note]
    report.notes += dict.fromkeys(empty)
    if strange:
        report.notes.append(f"not compared, for they are no quantity of this loss: {_listed(dict.fromkeys(strange))}")
    if adds:
        report.conventions["sign"] = "negative gradient"
    return report


def require_finite(s: Structure) -> None:
    """Refuse a reference that has no gradient to compare with. Raises: ValueError."""
    broken = [p for p in s.parameters if not np.all(np.isfinite(s.truth.computed[p]))]
    if broken:
        raise ValueError(
            f"check: the reference itself has a gradient by {broken[0].name or 'a parameter'} that is not finite at "
            "these numbers, so there is nothing to compare with"
        )


def _listed(names: Iterable[Any], most: int = 8) -> str:
    """A few names, whatever is in them, on one line."""
    found = [literal(str(name), 24) for name in islice(names, most + 1)]
    return ", ".join([*found[:most], *(["..."] if len(found) > most else [])])
