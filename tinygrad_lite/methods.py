"""NumPy's functions by name on a tensor: those that an array has as methods too, and advice in place of the others.

Each name stands on the class by itself. A `__getattr__` would say the same in fewer lines, but of a class that has one
Python looks up every attribute of every instance the long way: a tenth of a small training step.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tinygrad_lite.primitive import answer_to


class Method:
    """`t.name`: NumPy's function of that name with `t` put in; or, if no array has such a method, what to write."""

    __slots__ = ("function", "name", "works")

    def __init__(self, name: str, works: bool) -> None:
        self.function = getattr(np, name)
        self.name = name
        self.works = works

    def __get__(self, t: Any, kind: type) -> Any:
        if self.works:
            return self.function if t is None else partial(self.function, t)
        advice = f"; write np.{self.name}(t)" if answer_to(self.function) else ""
        raise AttributeError(f"a {kind.__name__} has no method {self.name}{advice}", name=self.name, obj=t)


def name_after_numpy(kind: type, methods: frozenset[str]) -> frozenset[str]:
    """Give the class `kind` these `methods`; the names of NumPy's other functions, which it gets advice for."""
    functions = {name for name, f in vars(np).items() if callable(f) and not isinstance(f, type) and name[0] != "_"}
    named = functions - set(dir(kind))
    for name in named:
        setattr(kind, name, Method(name, name in methods))
    return frozenset(named - methods)
