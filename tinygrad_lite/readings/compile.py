"""`tl.compile`: the same function with Python's overhead gone, as straight-line NumPy that can be read."""

from __future__ import annotations

import functools
import threading
import types
from collections import OrderedDict
from collections.abc import Callable, Iterable
from time import perf_counter
from typing import Any, NoReturn

import numpy as np

from tinygrad_lite.context import RECORDING, Tracing, no_grad, tracing
from tinygrad_lite.graph import GraphError, same_bits
from tinygrad_lite.optim.optimizer import Optimizer
from tinygrad_lite.readings.compiling import passes, updates
from tinygrad_lite.readings.compiling.agreement import same
from tinygrad_lite.readings.compiling.calls import Program, count
from tinygrad_lite.readings.compiling.guards import Arguments, names_of
from tinygrad_lite.readings.compiling.recorded import on_graph, pulled
from tinygrad_lite.readings.compiling.running import MISS, MISSED, Executable
from tinygrad_lite.readings.compiling.symbols import TracingError
from tinygrad_lite.readings.compiling.threads import Threads
from tinygrad_lite.readings.compiling.tracing import Tracer, trace
from tinygrad_lite.readings.compiling.watching import Reach
from tinygrad_lite.tensor import Tensor, leaf
from tinygrad_lite.transforms.tracing import name_of

__all__ = ["PASSES", "Compiled", "TracingError", "compile"]
PASSES = passes.NAMES


class Compiled:
    """A function that is traced at its first call, and run as straight-line NumPy from then on; see `compile`.

    source  the text of the program that ran last: what is printed is what runs
    stats   what tracing and the passes came to, one dict for each program, the latest last
    """

    def __init__(
        self,
        f: Callable[..., Any],
        optimizer: Optimizer | None = None,
        without: frozenset[str] = frozenset(),
        limit: int = 8,
        threads: int = 1,
    ) -> None:
        functools.update_wrapper(self, f, updated=())
        self.f, self.optimizer, self.without, self.limit = f, optimizer, without, limit
        self._threads = Threads(threads)
        self._programs: OrderedDict[Any, list[Executable]] = OrderedDict()
        self._flats: dict[Any, updates.Flat] = {}  # shared by the programs: one for each batch size, say
        self._pull: tuple[Compiled, list[Any]] | None = None
        self._lock = threading.RLock()  # one call at a time; the same thread gets in twice, and is told off
        self._busy = False
        self._names = names_of(f)
        self._last: Executable | None = None
        self._run: Callable[..., Any] = _never
        self._arity = -1

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if kwargs or len(args) != self._arity or RECORDING.get().__class__ is Tracing or not self._lock.acquire(False):
            return self._slowly(args, kwargs)
        if self._busy:
            self._lock.release()
            self._refuse()
        self._busy = True
        try:
            result = self._run(*args)
        finally:
            self._busy = False
            self._lock.release()
        return self._slowly(args, kwargs) if result is MISS or result is MISSED else result

    @property
    def source(self) -> str:
        """The text of the program that ran last."""
        if self._last is None:
            raise RuntimeError(f"compile({name_of(self.f)}): nothing has been compiled yet; call it once")
        return self._last.source

    @property
    def stats(self) -> list[dict[str, Any]]:
        """What each program came to: seconds of tracing, what was folded, in words and in counts, bytes of buffers."""
        return [dict(one.figures) for several in self._programs.values() for one in several]

    def clear(self) -> None:
        """Forget all programs and their buffers."""
        with self._lock:
            self._programs.clear()
            self._flats.clear()
            self._last, self._run, self._arity = None, _never, -1

    def __reduce__(self) -> Any:
        """A copy, or one that is read from a file, is compiled anew at its first call."""
        return Compiled, (self.f, self.optimizer, self.without, self.limit, self._threads.number)

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        """A method, where it is found in a class."""
        return self if instance is None else types.MethodType(self, instance)

    def __repr__(self) -> str:
        return f"<compiled {name_of(self.f)}: {sum(map(len, self._programs.values()))} programs>"

    # -- everything but the quick way --------------------------------------------------------------------------

    def _slowly(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if (trace := tracing()) is not None:  # it is a part of another function that is being compiled
            if self.optimizer is not None:
                trace.refuse("it calls a compiled training step", "Compile one of the two")
            return self.f(*args, **kwargs)
        with self._lock:
            if self._busy:
                self._refuse()
            self._busy = True
            try:
                return self._find(Arguments(args, kwargs, self._names))
            finally:
                self._busy = False

    def _refuse(self) -> NoReturn:
        raise RuntimeError(f"compile({name_of(self.f)}): called again from inside itself, while its buffers are in use")

    def _find(self, arguments: Arguments) -> Any:
        key = (arguments.key, updates.structure(self.optimizer) if self.optimizer is not None else None)
        several = self._programs.pop(key, [])
        if several:
            self._programs[key] = several  # now the latest
        for one in several[::-1]:
            if one.changed() or not one.rebind():  # it may fit again, as that for training does after an evaluation
                continue
            one.renew()
            result = self._try(one, arguments)
            if result is not MISSED and result is not MISS:
                several.append(several.pop(several.index(one)))
                return result
        for _ in range(2):  # what is watched may change by chance: a tensor that had a hook is freed
            one = self._compiled(arguments)
            result = self._try(one, arguments)
            if result is not MISSED and result is not MISS:
                several.append(one)
                self._programs[key] = several
                self._forget()
                return result
        raise TracingError(
            f"compile({name_of(self.f)}): while it was traced it changed what it is computed from (a thing closed "
            "over, an attribute, an option). Pass what changes as an argument, and return what comes of it."
        )

    def _forget(self) -> None:
        """Drop the programs that have not been called for longest, down to as many as are kept."""
        while sum(map(len, self._programs.values())) > self.limit:
            oldest = next(iter(self._programs))
            if len(self._programs[oldest]) > 1:
                self._programs[oldest].pop(0)
            else:
                del self._programs[oldest]

    def _try(self, one: Executable, arguments: Arguments) -> Any:
        if one.arguments.simple:
            kinds = zip(arguments.arrays, arguments.kinds, arguments.wanted, strict=True)
            each = [leaf(a, requires_grad=wanted) if t else np.asarray(a) for a, t, wanted in kinds]
            given = [each[k] for k in arguments.twins]
        else:
            given = [np.asarray(a) for a in arguments.arrays]
        if one.graph and RECORDING.get():
            with no_grad():
                result = one.run(*given)
            return result if result is MISSED or result is MISS else self._recorded(one, arguments, result)
        result = one.run(*given)
        if result is not MISSED and result is not MISS:
            self._last = one
            self._run, self._arity = (one.run, len(given)) if one.arguments.simple else (_never, -1)
        return result

    def _recorded(self, one: Executable, arguments: Arguments, result: Any) -> Tensor:
        """The result as a node of the graph, where eager's would be on it."""
        name = name_of(self.f)
        program = one.program
        if not isinstance(result, Tensor) or program.writes or one.generators:
            raise GraphError(
                f"compile({name}): its results would be on a graph, because something that it reads requires a "
                "gradient; a compiled function leaves a graph only for a single Tensor computed without side effects "
                "or random numbers. Call it under tl.no_grad(); to train, compile the whole step, optimizer=...; to "
                "differentiate further, compile the derivative itself."
            )
        leaves = [node for node in program.leaves if node.requires_grad]
        if self._pull is None or [*map(id, self._pull[1])] != [*map(id, leaves)]:
            self._pull = Compiled(pulled(self.f, leaves), None, self.without, self.limit, self._threads.number), leaves
        pull = self._pull[0]
        inputs = [t for t in dict.fromkeys(arguments.tensors) if t.requires_grad]
        tensors = [(t, t.current()) for t in (*arguments.tensors, *program.leaves)]
        arrays = [(a, a.copy()) for a in one.live]
        args, kwargs = arguments.frozen()

        def cotangents(g: Any) -> list[Any]:
            same = all(t.current() is was for t, was in tensors) and all(same_bits(a, was) for a, was in arrays)
            if not same or one.altered():
                raise GraphError(
                    f"compile({name}): something that it is computed from was changed before the backward sweep, so "
                    "the gradient would be that of another function. Call it again, or go backward first."
                )
            with no_grad():
                found: list[Any] = pull(g, args, kwargs)
            return found

        return on_graph(name, result.value, [*inputs, *leaves], cotangents)

    def _compiled(self, arguments: Arguments) -> Executable:
        start = perf_counter()
        name, training = name_of(self.f), self.optimizer is not None
        reach = Reach()

        def once() -> tuple[Tracer, Program, Any]:
            given = [(np.asarray(a), wanted) for a, wanted in zip(arguments.arrays, arguments.wanted, strict=True)]
            return trace(self.f, name, arguments.fill, given, arguments.names, arguments.twins, training)

        try:
            tracer, program, form = once()
            reach.follow(self.f, *arguments.held, *tracer.modules.values())
            _, again, _ = once()  # it starts from what has just been looked at
        except TracingError:
            raise
        except Exception as error:
            arguments.call(self.f)  # if it fails without compilation too, that says more: it has the numbers
            raise TracingError(
                f"compile({name}): it runs, but not while it is traced, where arrays have no numbers: "
                f"{type(error).__name__}: {error}"
            ) from error
        if (why := same(program, again)) is not None:
            raise TracingError(
                f"compile({name}): run twice on the same arguments it did not do the same: {why}. It draws "
                "random numbers or counts its calls; pass what changes as an argument. (Dropout layers are drawn anew "
                "at each call.)"
            )
        if self.optimizer is not None:
            updates.keep_wanted(name, self.optimizer, program)
        figures: dict[str, Any] = {"traced": count(program.calls)}
        figures |= passes.run(program, self.without)
        live = {id(v.constant): v.constant for v in program.constants() if v.live}
        # those that are read anew too: NumPy may have computed others from them, or f have branched on one
        copies = [(a, a.copy()) for a in reach.arrays]
        title = f"{name}{' and a step of ' + type(self.optimizer).__name__ if self.optimizer is not None else ''}"
        figures["seconds"] = perf_counter() - start
        return Executable(
            program, form, tracer, arguments, reach, list(live.values()), copies, self.optimizer, self.without, title,
            figures, self._flats, self._threads,
        )  # fmt: skip


def compile(
    f: Callable[..., Any],
    *,
    optimizer: Optimizer | None = None,
    exact: bool = True,
    without: Iterable[str] = (),
    limit: int = 8,
    threads: int = 1,
) -> Compiled:
    """The same function as straight-line NumPy with buffers of its own; with `optimizer`, a whole training step.

    The first call for each form of the arguments (shapes, dtypes, structure; numbers and text by value) traces `f` with
    Tensors in place of arrays; later calls run the trace. With `optimizer`, `f` returns the loss, or a tuple that
    begins with it; each call moves the parameters as backward() and step() would, and leaves `.grad` alone; where
    something comes between the two, such as clipping, compile the gradient, and step by hand. What f reads besides is
    watched, branches on a tensor are checked at each call; what it does besides, such as printing, happens in the
    trace alone. Numbers are eager's to the last bit; with exact=False, and around a `tl.checkpoint` (run once here),
    sums may be added up in another order.
    `threads` share chains of elementwise operations on large arrays; `without`: passes to leave out (see `stats`).

    Raises: TracingError where a number leaves the graph (`float(t)`, `t.item()`, `np.asarray(t)`).

    >>> import numpy as np, tinygrad_lite as tl
    >>> fast = tl.compile(tl.value_and_grad(lambda x: np.sum(x**3)))
    >>> fast(np.array([1.0, 2.0]))
    (Tensor(9.), Tensor([ 3., 12.]))
    """
    if not callable(f):
        raise TypeError(f"compile takes a function or a module, not {type(f).__name__}")
    without = frozenset([without] if isinstance(without, str) else without).union(passes.INEXACT if exact else ())
    if without - frozenset(PASSES):
        raise ValueError(
            f"compile: there is no pass {', '.join(sorted(without - frozenset(PASSES)))}; there are {PASSES}"
        )
    if optimizer is not None and not isinstance(optimizer, Optimizer):
        raise TypeError(f"compile: optimizer is an Optimizer, such as optim.SGD(net.parameters()), not {optimizer!r}")
    if not isinstance(limit, int) or limit < 1:
        raise ValueError(f"compile: limit is how many programs are kept, 1 or more, not {limit!r}")
    if not isinstance(threads, int) or threads < 1:
        raise ValueError(f"compile: threads is how many threads share the work, 1 or more, not {threads!r}")
    return Compiled(f, optimizer, without, limit, threads)


def _never(*_: Any) -> Any:
    return MISS
