"""Memory for time: run a part of a program again in the backward sweep instead of keeping what it computed."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING, recording, tracing
from tinygrad_lite.graph import GraphError, Node, ancestors, descendants, next_order, same_bits, sweep
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.tensor import Tensor, leaf, record
from tinygrad_lite.transforms.tracing import name_of


def checkpoint(f: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, but a graph keeps only its inputs and its output, and runs it again when it needs the rest.

    Of a chain of n steps every k-th can be kept: memory falls to about n/k + k values, for one more forward run.
    Tensors that `f` reaches otherwise, a module's parameters, get their gradient too. `f` takes Tensors or arrays
    by position, returns one Tensor, and has to do the same each time: seed a generator inside it. (What it does
    besides happens twice: BatchNorm's running statistics move at both runs, as in PyTorch.)

    Raises: GraphError if the second run gives another value or a parameter was changed in between.

    >>> import numpy as np, tinygrad_lite as tl
    >>> x = tl.tensor([0.5, 1.0], requires_grad=True)
    >>> tl.checkpoint(lambda t: np.sin(np.exp(t)))(x).sum().backward(); x.grad
    array([-0.12834653, -2.47834973])
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if not RECORDING.get() or tracing() is not None:  # what is compiled keeps no graph
            return f(*args, **kwargs)
        started = next_order()
        y = f(*args, **kwargs)
        if not isinstance(y, Tensor):
            raise TypeError(f"checkpoint: {name_of(f)} returned {type(y).__name__}; it has to return one Tensor")
        if not y.requires_grad or y.order < started:
            return y
        # What f reached: everything differentiable, made before it began, that something made in it was computed from.
        reached: dict[Node, None] = {}
        for node in ancestors([y], differentiable=True):
            if node.order > started:
                reached.update(
                    (x, None) for x in node.inputs if x is not None and x.requires_grad and x.order < started
                )
        return record(_again(f, args, kwargs, y, list(reached)), tuple(reached), {})

    return wrapped


def _again(
    f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], y: Tensor, inputs: list[Node]
) -> Primitive:
    """A row made for one call: its value is known, its rule runs `f` and pulls the cotangent through it."""
    value = y.value
    latest: list[Any] = [None, {}]  # the cotangent of the sweep under way, and the shares not yet handed out

    def run_again(*_: Any) -> Any:
        return value

    def rule(i: int, g: Any, y: Any, *xs: Any) -> Any:
        if latest[0] is not g or i not in latest[1]:
            latest[:] = g, dict(enumerate(_shares(f, args, kwargs, value, inputs, g, xs)))
        return latest[1].pop(i)

    return Primitive(run_again, r"\mathrm{checkpoint}(#1)", (rule,), kind="general", name="checkpoint", variadic=True)


def _shares(
    f: Callable[..., Any],
    args: tuple[Any, ...],
    kwargs: dict[str, Any],
    value: Any,
    inputs: list[Node],
    g: Any,
    xs: Any,
) -> list[Any]:
    on_nodes = isinstance(g, Tensor)
    for x, seen in zip(inputs, xs, strict=True):
        if not on_nodes and x.current() is not seen:
            raise GraphError(f"checkpoint: an input of {name_of(f)} was changed before the backward sweep")
    with recording(True):
        y = f(*args, **kwargs)
    if not same_bits(np.asarray(y.value), np.asarray(value)):
        raise GraphError(
            f"checkpoint: {name_of(f)} gave another value when it ran again, so the gradient would be that of another "
            "function. Make it deterministic: create its random generator inside it, from a seed."
        )
    found = sweep({y: g}, on_nodes=on_nodes, within=descendants(inputs, ancestors([y], differentiable=True)))
    zeros = (np.zeros(x.value.shape, x.value.dtype) for x in inputs)
    return [found.get(x, leaf(z) if on_nodes else z) for x, z in zip(inputs, zeros, strict=True)]
