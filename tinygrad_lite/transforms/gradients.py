"""`grad` turns f into its gradient, and can be applied to the result again; `vjp` is what it is made of."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING
from tinygrad_lite.graph import describe
from tinygrad_lite.tensor import Tensor, as_tensor, leaf
from tinygrad_lite.transforms.tracing import Trace, function, name_of
from tinygrad_lite.transforms.trees import leaves, like

Argnums = int | tuple[int, ...]


def wanted_by(argnums: Argnums) -> tuple[int, ...]:
    """The arguments as a tuple. Raises: TypeError for what is no number of an argument, such as the point itself."""
    wanted = argnums if isinstance(argnums, (tuple, list)) else (argnums,)
    for i in wanted:
        if isinstance(i, bool) or not isinstance(i, (int, np.integer)):
            raise TypeError(
                f"argnums says which arguments, 0 or (0, 2); this is {type(argnums).__name__}. A transformation makes "
                "a function, and the point goes to that: tl.grad(f)(x)."
            )
    return tuple(map(int, wanted))


def arranged(args: tuple[Any, ...], argnums: Argnums, values: list[Any]) -> Any:
    """`values`, one for each leaf of the arguments asked for, in the form in which they were asked for."""
    parts, taken = [], 0
    for i in wanted_by(argnums):
        count = sum(1 for _ in leaves(args[i]))
        parts.append(like(args[i], values[taken : taken + count]))
        taken += count
    return tuple(parts) if isinstance(argnums, (tuple, list)) else parts[0]


def value_and_grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., tuple[Tensor, Any]]:
    """The function that gives (f(x), df/dx) for a scalar-valued `f`.

    Both are Tensors; with a tuple of `argnums` the second is a tuple of one gradient for each. Arguments may be
    numbers, arrays or Tensors, or tuples, lists and dicts of them, whose gradient has the same form. Composes with
    itself: what an outer transformation or a `backward()` needs in order to differentiate the gradient again is
    recorded, and nothing is if nobody could ask.

    Raises: TypeError if f returns no Tensor or an argument is not of floats; ValueError if f's value is no
    scalar or an argument does not exist.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.value_and_grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    (Tensor(9.), Tensor([ 3., 12.]))
    >>> tl.grad(lambda p: p["w"] * p["x"])({"w": tl.tensor(2.0), "x": tl.tensor(3.0)})
    {'w': Tensor(3.), 'x': Tensor(2.)}
    """

    f, wanted = function(f, "grad"), wanted_by(argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        trace = Trace(f, args, kwargs, wanted)
        y = trace.y
        if y.size != 1:
            raise ValueError(
                f"{name_of(f)} returned {describe(y)}; a gradient is that of a scalar. Reduce it, for example with "
                ".sum(), or differentiate one entry."
            )
        seed: Any = np.ones(y.shape, y.dtype)
        gradients = trace.pull(leaf(seed) if trace.outer else seed, on_nodes=trace.outer)
        return trace.value(), arranged(args, argnums, gradients)

    return wrapped


def grad(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives df/dx for a scalar-valued `f`; see `value_and_grad`.

    >>> import tinygrad_lite as tl
    >>> tl.grad(tl.grad(lambda x: x**3))(2.0)   # 6 x
    Tensor(12.)
    """
    both = value_and_grad(f, argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        return both(*args, **kwargs)[1]

    return wrapped


def vjp(f: Callable[..., Any], *xs: Any) -> tuple[Tensor, Callable[[Any], tuple[Any, ...]]]:
    """(f(*xs), pull): `pull(g)` gives g^T J, the cotangent of each x from the cotangent `g` of f's value.

    f runs once, and `pull` may be called as often as you like: for a row of the Jacobian, g is a row of the unit
    matrix. The result is a tuple with one entry for each x.

    Raises: ValueError if g has not the shape of f's value.

    >>> import numpy as np, tinygrad_lite as tl
    >>> y, pull = tl.vjp(lambda x: x**2, np.array([1.0, 2.0]))
    >>> y, pull(np.array([1.0, 10.0]))
    (Tensor([1., 4.]), (Tensor([ 2., 40.]),))
    """
    trace = Trace(f, xs, {}, range(len(xs)))
    y = trace.y

    def pull(g: Any) -> tuple[Any, ...]:
        seed = as_tensor(g)
        if seed.shape != y.shape:
            raise ValueError(f"vjp of {name_of(f)}: the cotangent has shape {seed.shape}, its value {y.shape}")
        on_nodes = trace.outer or (seed.requires_grad and bool(RECORDING.get()))
        if seed.dtype != y.dtype:
            seed = seed.astype(y.dtype)
        pulled = trace.pull(seed if on_nodes else seed.current(), on_nodes=on_nodes)
        return tuple(arranged(xs, tuple(range(len(xs))), pulled))

    return trace.value(), pull
