"""A mistake that was found, in words; and the values of the forward pass, where those are wrong already."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude, roundings, same
from tinygrad_lite.checking.mistakes import Place, places
from tinygrad_lite.checking.naming import Found
from tinygrad_lite.checking.passes import Crash
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.rows import CARRIED, FIRST, WRONG, Named, Row
from tinygrad_lite.graph import Node

Fix = Callable[[Claim, Node], str]


def told(found: Found, claims: list[Claim], words: list[Words], fix: Fix | None, confidence: str = "exact") -> Named:
    """A mistake as the report tells it, with the names of the place where it was made."""
    at = next((k for k, c in enumerate(claims) if found.place.line in c.structure.truth.computed), 0)
    value = found.place.value is not None
    line = words[at][found.place.line] if value else words[at].derivative(found.place.line)
    about = {key: v if isinstance(v, str) else words[at][v] for key, v in found.place.words.items()}
    about |= {"line": line, "strength": "" if found.strength is None else f"{found.strength:.6g}"}
    text = found.mistake.text.format_map(about)
    if found.place.times > 1:
        text += f" (The same in {found.place.times} places.)"
    if found.id == "updated_W" and found.strength is not None:
        text += f" (The numbers fit a learning rate of {found.strength:.6g}.)"
    alternatives = [(f.id, told(f, claims, words, None).text) for f in found.alternatives]
    right = fix(claims[at], found.place.line) if fix is not None and not value else ""
    return Named(found.id, found.mistake.kind, text, line, confidence, alternatives, found.mistake.source, right)


def forward_rows(claims: list[Claim], words: list[Words]) -> tuple[list[Row], list[Named]]:
    """Values of the forward pass that were handed in and are wrong: the first of them is the first wrong line."""
    for claim, word in zip(claims, words, strict=True):
        rows: list[Row] = []
        mistakes: list[Named] = []
        for node in sorted(claim.wrong_values, key=lambda n: n.order):
            value, status = claim.values[node], CARRIED
            named = None
            if not _follows(claim, node):
                status = WRONG if any(row.status == FIRST for row in rows) else FIRST
                named = _named(claim, word, node)
                mistakes += [] if named is None else [named]
            label = f"{word[node]} (forward)"
            apart = roundings(value, node.value)
            rows.append(Row(claim.called.get(node, word[node]), label, status, value, node.value, apart, mistake=named))
        if rows:
            return rows, mistakes
    return [], []


def _follows(claim: Claim, node: Node) -> bool:
    """Whether a wrong value is what the right operations make of the wrong ones before it."""
    values = {n: v for n, v in claim.wrong_values.items() if n.order < node.order}
    if not values:
        return False
    try:
        for n in claim.structure.forward:
            if n.order > node.order:
                break
            if n not in values and n.op is not None and any(x in values for x in n.inputs):
                args = [a if x is None else values.get(x, a) for x, a in zip(n.inputs, n.args, strict=True)]
                values[n] = n.op.run(*args, **n.kwargs)
    except (ValueError, TypeError, IndexError):
        return False
    return node in values and _same(claim.values[node], values[node])


def _same(a: Any, b: Any) -> bool:
    return same(a, np.asarray(b), magnitude(b))


def _named(claim: Claim, words: Words, node: Node) -> Named | None:
    for mistake, place in places(claim.structure):
        if place.line is node and place.value is not None:
            made = _made(claim, place, node)
            if made is not None and _same(claim.values[node], made):
                return told(
                    Found(mistake, place, (mistake.id, 0, 0, False, 0), frozenset(), -1), [claim], [words], None
                )
    if np.all(np.isfinite(claim.values[node])):
        return None
    text = f"{words[node]} has entries that are infinite or not a number: an exponential or a division went too far."
    return Named("not_finite", "not finite", text, words[node])


def _made(claim: Claim, place: Place, node: Node) -> Any:
    s = claim.structure
    earlier = {n: v for n, v in claim.wrong_values.items() if n.order < node.order}
    change = place.value
    args = [a if x is None else earlier.get(x, a) for x, a in zip(node.inputs, node.args, strict=True)]
    try:
        assert node.op is not None
        assert change is not None
        right = node.op.run(*args, **node.kwargs)
        return change.rule(right, *args, **{k: earlier.get(n, s.value(n)) for k, n in change.near.items()})
    except (Crash, ValueError, TypeError, IndexError):
        return None
