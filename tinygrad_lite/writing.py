"""`t.at[index]`: what would be a write into an array, as a new tensor with gradients to both old and new."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.intake import array_of
from tinygrad_lite.primitive import Symbolic
from tinygrad_lite.primitives.indexing import ARRAY, fill, getitem, put, scatter_add
from tinygrad_lite.primitives.shaping import broadcast_to

if TYPE_CHECKING:
    from tinygrad_lite.tensor import Tensor


def index_template(index: Any) -> tuple[tuple[Any, ...], list[Any]]:
    """An index with a placeholder for each array in it, and those arrays."""
    arrays: list[Any] = []
    return tuple([_index_part(i, arrays) for i in (index if isinstance(index, tuple) else (index,))]), arrays


def _index_part(i: Any, arrays: list[Any]) -> Any:
    """One part of an index: an array, or what NumPy makes one of, goes to `arrays` and leaves a placeholder."""
    if i is None or i is Ellipsis or (isinstance(i, (int, np.integer)) and i.__class__ is not bool):
        return i
    if i.__class__ is slice:
        return slice(_bound(i.start), _bound(i.stop), _bound(i.step))
    came = i
    if not isinstance(i, (Node, Symbolic)):
        i = np.asarray(i, np.intp) if isinstance(i, (list, tuple)) and not i else array_of(i, "an index")
    if i.value.dtype.kind not in "iub" if isinstance(i, Node) else i.dtype.kind not in "iub":
        raise IndexError(
            f"a tensor is indexed by integers, slices, None, ... and arrays of integers or booleans, not by {came!r}"
        )
    arrays.append(i)
    return ARRAY


def _bound(n: Any) -> Any:
    """A bound of a slice as a number: it may be an array or a tensor, which may change."""
    return n if n is None or n.__class__ is int else operator.index(n)


class At:
    """`t.at`: wants an index, any that NumPy takes.

    >>> import numpy as np, tinygrad_lite as tl
    >>> t = tl.tensor([1.0, 2.0, 3.0], requires_grad=True)
    >>> t.at[0].set(10.0).at[1:].multiply(2.0)
    Tensor([10.,  4.,  6.], op=reshape)
    >>> t.at[[2, 2]].add(1.0)          # both are added; `t[[2, 2]] += 1` would add one
    Tensor([1., 2., 5.], op=add)
    """

    __slots__ = ("_tensor",)

    def __init__(self, tensor: Any) -> None:
        self._tensor = tensor

    def __getitem__(self, index: Any) -> Place:
        return Place(self._tensor, index)


class Place:
    """Some entries of a tensor, and what can be written there: `set`, `add` and `multiply` give new tensors."""

    __slots__ = ("_arrays", "_index", "_tensor")

    def __init__(self, tensor: Any, index: Any) -> None:
        self._tensor = tensor
        self._index, self._arrays = index_template(index)

    def set(self, value: Any) -> Tensor:
        """The tensor with `value` in this place; where an index occurs twice the last value stays."""
        new: Tensor = put(self._tensor, value, *self._arrays, index=self._index)
        return new

    def add(self, value: Any) -> Tensor:
        """The tensor with `value` added in this place; where an index occurs twice both are added."""
        t = self._tensor
        shape = getitem(t, *self._arrays, index=self._index).shape
        values = _fitted(value, t, shape)
        new: Tensor = t + scatter_add(values, *self._arrays, index=self._index, shape=t.shape)
        return new

    def multiply(self, value: Any) -> Tensor:
        """The tensor with this place multiplied by `value`; where an index occurs twice by both."""
        t = self._tensor
        arrays = tuple(np.asarray(a.value if isinstance(a, Node) else a) for a in self._arrays)
        numbers = np.arange(t.size).reshape(t.shape)
        here = numbers[fill(self._index, arrays)]
        values, here = _fitted(value, t, here.shape).reshape(-1), here.reshape(-1)
        flat = t.reshape(-1)
        while here.size:  # once, unless an entry is named several times
            entries, first = np.unique(here, return_index=True)
            if entries.size == here.size:
                entries, first = here, np.arange(here.size)
            flat = put(flat, flat[entries] * values[first], entries, index=(ARRAY,))
            rest = np.ones(here.size, bool)
            rest[first] = False
            here, values = here[rest], values[rest]
        new: Tensor = flat.reshape(t.shape)
        return new


def _fitted(value: Any, t: Any, shape: tuple[int, ...]) -> Any:
    """`value` in the place's shape and, as in a write into an array, in the tensor's dtype."""
    value = value if isinstance(value, Node) else array_of(value, "t.at[index]")
    return broadcast_to(value if value.dtype == t.dtype else value.astype(t.dtype), shape=shape)
