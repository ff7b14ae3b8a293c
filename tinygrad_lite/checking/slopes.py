"""What the values of a function say of its derivatives, and how surely.

The oracle is the sharpest that the function allows. Im f(x + ih) / h with a tiny h takes no difference and loses no
digit, but needs a function that is analytic and takes complex numbers. Otherwise central differences with steps of
many sizes are extrapolated to step 0, which also says how far off the result may be.

Nobody can tell from outside on what length a function varies: 1/x does at x, sin x at 1, the norm of a vector at its
largest entry. So steps are tried on each of these lengths.

Sources: Squire & Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40 (1998);
C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.intake import Array

EPS = float(np.finfo(np.float64).eps)
FIRST = 0.05  # the first step, as a part of a length
LEVELS = 20  # how often it is halved: to 1e-7 of it
APART = 100.0  # lengths closer than this factor share most of their steps

Outputs = Callable[[Any], Array]  # from a step to the outputs there, weighted, in a vector


@dataclass
class Slope:
    """A derivative as found from values: somewhere in [low, high], give or take `error`.

    `values` is what the outputs come to over the length on which they were compared, a derivative as large as they;
    or what the derivative changes by from 0 to the argument, if that is more: a rounded argument has as much of it.
    """

    low: float
    high: float
    error: float
    values: float
    step: float
    doubtful: bool = False  # a kink may hide in the rounding

    def miss(self, got: float) -> float:
        """How far `got` lies outside."""
        return max(self.low - got, got - self.high, 0.0) if np.isfinite(got) else np.inf

    def rank(self) -> tuple[bool, float]:
        """What is smaller for the better of two."""
        return self.doubtful, self.high - self.low + self.error

    def agrees(self, other: Slope) -> bool:
        """Whether both can be true."""
        return max(other.low - self.high, self.low - other.high) <= 100 * self.error + 10 * other.error


def slopes_of(f: Callable[..., Any], arrays: Sequence[Array], i: int, g: Any) -> tuple[list[Slope], Array]:
    """The derivative of <g, f> by each entry of input i, and for each which entries of f's output it moves."""
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]

    def moved(k: tuple[int, ...], step: Any) -> Array:
        new = [a.copy() for a in wide]
        if isinstance(step, complex):
            new = [a.astype(complex) if a.dtype.kind == "f" else a for a in new]
        new[i][k] += step
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            y = f(*new)
            return np.ravel(g * np.asarray(y.current() if isinstance(y, Node) else y))

    sizes = np.concatenate([np.abs(a).ravel() for a in wide if a.dtype.kind == "f"])
    sizes = sizes[(sizes > 0) & np.isfinite(sizes)]
    common = [1.0, float(sizes.max(initial=0)), float(sizes.min(initial=np.inf))]
    found = [
        _slope(lambda step, k=k: moved(k, step), abs(float(x)), _lengths(abs(float(x)), common))  # type: ignore[misc]
        for k, x in np.ndenumerate(wide[i])
    ]
    return [slope for slope, _ in found], np.array([meet for _, meet in found])


def _lengths(size: float, common: Sequence[float]) -> list[float]:
    """On what lengths to look at an argument of this size, the smallest first."""
    lengths: list[float] = []
    for length in (size if size > 1 else 1.0, size, *common):
        if 0 < length < np.inf and all(max(length / h, h / length) > APART for h in lengths):
            lengths.append(length)
    return sorted(lengths)


def _slope(outputs: Outputs, size: float, lengths: Sequence[float]) -> tuple[Slope, Array]:
    """The derivative of the sum of the outputs by an argument of this size, and which of them it moves."""
    here = outputs(0.0)
    steps = [[FIRST * length / 2**level for level in range(LEVELS)] for length in lengths]
    sides = [[(outputs(step), outputs(-step)) for step in row] for row in steps]
    moves = _unlike(here, outputs, [side for row in sides for both in row for side in both])
    best: Slope | None = None
    for length, row, around in zip(lengths, steps, sides, strict=True):
        slope = _at_length(outputs, here, moves, size, length, row, around)
        # From afar a staircase is a slope, and ripples are anything: what is seen closer must not contradict it.
        if best is None or not np.isfinite(best.error) or (slope.rank() < best.rank() and best.agrees(slope)):
            best = slope
    assert best is not None
    return (best if best.low < best.high else _sharpened(best, outputs)), moves


def _unlike(here: Array, outputs: Outputs, seen: Sequence[Array]) -> Array:
    """Which outputs the argument moves: those that differ somewhere, or that are lost where the argument is."""
    moves: Array = np.any([there != here for there in seen], axis=0)
    if moves.all():
        return moves
    try:
        lost: Array = outputs(np.nan) != here  # 1e20 + x does not differ
    except Exception:  # a function may refuse what is no number
        return np.ones(here.shape, bool)
    return moves | lost


def _at_length(
    outputs: Outputs,
    here: Array,
    moves: Array,
    size: float,
    length: float,
    steps: Sequence[float],
    around: Sequence[tuple[Array, Array]],
) -> Slope:
    """The derivative as seen with steps on one length."""
    differences = [float(np.sum(above - below)) / (2 * h) for h, (above, below) in zip(steps, around, strict=True)]
    sums = [float(np.sum((np.abs(above) + np.abs(below))[moves])) for above, below in around]
    rounding = [8 * EPS * size / (2 * h) for h, size in zip(steps, sums, strict=True)]
    central, error, step = _extrapolated(differences, rounding, steps)
    values = float(np.max(np.abs(here[moves]), initial=0))
    varies = max(step / FIRST, min(length, 1.0))  # large arguments may be far from 0 only, as that of tanh(x - 1e6)
    above, below = around[list(steps).index(step)]
    bend = float(np.sum(np.abs(above + below - 2 * here))) / step**2  # what the rounding of the argument does to it
    smooth = Slope(central, central, error, max(values / varies, size * bend), step)
    return _kink(outputs, here, moves, length, smooth)


def _sharpened(slope: Slope, outputs: Outputs) -> Slope:
    """The derivative by a complex step, if the function takes one and the differences do not contradict it."""
    h = 1e-20 * slope.step
    try:
        exact = float(np.imag(np.sum(outputs(h * 1j)))) / h
    except (TypeError, ValueError):  # takes no complex numbers
        return slope
    # A function such as abs takes them but is not analytic: then the two disagree, and the differences are right.
    apart = abs(exact - slope.low)
    if not np.isfinite(exact) or apart > max(100 * slope.error, 1e-7 * abs(slope.low)):
        return slope
    error = min(slope.error, apart)  # a formula may lose digits of it too
    return Slope(exact, exact, error, slope.values, slope.step)


def _extrapolated(
    differences: Sequence[float], rounding: Sequence[float], steps: Sequence[float]
) -> tuple[float, float, float]:
    """Ridders' method: central differences with h, h/2, h/4..., each pair combined to cancel the next power of h^2.

    The estimate, its error and the step that it is from. The last of the steps are smaller than those of `_kink`: a
    kink that they could meet was found there.
    """
    rows: list[list[float]] = []
    for difference in differences:
        row = [difference]
        for power, before in enumerate(rows[-1] if rows else [], start=1):
            row.append(row[-1] + (row[-1] - before) / (4.0**power - 1))
        rows.append(row)
    levels = len(rows)
    # What is rounded is a few units of the values, and as much as the smallest steps show, where there is little else.
    noise = max(abs(rows[k][1] - rows[k - 1][1]) * steps[k] for k in (levels - 2, levels - 1))
    bests = []  # of each step the best estimate, after its error
    for k in range(1, levels):
        row, before_it = rows[k], rows[k - 1]
        apart = (max(abs(row[p] - row[p - 1]), abs(row[p] - before_it[p - 1])) for p in range(1, len(row)))
        error, p = min((e if np.isfinite(e) else np.inf, p) for p, e in enumerate(apart, start=1))
        bests.append((error + rounding[k] + noise / steps[k], row[p]))
    bests = [(error if np.isfinite(error) else np.inf, best) for error, best in bests]
    error, best = min(bests)
    # Two estimates may agree by chance. The neighbouring step has to agree too; and so does the smallest, which tells
    # a staircase from what it looks like from afar, a slope.
    k = bests.index((error, best))
    error += min(abs(best - bests[i][1]) for i in (k - 1, k + 1) if 0 <= i < len(bests))
    finest, doubt = rows[-1][0], rounding[-1] + noise / steps[-1] + abs(rows[-1][0] - rows[-2][0])
    if abs(best - finest) <= 10 * doubt + error:
        return best, error, steps[k + 1]
    return finest, doubt if np.isfinite(doubt) else np.inf, steps[-1]


def _kink(outputs: Outputs, here: Array, moves: Array, length: float, smooth: Slope) -> Slope:
    """All from the slope to the left to that to the right, if they stay apart as the step shrinks; else `smooth`."""
    far, near = (
        np.array([np.sum(here - outputs(-h)) / h, np.sum(outputs(h) - here) / h])
        for h in (1e-4 * length, 1e-6 * length)
    )
    gap, apart = (float(abs(right - left)) for left, right in (near, far))
    if not gap > max(0.1 * apart, 1e-4 * float(np.max(np.abs(near)))):
        return smooth
    noise = 1e3 * EPS * float(np.sum(np.abs(here[moves]))) / (1e-6 * length)
    if not gap > noise:
        return replace(smooth, doubtful=True)
    error = 1e-5 * float(np.sum(np.abs(near))) + float(np.sum(np.abs(near - far))) / 50 + noise / 100
    values = float(np.max(np.abs(here[moves]))) / length
    return Slope(float(np.min(near)), float(np.max(near)), error, values, length)
