"""The text of a compiled program: straight-line NumPy, each result written into a buffer of its own.

What is printed here is what runs. `run` is called with the arguments; `bind` runs when a parameter or a buffer of the
network holds another array than before, and makes the views of it that `run` uses.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np

from tinygrad_lite.primitives.indexing import ARRAY
from tinygrad_lite.readings.compiling.buffers import takes_out
from tinygrad_lite.readings.compiling.calls import Call, Value
from tinygrad_lite.readings.compiling.loops import loop
from tinygrad_lite.readings.compiling.spelling import Speller, same_memory

SYMBOLS = {
    "add": "+", "subtract": "-", "multiply": "*", "divide": "/", "greater": ">", "less": "<", "greater_equal": ">=",
    "less_equal": "<=", "equal": "==", "not_equal": "!=", "bitwise_and": "&", "bitwise_or": "|",
}  # fmt: skip


class Printer(Speller):
    """Lines of text for the calls of a program."""

    # -- calls -------------------------------------------------------------------------------------------------

    def lines(self, call: Call) -> list[str]:
        """The call as text; a view of what stays in its place is made once, and is no line of `run`."""
        if call.kind == "assume":
            (question,) = call.args
            if call.name == "shape":
                return [f"if {self.of(question)}.shape != {call.kwargs['shape']}: return MISSED"]
            return [f"if {'not ' if call.kwargs['holds'] else ''}{self.of(question)}: return MISSED"]
        if call.kind == "block":
            return loop(self, call)
        text, is_statement = self.text(call)
        if is_statement:
            return [text]
        out = self.of(call.out)
        line = f"{out} = {text}"
        if call.kind == "view":
            source = self.root[call.out]
            if call.args[0] in self.still:
                self.still.add(call.out)
                self.once.append(line)
                return []
            if source in self.bound and call.args[0] in self.bound:
                self.bound.add(call.out)
                self.binding.append(line)
                return []
        return [line]

    def text(self, call: Call) -> tuple[str, bool]:
        """An expression, or (with True) a statement that writes the result into its buffer."""
        write: Callable[[Call], tuple[str, bool]] = getattr(self, f"_{call.kind}")
        return write(call)

    def out(self, call: Call) -> str | None:
        """The name of the buffer that the call writes into, if there is one."""
        return self.of(call.out) if call.out in self.kept and takes_out(call) else None

    def _elementwise(self, call: Call) -> tuple[str, bool]:
        out = self.out(call)
        if call.name == "astype":
            (x,) = call.args
            if call.out.dtype.kind == "u" and x.dtype.kind == "i" and x.dtype.itemsize == call.out.dtype.itemsize:
                return (
                    f"{self.of(x)}.view({self.space.bind(call.out.dtype.name, call.out.dtype)})",
                    False,
                )  # the same bits, read otherwise
            if out:
                return f"{out}[...] = {self.of(x)}", True
            return f"{self.of(x)}.astype({self.space.bind(call.out.dtype.name, call.out.dtype)})", False
        if call.name == "spread":
            (x,) = call.args
            if out:
                return f"{out}[...] = {self.of(x)}", True
            shape = f", {call.out.shape}" if call.kwargs else ""
            return f"{self.space.bind('spread', call.f)}({self.of(x)}{shape})", False
        if call.name == "add at labels":
            x, g, at = call.args[:3]
            if len(call.args) > 3 and out:  # places counted through the whole table
                copied = (
                    ""
                    if out and self.kept.get(x) is not None and same_memory(self.kept[x], self.kept[call.out])
                    else f"{out}[...] = {self.of(x)}; "
                )
                return f"{copied}{self.flat(call.out)}[{self.of(call.args[3])}] += {self.of(g)}", True
            rows = f"{self.space.bind('every', _every(call.out.shape[0]))}, {self.of(at)}"
            first = (
                ""
                if out and self.kept.get(x) is not None and same_memory(self.kept[x], self.kept[call.out])
                else (f"{out}[...] = {self.of(x)}; " if out else f"{self.of(call.out)} = {self.of(x)}.copy(); ")
            )
            return f"{first}{self.of(call.out)}[{rows}] += {self.of(g)}", True
        if call.out.scalar and call.name in SYMBOLS and len(call.args) == 2:
            a, b = (self.operand(x) for x in call.args)
            return f"{a} {SYMBOLS[call.name]} {b}", False
        arrays = [a for a in call.args if isinstance(a, Value)]
        like = None
        if (
            arrays
            and all(a.dtype == arrays[0].dtype for a in arrays)
            and arrays[0].dtype.kind == "f"
            and not call.out.scalar
        ):
            like = arrays[0]
        args = [self.operand(a, like) for a in call.args]
        f = self.space.bind(call.name, call.f)
        keywords = [f"{k}={self.keyword(v)}" for k, v in call.kwargs.items()]
        given = f"out={out}" if call.name in ("maximum", "minimum") else out  # those two take no third by position
        return f"{f}({', '.join([*args, *([given] if given else []), *keywords])})", bool(out)

    def _reduce(self, call: Call) -> tuple[str, bool]:
        f = self.reducer(call)
        axis, dtype, keepdims = (call.kwargs[k] for k in ("axis", "dtype", "keepdims"))
        x, out = self.of(call.args[0]), self.out(call)
        if not out and dtype is None and not keepdims:
            return f"{f}({x}, {self.keyword(axis)})", False
        return f"{f}({x}, {self.keyword(axis)}, {self.keyword(dtype)}, {out}, {keepdims})", bool(out)

    def reducer(self, call: Call) -> str:
        """A name for the reduce of a ufunc."""
        if call.name not in self.reducers:
            self.reducers[call.name] = self.space.bind(f"{call.name}_reduce", call.f.reduce)
        return self.reducers[call.name]

    def _product(self, call: Call) -> tuple[str, bool]:
        out = self.out(call)
        args = [*(self.operand(a) for a in call.args), *([out] if out else [])]
        a = call.args[0]
        if call.f is np.dot and isinstance(a, Value) and not a.scalar:  # the method is reached sooner than np.dot
            return f"{args[0]}.dot({', '.join(args[1:])})", bool(out)
        args += [f"{k}={self.keyword(v)}" for k, v in call.kwargs.items()]
        return f"{self.space.bind(call.name, call.f)}({', '.join(args)})", bool(out)

    def _view(self, call: Call) -> tuple[str, bool]:
        x = self.operand(call.args[0])
        if call.name == "transpose":
            axes = call.kwargs.get("axes")
            return (f"{x}.T" if axes is None else f"{x}.transpose({self.keyword(axes)})"), False
        if call.name == "part":
            start, shape = call.kwargs["start"], call.kwargs["shape"]
            return f"{x}[{start}:{start + call.out.size}].reshape({shape})", False
        if call.name == "reshape" and "shape" in call.kwargs:
            return f"{x}.reshape({self.keyword(call.kwargs['shape'])})", False
        return self._call(call)

    def _call(self, call: Call) -> tuple[str, bool]:
        if call.name == "entries":  # one of each row, by places counted through the whole table
            x, places = call.args
            return (
                f"{self.flat(x)}[{self.of(places)}]"
                if x in self.kept
                else f"{self.of(x)}.reshape(-1)[{self.of(places)}]"
            ), False
        if call.name == "largest":
            x = self.of(call.args[0])
            return f"{x}[{x}.argmax()]", False
        if call.name == "argmax of rows":
            return f"{self.of(call.args[0])}.argmax(1, keepdims=True)", False
        if call.name == "getitem":
            return f"{self.operand(call.args[0])}[{self.index(call.kwargs['index'], call.args[1:])}]", False
        if call.name == "unpick" and (out := self.out(call)):
            g, labels = call.args
            every = self.space.bind("every", _every(call.out.shape[0]))
            return f"{out}[...] = 0; {out}[{every}, {self.operand(labels)}] = {self.operand(g)}", True
        if call.name == "entry":
            (x,) = call.args
            return f"{self.of(x)}[{', '.join('0' * len(x.shape))}]", False
        if call.name == "all_finite":
            x, zeros = (self.of(a) for a in call.args)
            return f"{self.space.bind('vdot', np.vdot)}({x}, {zeros}) == 0", False
        if call.name == "item":
            return f"{self.operand(call.args[0])}[{call.args[1]}]", False
        f = self.space.bind(call.name.replace(".", "_"), call.f)
        args = [self.operand(a) for a in call.args]
        return f"{f}({', '.join([*args, *(f'{k}={self.keyword(v)}' for k, v in call.kwargs.items())])})", False

    def _draw(self, call: Call) -> tuple[str, bool]:
        f = self.space.bind(f"draw_{call.name}", call.f)
        args = [self.space.bind(a.__name__, a) if isinstance(a, type) else self.keyword(a) for a in call.args]
        return f"{f}({', '.join(args)})", False

    def index(self, template: tuple[Any, ...], arrays: tuple[Any, ...]) -> str:
        """An index as it is written."""
        rest, parts = iter(arrays), []
        for part in template:
            if isinstance(part, slice):
                ends = ["" if n is None else str(n) for n in (part.start, part.stop)]
                parts.append(":".join(ends) + ("" if part.step is None else f":{part.step}"))
            elif part is Ellipsis:
                parts.append("...")
            elif part is ARRAY:
                parts.append(self.operand(next(rest)))
            else:
                parts.append(str(part))
        return ", ".join(parts) + ("," if len(parts) == 1 and ":" in parts[0] else "") if parts else "()"


@cache
def _every(n: int) -> Any:
    return np.arange(n)
