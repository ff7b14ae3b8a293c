"""How a line of `samples.SAMPLES` is written, and the cases that the tests make of it.

A `Sample` is one way of calling a row: with a function that takes arrays or Tensors, a domain for each of its
inputs, and the shapes to try. `each` makes one for an operation on entries, `on` for one with shapes of its own.
"""

from __future__ import annotations

import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tests.oracles import Array

Shape = tuple[int, ...]
Domain = Callable[[np.random.Generator, Shape], Array]


# -- domains: where an input's entries come from -----------------------------------------------------------------


def between(low: float, high: float) -> Domain:
    """Uniform in [low, high]."""
    return lambda rng, shape: np.asarray(rng.uniform(low, high, shape))


def lattice(offset: float, step: float = 0.5) -> Domain:
    """Distinct multiples of `step`, shifted: two inputs with different offsets never tie, and none is at a kink."""

    def draw(rng: np.random.Generator, shape: Shape) -> Array:
        n = int(np.prod(shape))
        return np.asarray((rng.permutation(n) - n // 2).reshape(shape) * step + offset)

    return draw


def chosen(*values: Any) -> Domain:
    """Drawn from `values`; booleans and integers are data and never differentiated."""
    return lambda rng, shape: np.asarray(rng.choice(np.array(values), shape))


REAL = between(-2, 2)
POSITIVE = between(0.5, 2.5)
GRID = lattice(0.125)  # at least 1/8 away from 0, 1, -1 and from every entry of GRID2
GRID2 = lattice(0.375)


def NONZERO(rng: np.random.Generator, shape: Shape) -> Array:
    """Either sign, at least 1/2 away from 0."""
    return np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(0.5, 2, shape))


# -- samples -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sample:
    """One way of calling a row.

    call       takes arrays or Tensors, and ends in the row
    reference  the same in plain NumPy: right on real arrays, and analytic near them on complex ones
    domains    one for each input
    shapes     the input shapes to try, a tuple for each call
    each       an operation on entries, which can be broadcast: tried at every way of doing so
    kinked     not differentiable everywhere; the domains keep away from the kinks, and between these it is linear
    dtypes     the floats that NumPy's function takes
    """

    call: Callable[..., Any]
    domains: tuple[Domain, ...]
    shapes: tuple[tuple[Shape, ...], ...]
    reference: Callable[..., Any]
    each: bool = False
    kinked: bool = False
    dtypes: tuple[Any, ...] = (np.float64, np.float32, np.float16)


def each(
    call: Callable[..., Any], *domains: Domain, reference: Callable[..., Any] | None = None, kinked: bool = False
) -> list[Sample]:
    """An operation on entries: 0-d, 1-d, 2-d and empty inputs of one shape, and broadcasting in a test of its own."""
    shapes = tuple((shape,) * len(domains) for shape in ((), (3,), (2, 3), (0,), (2, 0)))
    return [Sample(call, domains, shapes, reference or call, each=True, kinked=kinked)]


def on(
    call: Callable[..., Any],
    *shapes: Shape,
    domain: Domain | tuple[Domain, ...] = REAL,
    reference: Callable[..., Any] | None = None,
    kinked: bool = False,
    dtypes: tuple[Any, ...] = Sample.dtypes,
) -> Sample:
    """An operation with shapes of its own: one call, with inputs of these shapes."""
    domains = domain if isinstance(domain, tuple) else (domain,) * len(shapes)
    return Sample(call, domains, (shapes,), reference or call, kinked=kinked, dtypes=dtypes)


AXES: tuple[tuple[Any, Shape], ...] = (
    (None, ()), (None, (3,)), (None, (2, 3)), (0, (2, 3)), (1, (2, 3)), (-1, (2, 3, 2)), (-3, (2, 3, 2)),
    ((0, 2), (2, 3, 2)), ((-1, 1), (2, 3, 2)), ((0, 1, 2), (1, 3, 2)), ((), (2, 3)), (1, (0, 3)),
)  # fmt: skip


def reducing(
    call: Callable[..., Any],
    domain: Domain = REAL,
    *,
    reference: Callable[..., Any] | None = None,
    kinked: bool = False,
    **keywords: Any,
) -> list[Sample]:
    """A reduction, over every kind of axis, with and without the reduced axes; `reference` takes them too."""

    def at(f: Callable[..., Any], axis: Any, keepdims: bool) -> Callable[..., Any]:
        return lambda x: f(x, axis=axis, keepdims=keepdims, **keywords)

    return [
        on(at(call, axis, keep), shape, domain=domain, kinked=kinked, reference=at(reference or call, axis, keep))
        for axis, shape in AXES
        for keep in (False, True)
    ]


# -- cases -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Case:
    """One call of one row with inputs of given shapes; the numbers depend on nothing but the case."""

    row: str
    number: int
    sample: Sample
    shapes: tuple[Shape, ...]

    def __str__(self) -> str:
        return f"{self.row}-{self.number}-" + "-".join("x".join(map(str, s)) or "0d" for s in self.shapes)

    def rng(self) -> np.random.Generator:
        """A generator of this case's own."""
        return np.random.default_rng(zlib.crc32(str(self).encode()))

    def inputs(self, dtype: Any = np.float64) -> list[Array]:
        """Arrays from the domains; those of floats in `dtype`."""
        rng = self.rng()
        arrays = [draw(rng, shape) for draw, shape in zip(self.sample.domains, self.shapes, strict=True)]
        return [a.astype(dtype) if a.dtype.kind == "f" else a for a in arrays]

    def cotangent(self, y: Any) -> Array:
        """A random cotangent for the output `y`."""
        return np.asarray(self.rng().uniform(0.5, 1.5, y.shape) * self.rng().choice([-1, 1], y.shape)).astype(y.dtype)


def cases(samples: dict[str, list[Sample]]) -> list[Case]:
    """Every call of every sample."""
    return [
        Case(row, n, sample, shapes)
        for row, lines in samples.items()
        for n, sample in enumerate(lines)
        for shapes in sample.shapes
    ]


def broadcastings(case_of: Case) -> Iterator[Case]:
    """An `each` sample with one input at a time of every shape that broadcasts to (2, 3, 4), and all different."""
    full = (2, 3, 4)
    reduced = [
        tuple(1 if axis in ones else n for axis, n in enumerate(full))[lead:]
        for lead in range(4)
        for count in range(4 - lead)
        for ones in itertools.combinations(range(lead, 3), count)
    ]
    count = len(case_of.shapes)
    for shape in reduced:
        for i in range(count):
            shapes = tuple(shape if j == i else full for j in range(count))
            yield Case(case_of.row, case_of.number, case_of.sample, shapes)
    mixed = ((2, 1, 4), (3, 1), (1,))
    yield Case(case_of.row, case_of.number, case_of.sample, tuple(mixed[j % 3] for j in range(count)))
