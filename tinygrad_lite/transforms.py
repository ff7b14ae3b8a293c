"""Functions of functions: `grad` turns f into its gradient, and can be applied to the result again."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING, recording
from tinygrad_lite.graph import ancestors, descendants, describe, sweep
from tinygrad_lite.intake import require_float
from tinygrad_lite.primitives.arithmetic import identity
from tinygrad_lite.tensor import Tensor, as_tensor, leaf, record


def value_and_grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., tuple[Tensor, Any]]:
    """The function that gives (f(x), df/dx) for a scalar-valued `f`.

    Both are Tensors; with a tuple of `argnums` the second is a tuple of one gradient for each. Arguments may be
    numbers, arrays or Tensors. Composes with itself: what an outer transformation or a `backward()` needs in
    order to differentiate the gradient again is recorded, and nothing is if nobody could ask.

    Raises: TypeError if f returns no Tensor or an argument is not of floats; ValueError if f's value is no
    scalar or an argument does not exist.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.value_and_grad(lambda x: np.sum(x**3))(np.array([1.0, 2.0]))
    (Tensor(9.), Tensor([ 3., 12.]))
    """
    single = isinstance(argnums, int)
    wanted: tuple[int, ...] = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Tensor, Any]:
        outer = RECORDING.get()
        arguments = list(args)
        inputs = []
        with recording(True):
            for i in wanted:
                if not -len(args) <= i < len(args):
                    raise ValueError(f"{_name(f)} was called with {len(args)} arguments; there is no argument {i}")
                arguments[i] = _input(args[i], i, f)
                inputs.append(arguments[i])
            y = f(*arguments, **kwargs)
            if not isinstance(y, Tensor):
                raise TypeError(
                    f"{_name(f)} returned {type(y).__name__}, not a Tensor: its result does not depend on its "
                    "arguments through operations on Tensors, so there is nothing to differentiate."
                )
            if y.size != 1:
                raise ValueError(
                    f"{_name(f)} returned {describe(y)}; a gradient is that of a scalar. Reduce it, for example with "
                    ".sum(), or differentiate one entry."
                )
            gradients = _gradients(y, inputs, on_nodes=outer)
        value = y if outer and _depends_on_others(y, inputs) else y.detach()
        return value, gradients[0] if single else tuple(gradients)

    return wrapped


def grad(f: Callable[..., Any], argnums: int | tuple[int, ...] = 0) -> Callable[..., Any]:
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


def _name(f: Callable[..., Any]) -> str:
    return getattr(f, "__name__", type(f).__name__)


def _input(a: Any, i: int, f: Callable[..., Any]) -> Tensor:
    """A node of its own for an argument: f may reach the original through a closure too, as something else."""
    t = as_tensor(a)
    require_float(t.value, f"argument {i} of {_name(f)}")
    t = record(identity, (t,), {}) if t.requires_grad else leaf(t.current(), requires_grad=True)
    t.name = a.name if isinstance(a, Tensor) else None
    return t


def _depends_on_others(y: Tensor, inputs: list[Tensor]) -> bool:
    """Whether `y` can be differentiated by anything besides `inputs`."""
    own = set(inputs)
    return any(node.op is None and node not in own for node in ancestors([y], differentiable=True))


def _gradients(y: Tensor, inputs: list[Tensor], on_nodes: bool) -> list[Tensor]:
    """dy/dx for each input; as part of a graph if `on_nodes` and something else requires a gradient of y."""
    on_nodes = on_nodes and _depends_on_others(y, inputs)
    path = descendants(inputs, ancestors([y], differentiable=True))
    seed: Any = np.ones(y.shape, y.dtype)
    found = sweep({y: leaf(seed) if on_nodes else seed}, on_nodes=on_nodes, within=path) if y in path else {}
    gradients = []
    for x in inputs:
        g = found.get(x)
        gradients.append(leaf(np.zeros(x.shape, x.dtype)) if g is None else g if isinstance(g, Tensor) else leaf(g))
    return gradients
