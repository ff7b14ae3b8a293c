"""`gradcheck`: is a gradient what the values of the function say?

What the values say is in `slopes`; here a gradient is held against it, entry by entry, in units of rounding.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_lite.checking.slopes import Slope, slopes_of
from tinygrad_lite.graph import Node, ancestors
from tinygrad_lite.intake import Array
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.transforms.gradients import vjp as vjp_of
from tinygrad_lite.transforms.tracing import name_of

ULPS = 2000.0  # what is taken for rounding: 4e-13 of the largest derivative, in double precision
HELD = 0.005  # what part of itself an entry may be off, however large others are that do not meet it


class GradientError(AssertionError):
    """A gradient is not what the function's values say; the message says where."""


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
    slopes, meets = slopes_of(f, arrays, i, g)
    units = _units(slopes, meets, float(np.finfo(x.dtype).eps), float(np.finfo(x.dtype).tiny), ulps)
    for k, slope, unit in zip(np.ndindex(x.shape), slopes, units, strict=True):
        value = float(got[k])
        miss = slope.miss(value)
        if miss > ulps * unit + 10 * slope.error:
            wanted = f"{slope.low!r}" if slope.low == slope.high else f"something from {slope.low!r} to {slope.high!r}"
            raise GradientError(
                f"{name}: the gradient by input {i} at {list(k)} is {value!r}, but the values say {wanted}: "
                f"{miss / unit:.3g} units of rounding apart, where {ulps:g} and an uncertainty of "
                f"{slope.error / unit:.3g} are allowed. Both are for the cotangent "
                f"{np.array2string(np.asarray(g), precision=4, threshold=6)} of the value"
            )


def _units(slopes: list[Slope], meets: Array, eps: float, tiny: float, ulps: float) -> list[float]:
    """The unit of rounding of each slope: that of the largest which meets it in an output.

    Inputs that meet are added up on the way, so a small derivative has the rounding of a large one; and one that is
    far smaller than the values it is made of (1 - y^2 where y = tanh x is 1) has theirs. Where nothing large meets
    it, terms of its own may still have cancelled; then as much is allowed as HELD says.
    """
    if not slopes:
        return []
    sizes = np.array([max((abs(s) for s in (s.low, s.high) if np.isfinite(s)), default=0.0) for s in slopes])
    in_output = np.max(np.where(meets, sizes[:, None], 0.0), axis=0)
    met = np.max(np.where(meets, in_output, 0.0), axis=1, initial=0)
    scale = np.minimum(sizes.max(), max(1.0, HELD / (ulps * eps)) * met)
    return [eps * max(float(c), 2 / ulps * s.values, tiny) for c, s in zip(scale, slopes, strict=True)]


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
