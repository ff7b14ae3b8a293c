"""How the text of a program spells values, numbers and keywords."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.readings.compiling.buffers import roots
from tinygrad_lite.readings.compiling.calls import Program, Value
from tinygrad_lite.readings.compiling.names import Namespace, parameters, stem
from tinygrad_lite.readings.compiling.threads import Threads


class Speller:
    """Names for all that the text of a program mentions.

    kept     {value: its buffer}
    threads  how many share the blocks of large arrays
    leaves   {value: name} of the tensors whose arrays stay the same object from call to call, until `bind`
    """

    def __init__(self, program: Program, kept: dict[Value, Any], threads: Threads) -> None:
        self.program = program
        self.kept = kept
        self.threads, self.share = threads.number, threads.share
        self.space = Namespace()
        self.names: dict[Value, str] = {}
        self.still: set[Value] = set()  # values whose array is the same object at every call
        self.once: list[str] = []  # views of buffers: made once
        self.binding: list[str] = []  # views of leaves: made when one of them gets another array
        self.bound: set[Value] = set()
        self.root = roots(program)
        self.reducers: dict[str, str] = {}
        self._numbers: dict[tuple[str, str], str] = {}
        self._flats: dict[Value, str] = {}
        self._parameters = parameters(program)
        self._views = {call.out: call for call in program.calls if call.kind == "view"}
        self._spreads = {call.out: call.args[0] for call in program.calls if call.name == "spread"}
        self._later = _written_over(program, kept)
        for call in program.calls:  # no value is called what a function is called
            for one in call.kwargs["members"] if call.kind == "block" else [call]:
                if isinstance(one.f, np.ufunc):
                    self.space.bind(one.f.__name__, one.f)
        for node, v in program.gradients.items():
            if v.by is None and node in program.leaves:
                v.by = program.leaves[node]

    def leaf(self, v: Value, *, moves: bool) -> str:
        """A name for a leaf's value; one that moves is read anew at each call."""
        self.names[v] = name = self.space.name(self._parameters.get(v, v.name))
        if not moves:
            self.bound.add(v)
        return name

    def argument(self, v: Value) -> str:
        """A name for an argument."""
        self.names[v] = name = self.space.name(v.name)
        return name

    def of(self, v: Value) -> str:
        """The name of a value."""
        if v not in self.names:
            if v.constant is not None:
                self.names[v] = self.constant(v)
            else:
                self.names[v] = self._named(v)
                if v in self.kept:
                    self.space.bound[self.names[v]] = self.kept[v]
                    self.still.add(v)
        return self.names[v]

    def _named(self, v: Value) -> str:
        final = self._later.get(v)
        if final is not None:  # a step on the way to it, in the same memory
            return self.of(final)
        if self.program.gradients and self.program.outputs and v is self.program.outputs[0]:
            return self.space.name("loss")
        if v.by is not None and (v.by in self.names or v.by in self._parameters or v.by.constant is None):
            return self.space.name(f"d{self.of(v.by)}")
        view = self._views.get(v)
        if view is not None and isinstance(view.args[0], Value):
            source = self.of(view.args[0])
            if view.name == "transpose":
                return self.space.name(f"{source}_T")
            whole = v.size == view.args[0].size or view.name == "part"
            return self.space.name(f"{source}_{'x'.join(map(str, v.shape)) if v.shape and whole else 'part'}")
        if v in self._spreads:
            return self.space.name(f"{self.of(self._spreads[v])}_rows")
        return self.space.value(v, stem(v))

    def constant(self, v: Value) -> str:
        """A constant: NumPy's scalars as 0-d arrays would be slower where no array is involved, so as they are."""
        self.still.add(v)
        array = v.constant
        if np.size(array) == 1 and not v.live:
            return self.space.bind(f"c_{_spelt(array)}", array)
        return self.space.bind(v.name or "c", array)

    def operand(self, a: Any, like: Value | None = None) -> str:
        """An operand as text; a number that meets an array of floats is a 0-d array of their kind, which is quicker."""
        if isinstance(a, Value):
            return self.of(a)
        if isinstance(a, (list, tuple)):
            inner = ", ".join(self.operand(x) for x in a)
            return f"[{inner}]" if isinstance(a, list) else f"({inner}{',' if len(a) == 1 else ''})"
        if like is not None and isinstance(a, (int, float)) and not isinstance(a, bool):
            number = np.array(a, like.dtype)
            key = number.dtype.str, number.tobytes().hex()
            if key not in self._numbers:
                self._numbers[key] = self.space.bind(
                    "zero" if a == 0 else "one" if a == 1 else f"c_{_spelt(a)}", number
                )
            return self._numbers[key]
        if a is None or isinstance(a, (bool, int, float, str)):
            text = repr(a)
            return text if text not in ("nan", "inf", "-inf") else f'float("{text}")'
        return self.space.bind("k", a)

    def keyword(self, a: Any) -> str:
        """A keyword's value as text."""
        if isinstance(a, np.dtype):
            return repr(a.name)
        if a is None or isinstance(a, (bool, int, float, str)):
            return self.operand(a)
        if isinstance(a, (tuple, list)) and all(x is None or isinstance(x, (bool, int)) for x in _flat(a)):
            return repr(a)
        return self.space.bind("k", a)

    def flat(self, v: Value) -> str:
        """The name of a buffer as one row; it is laid out as C does."""
        if v not in self._flats:
            self._flats[v] = self.space.name(f"{self.of(v)}_flat")
            self.space.bound[self._flats[v]] = self.kept[v].reshape(-1)
        return self._flats[v]


def same_memory(a: Any, b: Any) -> bool:
    """Whether two arrays are the same entries in the same order."""
    return bool(a.ctypes.data == b.ctypes.data and a.strides == b.strides and a.shape == b.shape)


def _flat(a: Any) -> list[Any]:
    return [x for part in a for x in (_flat(part) if isinstance(part, (tuple, list)) else [part])]


def _spelt(number: Any) -> str:
    """A number as a part of a name: 0.5 is 0_5, -1 is minus_1."""
    text = f"{np.asarray(number).item():.6g}" if np.size(number) == 1 else "array"
    return text.replace("-", "minus_").replace(".", "_").replace("+", "")


def _written_over(program: Program, kept: dict[Value, Any]) -> dict[Value, Value]:
    """For each step on the way to a result of an operation that is written over by it, that result."""
    found: dict[Value, Value] = {}
    for call in program.calls:
        if call.kind == "elementwise" and call.out.final and call.out in kept:
            for v in call.inputs():
                if v in kept and not v.final and v.by is None and same_memory(kept[v], kept[call.out]):
                    found[v] = call.out
    return found
