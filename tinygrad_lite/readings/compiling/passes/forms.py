"""The same numbers by a cheaper call."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.compiling.buffers import takes_out
from tinygrad_lite.readings.compiling.calls import Call, Program, Value, users

FLOATS = "efd"


def masks(program: Program) -> None:
    """Where h = max(z, 0), ask h > 0 and not z > 0: z is then needed no more, and h can be written over it."""
    rectified = {
        call.args[0]: call.out
        for call in program.calls
        if call.kind == "elementwise" and call.name == "maximum" and len(call.args) == 2 and _zero(call.args[1])
        and isinstance(call.args[0], Value) and call.args[0].shape == call.out.shape
    }  # fmt: skip
    for call in program.calls:
        if call.kind == "elementwise" and call.name == "greater" and _zero(call.args[1]) and call.args[0] in rectified:
            call.args = (rectified[call.args[0]], call.args[1])


def labels(program: Program) -> None:
    """A table that is zero but at each row's label, added to another: add at the labels alone."""
    spread = {call.out: call for call in program.calls if call.name == "unpick"}
    used = users(program)
    ends = set(program.ends())
    for call in program.calls:
        if call.kind != "elementwise" or call.name != "add" or len(call.args) != 2:
            continue
        for table, other in (call.args, call.args[::-1]):
            alone = table in spread and len(used[table]) == 1 and table not in ends
            if alone and isinstance(other, Value) and other.constant is None and _alike(other, call.out):
                g, at = spread[table].args
                call.name, call.f, call.args = "add at labels", _add_at, (other, g, at)
                break


def _alike(a: Value, b: Value) -> bool:
    return (a.shape, a.dtype) == (b.shape, b.dtype)


def _add_at(x: Any, g: Any, at: Any) -> Any:
    y = x.copy()
    y[np.arange(len(at)), at] += g
    return y


def places(program: Program) -> None:
    """One entry of each row: counted through the whole table, where the labels are known to be within range.

    They are where the program assumes it: a negative label read so would be an entry of the row before.
    """
    made = {call.out: call for call in program.calls}
    calls: list[Call] = []
    within: dict[Value, int] = {}
    counted: dict[tuple[Value, int], Value] = {}
    number = max((call.out.number for call in program.calls), default=0)

    def place(labels: Value, rows: int, classes: int) -> Value | None:
        nonlocal number
        if within.get(labels, classes + 1) > classes or labels.dtype != np.int64 or labels.shape != (rows,):
            return None
        if (labels, classes) not in counted:
            offsets = np.arange(rows) * classes
            number += 2
            start, out = Value(offsets, number - 1, offsets, "c"), Value(offsets, number, name="place")
            calls.append(Call("elementwise", np.add, (start, labels), {}, out, "add"))
            counted[labels, classes] = out
        return counted[labels, classes]

    for call in program.calls:
        if call.kind == "assume" and call.kwargs["holds"]:
            found = _label_check(call.args[0], made)
            if found:
                within[found[0]] = min(found[1], within.get(found[0], found[1]))
        at: Value | None = None
        if _entry_of_each_row(call):
            x, _, labels = call.args
            if (at := place(labels, *x.shape)) is not None:
                call.name, call.args, call.kwargs, call.f = "entries", (x, at), {}, _entries
        elif call.name == "add at labels" and call.out.axes == (0, 1) and takes_out(call):
            at = place(call.args[2], *call.out.shape)
            call.args = call.args if at is None else (*call.args, at)
        calls.append(call)
    program.calls = calls


def _entry_of_each_row(call: Call) -> bool:
    """Whether the call is x[arange(n), labels] of a matrix that lies in memory row by row."""
    if call.name != "getitem" or call.kwargs["index"] != (ARRAY, ARRAY):
        return False
    x, rows, _ = call.args
    c_order = len(x.shape) == 2 and x.axes == (0, 1) and x.constant is None
    return c_order and not rows.live and np.array_equal(rows.constant, np.arange(x.shape[0]))


def _label_check(question: Any, made: dict[Value, Call]) -> tuple[Value, int] | None:
    """(labels, n) if the question is whether all labels, as unsigned numbers, are below n."""
    less = made.get(question)
    if less is None or less.name != "less" or not isinstance(less.args[1], int):
        return None
    largest = made.get(less.args[0])
    if largest is None or largest.name != "maximum" or largest.kind != "reduce":
        return None
    cast = made.get(largest.args[0])
    if cast is None or cast.name != "astype" or cast.out.dtype != np.uint64:
        return None
    return cast.args[0], less.args[1]


def _entries(x: Any, at: Any) -> Any:
    return x.reshape(-1)[at]


def finite(program: Program) -> None:
    """Whether all of some numbers are finite: their product with zeros is 0 then, and nan otherwise."""
    made = {call.out: call for call in program.calls}
    used = users(program)
    for call in program.calls:
        if (
            call.kind != "reduce"
            or call.name != "logical_and"
            or call.kwargs["axis"] is not None
            or not call.out.scalar
        ):
            continue
        test = made.get(call.args[0])
        if test is None or test.name != "isfinite" or any(user.kind != "assume" for user in used.get(call.out, [])):
            continue
        (x,) = test.args
        if (
            isinstance(x, Value)
            and x.dtype is not None
            and x.dtype.char in "fd"
            and x.size
            and x.axes == tuple(range(len(x.shape)))
        ):
            zeros = np.zeros(x.shape, x.dtype)
            call.kind, call.name, call.f, call.kwargs = "call", "all_finite", _all_finite, {}
            call.args = (x, Value(zeros, -1, zeros, "zeros"))


def _all_finite(x: Any, zeros: Any) -> Any:
    return np.vdot(x, zeros) == 0


def sums(program: Program) -> None:
    """The sums of a matrix's columns or rows as its product with ones: BLAS adds in another order, and sooner."""
    for call in program.calls:
        if call.kind != "reduce" or call.name != "add" or call.out.scalar or call.kwargs["dtype"] is not None:
            continue
        (x,) = call.args
        if len(x.shape) != 2 or x.dtype != call.out.dtype or x.dtype.char not in "fd" or x.axes != (0, 1) or not x.size:
            continue
        axis, keepdims = call.kwargs["axis"], call.kwargs["keepdims"]
        if axis in (0, (0,)):
            ones = np.ones((1, x.shape[0]) if keepdims else x.shape[0], x.dtype)
            call.args = (Value(ones, -1, ones, "ones"), x)
        elif axis in (1, -1, (1,), (-1,)):
            ones = np.ones((x.shape[1], 1) if keepdims else x.shape[1], x.dtype)
            call.args = (x, Value(ones, -1, ones, "ones"))
        else:
            continue
        call.kind, call.name, call.f, call.kwargs = "product", "dot", np.dot, {}


def singles(program: Program) -> None:
    """The sum over an axis of size 1 is its one entry, a view; and <x, x> of one number is its square."""
    calls: list[Call] = []
    number = max((call.out.number for call in program.calls), default=0)
    for call in program.calls:
        x: Any = call.args[0] if call.args else None
        if call.kind == "reduce" and call.name in ("add", "maximum", "minimum") and not call.out.scalar:
            if (
                x.size == call.out.size
                and x.dtype == call.out.dtype
                and x.axes == tuple(range(len(x.shape)))
                and x.size
            ):
                call.kind, call.name, call.f = "view", "reshape", _reshape
                call.kwargs = {"shape": call.out.shape}
        elif call.f is np.vdot and x is call.args[1] and x.size == 1 and x.shape and x.dtype.char in "fd":
            number += 1
            entry = Value(x.dtype.type(0), number, name="entry")
            calls.append(Call("call", _entry, (x,), {}, entry, "entry"))
            call.kind, call.name, call.f, call.args = "elementwise", "multiply", np.multiply, (entry, entry)
        calls.append(call)
    program.calls = calls


def _entry(x: Any) -> Any:
    return x[(0,) * x.ndim]


def _reshape(x: Any, shape: Any) -> Any:
    return x.reshape(shape)


def casts(program: Program) -> None:
    """A mask of yes and no becomes one of 1 and 0 before it is multiplied by: NumPy converts faster beforehand."""
    calls: list[Call] = []
    made: dict[tuple[Value, Any], Value] = {}
    number = max((call.out.number for call in program.calls), default=0)
    for call in program.calls:
        if (
            call.kind == "elementwise"
            and call.name == "multiply"
            and call.out.dtype.char in "fd"
            and not call.out.scalar
        ):
            for i, a in enumerate(call.args):
                if isinstance(a, Value) and a.dtype == np.bool_ and not a.scalar and a.constant is None:
                    if (a, call.out.dtype) not in made:
                        number += 1
                        out = Value(np.empty(0, call.out.dtype), number, name="mask")
                        out.shape, out.axes = a.shape, a.axes
                        made[a, call.out.dtype] = out
                        calls.append(Call("elementwise", _astype, (a,), {"dtype": call.out.dtype}, out, "astype"))
                    call.args = (*call.args[:i], made[a, call.out.dtype], *call.args[i + 1 :])
        calls.append(call)
    program.calls = calls


def _astype(x: Any, dtype: Any) -> Any:
    return x.astype(dtype)


def _zero(a: Any) -> bool:
    if isinstance(a, Value):
        return a.constant is not None and not a.live and np.size(a.constant) == 1 and bool(np.all(a.constant == 0))
    return isinstance(a, (int, float)) and not isinstance(a, bool) and a == 0
