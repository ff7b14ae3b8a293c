"""Operators, indexing and methods, with the names and meanings that NumPy's arrays give them.

Each is one recorded row; `record` is the Tensor's. Methods take NumPy's arguments in NumPy's order. `out` asks for a
place to write, and is None: a tensor's result is always a new one. What is asked for rarely goes to NumPy's function.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.context import RECORDING, VALUES
from tinygrad_lite.graph import Node, describe
from tinygrad_lite.leaving import refuse_to_leave
from tinygrad_lite.primitive import Primitive, Symbolic
from tinygrad_lite.primitives import reductions, shaping
from tinygrad_lite.primitives.arithmetic import add, divide, identity, multiply, negative, power, subtract
from tinygrad_lite.primitives.comparisons import (
    bitwise_and,
    bitwise_or,
    bitwise_xor,
    equal,
    greater,
    greater_equal,
    invert,
    less,
    less_equal,
    not_equal,
)
from tinygrad_lite.primitives.elementwise import absolute, clip
from tinygrad_lite.primitives.indexing import getitem
from tinygrad_lite.primitives.linear_algebra import matmul
from tinygrad_lite.primitives.rounding import floor_divide, remainder
from tinygrad_lite.writing import At, index_template

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor

NO_KEYWORDS: dict[str, Any] = {}
Axis = int | tuple[int, ...] | None


def _unrecorded() -> bool:
    """Whether this is under no_grad, where a reading runs the program too."""
    mode = RECORDING.get()
    return mode is VALUES or not mode


def _augmented(operation: Callable[[Any, Any], Tensor], symbol: str) -> Callable[[Any, Any], Tensor]:
    """`t += a` makes a new tensor, as `t + a` does. Under no_grad it may mean to change a parameter: that is refused.

    (In `for p in parameters: p -= 0.1 * p.grad` nothing would change, and nothing would be learnt, without a word.)
    """

    def method(self: Any, other: Any) -> Tensor:
        if self.requires_grad and self.op is None and _unrecorded():
            raise TypeError(
                f"{describe(self)} {symbol}= ...: tensors do not change, so this would make a new one and leave the "
                f"leaf as it is. To change the leaf write t.data {symbol}= ...; for a new tensor, t = t {symbol} ..."
            )
        return operation(self, other)

    return method


class Operators(Node):
    """What a Tensor can do that an array can do too."""

    __slots__ = ()

    @staticmethod
    def record(op: Primitive, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Tensor:
        """Run `op` on `args` and remember it; the Tensor provides it."""
        raise NotImplementedError

    # -- operators ---------------------------------------------------------------------------------------------

    def __add__(self, other: Any) -> Tensor:
        return self.record(add, (self, other), NO_KEYWORDS)

    def __radd__(self, other: Any) -> Tensor:
        return self.record(add, (other, self), NO_KEYWORDS)

    def __sub__(self, other: Any) -> Tensor:
        return self.record(subtract, (self, other), NO_KEYWORDS)

    def __rsub__(self, other: Any) -> Tensor:
        return self.record(subtract, (other, self), NO_KEYWORDS)

    def __mul__(self, other: Any) -> Tensor:
        return self.record(multiply, (self, other), NO_KEYWORDS)

    def __rmul__(self, other: Any) -> Tensor:
        return self.record(multiply, (other, self), NO_KEYWORDS)

    def __truediv__(self, other: Any) -> Tensor:
        return self.record(divide, (self, other), NO_KEYWORDS)

    def __rtruediv__(self, other: Any) -> Tensor:
        return self.record(divide, (other, self), NO_KEYWORDS)

    def __pow__(self, other: Any) -> Tensor:
        return self.record(power, (self, other), NO_KEYWORDS)

    def __rpow__(self, other: Any) -> Tensor:
        return self.record(power, (other, self), NO_KEYWORDS)

    def __matmul__(self, other: Any) -> Tensor:
        return self.record(matmul, (self, other), NO_KEYWORDS)

    def __rmatmul__(self, other: Any) -> Tensor:
        return self.record(matmul, (other, self), NO_KEYWORDS)

    def __mod__(self, other: Any) -> Tensor:
        return self.record(remainder, (self, other), NO_KEYWORDS)

    def __rmod__(self, other: Any) -> Tensor:
        return self.record(remainder, (other, self), NO_KEYWORDS)

    def __floordiv__(self, other: Any) -> Tensor:
        return self.record(floor_divide, (self, other), NO_KEYWORDS)

    def __rfloordiv__(self, other: Any) -> Tensor:
        return self.record(floor_divide, (other, self), NO_KEYWORDS)

    def __divmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> tuple[Tensor, Tensor]:
        return other // self, other % self

    __iadd__ = _augmented(__add__, "+")
    __isub__ = _augmented(__sub__, "-")
    __imul__ = _augmented(__mul__, "*")
    __itruediv__ = _augmented(__truediv__, "/")
    __ipow__ = _augmented(__pow__, "**")

    def __neg__(self) -> Tensor:
        return self.record(negative, (self,), NO_KEYWORDS)

    def __pos__(self) -> Tensor:
        return self.record(identity, (self,), NO_KEYWORDS)

    def __abs__(self) -> Tensor:
        return self.record(absolute, (self,), NO_KEYWORDS)

    def __gt__(self, other: Any) -> Tensor:
        return self.record(greater, (self, other), NO_KEYWORDS)

    def __ge__(self, other: Any) -> Tensor:
        return self.record(greater_equal, (self, other), NO_KEYWORDS)

    def __lt__(self, other: Any) -> Tensor:
        return self.record(less, (self, other), NO_KEYWORDS)

    def __le__(self, other: Any) -> Tensor:
        return self.record(less_equal, (self, other), NO_KEYWORDS)

    def __eq__(self, other: object) -> Any:
        return self.record(equal, (self, other), NO_KEYWORDS) if _comparable(other) else NotImplemented

    def __ne__(self, other: object) -> Any:
        return self.record(not_equal, (self, other), NO_KEYWORDS) if _comparable(other) else NotImplemented

    __hash__ = Node.__hash__

    def __and__(self, other: Any) -> Tensor:
        return self.record(bitwise_and, (self, other), NO_KEYWORDS)

    def __or__(self, other: Any) -> Tensor:
        return self.record(bitwise_or, (self, other), NO_KEYWORDS)

    def __xor__(self, other: Any) -> Tensor:
        return self.record(bitwise_xor, (self, other), NO_KEYWORDS)

    __rand__, __ror__, __rxor__ = __and__, __or__, __xor__

    def __invert__(self) -> Tensor:
        return self.record(invert, (self,), NO_KEYWORDS)

    # -- methods -----------------------------------------------------------------------------------------------

    def sum(
        self, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """The sum over `axis`; over all of it by default."""
        if more or dtype is not None or out is not None:  # where=, initial=...
            return _asked("sum", self, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **more)
        return self.record(reductions.sum, (self,), {"axis": axis, "keepdims": keepdims})

    def mean(
        self, axis: Axis = None, dtype: Any = None, out: None = None, keepdims: bool = False, **more: Any
    ) -> Tensor:
        """The mean over `axis`; over all of it by default."""
        if more or dtype is not None or out is not None:
            return _asked("mean", self, axis=axis, dtype=dtype, out=out, keepdims=keepdims, **more)
        return self.record(reductions.mean, (self,), {"axis": axis, "keepdims": keepdims})

    def max(self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any) -> Tensor:
        """The largest entry along `axis`; entries that tie share the gradient equally."""
        if more or out is not None:
            return _asked("max", self, axis=axis, out=out, keepdims=keepdims, **more)
        return self.record(reductions.max, (self,), {"axis": axis, "keepdims": keepdims})

    def min(self, axis: Axis = None, out: None = None, keepdims: bool = False, **more: Any) -> Tensor:
        """The smallest entry along `axis`; entries that tie share the gradient equally."""
        if more or out is not None:
            return _asked("min", self, axis=axis, out=out, keepdims=keepdims, **more)
        return self.record(reductions.min, (self,), {"axis": axis, "keepdims": keepdims})

    def var(
        self,
        axis: Axis = None,
        dtype: Any = None,
        out: None = None,
        ddof: float = 0,
        keepdims: bool = False,
        **more: Any,
    ) -> Tensor:
        """The variance along `axis`: the mean squared distance from the mean, over n - ddof."""
        if more or dtype is not None or out is not None:
            return _asked("var", self, axis=axis, dtype=dtype, out=out, ddof=ddof, keepdims=keepdims, **more)
        return self.record(reductions.var, (self,), {"axis": axis, "ddof": ddof, "keepdims": keepdims})

    def clip(self, min: Any = None, max: Any = None, out: None = None) -> Tensor:
        """Each entry moved into [min, max]; the gradient passes where it already was, edges included."""
        if out is not None:
            return _asked("clip", self, min, max, out)
        return self.record(clip, (self, min, max), NO_KEYWORDS)

    def reshape(self, *shape: Any, order: str = "C") -> Tensor:
        """The same entries in another shape, given as one tuple or as numbers; one may be -1."""
        if order != "C":
            return _asked("reshape", self, shape[0] if len(shape) == 1 else shape, order=order)
        if len(shape) == 1 and not isinstance(shape[0], (int, np.integer)):
            shape = tuple(shape[0])
        return self.record(shaping.reshape, (self,), {"shape": shape})

    def flatten(self, order: str = "C") -> Tensor:
        """All entries in one axis."""
        return self.reshape(-1, order=order)

    def compress(self, condition: Any, axis: int | None = None, out: None = None) -> Tensor:
        """The slices along `axis` for which the condition, a vector, holds; of all entries in one axis by default."""
        return _asked("compress", condition, self, axis=axis, out=out)

    def tolist(self) -> Any:
        """The entries as Python numbers in nested lists, with no gradient."""
        return self.current().tolist()

    def transpose(self, *axes: Any) -> Tensor:
        """The axes in another order; reversed by default."""
        if len(axes) == 1 and not isinstance(axes[0], (int, np.integer)):
            axes = () if axes[0] is None else tuple(axes[0])
        return self.record(shaping.transpose, (self,), {"axes": axes or None})

    def swapaxes(self, axis1: int, axis2: int) -> Tensor:
        """The array with two axes exchanged."""
        order = list(range(self.value.ndim))
        try:
            order[axis1], order[axis2] = order[axis2], order[axis1]
        except IndexError:
            raise IndexError(f"swapaxes: {describe(self)} has no axes {axis1} and {axis2}") from None
        return self.record(shaping.transpose, (self,), {"axes": tuple(order)})

    def squeeze(self, axis: Axis = None) -> Tensor:
        """The array without its axes of size 1, or without the given ones."""
        if axis is None:
            axis = tuple(i for i, n in enumerate(self.value.shape) if n == 1)
        return self.record(shaping.squeeze, (self,), {"axis": axis})

    def item(self, *index: Any) -> Any:
        """The one number in a tensor of size 1, or the entry at an index, as a Python number."""
        if not index and self.value.size != 1:
            raise ValueError(
                f"{describe(self)} has {self.value.size} entries, so it is no one number. Reduce it first, or take an "
                "entry: t[i]."
            )
        return self.current().item(*index)

    def all(self, axis: Axis = None, *more: Any, **named: Any) -> Any:
        """Whether all entries are true: a plain array, with no gradient."""
        return _array(self.current()).all(axis, *more, **named)

    def any(self, axis: Axis = None, *more: Any, **named: Any) -> Any:
        """Whether any entry is true: a plain array, with no gradient."""
        return _array(self.current()).any(axis, *more, **named)

    def argmax(self, axis: int | None = None, *more: Any, **named: Any) -> Any:
        """Where the largest entry is: plain integers, with no gradient."""
        return np.argmax(self, axis, *more, **named)  # type: ignore[call-overload]  # NumPy asks a Tensor

    def argmin(self, axis: int | None = None, *more: Any, **named: Any) -> Any:
        """Where the smallest entry is: plain integers, with no gradient."""
        return np.argmin(self, axis, *more, **named)  # type: ignore[call-overload]  # NumPy asks a Tensor

    @property
    def T(self) -> Tensor:
        """The transpose: all axes in reverse order."""
        return self.record(shaping.transpose, (self,), {"axes": None})

    @property
    def mT(self) -> Tensor:
        """The transpose of each matrix of a stack: the last two axes exchanged."""
        return self.swapaxes(-1, -2)

    # -- entries -----------------------------------------------------------------------------------------------

    def __getitem__(self, index: Any) -> Tensor:
        template, arrays = index_template(index)
        return self.record(getitem, (self, *arrays), {"index": template})

    @property
    def at(self) -> At:
        """Writing that makes a new tensor: `t.at[i].set(v)`, `.add(v)`, `.multiply(v)`."""
        return At(self)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise TypeError(
            f"{describe(self)} cannot be written into: a graph may need its values for a gradient. Make a new tensor: "
            "t = t.at[index].set(value), or .add, .multiply, or np.where(mask, new, old). A leaf's values can be set "
            "through `t.data[...] = `."
        )

    def __delitem__(self, index: Any) -> None:
        raise TypeError(f"{describe(self)} keeps its entries. A new tensor without some of them: np.delete(t, index).")

    def __len__(self) -> int:
        if not self.value.ndim:
            raise TypeError("len() of a tensor with no axes")
        return int(self.value.shape[0])

    def __iter__(self) -> Iterator[Tensor]:
        if not self.value.ndim:
            raise TypeError("iteration over a tensor with no axes")
        return (self[i] for i in range(len(self)))

    def __contains__(self, value: Any) -> bool:
        """Whether some entry equals the value; rows are compared as NumPy does, entry by entry."""
        return bool(np.any(self == value))

    def __bool__(self) -> bool:
        if self.value.size != 1:
            raise ValueError(
                f"the truth of {describe(self)} is ambiguous: it has {self.value.size} entries. Use t.any() or t.all()."
            )
        return bool(self.current())

    def __float__(self) -> float:
        if self.requires_grad and RECORDING.get():
            refuse_to_leave(self, sys._getframe(1))
        return float(self.item())

    def __int__(self) -> int:
        if self.requires_grad and RECORDING.get():
            refuse_to_leave(self, sys._getframe(1))
        return int(self.item())

    def __round__(self, digits: int | None = None) -> Any:
        """A Python number, as of NumPy's: a derivative would be 0."""
        return round(self.item(), digits)

    def __index__(self) -> int:
        return operator.index(self.current())


def _array(value: Any) -> Any:
    return value if isinstance(value, Symbolic) else np.asarray(value)


def _asked(name: str, *args: Any, **keywords: Any) -> Tensor:
    if "dim" in keywords or "keepdim" in keywords:
        raise TypeError(f"{name}: PyTorch's dim and keepdim are NumPy's axis and keepdims; write those")
    answered: Tensor = getattr(np, name)(*args, **keywords)
    return answered


def _comparable(other: object) -> bool:
    return isinstance(other, (Node, int, float, np.ndarray, np.generic, list, tuple, Symbolic))
