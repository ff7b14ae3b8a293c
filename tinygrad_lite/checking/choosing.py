"""The convention in which errors were written down: the one that makes most of them right."""

from __future__ import annotations

from dataclasses import replace

from tinygrad_lite.checking.claims import Claim, as_named
from tinygrad_lite.checking.intake import conventions
from tinygrad_lite.graph import Node


def score(claims: list[Claim]) -> int:
    """How much is right at all points together."""
    return sum(claim.score for claim in claims)


def whole(claims: list[Claim]) -> int:
    """The score of work that is right from end to end."""
    return 10 * sum(len(claim.given) for claim in claims)


def in_convention(claims: list[Claim]) -> list[Claim]:
    """The claims with the factor of their intermediate errors that makes most of them right; 1 where in doubt."""
    kinds = {q.op is None for claim in claims for q in claim.given}
    if kinds != {True, False} or any(claim.held for claim in claims):
        return claims  # parameters have one sign only, and they alone show that another sign was meant
    first = [
        next((q for q in claim.structure.quantities if q.op is not None and q in claim.given), None) for claim in claims
    ]
    if all(q is None or claim.agrees(q, claim.right(q)) for claim, q in zip(claims, first, strict=True)):
        return claims  # what is right as it stands needs no convention
    tried = [[replace(claim, factor=factor) for claim in claims] for factor in conventions(claims[0])]
    return max((claims, *filter(_borne_out, tried)), key=score)


def _borne_out(claims: list[Claim]) -> bool:
    """Whether a parameter's gradient is what its errors come to, read like that; if none is, nothing speaks for it."""
    return any(
        q.op is None and (claim.agrees(q, claim.right(q)) or claim.carried(q)) for claim in claims for q in claim.given
    )


def without_strays(claims: list[Claim]) -> tuple[list[Claim], list[str]]:
    """The claims without what nothing handed in was made from: another thing with the name of a quantity.

    An error or a value that is wrong counts only if leaving it out does not explain more of what comes after it: the
    `dh` that a loop leaves behind is not the error of the last h. Beside the claims, what was left out.
    """
    most, dropped = score(claims), []
    for i, key in _suspects(claims).items():
        without = [_leaving(claim, claim.structure.forward[i]) for claim in claims]
        if (now := score(without)) > most:
            claims, most = without, now
            dropped.append(key)
    return claims, dropped


def _suspects(claims: list[Claim]) -> dict[int, str]:
    """The wrong errors and values of what is inside the graph, by their place in it, and what they were called."""
    found: dict[int, str] = {}
    for claim in claims:
        for i, node in reversed(list(enumerate(claim.structure.forward))):
            if node.op is None:
                continue
            if node in claim.given and not claim.agrees(node, claim.right(node)) and not claim.carried(node):
                found[i] = as_named(claim.keys, node)
            elif node in claim.wrong_values:
                found[i] = as_named(claim.called, node)
    return found


def _leaving(claim: Claim, out: Node) -> Claim:
    """The claim without the error and the value of a node, those of them that are wrong."""
    wrong = claim.wrong_values
    right = out in claim.given and claim.agrees(out, claim.right(out))
    return replace(
        claim,
        given={q: g for q, g in claim.given.items() if q is not out or right},
        values={n: v for n, v in claim.values.items() if n is not out or n not in wrong},
    )
