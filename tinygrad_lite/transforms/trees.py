"""Arguments that hold several tensors: tuples, lists and dicts of them, to any depth.

None, such as the bias that a layer does without, has no leaves and stays where it is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinygrad_lite.primitive import Symbolic
from tinygrad_lite.tensor import Tensor


def is_tree(a: Any) -> bool:
    """Whether `a` is a container of tensors or arrays; a nested list of numbers is not, it is one array."""
    if isinstance(a, dict):
        return True
    return isinstance(a, (tuple, list)) and any(isinstance(x, (Tensor, np.ndarray, Symbolic)) or is_tree(x) for x in a)


def leaves(tree: Any) -> Iterator[Any]:
    """What is in `tree`, in order; `tree` itself if it is none."""
    if not is_tree(tree):
        if tree is not None:
            yield tree
    else:
        for part in tree.values() if isinstance(tree, dict) else tree:
            yield from leaves(part)


def beside(tree: Any, other: Any) -> Iterator[Any]:
    """The leaves of `other` in the order of those of `tree`, whose form it has to have; a dict's by their keys."""
    if not is_tree(tree):
        if tree is not None:
            yield other
        return
    keys, theirs = _keys(tree), _keys(other)
    if set(keys) != set(theirs):
        raise ValueError(f"a direction has the form of what it is a direction of: parts {keys}, not {theirs}")
    for key in keys:
        yield from beside(tree[key], other[key])


def _keys(tree: Any) -> list[Any]:
    return list(tree) if isinstance(tree, dict) else list(range(len(tree))) if isinstance(tree, (tuple, list)) else []


def map_leaves(f: Callable[[Any], Any], tree: Any) -> Any:
    """A tree of the same form, with `f` applied to each leaf."""
    if not is_tree(tree):
        return None if tree is None else f(tree)
    if isinstance(tree, dict):
        return {key: map_leaves(f, part) for key, part in tree.items()}
    parts = [map_leaves(f, part) for part in tree]
    return type(tree)(*parts) if hasattr(tree, "_fields") else type(tree)(parts)  # a namedtuple takes them one by one


def like(tree: Any, values: list[Any]) -> Any:
    """A tree of the form of `tree` with `values` for leaves, in order."""
    rest = iter(values)
    return map_leaves(lambda _: next(rest), tree)
