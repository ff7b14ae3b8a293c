"""Whether a compiled program fits a call: the form of the arguments, and what the function reaches besides them."""

from __future__ import annotations

import copy
import functools
import types
from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.nn.module import Module
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
            if value is a and isinstance(a, np.ndarray) and not a.flags.c_contiguous:
                value = a.copy()  # as where it becomes a Tensor
            if value.dtype.char not in "efd?bBhHiIlLqQpP":
                raise TypeError(f"compile: the argument {name} is of dtype {value.dtype}; tensors are of real numbers")
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
            return ("dict", tuple((k, self._key(v, f"{name}_{k}")) for k, v in a.items()))
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

    def without_arrays(self) -> Arguments:
        """What of these arguments tells how to take others: a program outlives the call that it was traced for."""
        other = copy.copy(self)
        other._args, other._kwargs, other.arrays, other.tensors, other.objects = (), {}, [], [], []
        return other

    def fill(self, arrays: list[Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
        """The arguments with others in the places of the arrays."""
        rest = iter(arrays)

        def put(a: Any) -> Any:
            if isinstance(a, (Tensor, np.ndarray, np.generic)):
                return next(rest)
            if isinstance(a, dict):
                return {k: put(v) for k, v in a.items()}
            if isinstance(a, (tuple, list)) and is_tree(a):
                parts = [put(v) for v in a]
                return type(a)(*parts) if hasattr(a, "_fields") else type(a)(parts)
            return a

        args = tuple(put(a) for a in self._args)
        return args, {k: put(self._kwargs[k]) for k in sorted(self._kwargs)}


def _flat(a: Any) -> list[Any]:
    return [x for part in a for x in (_flat(part) if isinstance(part, (tuple, list)) else [part])]


def _form(a: Any) -> Any:
    return [type(a), *(_form(part) for part in a)] if isinstance(a, (tuple, list)) else 0


Watch = tuple[Callable[[], Any], Any, str]  # how to look again, what was there, what to call it


def watches(f: Callable[..., Any]) -> tuple[list[Watch], list[Module], list[Any], list[Any]]:
    """What `f` reads by name outside its arguments: numbers, arrays, tensors and modules that may be replaced.

    Followed are closures, globals and defaults of `f`, of the Python functions found there, and the attributes of the
    object whose method `f` is. Also: the modules found, the arrays, and the lists and dicts.
    """
    found: list[Watch] = []
    modules: list[Module] = []
    arrays: list[Any] = []
    held: list[Any] = []
    seen: set[int] = set()
    stack: list[Any] = [f]
    while stack:
        g = stack.pop()
        if id(g) in seen:
            continue
        seen.add(id(g))
        if isinstance(g, Module):
            modules.append(g)
            for m in g.modules():
                found += _of_class(m)
            continue
        if isinstance(g, types.MethodType):
            stack += [g.__func__, g.__self__]
            continue
        if hasattr(g, "func") and hasattr(g, "keywords"):  # functools.partial
            stack += [g.func, *g.args, *g.keywords.values()]
            continue
        if isinstance(g, types.FunctionType):
            places = list(_names(g))
        elif hasattr(g, "__dict__") and not isinstance(g, (type, types.ModuleType, Node)):
            if type(g).__module__.startswith(("numpy", "tinygrad_lite")):
                continue
            found += _of_class(g)
            places = [(k, _attribute(vars(g), k)) for k in vars(g)]
        elif isinstance(g, (tuple, list, dict)):  # what is in them is compared as a whole
            if not isinstance(g, tuple):
                held.append(g)
            places = [("", functools.partial(_itself, x)) for x in _inside(g)]
        else:
            continue
        for name, look in places:
            thing = look()
            if isinstance(thing, (*PLAIN, np.ndarray, np.generic, Node, Module)):
                if name:
                    found.append((look, thing, name))
                if isinstance(thing, np.ndarray):
                    arrays.append(thing)
                elif isinstance(thing, Module):
                    stack.append(thing)
            elif _holds_things(thing):
                if name:
                    found.append((look, thing, name))
                stack.append(thing)
    return found, modules, arrays, held


def _of_class(g: Any) -> list[Watch]:
    """The numbers and texts among the attributes of an object's class, where it is not one of ours."""
    classes = [c for c in type(g).__mro__ if not c.__module__.startswith(("tinygrad_lite.", "numpy", "builtins"))]
    return [
        (functools.partial(getattr, c, name, None), value, name)
        for c in classes
        for name, value in vars(c).items()
        if isinstance(value, PLAIN) and not name.startswith("__")
    ]


def _holds_things(thing: Any) -> bool:
    containers = (types.FunctionType, types.MethodType, tuple, list, dict)
    return isinstance(thing, containers) or (
        hasattr(thing, "__dict__") and not isinstance(thing, (type, types.ModuleType))
    )


def _names(g: types.FunctionType) -> Iterator[tuple[str, Callable[[], Any]]]:
    for name, cell in zip(g.__code__.co_freevars, g.__closure__ or (), strict=True):
        yield name, functools.partial(_contents, cell)
    if not g.__globals__.get("__name__", "").startswith(("tinygrad_lite.", "numpy")):
        for name in sorted(_global_names(g.__code__)):
            if name in g.__globals__:
                yield name, _attribute(g.__globals__, name)
    for name in g.__kwdefaults__ or {}:
        yield name, _attribute(g.__kwdefaults__ or {}, name)
    for k, _ in enumerate(g.__defaults__ or ()):
        yield f"default {k}", lambda k=k: (g.__defaults__ or ())[k]  # type: ignore[misc]


def cell_of(look: Any) -> Any:
    """The closure's cell that `look` looks into; None where it looks elsewhere."""
    return look.args[0] if isinstance(look, functools.partial) and look.func is _contents else None


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _attribute(names: dict[str, Any], name: str) -> Callable[[], Any]:
    return lambda: names.get(name)


def _itself(x: Any) -> Any:
    return x


def _global_names(code: types.CodeType) -> set[str]:
    names = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, types.CodeType):
            names |= _global_names(constant)
    return names


def unchanged(found: list[Watch]) -> bool:
    """Whether all that was found is still what it was: the same object, or an equal number or text."""
    for look, thing, _ in found:
        now = look()
        if now is not thing and not (type(now) is type(thing) and isinstance(now, PLAIN) and repr(now) == repr(thing)):
            return False
    return True


def _inside(container: Any) -> list[Any]:
    return [x for pair in container.items() for x in pair] if isinstance(container, dict) else list(container)


def containers(modules: list[Module], more: list[Any]) -> Callable[[], bool]:
    """A function that tells whether the lists and dicts which modules hold, and some more, are what they were.

    They change without being set.
    """
    every = {id(m): m for top in modules for m in top.modules()}
    held = [value for m in every.values() for value in vars(m).values() if isinstance(value, (list, dict))]
    kept = [(container, _inside(container)) for container in (*held, *more)]

    def unaltered() -> bool:
        for container, before in kept:
            now = _inside(container)
            if len(now) != len(before):
                return False
            if all(map(is_, now, before)):  # quick, for it is asked at each call
                continue
            if not all(a is b or _equal(a, b) for a, b in zip(now, before, strict=True)):
                return False
        return True

    return unaltered if kept else _true


def _true() -> bool:
    return True


def _equal(a: Any, b: Any) -> bool:
    return isinstance(a, PLAIN) and type(a) is type(b) and repr(a) == repr(b)


def settings(modules: list[Module]) -> list[tuple[Any, str, Any]]:
    """All attributes of some modules and of those below them: what a program took for granted."""
    seen: dict[int, Module] = {id(m): m for top in modules for m in top.modules()}
    return [(m, name, value) for m in seen.values() for name, value in vars(m).items()]


def settled(found: list[tuple[Any, str, Any]]) -> bool:
    """Whether the modules still have these attributes, and no more."""
    counts: dict[int, int] = {}
    for m, name, value in found:
        now = vars(m).get(name, found)
        if now is not value and not (type(now) is type(value) and isinstance(value, PLAIN) and now == value):
            return False
        counts[id(m)] = counts.get(id(m), 0) + 1
    return all(len(vars(m)) == counts[id(m)] for m in {id(m): m for m, _, _ in found}.values())
