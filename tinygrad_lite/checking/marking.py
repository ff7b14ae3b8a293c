"""The marking: each quantity against the truth and the student's own earlier values, then the mistake's name."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import combinations

import numpy as np

from tinygrad_lite.checking import naming, pairs
from tinygrad_lite.checking.choosing import in_convention, score, whole, without_strays
from tinygrad_lite.checking.claims import Claim, aligned, magnitude, roundings
from tinygrad_lite.checking.intake import is_whole
from tinygrad_lite.checking.kinks import choices
from tinygrad_lite.checking.mistakes import CATALOGUE
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.rows import CARRIED, CONVENTION, FIRST, MISSING, OK, RIGHT, WRONG, Named, Row
from tinygrad_lite.checking.telling import Fix, forward_rows, told
from tinygrad_lite.graph import Node

MOST_MISTAKES = 4
MOST_UNNAMED = 4  # after as many quantities that no mistake explains, those below them are told as wrong, and no more
UNKNOWN = ("scaled_from_here", "lr_folded", "one_parameter_scaled")  # a constant, but which?


def mark(
    readings: list[list[Claim]],
    words: list[Words],
    *,
    points: list[str] | None = None,
    fix: Fix | None = None,
    required: Iterable[int] | None = None,
) -> Report:
    """Mark what was handed in at some points; of several readings of ambiguous names the kindest one counts.

    readings  for each reading, a claim per point
    required  positions of the quantities that have to be there; None for every parameter
    """
    with np.errstate(all="ignore"):
        for claims in readings:
            aligned(claims)
        tried: list[tuple[int, list[Claim], list[str]]] = []
        for note, at in choices([claim.structure for claim in readings[0]]):
            read = [
                in_convention([replace(c, kinks=changes, at_kinks=note) for c, changes in zip(claims, at, strict=True)])
                for claims in readings
            ]
            best, strays = without_strays(max(read, key=score))
            if not tried or score(best) >= tried[0][0]:
                tried.append((score(best), best, strays))
        # Where kinks leave a choice, the derivatives there that make all of it right; a mistake may give the same
        # numbers, but nobody is accused of it. Else those that explain most.
        tried.sort(key=lambda one: one[0] < whole(one[1]))
        reports: list[Report] = []
        for _, best, strays in tried:
            reports.append(_Marking(best, words, points or [], fix, required, singly=bool(reports)).report())
            reports[-1].notes += [f"not compared, for nothing was made from it: {key}" for key in strays]
            if _explained(reports[-1]):
                return reports[-1]
        return max(reports, key=lambda r: (sum(row.status in RIGHT for row in r.rows), bool(r.mistakes)))


def _explained(report: Report) -> bool:
    """Whether all that is wrong has a name, or follows."""
    return all(row.status in RIGHT or row.mistake is not None for row in report.rows)


class _Marking:
    def __init__(
        self,
        claims: list[Claim],
        words: list[Words],
        points: list[str],
        fix: Fix | None,
        required: Iterable[int] | None,
        singly: bool = False,
    ) -> None:
        self.claims, self.words, self.points, self.fix = claims, words, points, fix
        self.singly = singly  # pairs of mistakes are tried in the first reading alone
        self.quantities = claims[0].structure.quantities
        self.word = words[0]
        given = {i for claim in claims for i, q in enumerate(claim.structure.quantities) if q in claim.given}
        if required is None:
            required = [i for i, q in enumerate(self.quantities) if q.op is None]
        self.given = sorted(given)
        self.missing = sorted(set(required) - given)
        self.status: dict[int, str] = {}
        self.notes: dict[int, str] = {}
        self.named: dict[int, Named] = {}
        self.mistakes: list[Named] = []
        self.nearest: Named | None = None
        self.gradients_right = False
        self.elsewhere: set[int] = set()  # quantities whose numbers were handed in under another's name

    def report(self) -> Report:
        """Statuses first, then names for what is wrong."""
        for i in self.given:
            self.status[i] = self._status(i)
        self._mean_something_else()
        self._static()
        rows, named = forward_rows(self.claims, self.words)
        if self.gradients_right:  # then it is something else that has the name of a value here
            rows, named = [], []
        self.mistakes += named
        wrong = [i for i in self.given if self.status[i] == WRONG]
        if wrong:
            self._name(wrong)
            still = [i for i in self.given if self.status[i] == WRONG]
            if still and not any(row.status == FIRST for row in rows):
                self.status[still[0]] = FIRST
        self.status |= dict.fromkeys(self.missing, MISSING)
        first = next((i for i in sorted(self.status) if self.status[i] == FIRST), None)
        shown = None if first is None else next(
            (k for k, claim, q in self._with(first) if not claim.agrees(q, claim.right(q))), None
        )  # fmt: skip
        rows += [self._row(i, shown) for i in sorted(self.status)]
        return Report(rows, self.mistakes, self.nearest, self._conventions(), self._said(), points_tried=self.points)

    def _node(self, claim: Claim, i: int) -> Node:
        return claim.structure.quantities[i]

    def _with(self, i: int) -> list[tuple[int, Claim, Node]]:
        return [(k, claim, q) for k, claim in enumerate(self.claims) if (q := self._node(claim, i)) in claim.given]

    def _status(self, i: int) -> str:
        verdicts = set()
        for _, claim, q in self._with(i):
            if q in claim.shared and not claim.agrees(q, claim.right(q)):
                verdicts.add(CONVENTION)
                self.notes[i] = f"is the same array as {claim.shared[q]}, which was written into since"
            elif claim.agrees(q, claim.right(q)):
                plain = not claim.kinks or claim.agrees(q, claim.scaled(q, claim.structure.truth.computed[q]))
                verdicts.add(OK if plain else CONVENTION)
                if not plain:
                    self.notes[i] = claim.at_kinks
            else:
                verdicts.add(CARRIED if claim.carried(q) else WRONG)
        return next(verdict for verdict in (WRONG, CARRIED, CONVENTION, OK) if verdict in verdicts)

    def _mean_something_else(self) -> None:
        """An intermediate that is not what its name says, where all gradients made from it are right, is no mistake."""
        leaves = [i for i in self.given if self.quantities[i].op is None]
        required = {i for i, q in enumerate(self.quantities) if q.op is None}
        self.gradients_right = bool(leaves) and not required - set(leaves) and all(
            claim.agrees(q, claim.right(q)) for i in leaves for _, claim, q in self._with(i)
        )  # fmt: skip
        if self.gradients_right:
            for i in self.given:
                if self.status[i] not in (OK, CONVENTION):
                    self.status[i] = CONVENTION
                    self.notes[i] = "means something else; the gradients are right"

    def _static(self) -> None:
        for i in self.given:
            for _, claim, q in self._with(i):
                yours = claim.given[q]
                if claim.notes.get(q):
                    self.notes.setdefault(i, claim.notes[q])
                if yours.dtype.kind in "iu" and not is_whole(np.asarray(claim.right(q))):
                    self.notes[i] = "integers"

    # -- names -------------------------------------------------------------------------------------------------

    def _name(self, wrong: list[int]) -> None:
        broken = next(
            (i for i in wrong for _, claim, q in self._with(i) if not np.all(np.isfinite(claim.given[q]))), None
        )
        if broken is not None and broken == wrong[0]:
            named = Named(
                "not_finite",
                "not finite",
                f"{self._called(broken)} is the first that is not finite (nan or "
                "inf). Look for a division by zero, or an exponential of a large number.",
                self._called(broken),
            )
            self.mistakes.append(named)
            self.named[broken] = named
            return
        exchanged = dict(self._exchanged(wrong))
        self.elsewhere = {*exchanged, *exchanged.values()}
        self.status |= dict.fromkeys(exchanged.values(), CARRIED)
        wrong = [i for i in wrong if i not in self.elsewhere]
        if wrong:
            self._explain(wrong)
        for i, j in exchanged.items():
            row = CATALOGUE["gradients_swapped"]
            text = row.text.format(one=self.word[self.quantities[i]], other=self.word[self.quantities[j]])
            later = [m for k, m in self.named.items() if k > i]
            at = next((n for n, m in enumerate(self.mistakes) if m in later), len(self.mistakes))
            self.named[i] = Named(row.id, row.kind, text, self._called(i))
            self.mistakes.insert(at, self.named[i])

    def _explain(self, wrong: list[int]) -> None:
        """Names by the wrong rules of the catalogue, from the first wrong quantity on."""
        candidates = naming.Candidates(self.claims)
        planted: tuple[naming.Key, ...] = ()
        remaining = wrong
        found: list[naming.Found] = []
        unnamed: list[int] = []  # what no known mistake explains
        while remaining and len(found) < MOST_MISTAKES and len(unnamed) < MOST_UNNAMED:
            one = naming.name(candidates, remaining, planted)
            if one is None:
                unnamed.append(remaining[0])
                remaining = remaining[1:]
                continue
            if one.id in UNKNOWN and not found and (two := pairs.factors(candidates, wrong)) is not None:
                found, remaining, unnamed = list(two), [], []
                break
            found.append(one)
            planted = (*planted, one.key) if not one.mistake.free else planted
            left = (
                [i for i in remaining if i not in one.explains]
                if one.mistake.free
                else self._unexplained(candidates, planted)
            )
            if left is None or (left and left[0] <= remaining[0]):
                left = [i for i in remaining if i not in one.explains]
            remaining = [i for i in left if i not in unnamed]
        remaining = sorted({*unnamed, *remaining})
        if remaining and not self.singly and (together := pairs.pair(candidates, wrong)) is not None:
            found, remaining = list(together), []
        plain = {i: sure for i in remaining if (sure := self._plainly_wrong(i)) is not None}
        self.named |= plain
        self.mistakes += [sure for i, sure in plain.items() if i == wrong[0]]
        remaining = [i for i in remaining if i not in plain]
        if remaining and remaining[0] == wrong[0]:
            near = naming.nearest(candidates, wrong[0])
            self.nearest = None if near is None else told(near, self.claims, self.words, self.fix, "nearest")
        self._enter(found, wrong, [*remaining, *plain])
        self.mistakes += [sure for i, sure in plain.items() if i != wrong[0]]

    def _exchanged(self, wrong: list[int]) -> Iterator[tuple[int, int]]:
        """Pairs of parameters whose gradients were handed in under each other's names."""
        leaves, found = [i for i in wrong if self.quantities[i].op is None], set[int]()
        first = self.claims[0]
        nodes = {i: q for i in leaves if (q := self._node(first, i)) in first.given and q in first.own.computed}
        handed = {i: (first.given[q].shape, magnitude(first.given[q])) for i, q in nodes.items()}
        right = {i: (np.shape(first.follows(q)), magnitude(first.follows(q))) for i, q in nodes.items()}

        def alike(i: int, j: int) -> bool:  # at a glance, for there may be many parameters
            return handed[i][0] == right[j][0] and math.isclose(handed[i][1], right[j][1], rel_tol=0.01)

        for i, j in combinations(nodes, 2):
            if found.isdisjoint((i, j)) and alike(i, j) and alike(j, i) and all(
                p in claim.given and q in claim.given
                and claim.agrees(p, claim.follows(q)) and claim.agrees(q, claim.follows(p))
                for claim in self.claims for p, q in [(self._node(claim, i), self._node(claim, j))]
            ):  # fmt: skip
                found |= {i, j}
                yield i, j

    def _plainly_wrong(self, i: int) -> Named | None:
        """What needs no explanation: a shape that is not that of the quantity, integers where there are none."""
        word = self.word[self.quantities[i]]
        for _, claim, q in self._with(i):
            yours, right = claim.given[q], np.asarray(claim.right(q))
            if yours.shape != right.shape:
                text = f"{self._called(i)} has shape {yours.shape}; it has to have that of {word}, {right.shape}."
                return Named("wrong_shape", "shape", text, self._called(i))
            if yours.dtype.kind in "iu" and not is_whole(right):
                row = CATALOGUE["int_dtype"]
                return Named(row.id, row.kind, row.text, self._called(i), source=row.source)
        return None

    def _unexplained(self, candidates: naming.Candidates, planted: tuple[naming.Key, ...]) -> list[int] | None:
        left = set()
        for k, claim in enumerate(self.claims):
            passed = candidates.run(k, planted)
            if passed is None:
                return None
            for i in self.given:
                q = self._node(claim, i)
                if self.status[i] != WRONG or i in self.elsewhere or q not in claim.given or q not in passed.computed:
                    continue
                if not claim.agrees(q, claim.scaled(q, passed.computed[q])):
                    left.add(i)
        return sorted(left)

    def _enter(self, found: list[naming.Found], wrong: list[int], remaining: list[int]) -> None:
        """Put the mistakes into the report: the first quantity of each is wrong, the rest of it is carried."""
        blamed: set[int] = set()
        before = {(named.id, named.line) for named in self.mistakes}  # in the forward pass
        for one in found:
            mine = [i for i in wrong if i in one.explains and i not in blamed and i not in remaining]
            if not mine:
                mine = [i for i in wrong if i in one.explains][:1]
            same = (one, *one.alternatives)
            if any((f.id, self.word[f.place.line]) in before for f in same):  # what follows from there, however written
                for i in mine:
                    self.status[i] = CARRIED
                blamed.update(mine)
                continue
            named = told(one, self.claims, self.words, self.fix)
            self.mistakes.append(named)
            if mine:
                self.named.setdefault(mine[0], named)
                for i in mine[1:]:
                    self.status[i] = CARRIED
                    blamed.add(i)
                blamed.add(mine[0])

    def _called(self, i: int) -> str:
        for claim in self.claims:
            if (q := self._node(claim, i)) in claim.keys:
                return claim.keys[q]
        return self.word.derivative(self.quantities[i])

    # -- rows --------------------------------------------------------------------------------------------------

    def _row(self, i: int, at: int | None) -> Row:
        """A row with the numbers of point `at`, where the first wrong one is wrong, if this one is not right there."""
        label = self.word.derivative(self.quantities[i])
        if self.status[i] == MISSING:
            q = self.quantities[i]
            return Row(label, label, MISSING, None, self.claims[0].right(q))
        shown = sorted(self._with(i), key=lambda found: found[0] != at)
        k, claim, q = shown[0]
        if self.status[i] != OK and claim.agrees(q, claim.right(q)):
            k, claim, q = next(
                (found for found in shown if not found[1].agrees(found[2], found[1].right(found[2]))), shown[0]
            )
        where = self.points[k] if len(self.points) > 1 and self.status[i] in (WRONG, FIRST) else ""
        expected, yours = claim.right(q), claim.given[q]
        return Row(self._called(i), label, self.status[i], yours, expected, roundings(yours, expected),
                   self.notes.get(i, ""), self.named.get(i), where)  # fmt: skip

    def _conventions(self) -> dict[str, str]:
        factor = self.claims[0].factor
        found = {}
        if factor < 0:
            found["sign"] = "negative errors"
        if abs(factor) != 1:
            found["mean"] = "at the parameters"
        return found

    def _said(self) -> list[str]:
        factor = self.claims[0].factor
        said = []
        if factor < 0:
            said.append("your errors are those of y - a, minus the derivatives; taken as a convention")
        if abs(factor) != 1:
            said.append("your errors are not yet divided by N, which comes in at the parameters; taken as a convention")
        return said
