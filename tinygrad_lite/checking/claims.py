"""What is handed in at one point, beside what is right there: numbers matched to the graph's quantities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any

import numpy as np

from tinygrad_lite.checking.passes import Change, Crash, Goal, Pass, run_backward
from tinygrad_lite.checking.rounding import ROUNDINGS
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node


@dataclass
class Claim:
    """The numbers of one point.

    given    {quantity: the cotangent handed in}, in the quantity's shape where it could be put into it
    values   {node: the value of the forward pass handed in}
    keys     {quantity: what it was called}; called does the same for values of the forward pass
    notes    {quantity: what was understood about its form, such as "transposed"}
    held     errors that are taken as they are, handed in or not: a formula's own upstream
    steps    {parameter: the rounding of its gradient}, where that is the difference of two values
    factor   what the intermediate errors are multiplied by, by convention: -1 for y - a, N for a mean taken at the end
    shared   {intermediate: the name of a later one in the same array}: what stands there now may be the later one
    kinks    other derivatives where a function has none, as rules; `at_kinks` says which
    """

    structure: Structure
    given: dict[Node, Any]
    values: dict[Node, Any] = field(default_factory=dict)
    keys: dict[Node, str] = field(default_factory=dict)
    called: dict[Node, str] = field(default_factory=dict)
    notes: dict[Node, str] = field(default_factory=dict)
    factor: float = 1.0
    held: dict[Node, Any] = field(default_factory=dict)
    steps: dict[Node, float] = field(default_factory=dict)
    shared: dict[Node, str] = field(default_factory=dict)
    kinks: tuple[Change, ...] = ()
    at_kinks: str = ""

    @cached_property
    def truth(self) -> Pass:
        """The right backward pass."""
        s = self.structure
        return run_backward(s.forward, s.loss, s.seed, self.kinks) if self.kinks else s.truth

    def replay(self, changes: tuple[Change, ...] = (), base: Pass | None = None, goal: Goal | None = None) -> Pass:
        """The backward pass from the student's own values on, with wrong rules planted."""
        s = self.structure
        kinks = tuple(c for c in self.kinks if not any(c.at is other.at for other in changes))
        all = self._own_values + kinks + changes
        return run_backward(s.forward, s.loss, s.seed, all, given=self.usable, base=base, goal=goal)

    @cached_property
    def _own_values(self) -> tuple[Change, ...]:
        return tuple(
            Change("value", n, lambda y, *xs, v=v: v) for n, v in self.wrong_values.items() if n.op is not None
        )

    @cached_property
    def wrong_values(self) -> dict[Node, Any]:
        """Those of the forward pass that are not right, from the student's own earlier ones on."""
        truth = {n: n.value for n in self.values}
        return {n: v for n, v in self.values.items() if not same(v, truth[n], magnitude(truth[n]))}

    @cached_property
    def usable(self) -> dict[Node, Any]:
        """Handed-in errors from which the backward pass can go on, without the convention's factor."""
        return self.held | {
            n: (v / self.factor if n.op is not None else v).astype(n.value.dtype, copy=False)
            for n, v in self.given.items()
            if n.op is not None and np.shape(v) == np.shape(n.value) and v.dtype.kind in "fiu" and np.isfinite(v).all()
            and (n not in self.shared or same(v, self.right(n), magnitude(self.right(n))))
        }  # fmt: skip

    @cached_property
    def own(self) -> Pass:
        """What the right rules give from the student's own values."""
        if not self.usable and not self.wrong_values:
            return self.truth
        try:
            return self.replay()
        except Crash:
            return self.truth

    @cached_property
    def growth(self) -> float:
        """By how much the student's own errors are larger than the terms of the true ones."""
        terms = self.structure.terms
        if self.own is self.structure.truth:  # whose terms they are
            return 1.0
        return max((magnitude(g) / terms[n] for n, g in self.own.cotangents.items() if terms.get(n)), default=1.0)

    def right(self, node: Node) -> Any:
        """The true cotangent, in the convention of what was handed in."""
        return self.scaled(node, self.truth.computed[node])

    def follows(self, node: Node) -> Any:
        """What the right rule gives from the student's own earlier values."""
        return self.scaled(node, self.own.computed[node])

    def scaled(self, node: Node, g: Any) -> Any:
        """An error of `node` in the convention of what was handed in."""
        return g if self.factor == 1 or node.op is None else g * self.factor

    def carried(self, node: Node) -> bool:
        """Whether a number is what the right rule makes of the student's own earlier ones."""
        return node in self.own.computed and self.agrees(node, self.follows(node))

    @cached_property
    def score(self) -> int:
        """How much of it is right, or follows, which tells a little less about what was meant."""
        return sum(10 if self.agrees(q, self.right(q)) else 9 if self.carried(q) else 0 for q in self.given)

    def agrees(self, node: Node, expected: Any, mine: Any = None) -> bool:
        """Whether what was handed in is `expected`, but for rounding."""
        yours = self.given[node] if mine is None else mine
        eps = max(self.coarsest, epsilon(expected))
        return same(yours, expected, magnitude(expected), self.noise(node, eps), eps)

    @cached_property
    def coarsest(self) -> float:
        """A unit of rounding of the coarsest numbers handed in: what is made from them is no better."""
        return max((precision(a) for a in (*self.given.values(), *self.values.values())), default=0.0)

    def noise(self, node: Node, eps: float) -> float:
        """An error of a quantity that may be nothing but rounding, however small the quantity is."""
        factor = abs(self.factor) if node.op is not None else 1.0
        terms = self.structure.terms.get(node, 0.0) * max(self.growth, 1.0) * factor
        # in single precision fewer, or a weight that was moved before it was used would pass for rounding
        return max(min(ROUNDINGS * eps, max(0.06 * _relative(eps), 2 * eps)) * terms, self.steps.get(node, 0.0))


def magnitude(a: Any) -> float:
    """The largest absolute value."""
    m = float(np.maximum.reduce(np.abs(np.asarray(a, dtype=np.float64)), axis=None, initial=0.0))
    return m if math.isfinite(m) else 0.0


def epsilon(*arrays: Any) -> float:
    """A unit of rounding, relative, of the coarsest dtype among the arrays."""
    found = [unit(a.dtype if isinstance(a, np.ndarray) else np.asarray(a).dtype) for a in arrays]
    return max(found) or unit(np.dtype(np.float64))


@cache
def unit(dtype: np.dtype[Any]) -> float:
    """A unit of rounding of a dtype; 0 of one that does not round."""
    return float(np.finfo(dtype).eps) if dtype.kind == "f" else 0.0


def precision(a: Any) -> float:
    """A unit of rounding of numbers, whatever they are stored in: single precision shows in its missing digits."""
    a = np.asarray(a)
    if a.dtype == np.float64 and a.size:
        with np.errstate(all="ignore"):
            digits = np.frexp(a)[0]  # not the numbers: 2**-55, what is left of 0, is beyond half precision's range
            single, half = (bool(np.all(np.ldexp(digits, n) % 1 == 0)) for n in (24, 11))
        if single and not half:
            return epsilon(np.float32(0))
    return epsilon(a)


def tolerance(*arrays: Any) -> float:
    """Relative: far above rounding in the coarsest dtype, far below the smallest of the mistakes (1e-2)."""
    return _relative(epsilon(*arrays))


def _relative(eps: float) -> float:
    return 5e-3 if eps > 1e-4 else 1e-4 if eps > 1e-10 else 1e-7


def same(a: Any, b: Any, scale: float, noise: float = 0.0, eps: float = 0.0) -> bool:
    """Equal in shape, and in value but for rounding; `noise` is the rounding of what cancelled in them."""
    if np.shape(a) != np.shape(b):
        return False
    with np.errstate(all="ignore"):
        difference = np.abs(np.subtract(a, b, dtype=np.float64))
        return bool((difference <= max(_relative(max(eps, epsilon(a, b))) * scale, noise, 1e-300)).all())


def roundings(a: Any, b: Any) -> float:
    """How far apart, in units of rounding of the largest entry of `b`; infinite where shapes differ."""
    if np.shape(a) != np.shape(b):
        return float("inf")
    eps = epsilon(a, b)
    with np.errstate(all="ignore"):
        apart = float(np.max(np.abs(np.subtract(a, b, dtype=np.float64)), initial=0.0))
    scale = magnitude(b) or magnitude(a)
    if not np.isfinite(apart):
        return float("inf")
    return apart / max(eps * scale, float(np.finfo(float).smallest_subnormal)) if scale else 0.0


def aligned(claims: list[Claim]) -> None:
    """Refuse points of networks that are not built alike."""
    first = [q.op.name if q.op is not None else "leaf" for q in claims[0].structure.quantities]
    for claim in claims[1:]:
        if [q.op.name if q.op is not None else "leaf" for q in claim.structure.quantities] != first:
            raise ValueError("check: the losses of several points have to come from the same network and loss function")


def as_named(names: Mapping[Node, str], node: Node) -> str:
    """The name of a quantity."""
    return names.get(node, "?")
