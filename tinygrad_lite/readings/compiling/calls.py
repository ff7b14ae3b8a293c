"""A traced program: NumPy calls in the order in which they ran, on values that never change."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np

Kind = Literal["elementwise", "reduce", "product", "view", "call", "draw", "assume", "block"]


class Value:
    """One value of a program: an argument, a leaf's value, a constant or what a call gave.

    shape, dtype  what is known of it
    scalar        whether NumPy gives a scalar for it, and not an array
    axes          its axes from the widest stride to the narrowest, as eager has it in memory
    gapped        whether BLAS cannot read it as it lies: backwards, spread out of one entry, with gaps in its rows
    constant      the array itself, for a constant
    name          for the printed program: what made it
    final         whether it is what an operation of the graph came to, and not a step on the way
    by            the value by which it is the derivative of the result
    """

    __slots__ = ("axes", "by", "constant", "dtype", "final", "gapped", "live", "name", "number", "scalar", "shape")

    def __init__(self, array: Any, number: int, constant: Any = None, name: str = "") -> None:
        self.shape: tuple[int, ...] = getattr(array, "shape", ())
        self.dtype: Any = array.dtype if hasattr(array, "dtype") else None
        self.scalar = not isinstance(array, np.ndarray)
        self.axes = order_of(array)
        self.gapped = has_gaps(array)
        self.constant = constant
        self.live = False  # a constant that someone else holds, and may write into
        self.number = number
        self.name = name
        self.final = False
        self.by: Value | None = None

    @property
    def size(self) -> int:
        """The number of entries."""
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        """The number of bytes."""
        return self.size * (self.dtype.itemsize if self.dtype is not None else 0)

    def __repr__(self) -> str:
        return f"<{self.name or self.number} {self.shape} {self.dtype}>"


def order_of(array: Any) -> tuple[int, ...]:
    """The axes of an array from the widest stride to the narrowest: (0, 1, ...) where it is laid out as C does."""
    if not isinstance(array, np.ndarray):
        return ()
    if array.ndim < 2 or array.flags.c_contiguous:
        return tuple(range(array.ndim))
    return tuple(sorted(range(array.ndim), key=lambda k: -abs(array.strides[k])))


def has_gaps(array: Any) -> bool:
    """Whether the entries of an array lie so that BLAS cannot read them as rows or as columns of a matrix."""
    if not isinstance(array, np.ndarray) or array.flags.forc:
        return False
    steps = sorted((step, n) for step, n in zip(array.strides, array.shape, strict=True) if n > 1)
    if any(step <= 0 for step, _ in steps):
        return True
    return len(steps) > 1 and (steps[0][0] != array.itemsize or steps[1][0] < steps[0][0] * steps[0][1])


@dataclass(eq=False)
class Call:
    """One call: `out = f(*args, **kwargs)`; args are Values, numbers, or lists of them.

    elementwise  a ufunc              product  dot, matmul: BLAS            draw    `f` draws from a generator
    reduce       a ufunc's reduce     view     its memory is that of args[0]
    call         anything else; with `opaque` it is the `run` of a row that looks at numbers itself
    block        a loop over `kwargs["members"]`, block by block, that gives `kwargs["outs"]`
    assume       no value: the truth of args[0] has to be `kwargs["holds"]`, or the program is another one
    """

    kind: Kind
    f: Any
    args: tuple[Any, ...]
    kwargs: dict[str, Any]
    out: Value
    name: str = ""

    def inputs(self) -> Iterator[Value]:
        """The values among the arguments."""
        return values_in(self.args)

    def outs(self) -> list[Value]:
        """The values that it gives."""
        return self.kwargs["outs"] if self.kind == "block" else [self.out]


def fresh(program: Program) -> Iterator[int]:
    """Numbers that no value of the program has."""
    return itertools.count(max((v.number for call in program.calls for v in call.outs()), default=0) + 1)


def value_like(number: int, shape: tuple[int, ...], dtype: Any, name: str) -> Value:
    """A value that a new call is to make, laid out as C does."""
    v = Value(np.empty(0, dtype), number, name=name)
    v.shape, v.axes = shape, tuple(range(len(shape)))
    return v


@dataclass
class Program:
    """Calls, what they start from and what they end in.

    arguments  one Value for each array argument
    leaves     the tensors reached otherwise (parameters, buffers), each with the Value of its value
    outputs    the values that are returned, in the order in which `form` wants them
    writes     buffers that get a new value at the end of each call
    gradients  of the loss by the parameters of an optimiser
    tables     arrays that no call makes as a whole: these values lie in them, side by side
    """

    calls: list[Call]
    arguments: list[Value]
    leaves: dict[Any, Value]
    outputs: list[Value] = field(default_factory=list)
    writes: dict[Any, Value] = field(default_factory=dict)
    gradients: dict[Any, Value] = field(default_factory=dict)
    tables: dict[Value, list[Value]] = field(default_factory=dict)

    def constants(self) -> Iterator[Value]:
        """The constants that the calls compute with or that are returned, some more than once."""
        used = (v for call in self.calls for v in call.inputs())
        return (v for v in itertools.chain(used, self.ends()) if v.constant is not None)

    def ends(self) -> list[Value]:
        """All values that have to be there when the calls are done."""
        return [*self.outputs, *self.writes.values(), *self.gradients.values()]


def values_in(args: Any) -> Iterator[Value]:
    """The values in nested tuples and lists."""
    for a in args:
        if isinstance(a, Value):
            yield a
        elif isinstance(a, (tuple, list)):
            yield from values_in(a)


def mapped(f: Callable[[Any], Any], args: Any) -> Any:
    """Nested tuples and lists with `f` applied to what is in them."""
    if isinstance(args, (tuple, list)):
        return type(args)(mapped(f, a) for a in args) if not hasattr(args, "_fields") else args
    return f(args)


def substituted(program: Program, new: dict[Value, Value]) -> None:
    """Put other values in the place of some, everywhere but where they are made."""
    if not new:
        return

    def final(a: Any) -> Any:
        while isinstance(a, Value) and a in new:
            a = new[a]
        return a

    for call in program.calls:
        call.args = mapped(final, call.args)
    program.outputs = [final(v) for v in program.outputs]
    program.writes = {k: final(v) for k, v in program.writes.items()}
    program.gradients = {k: final(v) for k, v in program.gradients.items()}


def users(program: Program) -> dict[Value, list[Call]]:
    """Who uses each value."""
    found: dict[Value, list[Call]] = {}
    for call in program.calls:
        for v in call.inputs():
            found.setdefault(v, []).append(call)
    return found


def count(calls: Iterable[Call]) -> int:
    """The calls that do work; a view does none."""
    return sum(
        count(call.kwargs["members"]) if call.kind == "block" else call.kind not in ("view", "assume") for call in calls
    )
