"""What ran: a loss and how it came about, and what the user calls its parts."""

from __future__ import annotations

import contextlib
import inspect
import sys
import types
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import GraphError, Node, ancestors, describe
from tinygrad_lite.hooks import HOOKS
from tinygrad_lite.readings.program import Program, backward
from tinygrad_lite.readings.simplify import nodes_of
from tinygrad_lite.tensor import Tensor, leaf


@dataclass
class Run:
    """One run of a program, forward and backward.

    given   names: the user's, and those of a function's parameters
    inputs  the leaves that stood for a function's arguments, in order
    title   what the program is called
    again   runs it on other arguments of a function; None for a loss that is there already
    """

    program: Program
    given: dict[str, Any]
    inputs: list[Node] = field(default_factory=list)
    title: str = ""
    again: Callable[[list[Any]], Program] | None = None

    @property
    def seen_with_other_data(self) -> bool:
        """Whether it can be run on data that it has not: then what goes by the data can be found out."""
        return self.again is not None and bool(self.inputs)


def run_of(target: Any, inputs: tuple[Any, ...], names: Mapping[str, Any] | None) -> Run:
    """The run of a loss that is there, or of a function on inputs.

    Raises: TypeError for anything else; GraphError and ValueError where there is no backward pass to write down.
    """
    given = dict(names or {})
    if isinstance(target, Tensor):
        if inputs:
            raise TypeError("source: a Tensor is written down as it is; inputs are for a function: source(f, x)")
        run = Run(backward(target, constants=True), given)
    elif callable(target):
        run = _called(target, inputs, given)
    else:
        raise TypeError(
            f"source: {type(target).__name__} is no program. Give a loss (a Tensor with one entry), or a function and "
            "the inputs to call it on: source(f, x, y)."
        )
    require_finite(run.program)
    require_no_hooks(run.program)
    return run


def _called(f: Callable[..., Any], inputs: tuple[Any, ...], given: dict[str, Any]) -> Run:
    called = getattr(f, "__name__", type(f).__name__)
    if not inputs and _wants_inputs(f):
        raise TypeError(f"source: give {called} inputs to be called on: source({called}, x, y)")
    arrays = [x.current() if isinstance(x, Tensor) else np.asarray(x) for x in inputs]
    for k, a in enumerate(arrays):
        if a.dtype.kind not in "biuf":
            raise TypeError(
                f"source: input {k + 1} of {called} is of type {type(inputs[k]).__name__}. Inputs are numbers, arrays "
                f"or Tensors: put other things into the function, source(lambda x: {called}(x, ...), x)."
            )
    differentiable = [isinstance(x, Tensor) and x.requires_grad for x in inputs]

    def call(values: list[Any], wanted: list[bool]) -> tuple[Any, list[Node]]:
        leaves = [leaf(np.array(a)[()], requires_grad=w) for a, w in zip(values, wanted, strict=True)]
        for x, old in zip(leaves, inputs, strict=True):
            x.name = old.name if isinstance(old, Tensor) else None
        with recording(EVERYTHING):
            try:
                return f(*leaves), list(leaves)
            except (TypeError, ValueError, IndexError):
                if all(a.dtype.kind == "f" for a in values):
                    raise
                plain = [a if a.dtype.kind != "f" else x for a, x in zip(values, leaves, strict=True)]
                return f(*plain), list(leaves)  # whole numbers that a Tensor does not stand in for

    with locals_of(f) as own:
        loss, leaves = call(arrays, differentiable)
    if isinstance(loss, Tensor) and not _wanted(loss, leaves) and any(a.dtype.kind == "f" for a in arrays):
        differentiable = [a.dtype.kind == "f" for a in arrays]  # a function of its arguments alone
        with locals_of(f) as own:
            loss, leaves = call(arrays, differentiable)
    if not isinstance(loss, Tensor):
        raise TypeError(
            f"source: {called} returned {type(loss).__name__}, not a Tensor: there is no graph to write down. It has "
            "to return the loss, computed by operations on Tensors."
        )
    names: dict[str, Any] = {}
    for name, x, a in zip(_parameters(f, len(inputs)), leaves, arrays, strict=True):
        names[name] = x if a.dtype.kind == "f" or x in _leaves(loss) else a
    names.update({name: x for name, x in given.items() if name not in names})
    taken = set(map(id, names.values()))
    names.update({k: x for k, x in own.items() if isinstance(x, Tensor) and k not in names and id(x) not in taken})

    def again(values: list[Any]) -> Program:
        with _unchanged(loss):
            return _backward(*call(values, differentiable))

    return Run(_backward(loss, leaves), names, leaves, called if called.isidentifier() else "", again)


@contextlib.contextmanager
def locals_of(f: Callable[..., Any]) -> Iterator[dict[str, Any]]:
    """The names inside a function, as they stand when it returns: a person would keep them."""
    code, found = getattr(getattr(f, "__func__", f), "__code__", None), dict[str, Any]()

    def look(frame: types.FrameType, event: str, arg: Any) -> None:
        if event == "return" and frame.f_code is code:
            found.clear()  # of the outermost call, the last to return
            found.update(frame.f_locals)

    before = sys.getprofile()
    sys.setprofile(look)
    try:
        yield found
    finally:
        sys.setprofile(before)


@contextlib.contextmanager
def _unchanged(loss: Tensor) -> Iterator[None]:
    """What the modules of a program keep from call to call, running means and generators, is left as it was found."""
    roots = {}
    for node in ancestors([loss]):
        scope = node.scope
        while scope is not None and scope.parent is not None:
            scope = scope.parent
        if scope is not None:
            roots[id(scope.module)] = scope.module
    buffers = [(x, x.data) for root in roots.values() for x in root.buffers()]
    kept = [value for root in roots.values() for module in root.modules() for value in vars(module).values()]
    generators = [(g.bit_generator, g.bit_generator.state) for g in kept if isinstance(g, np.random.Generator)]
    try:
        yield
    finally:
        for x, data in buffers:
            x.data = data
        for generator, state in generators:
            generator.state = state


def _backward(loss: Tensor, inputs: list[Node]) -> Program:
    """The backward pass to the parameters."""
    return backward(loss, _wanted(loss, inputs) or None, constants=True)


def _wanted(loss: Tensor, inputs: list[Node]) -> list[Node]:
    """The parameters of a loss: a gradient inside the program made leaves of its own for its arguments."""
    leaves = [x for x in ancestors([loss]) if x.op is None and x.requires_grad]
    return [x for x in leaves if not any(x is not i and x.value is i.value for i in inputs)]


def _leaves(loss: Node) -> set[Node]:
    return {node for node in ancestors([loss]) if node.op is None}


def _wants_inputs(f: Callable[..., Any]) -> bool:
    try:
        inspect.signature(f).bind()
    except TypeError:
        return True
    except ValueError:
        return False
    return False


def _parameters(f: Callable[..., Any], n: int) -> list[str]:
    """What a function calls its first `n` arguments."""
    try:
        parameters = inspect.signature(getattr(f, "forward", f)).parameters.values()
    except (TypeError, ValueError):
        parameters = inspect.signature(lambda: None).parameters.values()
    named = [p.name for p in parameters if p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    return named[:n] + [f"x{i + 1}" for i in range(len(named), n)]


def require_finite(program: Program) -> None:
    """Refuse a run that came to nan or infinity, and say where that began."""
    ends = [program.loss, *(program.cotangents[x] for x in program.parameters)]
    if all(np.isfinite(node.value).all() for node in ends):
        return
    first = next(node for node in nodes_of(program) if _odd(node) and not any(map(_odd, _inputs(node))))
    place = "the backward pass, in " if first not in set(program.forward) else ""
    sizes = ", ".join(str(np.shape(a)) for a in first.args)
    raise ValueError(
        f"source: the run is not finite: {place}{describe(first)}{f' of {sizes}' if sizes else ''} is the first value "
        "with nan or infinity in it, and so would be what is printed. Give it values with which the loss is finite."
    )


def _odd(node: Node) -> bool:
    value = np.asarray(node.value)
    return value.dtype.kind == "f" and not np.isfinite(value).all()


def _inputs(node: Node) -> Iterable[Node]:
    return (x for x in node.inputs if x is not None)


def require_no_hooks(program: Program) -> None:
    """Refuse hooks: what they do to a cotangent is no operation of the program."""
    for node in program.forward:
        if node.order in HOOKS:
            raise GraphError(
                f"source: a hook on {describe(node)} may change its cotangent, by a function that is not on the graph. "
                "Take the hook away (handle.remove()) and run again."
            )
