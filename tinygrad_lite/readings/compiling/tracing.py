"""Tracing: a function runs once as it always does, on values that write down the NumPy calls made on them.

The engine's own backward sweep runs on them too, and so does everything else between the arguments and the result:
what comes out is the straight line of NumPy calls that eager makes, in eager's order.
"""

from __future__ import annotations

import copy
import linecache
import sys
from collections.abc import Callable
from typing import Any, NoReturn

import numpy as np

from tinygrad_lite.context import RECORDING, SCOPE, Tracing
from tinygrad_lite.graph import Node, next_order, sweep
from tinygrad_lite.primitive import Primitive
from tinygrad_lite.readings.compiling.calls import Call, Kind, Program, Value, mapped
from tinygrad_lite.readings.compiling.operators import with_operators
from tinygrad_lite.readings.compiling.outcomes import answering, copying, follows, leaks, shares
from tinygrad_lite.readings.compiling.results import form_of
from tinygrad_lite.readings.compiling.symbols import Symbol, TracingError
from tinygrad_lite.readings.labels import literal
from tinygrad_lite.tensor import Tensor, leaf

ELSEWHERE = "Compute it outside the compiled function and pass it as an argument"


class Tracer:
    """One run of a function, written down.

    calls     what NumPy was asked to do, in order
    leaves    {tensor: symbol} of the tensors that were reached otherwise than through the arguments
    written   {tensor: symbol}: buffers that got a new value
    modules   the outermost modules that were called
    """

    def __init__(self, name: str) -> None:
        self.name = name
        self.calls: list[Call] = []
        self.arguments: list[Value] = []
        self.leaves: dict[Node, Symbol] = {}
        self.written: dict[Node, Symbol] = {}
        self.modules: dict[int, Any] = {}
        self.constants: dict[int, Value] = {}
        self.generators: dict[int, tuple[Any, Any]] = {}
        self.start = next_order()
        self.done = False
        self.refused: TracingError | None = None  # it is raised even if the function that is compiled went on
        self._rows: list[str] = []
        self._numbers = 0
        self._errors = np.geterr()

    # -- values ------------------------------------------------------------------------------------------------

    def _value(self, array: Any, constant: Any = None, name: str = "") -> Value:
        self._numbers += 1
        return Value(array, self._numbers, constant, name)

    def argument(self, array: Any, name: str) -> Symbol:
        """A symbol for an argument."""
        value = self._value(array, name=name)
        self.arguments.append(value)
        return Symbol(self, value, array)

    def value_of(self, node: Node) -> Any:
        """What the engine is to compute with in the place of a tensor's value."""
        if node in self.written:
            return self.written[node].alive(self)
        if isinstance(node.value, Symbol):
            return node.value.alive(self)
        if node.order > self.start:  # made in here, from numbers alone
            return node.known()
        if node not in self.leaves:
            array = node.known()
            self.leaves[node] = Symbol(self, self._value(array, name=node.name or "leaf"), array)
        return self.leaves[node]

    def write(self, node: Node, value: Any) -> None:
        """A leaf's `data` is set: an effect that each call of the compiled program has to have."""
        if node.order > self.start:
            self.refuse("a tensor made inside the compiled function had its data set", "Compute a new tensor instead")
        old = self.value_of(node)
        if not isinstance(value, Symbol):
            value = self.emit("call", _constantly, (old, np.asarray(value)), {}, "constant")
        if value.shape != old.shape or value.dtype != old.dtype:
            self.refuse("a tensor's data was set to another shape or dtype", "Keep both")
        self.written[node] = value

    def refuse(self, what: str, instead: str) -> NoReturn:
        """Say what cannot be compiled, and what to do."""
        self.refused = TracingError(f"compile({self.name}): {_where()}{what}. {instead}.")
        raise self.refused

    # -- what happens ------------------------------------------------------------------------------------------

    def row(self, op: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """An operation: as the NumPy calls that it consists of or, where it looks at numbers itself, as one call."""
        mark, refused = len(self.calls), self.refused
        self._rows.append(op.name)
        try:
            found = op.run(*args, **kwargs)
        except Exception:  # whatever it is: if the operation is wrong the next line raises what eager would
            del self.calls[mark:]
            self.refused = refused
            found = self.emit("call", op.run, args, kwargs, op.name)
        finally:
            self._rows.pop()
        if not self._rows and isinstance(found, Symbol) and found.traced.by is None and len(self.calls) > mark:
            found.traced.name, found.traced.final = op.name, True
        return found

    def pull(self, op: Primitive, i: int, g: Any, y: Any, xs: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """A rule: as the NumPy calls that it consists of or, where it looks at numbers itself, as one call."""
        mark, refused = len(self.calls), self.refused
        try:
            found = op.pull(i, g, y, xs, kwargs)
        except TracingError:
            if any(isinstance(a, Node) for a in (g, y, *xs)):
                raise
            del self.calls[mark:]
            self.refused = refused

            def pull(g: Any, y: Any, *xs: Any) -> Any:
                return op.pull(i, g, y, xs, kwargs)

            found = self.emit("call", pull, (g, y, *xs), {}, f"pull_{op.name}")
        if isinstance(found, Symbol) and isinstance(xs[i], Symbol) and len(self.calls) > mark:
            found.traced.by = xs[i].traced
        return found

    def emit(self, kind: Kind, f: Any, args: Any, kwargs: dict[str, Any], name: str) -> Any:
        """Run `f` on the numbers of this run, and write down that it ran."""
        if self._rows and np.geterr() != self._errors:
            raise TracingError("an operation that ignores floating-point errors is kept in one piece")
        if any(isinstance(a, Symbol) for a in kwargs.values()):
            raise TracingError(f"{name}: an array as a keyword")
        array = (f.reduce if kind == "reduce" else f)(*mapped(_number, args), **kwargs)
        if isinstance(array, bool):  # a question, as np.allclose is
            return self.assume(self.emit(kind, answering(f), args, kwargs, name))
        if leaks(array, args, kind):  # nobody could say how long that operand is needed: take a copy
            return self.emit(kind, copying(f), args, kwargs, name)
        scope = SCOPE.get()
        if scope is not None:
            outer = scope
            while outer.parent is not None:
                outer = outer.parent
            self.modules.setdefault(id(outer.module), outer.module)
        known = mapped(self._operand, tuple(args))
        if not isinstance(array, (np.ndarray, np.generic, tuple, list)):
            self.refuse(f"np.{name} gives {type(array).__name__}, which a program cannot go on with", ELSEWHERE)
        if not isinstance(array, (tuple, list)) and array.dtype.char not in "efd?bBhHiIlLqQpP":
            self.refuse(f"np.{name} gives {array.dtype}, which no tensor can be", ELSEWHERE)
        out = self._value(array, name=name)
        if (
            name == "add"
            and len(known) == 2
            and all(isinstance(a, Value) for a in known)
            and known[0].by is known[1].by
        ):
            out.by = known[0].by  # contributions of several paths, added up
        memory = None
        first = args[0] if len(args) else None
        if kind in ("view", "call") and isinstance(first, Symbol) and shares(array, first.array):
            kind, memory = "view", first._memory
        if kind == "view" and memory is None:
            kind = "call"  # a reshape that had to copy
        self.calls.append(Call(kind, f, known, kwargs, out, name))
        if kind == "call" and isinstance(array, np.ndarray) and not follows(f, args, kwargs):
            self.calls.append(
                Call("assume", bool, (out,), {"holds": True, "shape": array.shape}, self._value(np.True_), "shape")
            )
        if isinstance(array, (tuple, list)):
            parts = [self.emit("call", _item, (Symbol(self, out, array), k), {}, "item") for k in range(len(array))]
            return type(array)(*parts) if hasattr(array, "_fields") else type(array)(parts)
        return Symbol(self, out, array, memory)

    def reduce(
        self, ufunc: Any, x: Any, axis: Any = 0, dtype: Any = None, out: Any = None, keepdims: Any = False
    ) -> Any:
        """A ufunc's reduce."""
        if out is not None:
            raise TracingError("a reduction with out= writes into an array")
        how = {"axis": axis, "dtype": dtype, "keepdims": bool(keepdims) if isinstance(keepdims, (bool, int)) else False}
        return self.emit("reduce", ufunc, (x,), how, ufunc.__name__)

    def assume(self, question: Symbol) -> bool:
        """The answer to a question of yes or no in this run; each later run has to give the same."""
        if question.size != 1:
            self.refuse(f"the truth of {question.size} values is ambiguous", "Use np.any or np.all")
        holds = bool(question.array)
        self.calls.append(
            Call("assume", bool, (self._operand(question),), {"holds": holds}, self._value(np.True_), "assume")
        )
        return holds

    def draw(self, rng: Any, method: str, args: tuple[Any, ...]) -> Symbol:
        """Random numbers: here from a copy of the generator, in each later run from the generator itself."""
        if id(rng) not in self.generators:
            self.generators[id(rng)] = rng, copy.deepcopy(rng)
        array = getattr(self.generators[id(rng)][1], method)(*args)
        out = self._value(array, name="draw")
        self.calls.append(Call("draw", getattr(rng, method), args, {}, out, method))
        return Symbol(self, out, array)

    def _operand(self, a: Any) -> Any:
        if isinstance(a, Symbol):
            return a.alive(self).traced
        if isinstance(a, np.ndarray):
            if id(a) not in self.constants:
                self.constants[id(a)] = self._value(a, constant=a, name="c")
            return self.constants[id(a)]
        if isinstance(a, np.generic):
            return self._value(a, constant=a, name="c")
        return a

    def result(self, array: Any) -> Value:
        """The Value of a result."""
        known = self._operand(array)
        return known if isinstance(known, Value) else self._value(np.asarray(known), constant=np.asarray(known))


def _number(a: Any) -> Any:
    return a.array if isinstance(a, Symbol) else a


def _where() -> str:
    """The line of the user's code that is running, for an error to begin with."""
    frame = sys._getframe(2)
    while frame is not None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in ("tinygrad_lite", "numpy"):
            line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).strip()
            return f"at `{literal(line, 80)}`, " if line else ""
        frame = frame.f_back  # type: ignore[assignment]  # the stub has no None at the outermost frame
    return ""


with_operators(Symbol)


def _item(parts: Any, k: int) -> Any:
    return parts[k]


def _constantly(old: Any, new: Any) -> Any:
    return new


def trace(
    f: Callable[..., Any], name: str, fill: Callable[[list[Any]], tuple[tuple[Any, ...], dict[str, Any]]],
    leaves: list[Any], names: list[str], twins: list[int], training: bool,
) -> tuple[Tracer, Program, Any]:  # fmt: skip
    """Run `f` on symbols for the array arguments; the program, and the result with a Value in each array's place.

    leaves    the array arguments, (array, whether a gradient by it is wanted)
    fill      puts what stands for them where they belong
    twins     for each the number of the first that is the same object
    training  follow the result, which is a loss, back to the leaves that require a gradient
    """
    tracer = Tracer(name)
    given: list[Any] = []
    with_mode = Tracing(tracer)
    token = RECORDING.set(with_mode)
    try:
        for (array, requires_grad), called in zip(leaves, names, strict=True):
            given.append(leaf(tracer.argument(array, called), requires_grad=requires_grad))
        given = [given[k] for k in twins]
        args, kwargs = fill(given)
        result = f(*args, **kwargs)
        gradients: dict[Any, Any] = {}
        if training:
            loss = result[0] if isinstance(result, tuple) else result
            if not isinstance(loss, Tensor) or loss.size != 1:
                tracer.refuse(f"a training step needs a loss of one number, not {_said(loss)}", "Return the loss first")
            if not loss.requires_grad:
                tracer.refuse("the loss depends on nothing that requires a gradient", "Compute it from the parameters")
            seed: Any = loss._seed(None)
            gradients = dict(sweep({loss: seed}))
        if tracer.refused is not None:
            raise tracer.refused
        values: list[Value] = []
        form = form_of(result, tracer, values)
        program = Program(
            tracer.calls, tracer.arguments, {node: s.traced for node, s in tracer.leaves.items()}, values,
            {node: tracer.result(s) for node, s in tracer.written.items()},
            {node: tracer.result(g) for node, g in gradients.items()},
        )  # fmt: skip
    finally:
        tracer.done = True
        # what these hold would live until the next garbage collection
        tracer.leaves, tracer.written, tracer.constants = {}, {}, {}
        RECORDING.reset(token)
    return tracer, program, form


def _said(result: Any) -> str:
    return f"a tensor of shape {result.shape}" if isinstance(result, Tensor) else type(result).__name__
