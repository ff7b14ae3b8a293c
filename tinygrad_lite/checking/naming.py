"""Which mistake explains what was handed in: every wrong rule of the catalogue is tried, at every place, and compared.

A mistake is named only if it gives the student's numbers at every point, from the student's own earlier values on.
Those that do so alike are given as alternatives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude
from tinygrad_lite.checking.mistakes import Mistake, Place, places
from tinygrad_lite.checking.mistakes.affine import STRENGTH
from tinygrad_lite.checking.passes import Crash, Goal, Pass, Stopped
from tinygrad_lite.graph import Node

Key = tuple[str, int, int, bool, int]  # the mistake, its line, its variant, whether at many places, which of them


@dataclass
class Found:
    """A mistake that explains numbers.

    explains  positions, in the backward order, of the quantities that it accounts for
    strength  of a mistake whose strength is free: the learning rate, the penalty, the ratio
    line      the position of the quantity in whose line it was made
    off       how far its numbers are from the student's, relative to their size
    """

    mistake: Mistake
    place: Place
    key: Key
    explains: frozenset[int]
    line: int
    strength: float | None = None
    alternatives: list[Found] = field(default_factory=list)
    exact: bool = True
    off: float = 0.0

    @property
    def id(self) -> str:
        """The mistake's stable name."""
        return self.mistake.id


class Candidates:
    """All wrong rules that some points have room for, with what each gives there."""

    def __init__(self, claims: list[Claim]) -> None:
        self.claims = claims
        self.tables = [dict(_keyed(claim)) for claim in claims]
        self.keys = list(dict.fromkeys(key for table in self.tables for key in table))
        self._passes: dict[tuple[int, tuple[Key, ...]], Pass | None] = {}
        self._off: dict[tuple[int, Key], list[Node]] = {}
        self._short: dict[tuple[int, tuple[Key, ...], Node], bool] = {}
        self._stopped: set[tuple[int, tuple[Key, ...]]] = set()
        self._made_from: dict[tuple[int, Node], set[Node | None]] = {}

    def run(self, k: int, keys: tuple[Key, ...]) -> Pass | None:
        """The pass at point `k` with these mistakes in it; None where one does not fit there."""
        return self._passes[k, keys] if (k, keys) in self._passes else self._tried(k, keys)

    def base(self, k: int, planted: tuple[Key, ...]) -> Pass | None:
        """The pass with the mistakes that are known by now, from which others are tried."""
        if not planted:
            return self.claims[k].own
        if (k, planted) not in self._passes:
            self._passes[k, planted] = self._run(k, planted)
        return self._passes[k, planted]

    def _run(self, k: int, keys: tuple[Key, ...], goal: Goal | None = None) -> Pass | None:
        table = self.tables[k]
        base = self.base(k, keys[:-1])
        if base is None or not all(key in table for key in keys):
            return None
        changes = tuple(c for key in keys for c in table[key][1].changes)
        try:
            with np.errstate(all="ignore"):
                return self.claims[k].replay(changes, base, goal)
        except Crash:
            return None

    def _tried(self, k: int, keys: tuple[Key, ...], goal: Goal | None = None) -> Pass | None:
        """A pass that is run now; that of a single mistake is kept, for it is asked for again."""
        found = self._run(k, keys, goal)
        if len(keys) == 1:
            self._passes[k, keys] = found
        return found

    def towards(self, k: int, keys: tuple[Key, ...], q: Node) -> Pass | None:
        """As `run`; but Stopped, half-way, where it does not give what was handed in as `q`. Asked again: all of it."""
        base = self.base(k, keys[:-1])
        if base is None or q not in base.computed or q not in self.claims[k].given:
            return self.run(k, keys)
        if (short := self._falls_short(k, keys[:-1], q)) and not self.leads_to(k, keys, q):
            raise Stopped
        if (k, keys) in self._passes or (k, keys) in self._stopped or self.about(keys[-1])[0].free:
            return self.run(k, keys)
        try:
            goal = Goal(lambda node, g: node is not q or self._agrees(k, q, g), [q] if short else [])
            return self._tried(k, keys, goal)
        except Stopped:
            if len(keys) == 1:
                self._stopped.add((k, keys))
            raise

    def leads_to(self, k: int, keys: tuple[Key, ...], q: Node) -> bool:
        """Whether the last of the mistakes can change `q` at all, as far as the graph tells without a pass."""
        *before, changes = (self.tables[k][key][1].changes for key in keys)
        if any(c.kind == "value" for c in changes) or any(
            c.upstream or c.kind in ("value", "leaves") for planted in before for c in planted
        ):
            return True  # it may reach `q` by what another rule is made with
        if (k, q) not in self._made_from:
            found = self._made_from[k, q] = {q}
            for node in self.claims[k].structure.forward:
                if any(x in found for x in node.inputs):
                    found.add(node)
        return any(node in self._made_from[k, q] for c in changes for node in (c.at, c.to))

    def arrives(self, k: int, first: Key, second: Key) -> bool:
        """Whether two mistakes together give all that was handed in at point `k`, a right one as a wrong one."""
        off = self._where_off(k, first)
        if off and not self.leads_to(k, (first, second), off[0]):
            return False
        goal = Goal(lambda q, g: self._agrees(k, q, g), off)
        try:
            return self._run(k, (first, second), goal) is not None
        except Stopped:
            return False

    def _agrees(self, k: int, q: Node, g: Any) -> bool:
        claim = self.claims[k]
        return q not in claim.given or q in claim.shared or _matches(claim, q, claim.scaled(q, g))

    def _falls_short(self, k: int, planted: tuple[Key, ...], q: Node) -> bool:
        """Whether the mistakes that are known do not give what was handed in as `q`."""
        if (k, planted, q) not in self._short:
            base = self.base(k, planted)
            self._short[k, planted, q] = base is not None and not self._agrees(k, q, base.computed[q])
        return self._short[k, planted, q]

    def _where_off(self, k: int, key: Key) -> list[Node]:
        """What a mistake leaves wrong, in the backward order."""
        if (k, key) not in self._off:
            found = self.run(k, (key,))
            assert found is not None
            computed = {q: found.computed[q] for q in self.claims[k].structure.quantities if q in found.computed}
            self._off[k, key] = [q for q, g in computed.items() if not self._agrees(k, q, g)]
        return self._off[k, key]

    def about(self, key: Key) -> tuple[Mistake, Place]:
        """The mistake and, at the first point that has room for it, its place."""
        return next(table[key] for table in self.tables if key in table)


def _keyed(claim: Claim) -> Iterator[tuple[Key, tuple[Mistake, Place]]]:
    position = {q: i for i, q in enumerate(claim.structure.quantities)}
    seen: dict[tuple[str, int, int, bool], int] = {}
    for mistake, place in places(claim.structure):
        if mistake.convention:  # no mistake: where it matters, the claim has it
            continue
        line = position.get(place.line, -1)
        key = mistake.id, line, place.variant, place.times > 1
        n = seen[key] = seen.get(key, -1) + 1
        yield (*key, n), (mistake, place)


def name(candidates: Candidates, wrong: list[int], planted: tuple[Key, ...] = ()) -> Found | None:
    """The mistake that explains the first of the `wrong` quantities, and all others that it touches."""
    first = wrong[0]
    strict: list[Found] = []
    loose: list[Found] = []
    for key in candidates.keys:
        verdict = explains(candidates, (*planted, key), wrong, planted)
        if verdict is not None:
            found, whole = verdict
            (strict if whole else loose).append(found)
    # What contradicts nothing first; a constant that is not known is no better than what a second mistake may hide.
    surely = [found for found in strict if not found.mistake.free]
    for group in (surely, [found for found in strict if found.mistake.free] + loose):
        good = [found for found in group if first in found.explains]
        if good:
            least = max(min(f.off for f in good), 4 * max(claim.coarsest for claim in candidates.claims))
            good.sort(key=lambda f: (-len(f.explains & set(wrong)), f in loose, f.off > 10 * least, f.mistake.rare))
            best = good[0]
            best.alternatives = [
                f for f in good[1:]
                if f.id != best.id and f.mistake.free <= best.mistake.free and f.mistake.rare <= best.mistake.rare
                and (f in strict) == (best in strict) and f.explains & set(wrong) >= best.explains & set(wrong)
            ]  # fmt: skip
            best.alternatives = list({f.id: f for f in reversed(best.alternatives)}.values())[::-1]
            return best
    return None


def explains(
    candidates: Candidates, keys: tuple[Key, ...], wrong: list[int], planted: tuple[Key, ...]
) -> tuple[Found, bool] | None:
    """Whether mistakes give the first wrong number at every point; and whether all others that they touch too."""
    mistake, place = candidates.about(keys[-1])
    explained: set[int] = set()
    whole, tried, entries, off = True, False, 0, 0.0
    strength: float | None = None
    for k, claim in enumerate(candidates.claims):
        if keys[-1] not in candidates.tables[k]:
            continue
        quantities = claim.structure.quantities
        try:
            found, before = candidates.towards(k, keys, quantities[wrong[0]]), candidates.base(k, planted)
        except Stopped:
            return None
        if found is None or before is None:
            continue
        for i in [wrong[0], *(i for i in range(len(quantities)) if i != wrong[0])]:
            q = quantities[i]
            if q not in claim.given or q not in before.computed or q in claim.shared:
                continue
            old = before.computed[q]
            new = found.computed.get(q, 0 * old)
            if new is old or (np.shape(new) == np.shape(old) and np.array_equal(new, old)):
                if i == wrong[0] and not claim.agrees(q, claim.scaled(q, old)):
                    return None
                continue
            if mistake.free and np.shape(new) == np.shape(old):
                if strength is None:
                    strength = _fitted(claim, q, old, new)
                    if strength is None:
                        return None
                new = old + strength * (new - old)
            if _close(claim, q, new, old):
                explained.add(i)
                tried = True
                off = max(off, _off(claim.given[q], claim.scaled(q, new)))
                entries += int(np.sum(new != old)) if np.shape(new) == np.shape(old) else np.size(new)
            elif i not in wrong or i == wrong[0]:  # it would have made something wrong that is right
                return None
            else:
                whole = False
    if not tried or wrong[0] not in explained:
        return None
    if mistake.free and strength is not None and (entries < 2 or not _plausible(mistake, strength)):
        return None  # a single number is some multiple of any other
    verdict = Found(mistake, place, keys[-1], frozenset(explained), keys[-1][1], _shown(mistake, strength), off=off)
    return verdict, whole


def _off(yours: Any, expected: Any) -> float:
    apart = magnitude(np.subtract(yours, expected, dtype=np.float64))
    return apart / size if (size := magnitude(expected)) else apart


def _matches(claim: Claim, q: Node, new: Any) -> bool:
    """Whether numbers are those handed in, but for rounding; what is not finite is the same at the same places."""
    yours, finite = claim.given[q], np.isfinite(new)
    if np.all(finite):
        return claim.agrees(q, new)
    return (
        np.shape(yours) == np.shape(new)
        and np.array_equal(yours[~finite], np.asarray(new)[~finite], equal_nan=True)
        and claim.agrees(q, np.where(finite, new, 0), np.where(finite, yours, 0))
    )


def _close(claim: Claim, q: Node, new: Any, old: Any) -> bool:
    new = claim.scaled(q, new)
    if not _matches(claim, q, new):
        return False
    # what it explains has to be larger than the tolerance, or it explains nothing
    return np.shape(new) != np.shape(old) or magnitude(np.subtract(new, claim.scaled(q, old))) > 0


def _fitted(claim: Claim, q: Node, old: Any, new: Any) -> float | None:
    step = np.asarray(new, np.float64) - old
    yours = claim.given[q]
    if np.shape(yours) != np.shape(step) or not np.any(step):
        return None
    away = np.subtract(yours, claim.scaled(q, old), dtype=np.float64) / (claim.factor if q.op is not None else 1)
    c = float(np.vdot(step, away) / np.vdot(step, step))
    return c if np.isfinite(c) and c != 0 else None


def _shown(mistake: Mistake, c: float | None) -> float | None:
    """The strength in the mistake's own terms."""
    if c is None:
        return None
    return 1 + c * (STRENGTH - 1) if mistake.kind == "factor" else c * STRENGTH


def _plausible(mistake: Mistake, c: float) -> bool:
    shown = _shown(mistake, c)
    assert shown is not None
    if mistake.id == "updated_W":
        return 0 < shown < 10
    if mistake.id == "lr_folded":
        return 0 < abs(shown) <= 1 or shown < 0
    return abs(shown) < 1e6


def nearest(candidates: Candidates, wrong: int) -> Found | None:
    """The mistake whose number lies closest to a wrong one, if it is close at all."""
    best, least = None, 0.2
    for key in candidates.keys:
        mistake, place = candidates.about(key)
        if mistake.free:
            continue
        distance = 0.0
        for k, claim in enumerate(candidates.claims):
            q = claim.structure.quantities[wrong]
            fits = key in candidates.tables[k] and candidates.leads_to(k, (key,), q)
            found = candidates.run(k, (key,)) if fits else None
            if found is None or q not in found.computed or q not in claim.given:
                distance = np.inf
                break
            new = claim.scaled(q, found.computed[q])
            old = claim.scaled(q, claim.own.computed[q])
            if np.shape(new) != np.shape(claim.given[q]) or np.array_equal(new, old):
                distance = np.inf
                break
            apart = float(np.linalg.norm(np.subtract(new, claim.given[q]).ravel()))
            size = min(float(np.linalg.norm(np.subtract(claim.given[q], a).ravel())) for a in (old, 0))
            distance = max(distance, apart / max(size, 1e-300))
        if distance < least:
            best, least = Found(mistake, place, key, frozenset({wrong}), key[1], exact=False), distance
    return best
