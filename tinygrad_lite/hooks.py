"""Hooks: functions that see, and may replace, the cotangent of a tensor during a backward sweep."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from tinygrad_lite.graph import Node

# {node.order: its hooks}. A sweep asks only whether this is empty, so hooks cost nothing where there are none.
HOOKS: dict[int, list[Handle]] = {}


class Handle:
    """What `register_hook` gives: `remove()` takes the hook away again. The hook goes when its tensor does."""

    def __init__(self, node: Node, hook: Callable[[Any], Any]) -> None:
        self.hook = hook
        self._order = node.order
        if node.order not in HOOKS:
            weakref.finalize(node, HOOKS.pop, node.order, None).atexit = False
        HOOKS.setdefault(node.order, []).append(self)

    def remove(self) -> None:
        """Take the hook away; a second time does nothing."""
        hooks = HOOKS.get(self._order, [])
        if self in hooks:
            hooks.remove(self)
            if not hooks:
                del HOOKS[self._order]

    def __enter__(self) -> Handle:
        return self

    def __exit__(self, *error: object) -> None:
        self.remove()


def hooked(node: Node, g: Any) -> Any:
    """The cotangent `g` of `node` as its hooks leave it."""
    for handle in tuple(HOOKS.get(node.order, ())):
        shown = g
        if isinstance(g, np.ndarray):  # other cotangents may share its memory
            shown = g.view()
            shown.flags.writeable = False
        try:
            new = handle.hook(shown)
        except ValueError as error:
            if "read-only" in str(error):
                raise ValueError(
                    f"a hook wrote into its cotangent, of shape {g.shape}; it is read-only, for others may share it. "
                    "Return a new one instead: lambda g: 2 * g, or g = g.copy(), written into and returned."
                ) from error
            raise
        if new is not None:
            g = _replacement(new, g).astype(g.dtype)  # a copy: the hook may keep its own
    return g


def _replacement(new: Any, g: Any) -> Any:
    """What a hook returned, as an array that may stand in the place of `g`."""
    array = new if hasattr(new, "shape") else np.asarray(new)
    if array.dtype.kind not in "fiub":
        came = "complex numbers" if array.dtype.kind == "c" else f"{type(new).__name__} {new!r}"
        raise TypeError(
            f"a hook returns the cotangent that is to stand in the place of the one of shape {g.shape}, an array of "
            f"real numbers, or None to leave it as it is; this one returned {came}"
        )
    if array.shape != g.shape:
        raise ValueError(f"a hook returned a cotangent of shape {array.shape} for one of shape {g.shape}")
    return array
