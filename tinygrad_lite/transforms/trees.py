"""Arguments that hold several tensors: tuples, lists and dicts of them, to any depth."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.tensor import Tensor


def is_tree(a: Any) -> bool:
    """Whether `a` is a container of tensors or arrays; a nested list of numbers is not, it is one array."""
    if isinstance(a, dict):
        return True
    return isinstance(a, (tuple, list)) and any(isinstance(x, (Tensor, np.ndarray)) or is_tree(x) for x in a)


def leaves(tree: Any) -> Iterator[Any]:
    """What is in `tree`, in order; `tree` itself if it is none."""
    if not is_tree(tree):
        yield tree
    else:
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(part)


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same form, with `f` applied to each leaf."""
    if not is_tree(tree):
        return f(tree)
    if isinstance(tree, dict):
        return {key: map_leaves(f, part) for key, part in tree.items()}
    parts = [map_leaves(f, part) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)  # a namedtuple takes them one by one


def like(tree: Any, values: list[Any]) -> Any:
    """A tree of the form of `tree` with `values` for leaves, in order."""
    rest = iter(values)
    return map_leaves(lambda _: next(rest), tree)
