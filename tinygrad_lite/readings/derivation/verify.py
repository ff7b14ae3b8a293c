"""Every line checked by three means that share nothing: its expression, the adjoint identity, and differences.

value        the printed expression is evaluated from the printed operands, and compared with what the engine computed
adjoint      <g, J u> = <pull(g), u> for random g and u, for every use of the value: J u comes from running the row
             itself on other inputs, never from its rule
differences  the value is cut out of the graph and moved, and only what lies downstream runs again: the loss must move
             as the cotangent says

At a kink (relu at 0, a tie of max) both one-sided values are taken, and the rule's convention must lie between them.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, _fit, descendants
from tinygrad_lite.readings.derivation.expression import Apply, parts
from tinygrad_lite.readings.derivation.lines import Check, Step
from tinygrad_lite.readings.derivation.sentences import CONVENTIONS
from tinygrad_lite.readings.derivation.words import phrase
from tinygrad_lite.readings.program import Program, replay

ENTRIES = 8  # of a small array all entries are moved, of a large one these many, and all at once
WORK = 400_000  # operations that the differences of one derivation may run; beyond, lines are left without them
EDGES = 32  # uses of a value, and of what is folded into the lines of its users, that are checked with its line
LINEAR = 1e-11  # what the adjoint of a linear row may be off by, relative to the terms of its sums
STEPS = (1e-3, 1e-5, 1e-7)  # relative to the value; a smaller one crosses fewer kinks, a larger one rounds less
SYMMETRIC = frozenset({"cholesky", "eigh", "eigvalsh"})


def tolerance(dtype: Any) -> tuple[float, float]:
    """What a re-computed value and a difference may be off by, relative to their terms, for numbers of a dtype."""
    eps = float(np.finfo(dtype).eps) if np.dtype(dtype).kind == "f" else 0.0
    return max(1e4 * eps, 1e-13), max(2e-7, 2e3 * eps)


class Verifier:
    """Checks the steps of a program."""

    def __init__(self, program: Program, lines: Iterable[Node]) -> None:
        self.program = program
        self.lines = frozenset(lines)
        self.rng = np.random.default_rng(0)
        self.spent = 0
        self.position = {node: k for k, node in enumerate(program.forward)}

    def check(self, steps: Iterable[Step]) -> None:
        """Put the checks of each step into it."""
        with np.errstate(all="ignore"):
            for step in steps:
                step.checks = [self._value(step)]
                if step.cotangent:
                    adjoint = self._adjoint(step)
                    step.checks += [c for c in (adjoint, self._differences(step)) if c is not None]

    # -- 1: the expression -------------------------------------------------------------------------------------

    def _value(self, step: Step) -> Check:
        exact, _ = tolerance(np.asarray(step.value).dtype)
        error = deviation(step.expression, step.value)
        if not error <= exact:
            return Check("value", False, error, phrase("fails.value"))
        if step.contributions:
            total = sum(np.asarray(c.value) for c in step.contributions)
            error = max(
                error, deviation(total, step.value), *(deviation(c.expression, c.value) for c in step.contributions)
            )
        return Check("value", bool(error <= exact), error)

    # -- 2: the adjoint identity -------------------------------------------------------------------------------

    def _adjoint(self, step: Step) -> Check | None:
        worst, note, tried, ok = 0.0, "", 0, True
        limit = tolerance(np.asarray(step.value).dtype)[1] / 4  # no loss lies in between: sharper
        for user, position in self._edges(step.node)[:EDGES]:
            found = self._edge(user, position, limit)
            if found is None:
                continue
            tried += 1
            error, allowed, kink = found
            worst, ok = max(worst, error), ok and bool(error <= allowed)
            if kink and user.op is not None:
                note = CONVENTIONS.get(user.op.name, phrase("kink.other"))
        if not tried:
            return None
        return Check("adjoint", ok, worst, note if ok else phrase("fails.adjoint"))

    def _edges(self, node: Node) -> list[tuple[Node, int]]:
        """The uses of a value, and of all that comes of it before the next value that has a line."""
        found: dict[tuple[Node, int], None] = {}
        waiting = [node]
        while waiting and len(found) < EDGES:
            for share in self.program.shares.get(waiting.pop(0), ()):
                edge = share.user, share.position
                waiting += [share.user] if share.user not in self.lines and edge not in found else []
                found[edge] = None
        return list(found)

    def _edge(self, user: Node, i: int, limit: float) -> tuple[float, float, bool] | None:
        """How far <g, J u> and <pull(g), u> are apart, relative to their terms; how far they may; if at a kink."""
        op = user.op
        assert op is not None
        args = [_double(a) for a in user.args]
        x, y = np.asarray(args[i]), np.asarray(_double(user.value))
        if x.dtype.kind != "f" or not x.size or not np.isfinite(y).all():
            return None
        g, u = self._random(y.shape), _symmetric(self._random(x.shape), [user])
        try:
            back = np.asarray(_fit(op.pull(i, g[()], y[()], tuple(args), user.kwargs), x, user, i))
            low, high, kink = self._pushed(user, args, i, u)
        except (ValueError, TypeError, IndexError, ArithmeticError):
            return None
        if np.isnan(low + high).any() and np.isfinite(back).all():
            return None  # the domain ends here, and on its other side nothing runs
        terms = max(np.sum(np.abs(g * high)), np.sum(np.abs(g * low)), np.sum(np.abs(back * u)))
        got, least, most = back * u, np.minimum(g * low, g * high), np.maximum(g * low, g * high)
        if op.kind != "pointwise" or got.shape != least.shape:  # entries that have nothing to do with one another
            got, least, most = np.sum(got), np.sum(least), np.sum(most)
        gap = float(np.sum(np.maximum(0.0, np.maximum(least - got, got - most))))
        if not np.isfinite(got).all():
            return float("inf"), limit, kink
        h = float(np.max(np.abs(x), initial=0.0)) or 1.0
        if op.kind == "linear":  # a step of any length will do, so that next to nothing is rounded
            limit = min(limit, LINEAR)
        else:
            h = 1e-5 * min(1.0, h)
        largest = np.max(np.abs(y), initial=0.0)
        rounding = 64 * np.finfo(float).eps * float(np.sum(np.abs(g) * (np.abs(y) + largest))) / h
        if op.kind == "general":  # which may have squared its operand, and subtracted: the variance of equal numbers
            rounding += 64 * np.finfo(float).eps * float(np.sum(np.abs(g)) * np.max(np.abs(x), initial=0.0))
        size = float(terms) + rounding / limit  # what rounding may bring is within the limit
        return (gap / size if size else gap), limit, kink

    def _random(self, shape: tuple[int, ...]) -> Any:
        """Entries of either sign, none of them small: each counts."""
        return self.rng.choice([-1.0, 1.0], shape) * self.rng.uniform(0.5, 1.5, shape)

    def _pushed(self, user: Node, args: list[Any], i: int, u: Any) -> tuple[Any, Any, bool]:
        """J u from the left and from the right: equal but at a kink."""
        op, x = user.op, np.asarray(args[i])
        assert op is not None

        def run(t: float) -> Any:
            moved = [*args[:i], (x + t * u)[()], *args[i + 1 :]]
            return np.asarray(op.run(*moved, **user.kwargs), float)

        base = run(0.0)
        if op.kind == "linear":
            step = float(np.max(np.abs(x), initial=0.0)) or 1.0
            along = (run(step) - run(-step)) / (2 * step)
            return along, along, False
        size = min(1.0, float(np.max(np.abs(x), initial=0.0)) or 1.0)

        def centred(h: float) -> Any:
            return (8 * (run(h) - run(-h)) - (run(2 * h) - run(-2 * h))) / (12 * h)

        along, h = centred(1e-3 * size), 1e-8 * size
        right, left = (run(h) - base) / h, (base - run(-h)) / h
        scale = np.abs(right) + np.abs(left) + np.abs(along)
        large = [a if op.kind == "pointwise" else np.max(a, initial=0.0) for a in (np.abs(base), np.abs(x))]
        noise = 32 * np.finfo(float).eps * (large[0] + large[1] * np.abs(along))  # over a step: what rounding may bring
        # An entry whose step crosses a kink gets a smaller one, which rounds more: it has to differ by more, too.
        for step, much in ((1e-4, 1e-8), (1e-5, 1e-8), (1e-6, 1e-5), (1e-7, 1e-4)):
            nearer = centred(step * size)
            along = np.where(np.abs(along - nearer) > much * scale + 1e-12 + noise / (step * size), nearer, along)
        blunt = 1e-3 * scale + 1e-7 + noise / h
        along = np.where(np.abs(along - (right + left) / 2) > blunt, (right + left) / 2, along)
        apart = np.abs(right - left) > blunt
        least, most = np.minimum(left, right), np.maximum(left, right)
        return np.where(apart, least, along), np.where(apart, most, along), bool(apart.any())

    # -- 3: cut and replay -------------------------------------------------------------------------------------

    def _differences(self, step: Step) -> Check | None:
        node, loss = step.node, self.program.loss
        value, cotangent = np.asarray(node.value, float), np.asarray(step.value, float)
        if not value.size or value.shape != cotangent.shape or not np.isfinite(cotangent).all():
            return None
        after = self.program.forward[self.position[node] + 1 :]
        if self.spent + 10 * len(after) > WORK:
            return None
        below = descendants([node], after)
        nodes = [n for n in after if n in below]
        work = sum(1 + np.size(n.value) // 1000 for n in nodes)
        if self.spent + 10 * work > WORK:
            return None
        _, limit = tolerance(np.asarray(step.value).dtype)
        worst, note = 0.0, ""
        kinked = [n for n in nodes if n.op is not None and n.op.name in CONVENTIONS]
        meet = len(kinked) > 1 or any(np.size(n.value) > 1 for n in kinked)

        def run(v: Any) -> float:
            self.spent += work
            return float(np.asarray(replay(nodes, {node: v[()]}).get(loss, loss.value)).reshape(-1)[0])

        for u in self._directions(value):
            if value.ndim > 1 and np.array_equal(value, np.swapaxes(value, -1, -2)):
                u = _symmetric(u, nodes)
            error, kink = self._along(run, value, u, float(np.sum(cotangent * u)), limit, meet,
                                      float(np.max(np.abs(cotangent * u), initial=0.0)))  # fmt: skip
            worst = max(worst, error)
            if kink:
                note = self._convention(nodes) or phrase("kink.other")
        ok = bool(worst <= limit)
        return Check("differences", ok, worst, note if ok else phrase("fails.differences"))

    def _directions(self, value: Any) -> Iterable[Any]:
        if value.size > 1:
            yield self.rng.standard_normal(value.shape)
        picks = range(value.size) if value.size <= ENTRIES else self.rng.choice(value.size, 3, replace=False)
        for k in picks:
            u = np.zeros(value.size)
            u[k] = 1.0
            yield u.reshape(value.shape)

    def _along(
        self, run: Any, value: Any, u: Any, want: float, limit: float, meet: bool, terms: float
    ) -> tuple[float, bool]:
        """The relative error of a directional derivative; a smaller step is taken where the first does not agree."""
        base = float(np.asarray(self.program.loss.value).reshape(-1)[0])
        added = _added(self.program.loss)
        size = float(np.max(np.abs(value), initial=0.0)) or 1.0
        found: list[tuple[float, float, float]] = []
        for relative in STEPS:
            h = relative * size
            up, down = run(value + h * u), run(value - h * u)
            central = (up - down) / (2 * h)
            if relative == STEPS[0]:
                central = (8 * (up - down) - (run(value + 2 * h * u) - run(value - 2 * h * u))) / (12 * h)
            rounding = 16 * np.finfo(float).eps * max(abs(base), abs(up), added) / h
            # relative to the terms, and such that what rounding may bring is within the limit
            scale = max(abs(central), abs(want), terms, 1e-300)
            found.append((abs(central - want) / (scale + rounding / limit), central, limit * scale + rounding))
            settled = len(found) > 2 and abs(found[0][1] - found[1][1]) <= found[0][2] + found[1][2]
            if found[-1][0] <= limit and not settled:  # a step as small as the third judges nothing that two agree on
                return found[-1][0], False
        best = min(error for error, _, _ in found[:2])
        (_, wide, _), (_, near, allowed) = found[1:]
        share = STEPS[2] / STEPS[1]
        limiting = (near - share * wide) / (1 - share)  # where one side curves, differences are off in proportion to h
        if not settled and abs(limiting - want) <= allowed + limit * abs(wide):
            return abs(limiting - want) / max(abs(wide), abs(want), terms, rounding / limit, 1e-300), False
        right, left = (up - base) / h, (base - down) / h
        if abs(right - left) > 1e-4 * (abs(right) + abs(left)) + 4 * rounding:
            # one kink: the convention lies between; several at once: only the adjoint of each row can tell
            slack = limit * (abs(right) + abs(left)) + 4 * rounding
            between = min(left, right) - slack <= want <= max(left, right) + slack
            return (0.0, True) if between or np.count_nonzero(u) > 1 or meet else (float(best), False)
        return float(best), False

    def _convention(self, nodes: Iterable[Node]) -> str:
        return next((CONVENTIONS[n.op.name] for n in nodes if n.op is not None and n.op.name in CONVENTIONS), "")


def _added(loss: Node) -> float:
    """The largest term where the loss is a sum: where its terms cancel, it is rounded as they are."""
    if loss.op is None or not (loss.op.kind == "linear" or loss.op.name in ("add", "subtract")):
        return 0.0
    return max(
        (float(np.max(np.abs(a), initial=0.0)) for a in loss.args if np.asarray(a).dtype.kind == "f"), default=0.0
    )


def _symmetric(u: Any, users: Iterable[Node]) -> Any:
    """A direction that stays among symmetric matrices, where a user reads but one triangle of its operand."""
    one = any(n.op is not None and n.op.name in SYMMETRIC for n in users)
    return (u + np.swapaxes(u, -1, -2)) / 2 if one and np.ndim(u) > 1 else u


def deviation(e: Any, value: Any) -> float:
    """How far an expression (or an array) is from a value, relative to the largest number on the way."""
    found = np.asarray(e.value if hasattr(e, "op") or hasattr(e, "given") else e)
    value = np.asarray(value)
    if value.dtype.kind == "b" or found.dtype.kind == "b":
        found, value = found.astype(float), value.astype(float)
    if found.size == value.size:
        found = found.reshape(value.shape)
    try:
        found = np.broadcast_to(found, value.shape)
    except ValueError:
        return float("inf")
    if not value.size or np.array_equal(found, value, equal_nan=True):
        return 0.0
    inner = [a for p in parts(e) if isinstance(p, Apply) for a in _sizes(p)] if isinstance(e, Apply) else [value]
    scale = max((float(np.max(a[np.isfinite(a)], initial=0.0)) for a in map(np.abs, inner)), default=0.0)
    gap = float(np.max(np.abs(found - value)))
    return gap / scale if scale else gap


def _sizes(e: Apply) -> list[Any]:
    """What rounding in an operation is measured by: its result, and its terms where they may cancel."""
    sizes = [np.asarray(e.value, float)]
    if e.op.kind == "linear" and e.op.name in TOTALS:
        terms = (np.abs(np.asarray(a.value, float)) for a in e.args)
        sizes.append(np.asarray(e.op.run(*terms, **e.kwargs)))
    elif e.op.name in ("add", "subtract"):
        sizes += [np.asarray(a.value, float) for a in e.args]
    return sizes


TOTALS = frozenset({"sum", "mean", "matmul", "conv2d_weight"})  # of terms that may cancel


def _double(a: Any) -> Any:
    """Floats in double precision, where differences have room; anything else as it is."""
    return a.astype(float) if getattr(a, "dtype", None) is not None and a.dtype.kind == "f" else a
