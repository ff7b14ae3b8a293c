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
        new = handle.hook(shown)
        if new is not None:
            shape = getattr(new, "shape", None)
            if shape != g.shape:
                raise ValueError(f"a hook returned a cotangent of shape {shape} for one of shape {g.shape}")
            g = new.astype(g.dtype)  # a copy: the hook may keep its own
    return g
