"""Wrong backward passes as claims: what a student who makes given mistakes would hand in at several points."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from tests.checking.architectures import NETWORKS, probes
from tinygrad_lite.checking.claims import Claim
from tinygrad_lite.checking.marking import mark
from tinygrad_lite.checking.naming import Candidates, Key
from tinygrad_lite.checking.passes import Crash, run_backward
from tinygrad_lite.checking.recognise import Words
from tinygrad_lite.checking.report import Report
from tinygrad_lite.checking.structure import Structure
from tinygrad_lite.graph import Node

# The steps whose errors a student would write down; what lies inside a loss or a composed activation is left out.
STEPS = ("affine", "matmul", "add", "relu", "tanh", "conv2d", "multiply", "max_pool2d")


class Planted:
    """A network at its probes, and what wrong passes over it give."""

    def __init__(self, network: str, dtype: Any) -> None:
        self.network, self.dtype = network, np.dtype(dtype)
        self.structures = [Structure(loss) for loss in probes(NETWORKS[network], dtype)]
        self.words = [Words(s) for s in self.structures]
        self.candidates = Candidates([Claim(s, {}) for s in self.structures])

    def handed_in(self, keys: tuple[Key, ...], intermediates: bool) -> list[dict[Any, Any]]:
        """The numbers of a pass with these mistakes in it, at each probe that has room for them. Raises: Crash."""
        found = []
        for k, s in enumerate(self.structures):
            table = self.candidates.tables[k]
            changes = tuple(c for key in keys if key in table for c in table[key][1].changes)
            try:
                passed = run_backward(s.forward, s.loss, s.seed, changes)
            except Crash:
                if k == 0:
                    raise
                passed = s.truth  # the student's code would not run at this one
            last = s.end.at.order if s.end is not None else s.loss.order
            inner = inside_activations(s)
            wanted = [
                q for q in s.quantities
                if q.op is None or (intermediates and q.order <= last and q.op.name in STEPS and q not in inner)
            ]  # fmt: skip
            found.append({q: np.asarray(passed.computed.get(q, 0 * np.asarray(q.value))) for q in wanted})
        return found

    def marked(self, handed_in: list[dict[Any, Any]]) -> Report:
        """The report on them."""
        claims = [Claim(s, dict(given)) for s, given in zip(self.structures, handed_in, strict=True)]
        return mark([claims], self.words)

    def first_wrong(self, handed_in: list[dict[Any, Any]], gradients: bool = False) -> str:
        """The label of the first quantity, or gradient of a parameter, that is not right; without the marker."""
        for i, q in enumerate(self.structures[0].quantities):
            if gradients and q.op is not None:
                continue
            for s, noise, given in zip(self.structures, self.noise, handed_in, strict=True):
                node = s.quantities[i]
                if node in given and differ(given[node], s.truth.computed[node], noise[i]):
                    return self.words[0].derivative(q)
        return ""

    def alike(self, a: list[dict[Any, Any]], b: list[dict[Any, Any]]) -> bool:
        """Whether two pieces of work are the same but for rounding."""
        return not any(
            differ(one[q], other[q], noise[i])
            for s, noise, one, other in zip(self.structures, self.noise, a, b, strict=True)
            for i, q in enumerate(s.quantities) if q in one
        )  # fmt: skip

    @functools.cached_property
    def noise(self) -> list[list[float]]:
        """What rounding makes of each quantity: how far single precision is off, in the precision that is used."""
        found = []
        for double, single in zip(*(probes(NETWORKS[self.network], d) for d in (np.float64, np.float32)), strict=True):
            passes = [Structure(double), Structure(single)]
            pairs = [[s.truth.computed[q] for q in s.quantities] for s in passes]
            unit = 1.0 if self.dtype == np.float32 else float(np.finfo(np.float64).eps / np.finfo(np.float32).eps)
            found.append([unit * float(np.max(np.abs(a - b), initial=0)) for a, b in zip(*pairs, strict=True)])
        return found


def inside_activations(s: Structure) -> set[Node]:
    """What an activation is composed of, from its argument (without) to its value (without)."""
    found: set[Node] = set()
    for act in s.activations:
        stack = [act.y]
        while stack:
            new = [x for x in stack.pop().inputs if x is not None and x not in found and x.order > act.x.order]
            found.update(new)
            stack += new
    return found


def differ(a: Any, b: Any, noise: float) -> bool:
    """Whether two arrays differ by more than rounding."""
    size = float(np.max(np.abs(b), initial=0)) if np.size(b) else 0.0
    relative = 1e-4 if np.asarray(b).dtype == np.float32 else 1e-9
    return np.shape(a) != np.shape(b) or not np.allclose(a, b, rtol=0, atol=relative * size + 100 * noise + 1e-300)


@functools.cache
def planted(network: str, dtype: str = "float64") -> Planted:
    """The network of a name; built once."""
    return Planted(network, np.dtype(dtype).type)
