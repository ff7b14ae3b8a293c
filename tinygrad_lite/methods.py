"""NumPy's functions by name on a tensor: those that an array has as methods too, and advice in place of the others.

What PyTorch's tensors have beyond that gets advice as well.

Each name stands on the class by itself. A `__getattr__` would say the same in fewer lines, but of a class that has one
Python looks up every attribute of every instance the long way: a tenth of a small training step.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np

from tinygrad_lite.primitive import answer_to

LEAVE_OUT = "leave it out: NumPy has one place and one layout"
NO_WRITING = "tensors do not change: make a new one, or set a leaf's t.data"
PYTORCH = {
    "view": "t.reshape(shape)",
    "view_as": "t.reshape(u.shape)",
    "unsqueeze": "np.expand_dims(t, axis)",
    "permute": "t.transpose(axes)",
    "t": "t.T",
    "expand": "np.broadcast_to(t, shape)",
    "chunk": "np.split(t, n, axis)",
    "unbind": "np.unstack(t)",
    "numel": "t.size",
    "nelement": "t.size",
    "dim": "t.ndim",
    "flat": "t.ravel()",
    "mm": "t @ u",
    "bmm": "t @ u",
    "mv": "t @ u",
    "mul": "t * u",
    "sub": "t - u",
    "div": "t / u",
    "neg": "-t",
    "eq": "t == u",
    "gt": "t > u",
    "lt": "t < u",
    "relu": "tl.relu(t)",
    "sigmoid": "tl.sigmoid(t)",
    "softmax": "tl.softmax(t, axis)",
    "log_softmax": "tl.log_softmax(t, axis)",
    "logsumexp": "tl.logsumexp(t, axis)",
    "erf": "tl.erf(t)",
    "norm": "np.linalg.norm(t)",
    "clamp": "t.clip(min, max)",
    "masked_fill": "np.where(mask, value, t)",
    "gather": "np.take_along_axis(t, index, axis)",
    "index_select": "t.take(indices, axis)",
    "index_add": "t.at[indices].add(u)",
    "float": "t.astype(np.float32)",
    "double": "t.astype(np.float64)",
    "long": "t.astype(np.int64)",
    "int": "t.astype(np.int64)",
    "bool": "t.astype(bool)",
    "type": "t.astype(dtype)",
    "to": "t.astype(dtype)",
    "clone": "t",
    "grad_fn": "t.op",
    "requires_grad_": "t.requires_grad = True",
    "retain_grad": "t.register_hook(f)",
    **dict.fromkeys(("cpu", "cuda", "device", "contiguous"), LEAVE_OUT),
    **dict.fromkeys(("add_", "sub_", "mul_", "div_", "zero_", "fill_", "copy_", "clamp_"), NO_WRITING),
}


class Advice:
    """`t.name` for a method that no array has: the error says what to write."""

    __slots__ = ("advice", "name")

    def __init__(self, name: str, advice: str) -> None:
        self.name = name
        self.advice = advice

    def __get__(self, t: Any, kind: type) -> Any:
        write = self.advice if self.advice in (LEAVE_OUT, NO_WRITING) else f"write {self.advice}"
        raise AttributeError(f"a {kind.__name__} has no {self.name}; {write}", name=self.name, obj=t)


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
    for name, advice in PYTORCH.items():
        setattr(kind, name, Advice(name, advice))
    return frozenset(named - methods | PYTORCH.keys())
