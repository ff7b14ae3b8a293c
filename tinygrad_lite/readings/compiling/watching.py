"""What a function reaches besides its arguments, and whether it is still what it was when the function was traced.

Whatever the text of a function can name is followed: closures, globals, defaults, attributes of objects, classes and
Python modules, and the functions found there in turn. The functions and classes of this package, of NumPy, of Python
itself and of what is installed beside them stay as they are.
"""

from __future__ import annotations

import builtins
import dis
import functools
import sys
import sysconfig
import types
from collections import deque
from collections.abc import Callable, Iterator
from operator import is_
from typing import Any

import numpy as np

from tinygrad_lite.graph import Node
from tinygrad_lite.nn.module import Module
from tinygrad_lite.readings.compiling.guards import PLAIN

Watch = tuple[Callable[[], Any], Any, str]  # how to look again, what was there, what to call it
CONTAINERS = (list, dict, set, frozenset, tuple, deque)
NAMESPACES = ("types", "argparse", "collections")  # of Python's own: objects that hold what a user puts there
WHATEVER = frozenset(  # by these a function reaches attributes that it does not name
    {"__dict__", "asdict", "astuple", "attrgetter", "dir", "fields", "getattr", "getmembers", "hasattr", "vars"}
)
OF_MODULES = frozenset(name for name in vars(Module) if not name.startswith("__")) - {"forward", "training"}
ABSENT = object()
CREATION = ("__init__", "__new__", "__init_subclass__", "__class_getitem__")


class Reach:
    """What is reached from some functions and objects; `follow` may be called again with more of them.

    watches  what is read by name, and may be bound to another thing
    modules  the attributes of each network found that count, what they were, and whether all of them count
    tensors  the tensors found
    arrays   those that NumPy alone may have computed with
    held     lists, dicts, sets and the attributes of objects, which change without being bound anew
    """

    def __init__(self) -> None:
        self.watches: list[Watch] = []
        self.modules: list[tuple[Module, dict[str, Any], bool]] = []
        self.tensors: list[Node] = []
        self.arrays: list[Any] = []
        self.held: list[Any] = []
        self._seen: dict[Any, Any] = {}  # by identity, and kept: another thing must not come to be at its address
        self._names = {"forward", "training"}  # that the functions mention
        self._methods: list[tuple[type, str, Any]] = []  # followed once they are mentioned
        self._partly: list[tuple[dict[str, Any], type | None]] = []  # of these attributes those that are mentioned

    def follow(self, *things: Any) -> None:
        """Go on from these."""
        stack = list(things)
        while stack or self._mentioned(stack):
            g = stack.pop()
            if id(g) in self._seen or isinstance(g, PLAIN):
                continue
            self._seen[id(g)] = g
            if isinstance(g, Node):
                self.tensors.append(g)
            elif isinstance(g, np.ndarray):
                self.arrays.append(g)
            elif isinstance(g, types.ModuleType):
                if not _is_basic(g):
                    self._partly.append((vars(g), None))
            elif isinstance(g, types.MethodType):
                stack += [g.__func__, g.__self__]
            elif isinstance(g, (classmethod, staticmethod)):
                stack.append(g.__func__)
            elif isinstance(g, property):
                stack += [g.fget, g.fset]
            elif isinstance(g, types.FunctionType):
                self._function(g, stack)
            elif isinstance(g, type):
                self._class(g, stack)
            elif isinstance(g, CONTAINERS):
                if not isinstance(g, (tuple, frozenset)):
                    self.held.append(g)
                stack += _inside(g)
            else:
                self._object(g, stack)

    def _function(self, g: types.FunctionType, stack: list[Any]) -> None:
        stack += [*(g.__defaults__ or ()), *(g.__kwdefaults__ or {}).values()]
        if _stays(g.__globals__.get("__name__")):
            stack += map(_contents, g.__closure__ or ())
            return
        for name, cell in zip(g.__code__.co_freevars, g.__closure__ or (), strict=True):
            self._look(functools.partial(_contents, cell), name, stack)
        if g.__defaults__:
            self._look(functools.partial(getattr, g, "__defaults__"), "defaults", stack)
        for attributes in (g.__kwdefaults__, vars(g)):
            if attributes:
                stack.append(attributes)
        for code in _codes(g.__code__):
            consts = [x for c in code.co_consts for x in (c if isinstance(c, tuple) else [c])]
            self._names.update(c for c in consts if isinstance(c, str))
            owner: Any = None  # the global that was loaded last, if nothing was done since
            for one in dis.get_instructions(code):
                name = one.argval
                if one.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
                    owner = g.__globals__.get(name)
                    self._names.update(WHATEVER.intersection([name]))
                    if name in g.__globals__ or not hasattr(builtins, name):
                        self._look(functools.partial(g.__globals__.get, name), name, stack)
                elif one.opname != "CACHE":
                    read = one.opname.startswith(("LOAD_ATTR", "LOAD_METHOD", "LOAD_SUPER", "IMPORT_FROM"))
                    if read and (name in WHATEVER or not _is_basic(owner)):
                        self._names.add(name)  # tl.grad, say, says nothing of t.grad
                    owner = None

    def _class(self, g: type, stack: list[Any]) -> None:
        for c in g.__mro__:
            if _stays(c.__module__):
                continue
            for name, value in vars(c).items():
                if isinstance(value, (types.FunctionType, classmethod, staticmethod, property)):
                    self._methods.append((c, name, value))
                elif not name.startswith("__") and not isinstance(value, types.MemberDescriptorType):
                    self._look(functools.partial(vars(c).get, name), name, stack)

    def _object(self, g: Any, stack: list[Any]) -> None:
        stack.append(type(g))
        if isinstance(g, Module):
            # what is read of a layer of ours is not to be seen here; nor is it asked at each call, see CHANGES
            ours = any(_stays(c.__module__) and c not in (Module, object) for c in type(g).__mro__)
            self.modules.append((g, {}, ours))
            return
        if isinstance(g, functools.partial):
            stack += [g.func, g.args, g.keywords]
        elif isinstance(g, functools.cached_property):
            stack.append(g.func)
        attributes = getattr(g, "__dict__", None)
        if isinstance(attributes, dict) and "__wrapped__" in attributes:  # a function that was decorated, or compiled
            stack.append(attributes["__wrapped__"])
        if _stays(type(g).__module__) and type(g).__module__ not in NAMESPACES:
            self._partly.append((attributes or {}, None))
            stack += [getattr(g, name, None) for name in _slots(type(g))]  # an operation has a user's functions in it
        else:
            if attributes is not None:
                self._partly.append((attributes, type(g)))
            for name in _slots(type(g)):
                self._look(functools.partial(getattr, g, name, None), name, stack)

    def _look(self, look: functools.partial[Any], name: str, stack: list[Any]) -> None:
        """Watch what is there by this name, and go on from it."""
        key = (look.func, *map(id, look.args))
        if key not in self._seen:
            thing = look()
            self._seen[key] = look
            if not _is_basic(thing):
                self.watches.append((look, thing, name))
                stack.append(thing)

    def _mentioned(self, stack: list[Any]) -> bool:
        """The methods, and what lies in Python modules, that some function has come to mention."""
        waiting, self._methods = self._methods, []
        for c, name, value in waiting:
            special = name.startswith("__") and name not in CREATION
            if name in self._names or special or (name in CREATION and c.__name__ in self._names):
                self._look(functools.partial(vars(c).get, name), name, stack)
            else:
                self._methods.append((c, name, value))
        for attributes, owner in self._partly:
            if owner is not None and self._names & WHATEVER:
                stack += [] if id(attributes) in self._seen else [attributes]
                continue
            for name in sorted(self._names):
                if name in attributes or (owner is not None and not callable(getattr(owner, name, print))):
                    self._look(functools.partial(attributes.get, name), name, stack)
        whole = bool(self._names & (WHATEVER | OF_MODULES))
        for k, (m, was, ours) in enumerate(self.modules):
            self.modules[k] = m, was, ours or whole
            for name in vars(m) if ours or whole else sorted(self._names):
                if name not in was and (name in vars(m) or not callable(getattr(type(m), name, print))):
                    was[name] = vars(m).get(name, ABSENT)
                    stack.append(vars(m).get(name))
        if "grad" in self._names:
            for t in self.tensors:
                self._look(functools.partial(getattr, t, "grad", None), "grad", stack)
        return bool(stack)


def _slots(c: type) -> list[str]:
    return [k for b in c.__mro__ for k, v in vars(b).items() if isinstance(v, types.MemberDescriptorType)]


def _basic(module: str) -> bool:
    """Whether a Python module is of this package, of NumPy or of Python itself."""
    top = module.partition(".")[0]
    return top in ("tinygrad_lite", "numpy") or top in sys.stdlib_module_names


def _is_basic(thing: Any) -> bool:
    return isinstance(thing, types.ModuleType) and _basic(thing.__name__)


@functools.cache
def _stays(module: str | None) -> bool:
    """Whether nobody is expected to change what a function or class of this Python module mentions."""
    if module is None or _basic(module):
        return True
    file = getattr(sys.modules.get(module), "__file__", None) or ""
    return file.startswith((sysconfig.get_path("purelib"), sysconfig.get_path("platlib")))


def _codes(code: types.CodeType) -> Iterator[types.CodeType]:
    stack = [code]
    while stack:
        yield (one := stack.pop())
        stack += [c for c in one.co_consts if isinstance(c, types.CodeType)]


def cell_of(look: Any) -> Any:
    """The closure's cell that `look` looks into; None where it looks elsewhere, or nothing is in it yet."""
    if not isinstance(look, functools.partial) or look.func is not _contents:
        return None
    return look.args[0] if look() is not None else None


def _contents(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return None


def _inside(container: Any) -> list[Any]:
    return [x for pair in container.items() for x in pair] if isinstance(container, dict) else list(container)


# -- whether it has changed ------------------------------------------------------------------------------------


def unchanged(found: list[Watch]) -> bool:
    """Whether all that was found is still what it was: the same object, or an equal number or text."""
    return all((now := look()) is thing or _equal(now, thing) for look, thing, _ in found)


def kinds(tensors: list[Node]) -> Callable[[], bool]:
    """A function that tells whether tensors are still of their shape and dtype, and require a gradient as they did."""
    kept = [(t, t.requires_grad, t.value.shape, t.value.dtype) for t in tensors]

    def unaltered() -> bool:
        return all(
            t.requires_grad == wanted and t.value.shape == shape and t.value.dtype == dtype
            for t, wanted, shape, dtype in kept
        )

    return unaltered


def containers(held: list[Any]) -> Callable[[], bool]:
    """A function that tells whether lists, dicts and sets hold what they hold now."""
    kept = [(container, _inside(container)) for container in held]

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


def settled(modules: list[tuple[Module, dict[str, Any], bool]]) -> bool:
    """Whether networks still have the attributes that count, and no others where all of them do."""
    for m, was, whole in modules:
        now = vars(m)
        if whole and not now.keys() <= was.keys():
            return False
        if not all((v := now.get(name, ABSENT)) is value or _equal(v, value) for name, value in was.items()):
            return False
    return True
