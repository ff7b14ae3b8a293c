"""Two mistakes at once, where none alone explains the numbers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tinygrad_lite.checking.claims import Claim, magnitude, tolerance
from tinygrad_lite.checking.intake import is_whole
from tinygrad_lite.checking.naming import Candidates, Found, Key, explains
from tinygrad_lite.checking.passes import Pass
from tinygrad_lite.graph import Node

# How many pairs are tried in the smallest networks, and of what sizes on one takes twice as long: of larger networks
# fewer are, so that a report comes in a second or two. A count and no clock: the same work gets the same report.
TRIES = 8000
NUMBERS, LINES = 5_000, 50  # in a backward pass


def pair(candidates: Candidates, wrong: list[int]) -> tuple[Found, Found] | None:
    """Two mistakes that together explain every wrong quantity, none of them alone."""
    sizes = [[np.size(g) for g in claim.own.computed.values()] for claim in candidates.claims]
    left = TRIES / max(1 + sum(found) / NUMBERS + len(found) / LINES for found in sizes)
    fixed = [key for key in candidates.keys if not candidates.about(key)[0].free]
    starts: list[Key] = []
    for key in fixed:  # one that explains the first wrong quantity by itself, before any other
        verdict = explains(candidates, (key,), wrong, ())
        if verdict is not None:
            starts.append(key)
    for first, second in _pairs(candidates, starts, fixed, wrong[0]):
        left -= 1
        if left < 0:
            return None
        if _together(candidates, (first, second), wrong[0]):
            one, other = sorted(_found(candidates, (first, second), wrong), key=lambda f: f.line)
            return one, other
    return None


def factors(candidates: Candidates, wrong: list[int]) -> tuple[Found, Found] | None:
    """Two known constants whose product is an unknown one: minus two is a sign and a factor."""
    known = [
        key
        for key in candidates.keys
        if candidates.about(key)[0].kind in ("sign", "factor") and not candidates.about(key)[0].free
    ]
    for i, a in enumerate(known):
        for b in known[i + 1 :]:
            if a[1] == b[1] and _together(candidates, (a, b), wrong[0]):
                return _found(candidates, (a, b), wrong)
    return None


def _pairs(candidates: Candidates, starts: list[Key], fixed: list[Key], first: int) -> Iterator[tuple[Key, Key]]:
    for a in starts:
        for b in fixed:
            if b != a:
                yield a, b
    both = [key for key in fixed if key not in starts and _reaches(candidates, key, first)]
    yield from _adding_up(candidates, both, first)
    for i, a in enumerate(both):
        for b in both[i + 1 :]:
            yield a, b


def _adding_up(candidates: Candidates, keys: list[Key], first: int) -> Iterator[tuple[Key, Key]]:
    """Those whose effects on the first wrong quantity add up to what is wrong with it, as those of two lines do.

    The effect of each alone is known by now, so all of them are compared at once, in a random direction.
    """
    for k, claim in enumerate(candidates.claims):
        q = claim.structure.quantities[first]
        yours, old = claim.given.get(q), claim.own.computed.get(q)
        if yours is None or old is None or np.shape(yours) != np.shape(old) or claim.agrees(q, claim.follows(q)):
            continue
        missing = np.ravel(yours / claim.scaled(q, 1.0) - old)
        if missing.size < 2 or is_whole(missing):  # few numbers or whole ones add up by chance
            return
        along = np.random.default_rng(0).standard_normal(missing.size)
        passes = {key: candidates.run(k, (key,)) for key in keys if key in candidates.tables[k]}
        made = {key: found.computed.get(q, 0 * old) for key, found in passes.items() if found is not None}
        fit = [key for key, g in made.items() if np.shape(g) == np.shape(old)]
        effects, wanted = np.array([np.ravel(made[key] - old) @ along for key in fit]), missing @ along
        sizes = np.abs(effects) + abs(wanted) + magnitude(old)
        for i, effect in enumerate(effects):
            near = np.abs(effects[i + 1 :] + effect - wanted) <= tolerance(yours, old) * sizes[i + 1 :]
            yield from ((fit[i], fit[i + 1 + j]) for j in np.flatnonzero(near))
        return


def _reaches(candidates: Candidates, key: Key, first: int) -> bool:
    """Whether a mistake changes the first wrong quantity: one alone that does would have to explain it alone."""
    return any(
        key in candidates.tables[k]
        and candidates.leads_to(k, (key,), q := claim.structure.quantities[first])
        and _touches(candidates.run(k, (key,)), claim, q)
        for k, claim in enumerate(candidates.claims)
    )


def _found(candidates: Candidates, keys: tuple[Key, Key], wrong: list[int]) -> tuple[Found, Found]:
    one, other = (Found(*candidates.about(key), key, frozenset(wrong), key[1]) for key in keys)
    return one, other


def _together(candidates: Candidates, keys: tuple[Key, Key], first: int) -> bool:
    """Whether two mistakes give all that was handed in at every point with room for both, and one reaches the first."""
    tried = False
    for k, claim in enumerate(candidates.claims):
        if not all(key in candidates.tables[k] for key in keys):
            continue
        alone = [candidates.run(k, (key,)) for key in keys]
        if None in alone:
            continue
        if not any(_touches(p, claim, claim.structure.quantities[first]) for p in alone):
            return False
        if not candidates.arrives(k, *keys):
            return False
        tried = True
    return tried


def _touches(p: Pass | None, claim: Claim, q: Node) -> bool:
    if p is None or q not in p.computed:
        return True
    new, old = p.computed[q], claim.own.computed[q]
    return new is not old and not (np.shape(new) == np.shape(old) and np.array_equal(new, old))
