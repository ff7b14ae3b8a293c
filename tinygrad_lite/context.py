"""Where the program is: whether operations are being recorded, and inside which module's call.

Both are context variables, so that each thread and each asyncio task has its own.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from contextvars import ContextVar
from types import TracebackType
from typing import Any, TypeVar

F = TypeVar("F", bound=Callable[..., Any])

# Whether what requires a gradient is recorded. With EVERYTHING, what requires none is recorded as well (comparisons
# of comparisons, arithmetic on data): a reading that has to say or run the whole program again asks for that. There
# `no_grad` means VALUES: still recorded, but nothing requires a gradient.
EVERYTHING, VALUES = "everything", "values"
RECORDING: ContextVar[bool | str | Tracing] = ContextVar("recording", default=True)
OUTER: ContextVar[tuple[Any, ...]] = ContextVar("outer", default=())  # (what it was outside, what was outside that)
SCOPE: ContextVar[Scope | None] = ContextVar("scope", default=None)


class Tracing:
    """The mode in which a reading runs a program to learn its operations: they are recorded as without it.

    trace  what the values met on the way are asked of; see readings/compiling
    on     whether what requires a gradient is recorded on the graph, as with True and False
    """

    __slots__ = ("on", "trace")

    def __init__(self, trace: Any, on: bool = True) -> None:
        self.trace = trace
        self.on = on

    def __bool__(self) -> bool:
        return self.on


def tracing() -> Any:
    """The trace under way, or None."""
    mode = RECORDING.get()
    return mode.trace if mode.__class__ is Tracing else None


def drawn(rng: Any, method: str, *args: Any) -> Any:
    """Random numbers from a generator, `rng.method(*args)`; where a program is traced, one of its operations."""
    trace = tracing()
    return getattr(rng, method)(*args) if trace is None else trace.draw(rng, method, args)


class Scope(tuple[Any, Any]):
    """One call of a module, as (module, parent scope): what a tensor remembers of where it was made.

    The same module called twice gives two scopes, told apart by `is`, so that a reader of the graph can tell the
    two uses apart.
    """

    __slots__ = ()  # a tuple, because one is made at each call of each module: it costs a third of an object

    @property
    def module(self) -> Any:
        """The module that was called."""
        return self[0]

    @property
    def parent(self) -> Scope | None:
        """The call that this one was made in."""
        parent: Scope | None = self[1]
        return parent

    __hash__ = object.__hash__

    def __eq__(self, other: object) -> bool:
        return self is other

    def __ne__(self, other: object) -> bool:  # the tuple's own would compare module and parent
        return self is not other

    @property
    def path(self) -> str:
        """The dotted name, such as `net.0`: the outermost module's name, then attribute names."""
        names = []
        scope: Scope | None = self
        while scope is not None:
            parent = scope.parent
            names.append(parent.module.name_of(scope.module) if parent else scope.module.root_name)
            scope = parent
        return ".".join(reversed(names))

    def __repr__(self) -> str:
        return f"{self.path} ({self.module.summary()})"


class recording:
    """Switch recording on or off, or to EVERYTHING, as a context manager or as a decorator.

    `no_grad` is `recording(False)`.

    It holds no state, so that threads and tasks may share one.
    """

    def __init__(self, on: bool | str) -> None:
        self.on = on

    def __enter__(self) -> None:
        was = RECORDING.get()
        OUTER.set((was, OUTER.get()))
        if was.__class__ is Tracing:
            RECORDING.set(Tracing(was.trace, bool(self.on)))
            return
        whole = was.__class__ is str and self.on.__class__ is bool
        RECORDING.set((EVERYTHING if self.on else VALUES) if whole else self.on)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        was, outer = OUTER.get()
        RECORDING.set(was)
        OUTER.set(outer)

    def __call__(self, f: F) -> F:
        if inspect.isgeneratorfunction(f) or inspect.isasyncgenfunction(f):
            raise TypeError(
                f"no_grad cannot decorate the generator {f.__name__}: its caller runs between the yields. "
                "Use `with no_grad():` around the steps that are meant."
            )
        if inspect.iscoroutinefunction(f):

            @functools.wraps(f)
            async def wrapped(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await f(*args, **kwargs)
        else:

            @functools.wraps(f)
            def wrapped(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return f(*args, **kwargs)

        return wrapped  # type: ignore[return-value]  # wraps() keeps the signature; the checker cannot see it


def no_grad(f: F | None = None) -> Any:
    """Compute without recording a graph: inside, no result requires a gradient.

    Works as `with no_grad():`, `@no_grad()` and `@no_grad`, coroutines included; each thread and asyncio task
    has a setting of its own.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0, 2.0], requires_grad=True)
    >>> with tl.no_grad():
    ...     (w * 2).requires_grad
    False
    """
    return recording(False) if f is None else recording(False)(f)
