"""`gradcheck`: is a gradient what the values of the function say?

The oracle is the sharpest that the function allows. Im f(x + ih) / h with h = 1e-200 takes no difference and loses no
digit, but needs a function that is analytic and takes complex numbers. Otherwise central differences with steps of
many sizes are extrapolated to step 0, which also says how far off the result may be.

Sources: Squire & Trapp, Using complex variables to estimate derivatives of real functions, SIAM Review 40 (1998);
C. Ridders, Accurate computation of F'(x) and F'(x)F''(x), Advances in Engineering Software 4 (1982).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node, ancestors
from tinygrad_lite.intake import Array
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.transforms.gradients import vjp as vjp_of
from tinygrad_lite.transforms.tracing import name_of

ULPS = 2000.0  # what is taken for rounding: 4e-13 of the largest derivative, in double precision


class GradientError(AssertionError):
    """A gradient is not what the function's values say; the message says where."""


@dataclass
class Slope:
    """A derivative as found from values: somewhere in [low, high], give or take `error`."""

    low: float
    high: float
    error: float

    def miss(self, got: float) -> float:
        """How far `got` lies outside."""
        return max(self.low - got, got - self.high, 0.0) if np.isfinite(got) else np.inf


def gradcheck(
    f: Callable[..., Any],
    *xs: Any,
    vjp: Callable[..., Any] | None = None,
    order: int = 1,
    ulps: float = ULPS,
) -> bool:
    """True if the gradient of `f` at `xs` is that of its values; else an error that says what is wrong where.

    Checks every entry of every x of floats, for a random cotangent of f's value. Without `vjp` it is this library's
    gradient that is checked, up to derivatives of `order`; with it a pair of functions of anybody's: `vjp(g, *xs)`
    gives the cotangent of each x (not in a tuple if there is one x) from that of f's value.
    What reads one triangle of a symmetric matrix (cholesky, eigh) is to be checked as f((a + a.T) / 2).
    At a kink, where the slopes to both sides differ, any slope between them is right. `ulps` is the error allowed,
    in units of rounding of the largest derivative in the dtype of x; what differences cannot tell is added.

    Raises: GradientError; TypeError if no x is of floats.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.gradcheck(lambda x: np.tanh(x) * x, np.array([0.5, -1.0]), order=2)
    True
    >>> tl.gradcheck(np.sin, np.array([1.0]), vjp=lambda g, x: -g * np.cos(x))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
        ...
    tinygrad_lite.checking.differences.GradientError: sin: the gradient by input 0 at [0] is ...
    """
    if not callable(f):
        raise TypeError(f"gradcheck takes a function and then its inputs, gradcheck(f, x); the first is {name_of(f)}")
    arrays = [np.array(x.current() if isinstance(x, Tensor) else x) for x in xs]
    floats = [i for i, a in enumerate(arrays) if a.dtype.kind == "f"]
    if not floats:
        raise TypeError(f"gradcheck of {name_of(f)}: no argument is of floats, so there is nothing to differentiate")
    if vjp is None:
        f = _on_arrays(f, arrays)
    value = _plain(f(*arrays))
    if not np.isfinite(value).all():
        raise ValueError(
            f"gradcheck of {name_of(f)}: its value here is not finite, {value!r}, so no slope to hold a gradient "
            "to. Choose inputs inside its domain."
        )
    g = _cotangent(np.shape(value))
    if vjp is None:
        pulled = _pulled(f, arrays, floats, g)
    else:
        pulled = vjp(g, *arrays)
        pulled = list(pulled) if isinstance(pulled, (tuple, list)) else [pulled]
        if len(pulled) != len(xs):
            raise GradientError(
                f"{name_of(f)}: vjp gave {len(pulled)} cotangents for {len(xs)} inputs; it gives a tuple, one for each"
            )
        pulled = [pulled[i] for i in floats]
    try:
        for i, got in zip(floats, pulled, strict=True):
            _compare(name_of(f), f, arrays, i, g, np.asarray(_plain(got)), ulps)
    except GradientError as error:
        if vjp is None:
            _blame(f, arrays, ulps, error)
        raise
    if order > 1:
        gradcheck(_gradient_along(f, floats, g), *arrays, order=order - 1, ulps=ulps)
    return True


def _on_arrays(f: Callable[..., Any], arrays: list[Array]) -> Callable[..., Any]:
    """f itself if it takes arrays; if it asks for what only a Tensor has, such as `.at`, f on Tensors of them."""
    try:
        f(*arrays)
    except AttributeError:

        @functools.wraps(f)
        def on_tensors(*xs: Any) -> Any:
            return f(*(x if isinstance(x, Tensor) else Tensor(x) for x in xs))

        return on_tensors
    return f


def _plain(y: Any) -> Any:
    return np.asarray(y.current() if isinstance(y, Tensor) else y)


def _cotangent(shape: tuple[int, ...]) -> Array:
    rng = np.random.default_rng(0)
    return np.asarray(rng.uniform(0.5, 1.5, shape) * rng.choice([-1.0, 1.0], shape))


def _pulled(f: Callable[..., Any], arrays: list[Array], floats: list[int], g: Any) -> list[Any]:
    def of_floats(*moving: Any) -> Any:
        return f(*_replaced(arrays, floats, moving))

    return list(vjp_of(of_floats, *(arrays[i] for i in floats))[1](g))


def _replaced(arrays: Sequence[Any], places: Sequence[int], values: Sequence[Any]) -> list[Any]:
    new = list(arrays)
    for place, value in zip(places, values, strict=True):
        new[place] = value
    return new


def _gradient_along(f: Callable[..., Any], floats: list[int], g: Any) -> Callable[..., Any]:
    """The gradient of f, as one number: its derivative in a direction."""

    def along(*xs: Any) -> Any:
        def of_floats(*moving: Any) -> Any:
            return f(*_replaced(xs, floats, moving))

        moving = [xs[i] for i in floats]
        pulled = vjp_of(of_floats, *moving)[1](g)
        return sum((c * _cotangent(c.shape)).sum() for c in pulled)

    along.__name__ = f"the gradient of {name_of(f)}"
    return along


def _compare(name: str, f: Callable[..., Any], arrays: list[Array], i: int, g: Any, got: Array, ulps: float) -> None:
    """Hold `got`, the cotangent of input i, against the slopes of <g, f>."""
    x = arrays[i]
    if got.shape != x.shape:
        raise GradientError(f"{name}: the gradient by input {i} has shape {got.shape}, the input {x.shape}")
    wide = [a.astype(np.float64) if a.dtype.kind == "f" else a for a in arrays]

    def moved(k: tuple[int, ...], step: Any) -> Any:
        new = [a.copy() for a in wide]
        if isinstance(step, complex):
            new = [a.astype(complex) if a.dtype.kind == "f" else a for a in new]
        new[i][k] += step
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            return np.sum(g * _plain(f(*new)))

    slopes = {k: _slope(lambda step, k=k: moved(k, step), abs(float(x[k]))) for k in np.ndindex(x.shape)}  # type: ignore[misc]
    largest = max((abs(s) for slope in slopes.values() for s in (slope.low, slope.high) if np.isfinite(s)), default=0.0)
    # A derivative far smaller than the values that it is made of (1 - y^2 where y = tanh x is 1) has their rounding.
    values = 2 / ulps * float(np.max(np.abs(g * _plain(f(*wide))), initial=0))
    unit = float(np.finfo(x.dtype).eps) * max(largest, values, float(np.finfo(x.dtype).tiny))
    for k, slope in slopes.items():
        value = float(got[k])
        miss = slope.miss(value)
        if miss > ulps * unit + 10 * slope.error:
            wanted = f"{slope.low!r}" if slope.low == slope.high else f"something from {slope.low!r} to {slope.high!r}"
            raise GradientError(
                f"{name}: the gradient by input {i} at {list(k)} is {value!r}, but the values say {wanted}: "
                f"{miss / unit:.3g} units of rounding apart, where {ulps:g} and an uncertainty of "
                f"{slope.error / unit:.3g} are allowed"
            )


def _slope(phi: Callable[[Any], Any], size: float) -> Slope:
    """The derivative of phi at 0 for an argument that stands at `size`."""
    central, error = _extrapolated(phi, 0.05 * max(size, 1.0))
    sides = _kink(phi, max(size, 1.0))
    if sides is not None:
        return Slope(min(sides), max(sides), 1e-5 * (1 + abs(sides[0]) + abs(sides[1])))
    try:
        exact = float(np.imag(phi(1e-200j))) / 1e-200
    except (TypeError, ValueError):  # takes no complex numbers
        return Slope(central, central, error)
    # A function such as abs takes them but is not analytic: then the two disagree, and the differences are right.
    if np.isfinite(exact) and abs(exact - central) <= max(100 * error, 1e-7 * abs(central)):
        return Slope(exact, exact, min(error, abs(exact - central)))  # a formula may lose digits of it too
    return Slope(central, central, error)


def _extrapolated(phi: Callable[[Any], Any], h: float, levels: int = 20) -> tuple[float, float]:
    """Ridders' method: central differences with h, h/2, h/4..., each pair combined to cancel the next power of h^2.

    The last of the steps are smaller than those of `_kink`: a kink that they could meet was found there.
    """
    rows: list[list[float]] = []
    steps = [h / 2**level for level in range(levels)]
    rounding = []  # of each step: a few units of the values...
    for step in steps:
        above, below = float(phi(step)), float(phi(-step))
        rounding.append(8 * np.finfo(np.float64).eps * (abs(above) + abs(below)) / (2 * step))
        row = [(above - below) / (2 * step)]
        for power, before in enumerate(rows[-1] if rows else [], start=1):
            row.append(row[-1] + (row[-1] - before) / (4.0**power - 1))
        rows.append(row)
    # ...and as much as the smallest steps show, where there is little else; it grows with 1 / h.
    noise = max(abs(rows[k][1] - rows[k - 1][1]) * steps[k] for k in (levels - 2, levels - 1))
    bests = []  # of each step the best estimate, after its error
    for k in range(1, levels):
        row, before_it = rows[k], rows[k - 1]
        apart = (max(abs(row[p] - row[p - 1]), abs(row[p] - before_it[p - 1])) for p in range(1, len(row)))
        error, p = min((e, p) for p, e in enumerate(apart, start=1))
        bests.append((error + rounding[k] + noise / steps[k], row[p]))
    error, best = min(bests)
    # Two estimates may agree by chance. The neighbouring step has to agree too; and so does the smallest, which tells
    # a staircase from what it looks like from afar, a slope.
    k = bests.index((error, best))
    error += min(abs(best - bests[i][1]) for i in (k - 1, k + 1) if 0 <= i < len(bests))
    finest, doubt = rows[-1][0], rounding[-1] + noise / steps[-1] + abs(rows[-1][0] - rows[-2][0])
    return (best, error) if abs(best - finest) <= 10 * doubt + error else (finest, doubt)


def _kink(phi: Callable[[Any], Any], size: float) -> tuple[float, float] | None:
    """The slopes to the left and to the right, if they stay apart as the step shrinks."""
    here = float(phi(0.0))
    gaps, sides = [], (0.0, 0.0)
    for h in (1e-4 * size, 1e-6 * size):
        sides = (here - float(phi(-h))) / h, (float(phi(h)) - here) / h
        gaps.append(abs(sides[1] - sides[0]))
    noise = 1e3 * np.finfo(np.float64).eps * abs(here) / (1e-6 * size)
    return sides if gaps[1] > max(0.1 * gaps[0], noise, 1e-4 * max(map(abs, sides))) else None


def _blame(f: Callable[..., Any], arrays: list[Array], ulps: float, error: GradientError) -> None:
    """Raise the error of the first operation on f's graph whose own rule is wrong, if there is one."""
    y = f(*(Tensor(a, requires_grad=a.dtype.kind == "f") for a in arrays))
    for node in ancestors([y], differentiable=True) if isinstance(y, Tensor) else []:
        if node.op is not None:
            try:
                _check_node(node, ulps)
            except GradientError as own:
                raise GradientError(f"{own} (found in {name_of(f)})") from error


def _check_node(node: Node, ulps: float) -> None:
    op = node.op
    assert op is not None
    arrays = [np.asarray(a) for a in node.args]
    g = _cotangent(np.shape(node.value)).astype(node.value.dtype)

    def run(*xs: Any) -> Any:
        return op.run(*(x[()] for x in xs), **node.kwargs)

    for i, x in enumerate(node.inputs):
        if x is not None and x.requires_grad:
            c = op.pull(i, g[()], node.value, node.args, node.kwargs)
            c = np.zeros(arrays[i].shape) if c is None else np.asarray(c)
            lead = c.ndim - arrays[i].ndim  # where the input was broadcast the engine sums
            if lead >= 0:
                c = c.sum(axis=tuple(range(lead)))
                c = c.sum(axis=tuple(k for k, n in enumerate(arrays[i].shape) if n != c.shape[k]), keepdims=True)
            _compare(op.name, run, arrays, i, g, c, ulps)
