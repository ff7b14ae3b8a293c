"""What all transformations begin with: the graph of f, from nodes of its own for the arguments asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any

import numpy as np

from tinygrad_lite.context import RECORDING, recording
from tinygrad_lite.graph import Node, ancestors, descendants, describe, sweep
from tinygrad_lite.intake import require_float
from tinygrad_lite.primitives.arithmetic import identity
from tinygrad_lite.tensor import Tensor, as_tensor, leaf, record
from tinygrad_lite.transforms.trees import leaves, map_leaves

COUNTING = Lock()  # of those who ask a trace for gradients at the same time


def name_of(f: Callable[..., Any]) -> str:
    """The name of a function in an error message."""
    return str(getattr(f, "__name__", None) or getattr(f, "name", None) or type(f).__name__)


def function(f: Any, asked: str) -> Any:
    """`f`, if it is a function. Raises: TypeError for anything else, such as the tensor that PyTorch's grad takes."""
    if callable(f):
        return f
    what = type(f).__name__
    if isinstance(f, Tensor):
        what = f"{describe(f)}: for the gradients of a tensor call its backward() and read .grad"
    raise TypeError(f"{asked} takes a function and gives a function, tl.{asked}(f)(x); it got {what}.")


class Trace:
    """One run of f, recorded.

    y       its value
    inputs  the nodes that stood for the leaves of the arguments asked for, in order
    outer   whether the derivative is to be part of a graph itself: someone records around us, and y depends on
            something besides the inputs
    """

    def __init__(self, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], wanted: Iterable[int]):
        self.arguments = list(args)
        mode = RECORDING.get()
        for i in wanted:
            if not -len(args) <= i < len(args):
                raise ValueError(f"{name_of(f)} was called with {len(args)} arguments; there is no argument {i}")
            if self.arguments[i] is args[i]:  # not asked for before: (0, 0) is twice the same gradient
                self.arguments[i] = map_leaves(lambda a, i=i: _input(a, i, f), args[i])  # type: ignore[misc]
        self.inputs: list[Tensor] = [x for i in wanted for x in leaves(self.arguments[i])]
        with recording(True):
            y = f(*self.arguments, **kwargs)
        if isinstance(y, (tuple, list, dict)):
            raise TypeError(
                f"{name_of(f)} returned a {type(y).__name__} of {len(y)}; a derivative is that of one Tensor. Return "
                "one of them, or join them: np.stack, np.concatenate."
            )
        if not isinstance(y, Tensor):
            raise TypeError(
                f"{name_of(f)} returned {type(y).__name__}, not a Tensor: its result does not depend on its "
                "arguments through operations on Tensors, so there is nothing to differentiate."
            )
        self.y = y
        self.order = ancestors([y], differentiable=True)
        own = set(self.inputs)
        others = any(node.op is None and node not in own for node in self.order)
        self.outer = mode.__class__ is str or (bool(mode) and others)  # where everything is recorded, so is this
        self.path: set[Node] = descendants(self.inputs, self.order)
        self.askers = 0
        self._require(False)

    def _require(self, wanted: bool) -> None:
        for x in self.inputs:
            if x.op is None:
                x.requires_grad = wanted

    @contextmanager
    def asking(self) -> Iterator[None]:
        """While the derivative is computed, the leaves made for f require a gradient again.

        Otherwise they do so only while f runs. An outer transformation comes upon them where f reached its argument
        too: it cannot ask for their gradient, and would take its own result for a part of a graph that goes on, as in
        grad(lambda q: grad(f, 1)(q, 2.0)). Threads may ask at the same time: the last of them to leave ends it.
        """
        with COUNTING:
            self.askers += 1
            self._require(True)
        try:
            yield
        finally:
            with COUNTING:
                self.askers -= 1
                self._require(self.askers > 0)

    def value(self) -> Tensor:
        """y, on its graph if somebody may differentiate it by something else."""
        return self.y if self.outer else self.y.detach()

    def pull(self, g: Any, on_nodes: bool) -> list[Tensor]:
        """The cotangent of each input from the cotangent `g` of y."""
        if self.y not in self.path:
            return [leaf(np.zeros(x.shape, x.dtype)) for x in self.inputs]
        with self.asking():
            found = sweep({self.y: g}, on_nodes=on_nodes, within=self.path)
        return [as_leaf(found[x]) if x in found else leaf(np.zeros(x.shape, x.dtype)) for x in self.inputs]


def as_leaf(a: Any) -> Tensor:
    """The result of a sweep as a Tensor."""
    return a if isinstance(a, Tensor) else leaf(a)


def _input(a: Any, i: int, f: Callable[..., Any]) -> Tensor:
    """A node of its own for an argument: f may reach the original through a closure too, as something else."""
    t = as_tensor(a)
    require_float(t.value, f"argument {i} of {name_of(f)}")
    with recording(True):
        t = record(identity, (t,), {}) if t.requires_grad else leaf(t.current(), requires_grad=True)
    t.name = a.name if isinstance(a, Tensor) else None
    return t
