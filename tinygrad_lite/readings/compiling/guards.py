"""Whether a compiled program fits a call: the form of the arguments."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.intake import require_all_entries
from tinygrad_lite.readings.compiling.calls import order_of
from tinygrad_lite.tensor import Tensor
from tinygrad_lite.transforms.trees import is_tree

PLAIN = (bool, int, float, str, bytes, type(None))


class Arguments:
    """The arguments of one call, taken apart: arrays, and everything else by value.

    key     equal for two calls that the same program may serve
    arrays  the values of array arguments, in order
    names   what to call them
    simple  whether the arrays are all there is, and stand in the call one by one
    """

    def __init__(self, args: tuple[Any, ...], kwargs: dict[str, Any], names: list[str]) -> None:
        self.arrays: list[Any] = []
        self.names: list[str] = []
        self.kinds: list[bool] = []  # whether it came as a Tensor
        self.wanted: list[bool] = []  # whether it requires a gradient
        self.tensors: list[Tensor] = []
        self.objects: list[Any] = []  # the arrays and Tensors themselves, in order
        self.twins: list[int] = []  # for each the number of the first that is the same object
        self.held: list[Any] = []  # objects known by identity: they must not be replaced by others at their address
        self._args, self._kwargs = args, kwargs
        parts = [self._key(a, names[i] if i < len(names) else f"a{i}") for i, a in enumerate(args)]
        self.simple = not kwargs and len(self.arrays) == len(args) and all(p[0] in ("tensor", "array") for p in parts)
        self.key = (tuple(parts), tuple((k, self._key(v, k)) for k, v in sorted(kwargs.items())))

    def _key(self, a: Any, name: str) -> tuple[Any, ...]:
        if isinstance(a, (Tensor, np.ndarray, np.generic)):
            value = a.known() if isinstance(a, Tensor) else a
            require_all_entries(value, f"compile: the argument {name}")
            if isinstance(value, np.ndarray):
                value = value.view(np.ndarray)  # and no class of its own, such as a matrix
            if isinstance(a, np.ndarray) and not a.flags.c_contiguous:
                value = a.copy()  # as where it becomes a Tensor
            if value.dtype.char not in "efd?bBhHiIlLqQpP":
                raise TypeError(f"compile: the argument {name} is of dtype {value.dtype}; tensors are of real numbers")
            usual = np.dtype(value.dtype.type)
            if value.dtype is not usual and value.dtype == usual:  # what is read from a pickle has dtypes of its own
                value = value.view(usual)
            self.arrays.append(value)
            self.names.append(name)
            self.kinds.append(isinstance(a, Tensor))
            if isinstance(a, Tensor):
                self.tensors.append(a)
            self.wanted.append(isinstance(a, Tensor) and a.requires_grad)
            twin = next((k for k, other in enumerate(self.objects) if other is a), len(self.objects))
            self.objects.append(a)
            # twice the same array is another call than two equal ones: f may ask whether a is b
            self.twins.append(twin)
            kind = "tensor" if isinstance(a, Tensor) else "array"
            # the order of the axes in memory decides the order in which NumPy adds up
            return (kind, value.shape, value.dtype.str, self.wanted[-1], order_of(value), twin)
        if isinstance(a, dict):
            return (type(a), tuple((k, self._key(v, f"{name}_{k}")) for k, v in a.items()))
        if isinstance(a, (tuple, list)) and not is_tree(a):  # numbers and text, by value
            self.held += [x for x in _flat(a) if not isinstance(x, (*PLAIN, np.generic))]
            return (
                "value",
                type(a),
                repr([x if isinstance(x, (*PLAIN, np.generic)) else id(x) for x in _flat(a)]),
                repr(_form(a)),
            )
        if isinstance(a, (tuple, list)):
            return (type(a), tuple(self._key(v, f"{name}_{i}") for i, v in enumerate(a)))
        if isinstance(a, PLAIN):
            return ("value", type(a), repr(a))
        self.held.append(a)
        return ("object", id(a))

    def call(self, f: Callable[..., Any]) -> Any:
        """Call `f` with the arguments as they came."""
        return f(*self._args, **self._kwargs)

    def frozen(self) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with copies of the arrays, which belong to the caller; Tensors as they are."""
        copies = {id(a): a if isinstance(a, Tensor) else np.array(a) for a in self.objects}
        return self.fill([copies[id(a)] for a in self.objects])

    def without_arrays(self) -> Arguments:
        """What of these arguments tells how to take others: a program outlives the call that it was traced for."""
        other = copy.copy(self)
        other._args, other._kwargs, other.arrays, other.tensors, other.objects = (), {}, [], [], []
        return other

    def fill(self, arrays: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with others in the places of the arrays."""
        rest = iter(arrays)
        args = tuple(_filled(a, rest) for a in self._args)
        return args, {k: _filled(self._kwargs[k], rest) for k in sorted(self._kwargs)}


def _filled(a: Any, arrays: Iterator[Any]) -> Any:
    if isinstance(a, (Tensor, np.ndarray, np.generic)):
        return next(arrays)
    if isinstance(a, dict):
        filled = {} if type(a) is dict else copy.copy(a)  # others have more than their items
        for k, v in a.items():
            filled[k] = _filled(v, arrays)
        return filled
    if isinstance(a, (tuple, list)) and is_tree(a):
        parts = [_filled(v, arrays) for v in a]
        return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
    return a


def _flat(a: Any) -> list[Any]:
    return [x for part in a for x in (_flat(part) if isinstance(part, (tuple, list)) else [part])]


def _form(a: Any) -> Any:
    return [type(a), *(_form(part) for part in a)] if isinstance(a, (tuple, list)) else 0


def names_of(f: Callable[..., Any]) -> list[str]:
    """What a function or a module calls its arguments."""
    try:
        target = f.forward if hasattr(f, "forward") else f
        return [p.name for p in inspect.signature(target).parameters.values()]
    except (TypeError, ValueError):
        return []
