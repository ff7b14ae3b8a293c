"""What is known of a call's result: whether it lies in an operand's memory, whether its shape is always this one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.primitives.indexing import getitem, unpick
from tinygrad_lite.readings.compiling.operators import scalar_power
from tinygrad_lite.readings.compiling.symbols import Symbol

# Functions whose result has a shape that those of the operands decide, and not what is in them.
SHAPED = frozenset(
    {np.argmax, np.argmin, np.argsort, np.clip, np.concatenate, np.copy, np.cumsum, np.einsum, np.mean, np.sort,
     np.stack, np.take, np.take_along_axis, np.tensordot, np.var}
)  # fmt: skip


def follows(f: Any, args: Any, kwargs: dict[str, Any]) -> bool:
    """Whether the shape of a result is known to follow from those of the operands, as that of `x[x > 0]` does not."""
    if f is np.where:
        return len(args) == 3
    if f in (getitem.run, unpick.run, scalar_power):
        return all(getattr(a, "dtype", None) != np.bool_ for a in args[1:])
    return f in SHAPED or isinstance(f, np.ufunc) or isinstance(getattr(f, "__self__", None), np.ufunc)


def leaks(array: Any, args: Any, kind: str) -> bool:
    """Whether a result lies in the memory of an operand, but for a view of the first."""
    if kind not in ("view", "call"):
        return False
    several = isinstance(array, (tuple, list))
    sources = [a.array for a in (args if several else args[1:]) if isinstance(a, Symbol)]
    return any(shares(part, s) for part in (array if several else [array]) for s in sources)


def copying(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, with a copy of what it gives."""

    def copied(*args: Any, **kwargs: Any) -> Any:
        found = f(*args, **kwargs)
        return [np.array(part) for part in found] if isinstance(found, (tuple, list)) else np.array(found)

    return copied


def answering(f: Callable[..., Any]) -> Callable[..., Any]:
    """`f`, with yes or no as NumPy has it."""
    return lambda *args, **kwargs: np.bool_(f(*args, **kwargs))


def shares(array: Any, source: Any) -> bool:
    """Whether an array is a part of another's memory, or the other itself, as np.squeeze(x, ()) is x."""
    if array is source:
        return True
    return isinstance(array, np.ndarray) and array.base is not None and np.may_share_memory(array, source)
