"""Tensor: an array that remembers how it was computed.

Operators, methods and NumPy's own functions all end in `record`: run the row on arrays, and, where something
requires a gradient, keep a node of what ran on what.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.context import EVERYTHING, RECORDING, SCOPE, VALUES, Tracing, tracing
from tinygrad_lite.graph import GraphError, describe, freeze, next_order, sweep
from tinygrad_lite.hooks import Handle
from tinygrad_lite.intake import Array, array_from, array_of, failure, no_rule, operand, require_float, require_real
from tinygrad_lite.later import in_notebook
from tinygrad_lite.methods import name_after_numpy
from tinygrad_lite.operators import NO_KEYWORDS, Operators
from tinygrad_lite.primitive import ANSWERS, Primitive, Symbolic, answer_to
from tinygrad_lite.primitives.arithmetic import astype, detach

# An array's methods that are NumPy's function of the same name on it: the function answers for the method too.
METHODS = frozenset(
    {"argpartition", "argsort", "choose", "conj", "conjugate", "copy", "cumprod", "cumsum", "diagonal", "dot",
     "nonzero", "prod", "ravel", "repeat", "round", "searchsorted", "std", "take", "trace"}
)  # fmt: skip
INTEGERS = frozenset(np.dtype(c).type for c in "bBhHiIlLqQ")
NOT_KEPT = INTEGERS | {np.ndarray, list}  # kinds of keyword that a node keeps in another form: `_kept`
BY_DEFAULT = {"where": True, "dtype": None, "casting": "same_kind", "order": "K", "subok": True}  # asks a ufunc nothing
PLAIN = (bool, str, type(None))


def record(op: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
    """Run `op` on tensors and constants; if one of them requires a gradient, the result remembers how it was made.

    The node keeps the arrays that `op` saw. Those of tensors are never written into by anybody, and an array
    from outside is copied, so whatever happens to the originals the gradient is that of the values used here.
    """
    values: list[Any] = []
    outside: list[int] = []  # where an array from outside stands
    inputs: tuple[Tensor | None, ...] = args
    requires_grad = constants = False
    for a in args:
        if isinstance(a, Tensor):
            values.append(a.value if a._handle is None else a.current())
            if a.requires_grad:
                requires_grad = True
        else:
            constants = True
            if a.__class__ is not float and a.__class__ is not int:
                a = operand(a, op)
                if isinstance(a, np.ndarray):
                    outside.append(len(values))
            values.append(a)
    if constants:
        inputs = tuple([a if isinstance(a, Tensor) else None for a in args])
    mode = RECORDING.get()
    recorded = mode and (requires_grad or mode.__class__ is str)  # True, or EVERYTHING or VALUES
    if recorded:
        for i in outside:
            values[i] = values[i].copy()
    run: Callable[..., Any] = op.run
    if mode.__class__ is Tracing:
        values, run = [a.current() if isinstance(a, Tensor) else v for a, v in zip(args, values, strict=True)], op
    try:
        value = run(*values, **kwargs)
    except (ValueError, TypeError, IndexError, AttributeError) as error:
        raise failure(op, args, values, error) from error
    if value.__class__ is not np.ndarray and not isinstance(value, (np.generic, Symbolic)):
        value = np.asarray(value)[()]  # a row of a user's own may give a Python number
    t: Tensor = _new(Tensor)
    t.value = value
    t._handle = t.grad = t.name = None
    t.order = next_order()
    t.scope = SCOPE.get()
    if recorded:
        t.op = op
        t.inputs = inputs
        t.args = tuple(values)
        for key, a in kwargs.items():  # a shift, or which entries to leave out, may be an array from outside too
            if a.__class__ in NOT_KEPT:
                kwargs = {**kwargs, key: _kept(a)}
        t.kwargs = kwargs
        t.requires_grad = requires_grad and op.kind != "constant" and mode is not VALUES
    else:
        t.op = None
        t.inputs = t.args = ()
        t.kwargs = NO_KEYWORDS
        t.requires_grad = False
        if outside and (value.base is not None or any(value is a for a in values)):
            t.value = freeze(value)  # an array from outside, perhaps, or a view of one
    return t


def _kept(a: Any) -> Any:
    """A keyword that nobody can write into; for NumPy's integers Python's: -np.uint8(1) is 255, and a rule negates."""
    return deepcopy(a) if isinstance(a, list) or a.ndim else a.item()


class Tensor(Operators):
    """A NumPy array on a computation graph.

    Made from numbers, nested lists or an array, which is copied: later writes into the original do not reach the
    tensor. Python's numbers become float64 (integers too); arrays keep their dtype. Tensors do not change:
    `t += 1` makes a new one. Only a leaf's `data` may be set or written into, and graphs recorded before that
    keep the values which they saw.

    Raises: TypeError for complex numbers, objects and text, and for integers or booleans that are to require a
    gradient.

    >>> import numpy as np
    >>> x = Tensor([1.0, 2.0, 3.0], requires_grad=True, name="x")
    >>> y = (np.tanh(x) * x).sum()
    >>> y.backward()
    >>> x.grad
    array([1.1815685 , 1.10532923, 1.02465287])
    """

    __slots__ = ("grad",)

    grad: Array | None
    record = staticmethod(record)

    def __init__(
        self, data: Any, requires_grad: bool = False, name: str | None = None, dtype: npt.DTypeLike | None = None
    ) -> None:
        array = array_from(data, dtype)
        if requires_grad:
            require_float(array, name)
        self.value = freeze(array)
        self._handle = self.grad = self.op = self.scope = None
        self.inputs = self.args = ()
        self.kwargs = NO_KEYWORDS
        self.name = name
        self.requires_grad = requires_grad
        self.order = next_order()

    # -- the value ---------------------------------------------------------------------------------------------

    @property
    def data(self) -> Array:
        """The value as an array of your own, into which you may write if this is a leaf.

        A leaf takes what was written from its next use on; a graph recorded before keeps the old values, so no
        gradient mixes the two. Writing into a computed tensor's array raises a GraphError at its next use.
        """
        if tracing() is not None:
            return self.numpy()
        if self._handle is None:
            self._handle = np.array(self.value)
        handle: Array = self._handle
        return handle

    @data.setter
    def data(self, array: npt.ArrayLike) -> None:
        if array is self._handle:  # the second half of `t.data -= ...`: already written
            return
        if self.op is not None:
            raise GraphError(f"{describe(self)} is computed; only a leaf's data can be set. Make a new tensor.")
        value = array_from(array, None if isinstance(array, (np.ndarray, np.generic, Symbolic)) else self.value.dtype)
        if self.requires_grad:
            require_float(value, self.name)
        if (trace := tracing()) is None:
            self.value, self._handle = freeze(value), None
        else:
            trace.write(self, value)

    def numpy(self) -> Array:
        """A copy of the value, as an array."""
        value = self.current()
        return value.copy() if isinstance(value, Symbolic) else np.array(value)  # type: ignore[attr-defined]

    def detach(self) -> Tensor:
        """The same value as a leaf that requires no gradient: what is computed from it is not differentiated."""
        if RECORDING.get() in (EVERYTHING, VALUES):  # a program that is to be run again with other numbers
            return record(detach, (self,), {})
        return leaf(self.current())

    def astype(self, dtype: npt.DTypeLike, *, copy: bool = True) -> Tensor:
        """The value in another dtype; the cotangent comes back in this one. (Nobody can tell a copy: see Tensor.)"""
        if np.dtype(dtype).char in "efd":
            return record(astype, (self,), {"dtype": np.dtype(dtype)})
        return Tensor(self.current().astype(dtype))

    @property
    def shape(self) -> tuple[int, ...]:
        """The size of each axis."""
        shape: tuple[int, ...] = self.value.shape
        return shape

    @property
    def ndim(self) -> int:
        """The number of axes."""
        return len(self.value.shape)

    @property
    def size(self) -> int:
        """The number of entries."""
        return int(self.value.size)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the entries."""
        dtype: np.dtype[Any] = self.value.dtype
        return dtype

    @property
    def is_leaf(self) -> bool:
        """Whether the tensor was given, not computed."""
        return self.op is None

    # -- differentiation ---------------------------------------------------------------------------------------

    def backward(self, gradient: Any = None) -> None:
        """Add d self / d leaf to the `grad` of every leaf that requires a gradient.

        `gradient` is the cotangent of this tensor: 1 for a scalar if left out, of this tensor's shape otherwise.
        Called twice it adds twice. If it raises, no `grad` has changed.

        Raises: GraphError where there is nothing to differentiate; ValueError for a `gradient` that is missing
        or has the wrong shape.
        """
        if not self.requires_grad:
            raise GraphError(
                f"backward: {describe(self)} requires no gradient: nothing that it was computed from does, or it was "
                "computed under no_grad or from detached values. Make a leaf with requires_grad=True first."
            )
        if (trace := tracing()) is not None:
            trace.refuse(
                "backward() inside a compiled function would leave gradients in `.grad` in the trace alone",
                "Compile the gradient, tl.compile(tl.value_and_grad(f)), or the training step, "
                "tl.compile(f, optimizer=...)",
            )
        leaves: dict[Any, Any] = sweep({self: self._seed(gradient)})
        sums = [(leaf, g if leaf.grad is None else _added(leaf, g)) for leaf, g in leaves.items()]
        for leaf, g in sums:
            leaf.grad = g if g.__class__ is np.ndarray else np.asarray(g)

    def register_hook(self, hook: Callable[[Any], Any]) -> Handle:
        """Let `hook(g)` see this tensor's cotangent in every sweep, complete and before anything is made of it.

        `g` is an array not to be written into (a Tensor where the sweep is recorded); what the hook returns, if
        not None, stands in its place. `remove()` of the result takes the hook away.

        >>> x = Tensor([1.0, -2.0], requires_grad=True)
        >>> with x.register_hook(lambda g: g.clip(-3, 3)):
        ...     (x**2 * 2).sum().backward()
        >>> x.grad
        array([ 3., -3.])
        """
        return Handle(self, hook)

    def _seed(self, gradient: Any) -> Array:
        """The cotangent that a sweep from here starts with."""
        shape = self.value.shape
        if gradient is None:
            if shape and self.size != 1:
                raise ValueError(
                    f"backward: {describe(self)} is not a scalar, so it has no one gradient. Reduce it first "
                    f"(t.sum()), or pass gradient=, the cotangent, of shape {shape}."
                )
            return np.ones(shape, self.dtype) if shape else self.value.dtype.type(1)
        g = np.array(gradient.numpy() if isinstance(gradient, Tensor) else gradient)
        require_real(g, "backward(gradient=...)")
        if g.shape != shape:
            raise ValueError(f"backward: gradient has shape {g.shape}, but {describe(self)} has shape {shape}")
        return g.astype(self.dtype, copy=False)

    _repr_mimebundle_ = in_notebook

    # -- printing and copying ----------------------------------------------------------------------------------

    def __repr__(self) -> str:
        kind = type(self).__name__
        if isinstance(self.value, Symbolic):
            return f"{kind}({self.value!r})"
        shown = np.asarray(self.value if self._handle is None else self._handle)
        parts = [np.array2string(shown, separator=", ", prefix=f"{kind}(", threshold=200)]
        if self.dtype not in (np.float64, np.bool_):
            parts.append(f"dtype={self.dtype}")
        if self.name:
            parts.append(f"name={self.name!r}")
        if self.op is not None:
            parts.append(f"op={self.op.name}")
        if self.scope is not None:
            parts.append(f"module={self.scope.path!r}")
        if self.requires_grad and self.op is None:
            parts.append("requires_grad=True")
        return f"{kind}({', '.join(parts)})"

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec else str(self)

    def __reduce__(self) -> tuple[Any, ...]:
        if self.op is not None:
            raise TypeError(
                f"{describe(self)} is computed: copying or pickling it would take its whole graph along. "
                "Use t.detach() or t.numpy()."
            )
        return _rebuild, (type(self), self.numpy(), self.requires_grad, self.name, self.grad)

    # -- NumPy's protocols -------------------------------------------------------------------------------------

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        if self.requires_grad:
            raise TypeError(
                f"{describe(self)} requires a gradient, which an array cannot carry. To leave the graph on purpose "
                "write t.numpy(); to build a tensor from tensors use np.stack or np.concatenate, and array @ t for "
                "array.dot(t)."
            )
        if copy is False:
            raise ValueError("a tensor gives out only copies of its value; leave out copy=False")
        return np.array(self.current(), dtype=dtype)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        if method != "__call__":
            return self._ufunc_method(ufunc, method, *inputs, **keywords)
        answer = ANSWERS.get(ufunc) or answer_to(ufunc)
        if keywords:
            keywords = {k: a for k, a in keywords.items() if not (isinstance(a, PLAIN) and a == BY_DEFAULT.get(k))}
        if "out" in keywords and _only_numbers(inputs, keywords["out"]):
            return ufunc(*(x.known() if isinstance(x, Tensor) else x for x in inputs), **keywords)
        if isinstance(answer, Primitive):
            if not keywords:
                return self.record(answer, inputs, NO_KEYWORDS)
            raise TypeError(
                f"np.{ufunc.__name__} takes no {'=, '.join(keywords)}= on a Tensor: the result is a new tensor. "
                "(`array += tensor` asks for out=; write `array = array + tensor`.) For another dtype use t.astype, "
                "and where some entries are to stay as they are, np.where."
            )
        if answer is None:
            name = ufunc.__name__
            raise TypeError(no_rule(f"np.{name}" if getattr(np, name, None) is ufunc else name))
        return answer(*inputs, **keywords)

    @staticmethod
    def _ufunc_method(ufunc: np.ufunc, method: str, *inputs: Any, **keywords: Any) -> Any:
        """np.add.reduce and its kind: the answers to them are in the table of answers too."""
        if method == "outer" and len(inputs) == 2 and not keywords:
            a, b = (x if isinstance(x, Tensor) else array_of(x, f"np.{ufunc.__name__}.outer") for x in inputs)
            return ufunc(a.reshape(a.shape + (1,) * b.ndim), b)
        answer = answer_to(getattr(ufunc, method))
        if answer is None:
            raise TypeError(no_rule(f"np.{ufunc.__name__}.{method}"))
        return answer(*inputs, **keywords)

    def __array_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        answer = ANSWERS.get(func) or answer_to(func)
        if answer is None:
            raise TypeError(no_rule(f"{func.__module__.replace('numpy', 'np', 1)}.{func.__name__}"))
        return answer(*args, **kwargs)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            """The methods that `name_after_numpy` gives it."""

    def __dir__(self) -> list[str]:
        return [name for name in super().__dir__() if name not in ADVISED or hasattr(type(self), name)]


ADVISED = name_after_numpy(Tensor, METHODS)
_new = Tensor.__new__


def tensor(
    data: Any, requires_grad: bool = False, name: str | None = None, dtype: npt.DTypeLike | None = None
) -> Tensor:
    """A Tensor of numbers, nested lists or an array; see `Tensor`.

    >>> import tinygrad_lite as tl
    >>> tl.tensor([[1, 2], [3, 4]], name="W1")
    Tensor([[1., 2.],
            [3., 4.]], name='W1')
    """
    return Tensor(data, requires_grad, name, dtype)


def leaf(value: Any, requires_grad: bool = False) -> Tensor:
    """A leaf around a value into which nobody else can write; no copy is made."""
    t: Tensor = _new(Tensor)
    t.value = value
    t._handle = t.grad = t.op = t.name = t.scope = None
    t.inputs = t.args = ()
    t.kwargs = NO_KEYWORDS
    t.requires_grad = requires_grad
    t.order = next_order()
    return t


def as_tensor(data: Any) -> Tensor:
    """`data` itself if it is a Tensor, else a Tensor of it."""
    return data if isinstance(data, Tensor) else Tensor(data)


def _only_numbers(inputs: tuple[Any, ...], out: tuple[Any, ...]) -> bool:
    """Whether arrays may take a ufunc's results: nothing of it belongs on a graph, as in `w -= 0.1 * grad(f)(w)`."""
    mode = RECORDING.get()
    wanted = any(isinstance(x, Tensor) and x.requires_grad for x in inputs)
    return (mode is False or (mode is True and not wanted)) and not any(isinstance(a, Tensor) for a in out)


def _added(t: Tensor, g: Any) -> Any:
    """What `t.grad` comes to when `g` is added: refused where NumPy would broadcast the two."""
    old = np.asarray(t.grad)
    if old.shape != g.shape:
        raise ValueError(
            f"backward: {describe(t)} has a .grad of shape {old.shape} already, set by hand or from before its data "
            f"was, and the new gradient has shape {g.shape}. Forget the old one first: t.grad = None."
        )
    return (old + g).astype(g.dtype)


def _rebuild(kind: type[Tensor], data: Array, requires_grad: bool, name: str | None, grad: Array | None) -> Tensor:
    t = kind.__new__(kind)  # a kind of tensor may take other arguments than these
    Tensor.__init__(t, data, requires_grad, name)
    t.grad = None if grad is None else grad.copy()
    return t
