"""What stands for an array while a program is traced: it knows shape and dtype, and writes down what is done with it.

Whatever would need the numbers themselves raises: that is what keeps a trace from being right for one input only. The
one exception is a question of yes or no: `bool(symbol)` is answered, and the answer written down as an assumption that
the compiled program checks at every call.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.primitive import Primitive, Symbolic

if TYPE_CHECKING:
    from tinygrad_lite.readings.compiling.calls import Value
    from tinygrad_lite.readings.compiling.tracing import Tracer


class TracingError(RuntimeError):
    """A function cannot be compiled as it is; the message says what it did and what to do instead."""


# NumPy functions whose answer depends on shapes and dtypes alone.
STATIC = frozenset({np.shape, np.ndim, np.size, np.result_type, np.can_cast, np.iscomplexobj, np.isrealobj})
FILLED = frozenset({np.zeros_like, np.ones_like, np.empty_like})
VIEWS = frozenset(
    {np.expand_dims, np.squeeze, np.swapaxes, np.transpose, np.reshape, np.moveaxis, np.broadcast_to, np.diagonal}
)
PRODUCTS = frozenset({np.dot, np.matmul, np.vdot})
WRITERS = frozenset({np.copyto, np.put, np.place, np.putmask, np.fill_diagonal, np.put_along_axis})
# An array's methods that are a NumPy function of the same name.
METHODS = frozenset(
    {"all", "any", "argmax", "argmin", "argsort", "clip", "cumprod", "cumsum", "diagonal", "dot", "mean", "nonzero",
     "prod", "repeat", "round", "searchsorted", "std", "swapaxes", "take", "trace", "var"}
)  # fmt: skip


class Symbol(Symbolic):
    """An array that is not there yet. `array` is what it was in the run that is being traced."""

    __slots__ = ("_memory", "_version", "array", "traced", "tracer")

    def __init__(self, tracer: Tracer, value: Value, array: Any, memory: list[int] | None = None) -> None:
        self.tracer = tracer
        self.traced = value
        self.array = array
        # how often the memory that this is a part of was written into: symbols of older versions are void
        self._memory = [0] if memory is None else memory
        self._version = self._memory[0]

    # -- what is known -----------------------------------------------------------------------------------------

    @property
    def shape(self) -> Any:
        return self.array.shape

    @property
    def dtype(self) -> Any:
        return self.array.dtype

    @property
    def ndim(self) -> int:
        return int(self.array.ndim)

    @property
    def size(self) -> int:
        return int(self.array.size)

    @property
    def itemsize(self) -> int:
        return int(self.array.itemsize)

    @property
    def nbytes(self) -> int:
        return int(self.array.nbytes)

    base = None  # nobody else writes into what a call gave

    def __len__(self) -> int:
        return len(self.array)

    __hash__ = object.__hash__

    def alive(self, tracer: Tracer) -> Symbol:
        """This symbol, if it is one of the trace under way and its memory has not been written into since."""
        if self.tracer is not tracer or tracer.done:
            raise TracingError(
                "a value from the inside of a compiled function was kept and used outside it, where it has no numbers. "
                "Return it from the function instead."
            )
        if self._version != self._memory[0]:
            raise TracingError("an array was written into while another name for its memory is still in use")
        return self

    # -- what is recorded --------------------------------------------------------------------------------------

    def record(self, op: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        tensor: Any = next((a for a in args if isinstance(a, Node)), None)
        return self.tracer.row(op, args, kwargs) if tensor is None else tensor.record(op, args, kwargs)

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if any(isinstance(x, Node) for x in inputs):
            return NotImplemented
        if kwargs.get("out") is not None or "where" in kwargs or method in ("at", "reduceat", "accumulate"):
            if method == "accumulate" and kwargs.get("out") is None:
                return self.tracer.emit("call", ufunc.accumulate, inputs, kwargs, f"{ufunc.__name__}.accumulate")
            raise TracingError(f"np.{ufunc.__name__} with out= or where= writes into an array")
        if method == "outer":
            return self.tracer.emit("call", ufunc.outer, inputs, kwargs, f"{ufunc.__name__}.outer")
        if method == "reduce":
            return self.tracer.reduce(ufunc, *inputs, **kwargs)
        kind: Any = "product" if ufunc is np.matmul else "elementwise" if ufunc.signature is None else "call"
        if ufunc.nout > 1:
            kind = "call"
        return self.tracer.emit(kind, ufunc, inputs, kwargs, ufunc.__name__)

    def __array_function__(self, f: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if any(issubclass(t, Node) for t in types):
            return NotImplemented
        if f in STATIC:
            return f(*_plain(args), **kwargs)
        if f in FILLED:
            return f(*_plain(args), **kwargs)
        if f in WRITERS or kwargs.get("out") is not None:
            raise TracingError(f"np.{f.__name__} writes into an array")
        if f is np.sum:
            return _sum(*args, **kwargs)
        if f in (np.max, np.min, np.amax, np.amin):
            return _extreme(np.maximum if f in (np.max, np.amax) else np.minimum, *args, **kwargs)
        if f is np.transpose and isinstance(args[0], Symbol):
            return args[0].transpose(*[_axes(a) for a in (*args[1:], *kwargs.values())])
        if f is np.reshape and isinstance(args[0], Symbol) and len(args) + len(kwargs) == 2:
            return args[0].reshape(_axes((*args[1:], *kwargs.values())[0]))
        if f is np.copy:
            return args[0].copy("K")
        kind: Any = "product" if f in PRODUCTS else "view" if f in VIEWS else "call"
        return self.tracer.emit(kind, f, args, kwargs, f.__name__)

    def __getitem__(self, index: Any) -> Any:
        from tinygrad_lite.primitives.indexing import getitem
        from tinygrad_lite.writing import index_template

        template, arrays = index_template(index)
        return self.tracer.emit(
            "call" if arrays else "view", getitem.run, (self, *arrays), {"index": template}, "getitem"
        )

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    @property
    def T(self) -> Any:
        return self.transpose()

    def transpose(self, *axes: Any) -> Any:
        """np.transpose."""
        if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)):
            axes = axes[0] if axes[0] is not None else ()
        return self.tracer.emit("view", np.transpose, (self,), {"axes": tuple(axes) or None}, "transpose")

    def reshape(self, *shape: Any) -> Any:
        """np.reshape."""
        if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
            shape = tuple(shape[0])
        return self.tracer.emit("view", _reshape, (self,), {"shape": shape}, "reshape")

    def ravel(self) -> Any:
        """np.ravel."""
        return self.reshape(-1)

    flatten = ravel

    def squeeze(self, axis: Any = None) -> Any:
        """np.squeeze."""
        return self.tracer.emit("view", np.squeeze, (self,), {"axis": axis}, "squeeze")

    def copy(self, order: str = "C") -> Any:
        """Itself, for what a call gave is never written into; but where a copy lies otherwise, sums come out so too."""
        flags = self.array.flags
        if flags.c_contiguous or (flags.f_contiguous and order == "K"):
            return Symbol(self.tracer, self.traced, self.array)
        return self.tracer.emit("call", np.copy, (self,), {"order": order}, "copy")

    def astype(self, dtype: Any, copy: bool = True) -> Any:
        """np.astype."""
        if np.dtype(dtype) == self.dtype:
            return self.copy("K")
        return self.tracer.emit("elementwise", _astype, (self,), {"dtype": np.dtype(dtype)}, "astype")

    def sum(self, axis: Any = None, keepdims: bool = False) -> Any:
        """np.sum."""
        return _sum(self, axis, keepdims=keepdims)

    def max(self, axis: Any = None, keepdims: bool = False) -> Any:
        """np.max."""
        return _extreme(np.maximum, self, axis, keepdims=keepdims)

    def min(self, axis: Any = None, keepdims: bool = False) -> Any:
        """np.min."""
        return _extreme(np.minimum, self, axis, keepdims=keepdims)

    def __getattr__(self, name: str) -> Any:
        if name in METHODS:
            function = getattr(np, name)
            return lambda *args, **kwargs: function(self, *args, **kwargs)
        if name.startswith("__"):
            raise AttributeError(name)
        raise TracingError(f"an array's .{name} is not there inside a compiled function")

    # -- what would need the numbers ---------------------------------------------------------------------------

    def __bool__(self) -> bool:
        return self.tracer.assume(self)

    def _refuse(self, how: str) -> NoReturn:
        self.tracer.refuse(
            f"{how} of a value of shape {self.shape} needs its numbers, and those change from call to call",
            "Compute with arrays to the end (np.where chooses, np.sum counts, tl.tensor(table)[t] looks up), return "
            "the value and convert it outside, or leave this function uncompiled",
        )

    def __float__(self) -> float:
        self._refuse("float(...)")

    def __int__(self) -> int:
        self._refuse("int(...)")

    def __index__(self) -> int:
        self._refuse("an index or a range")

    def item(self, *_: Any) -> Any:
        """Refused."""
        self._refuse("float(), int() or .item()")

    def tolist(self) -> Any:
        """Refused."""
        self._refuse(".tolist()")

    def tobytes(self) -> Any:
        """Refused."""
        self._refuse(".tobytes()")

    def __array__(self, *_: Any, **__: Any) -> Any:
        self._refuse("a plain NumPy array")

    def __repr__(self) -> str:
        return f"<traced {self.shape} {self.dtype}>"

    def __setitem__(self, index: Any, value: Any) -> None:
        self.tracer.refuse("a traced array was written into", "Make a new one: t.at[index].set(value), or np.where")


def _axes(a: Any) -> Any:
    return None if a is None else tuple(int(n) for n in a) if np.ndim(a) else int(a)


def _plain(args: Any) -> Any:
    if isinstance(args, Symbol):
        return args.array
    return type(args)(_plain(a) for a in args) if isinstance(args, (tuple, list)) else args


def _sum(x: Any, axis: Any = None, dtype: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return x.tracer.reduce(np.add, x, axis, dtype, out, keepdims)


def _extreme(ufunc: Any, x: Any, axis: Any = None, out: Any = None, keepdims: Any = False) -> Any:
    return x.tracer.reduce(ufunc, x, axis, None, out, keepdims)


def _reshape(x: Any, shape: Any) -> Any:
    return x.reshape(shape)


def _astype(x: Any, dtype: Any) -> Any:
    return x.astype(dtype)
