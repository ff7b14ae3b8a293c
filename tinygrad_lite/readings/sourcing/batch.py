"""The batch size: which numbers of a program it is, found by running the program at another one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tinygrad_lite.context import EVERYTHING, recording
from tinygrad_lite.graph import Node
from tinygrad_lite.primitives.indexing import ARRAY, getitem, scatter_add
from tinygrad_lite.readings.program import Program, backward
from tinygrad_lite.readings.rewriting.numbers import Quotient, Size
from tinygrad_lite.readings.simplify import nodes_of
from tinygrad_lite.readings.sourcing.trace import Run
from tinygrad_lite.tensor import Tensor, leaf


class Fixed(Exception):
    """The program runs at one batch size only."""


@dataclass
class Batch:
    """A batch size N and what depends on it.

    n, other  the size of the run, and that of the run it was compared with
    program   the second run
    inputs    {input of the first run: the same of the second}
    numbers   {(node, position or keyword): the number or the shape there, with N in it}
    shapes    {node: its shape, with N in it}
    further   runs of a function at sizes further off: the size, the program, its inputs
    axis      where the data has N: first (0), or last (-1), where examples are columns
    """

    n: int
    other: int
    program: Program
    inputs: dict[Node, Any]
    numbers: dict[tuple[Node, int | str], Any] = field(default_factory=dict)
    shapes: dict[Node, tuple[Any, ...]] = field(default_factory=dict)
    further: list[tuple[int, Program, dict[Node, Any]]] = field(default_factory=list)
    axis: int = 0

    def shape_of(self, a: Any) -> tuple[Any, ...]:
        """The shape of an array of which nothing more is known."""
        shape = np.shape(a)
        return _with(shape, self.axis, "N") if goes_by(shape, self.n, self.axis) else shape


def batch_of(run: Run, data: list[Node], arrays: Mapping[tuple[Node, int], Any]) -> Batch | None:
    """The batch size of a run and all that depends on it; None if the program has none or works at this one only.

    data    the leaves that are data, not parameters
    arrays  the arrays among the operands: {(node, position): array}
    """
    shapes = [np.shape(x.value) for x in data] + [np.shape(a) for a in arrays.values()]
    tables = [shape for shape in shapes if len(shape) > 1]
    for axis in (0, -1) if all(len(shape) == 2 for shape in tables) and tables else (0,):
        n = next((shape[axis] for shape in tables or shapes if shape), 0)
        if n < 2:
            continue
        try:
            batch = _compared(run.program, _at(run, n, n + 1, data, arrays, axis), n, n + 1)
            batch.axis = axis
            if run.again is not None:
                batch.further = list(_further(run, n, axis))
        except Exception:  # Fixed, or whatever the user's function raises at a size that it was not made for
            continue
        return batch
    return None


def _further(run: Run, n: int, axis: int) -> Iterator[tuple[int, Program, dict[Node, Any]]]:
    """A function that goes by N may do so here and there only: x[: len(x) // 2] has 2 rows of 4 and of 5."""
    for other in {2 * n + 1, max(n // 2, 2)} - {n, n + 1}:
        try:
            program = _at(run, n, other, [], {}, axis)
        except Exception:  # a size that the function refuses
            continue
        try:
            yield other, program, _inputs(_paired(run.program, program))
        except Fixed:
            if other > n:  # all the data is there: it branched by the size. With less data it may have by that
                raise


def resized(a: Any, n: int, other: int, axis: int) -> Any:
    """An array with `other` rows (or columns: see `Batch.axis`), its own over again, if it has `n`."""
    a = np.asarray(a)
    return a.take(np.arange(other) % n, axis) if goes_by(a.shape, n, axis) else a[()]


def goes_by(shape: tuple[int, ...], n: int, axis: int) -> bool:
    return bool(shape) and shape[axis] == n and (axis == 0 or len(shape) <= 2)


def _with(shape: tuple[Any, ...], axis: int, size: Any) -> tuple[Any, ...]:
    return (size, *shape[1:]) if axis == 0 else (*shape[:-1], size)


def _at(run: Run, n: int, other: int, data: list[Node], arrays: Mapping[tuple[Node, int], Any], axis: int) -> Program:
    """The program at another size."""
    with np.errstate(all="ignore"):
        if run.again is not None:
            return run.again([resized(x.value, n, other, axis) for x in run.inputs])
        return _replayed(run.program, n, other, data, arrays, axis)


def _compared(program: Program, theirs: Program, n: int, other: int) -> Batch:
    """Two runs of a program, at sizes `n` and `other`: what goes by the size."""
    batch = Batch(n, other, theirs, {})
    same = _paired(program, theirs)
    for node, twin in same.items():
        for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True)):
            if x is None and not np.ndim(a):
                batch.numbers[node, i] = _number(a, twin.args[i], n, other)
        for key, value in node.kwargs.items():
            batch.numbers[node, key] = _number(value, twin.kwargs[key], n, other)
        sizes = zip(np.shape(node.value), np.shape(twin.value), strict=True)
        batch.shapes[node] = tuple(_number(a, b, n, other) for a, b in sizes)
    batch.inputs = _inputs(same)
    return batch


def _paired(program: Program, theirs: Program) -> dict[Node, Node]:
    """Each node of a run, and the same of another. Raises: Fixed if they are not of the same operations."""
    mine, its = ([node for node in nodes_of(p) if node.op is not None] for p in (program, theirs))
    if [node.op for node in mine] != [node.op for node in its]:
        raise Fixed
    same: dict[Node, Node] = {program.seed: theirs.seed}
    for node, twin in zip(mine, its, strict=True):
        same[node] = twin
        for x, y in zip(node.inputs, twin.inputs, strict=True):
            if (x is None) is not (y is None) or (x is not None and y is not None and same.setdefault(x, y) is not y):
                raise Fixed
    return same


def _inputs(same: Mapping[Node, Node]) -> dict[Node, Any]:
    return {x: y.value for x, y in same.items() if x.op is None}


def _replayed(
    program: Program, n: int, other: int, data: list[Node], arrays: Mapping[tuple[Node, int], Any], axis: int
) -> Program:
    """The same operations on resized data, as a program of its own."""
    new: dict[Node, Any] = {}
    resizable = set(data)
    for node in program.forward:
        if node.op is None:
            new[node] = leaf(resized(node.value, n, other, axis)) if node in resizable else node
            continue
        args = tuple(
            new[x] if x is not None else _resized(node, i, n, other, axis) if (node, i) in arrays else a
            for i, (x, a) in enumerate(zip(node.inputs, node.args, strict=True))
        )
        with recording(EVERYTHING):
            try:
                new[node] = Tensor.record(node.op, args, node.kwargs)
            except ValueError:
                kwargs = {key: _scaled(value, n, other) for key, value in node.kwargs.items()}
                new[node] = Tensor.record(node.op, args, kwargs)
    return backward(new[program.loss], constants=True)


def _resized(node: Node, i: int, n: int, other: int, axis: int) -> Any:
    a = node.args[i]
    return np.arange(other) if len(a) == n and counts_rows(node, i, ()) else resized(a, n, other, axis)


def counts_rows(node: Node, i: int, known: Sequence[Any]) -> bool:
    """Whether an operand is the 0 1 2 ... of z[0 1 2 ..., labels]: it goes by the rows of z, not by the data."""
    if i != 1 or node.op not in (getitem, scatter_add) or node.kwargs["index"] != (ARRAY, ARRAY):
        return False
    rows, labels = node.args[1:]
    height = (np.shape(node.args[0]) if node.op is getitem else node.kwargs["shape"])[0]
    if rows.ndim != 1 or not np.array_equal(rows, np.arange(height)):
        return False
    return np.array_equal(rows, labels) or not any(np.array_equal(rows, a) for a in known)


def _scaled(value: Any, n: int, other: int) -> Any:
    if isinstance(value, tuple) and value and isinstance(value[0], int) and value[0] > 0 and value[0] % n == 0:
        return (value[0] // n * other, *value[1:])
    return value


def _number(a: Any, b: Any, n: int, other: int) -> Any:
    """A number, or numbers in a tuple or slice, that is `a` at batch size `n` and `b` at `other`: in terms of N."""
    if isinstance(a, (tuple, list)) and isinstance(b, (tuple, list)) and len(a) == len(b):
        return type(a)(_number(x, y, n, other) for x, y in zip(a, b, strict=True))
    if isinstance(a, slice) and isinstance(b, slice):
        return slice(*(_number(getattr(a, k), getattr(b, k), n, other) for k in ("start", "stop", "step")))
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        if np.array_equal(a, b):
            return a
        raise Fixed
    if type(a) is type(b) and (a == b or (a != a and b != b)):
        return a
    if isinstance(a, int) and isinstance(b, int):
        for there, here, text in ((n, other, "N"), (n * n, other * other, "N * N")):
            if a % there == 0 and b % here == 0 and a // there == b // here:
                return Size(a, text if a == there else f"{a // there} * {text}")
        if a - n == b - other:
            return Size(a, f"N {'-' if a < n else '+'} {abs(a - n)}")
    if isinstance(a, float) and isinstance(b, float):
        for below, here, text in ((n, other, "N"), (n * n, other * other, "N * N")):
            above = round(a * below, 12)
            if above / below == a and above / here == b:
                return Quotient(float(a), above, Size(below, text))
    raise Fixed
