"""Whole matrices of derivatives, and the products with them that never build one."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.tensor import Tensor, as_tensor, leaf
from tinygrad_lite.transforms.forward import carry, jvp
from tinygrad_lite.transforms.gradients import Argnums, arranged, grad, wanted_by
from tinygrad_lite.transforms.tracing import Trace, function, name_of
from tinygrad_lite.transforms.trees import beside, is_tree, leaves, map_leaves


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives dy_j/dx_i, of shape y.shape + x.shape, for `f` of any shape.

    f runs once. Its Jacobian is then built row by row in reverse mode where y is smaller than x, and column by
    column in forward mode otherwise. Arguments as for `grad`.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.jacobian(lambda x: x[1:] * x[0])(np.array([2.0, 3.0, 4.0]))
    Tensor([[3., 2., 0.],
            [4., 0., 2.]])
    """

    f, wanted = function(f, "jacobian"), wanted_by(argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, wanted)
        reverse = trace.y.size < sum(x.size for x in trace.inputs)
        return arranged(args, argnums, _by_rows(trace) if reverse else _by_columns(trace))

    return wrapped


def _unit(x: Tensor, k: int, on_nodes: bool) -> Any:
    """The k-th unit vector, in the shape of x."""
    e = np.zeros(x.size, x.dtype)
    e[k] = 1
    e = e.reshape(x.shape)
    return leaf(e) if on_nodes else e


def _by_rows(trace: Trace) -> list[Tensor]:
    y, on_nodes = trace.y, trace.outer
    rows = [trace.pull(_unit(y, k, on_nodes), on_nodes) for k in range(y.size)]
    return [
        _joined([row[i] for row in rows], 0, (y.size, *x.shape), y.shape + x.shape, x)
        for i, x in enumerate(trace.inputs)
    ]


def _by_columns(trace: Trace) -> list[Tensor]:
    y, on_nodes = trace.y, trace.outer
    still = [np.zeros(x.shape, x.dtype) for x in trace.inputs]
    directions: list[Any] = [leaf(e) for e in still] if on_nodes else list(still)
    zero = np.zeros(y.shape, y.dtype)
    found = []
    for i, x in enumerate(trace.inputs):
        columns = []
        for k in range(x.size):
            column = carry(trace, [*directions[:i], _unit(x, k, on_nodes), *directions[i + 1 :]], on_nodes)
            columns.append(zero if column is None else column)
        found.append(_joined(columns, -1, (*y.shape, x.size), y.shape + x.shape, x))
    return found


def _joined(parts: list[Any], axis: int, shape: tuple[int, ...], final: tuple[int, ...], x: Tensor) -> Tensor:
    if not parts:
        return leaf(np.zeros(final, x.dtype))
    joined = np.stack(parts, axis)
    assert joined.shape == shape
    joined = joined.reshape(final)
    return joined if isinstance(joined, Tensor) else leaf(joined)


def hessian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives d^2 f / dx_i dx_j, of shape x.shape + x.shape, for a scalar-valued `f`.

    The Jacobian of the gradient: forward over reverse. By several tensors (a tuple of `argnums`, a tuple, list or
    dict for an argument) it is a block for each pair of them: H[a][b] has shape a.shape + b.shape.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    Tensor([[6., 4.],
            [4., 0.]])
    >>> tl.hessian(lambda p: p["a"] ** 2 * p["b"])({"a": tl.tensor(2.0), "b": tl.tensor(3.0)})["a"]
    {'a': Tensor(6.), 'b': Tensor(4.)}
    """
    gradient = grad(f, argnums)

    @functools.wraps(f)
    def all_entries(*args: Any, **kwargs: Any) -> Any:
        return np.concatenate([np.ravel(g) for g in leaves(gradient(*args, **kwargs))])

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        asked = [args[i] for i in wanted_by(argnums) if -len(args) <= i < len(args)]
        if not isinstance(argnums, (tuple, list)) and not (asked and is_tree(asked[0])):
            return jacobian(gradient, argnums)(*args, **kwargs)
        rows, blocks, end = jacobian(all_entries, argnums)(*args, **kwargs), [], 0
        for shape in [np.shape(x) for part in asked for x in leaves(part)]:
            start, end = end, end + math.prod(shape)
            blocks.append(_rows_of(rows, start, end, shape))
        return arranged(args, argnums, blocks)

    return wrapped


def _rows_of(tree: Any, start: int, end: int, shape: tuple[int, ...]) -> Any:
    return map_leaves(lambda rows: rows[start:end].reshape(shape + rows.shape[1:]), tree)


def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """H v, the Hessian of a scalar-valued `f` at `x` times the direction `v`, at the cost of a few gradients.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.hvp(lambda x: x[0] ** 2 * x[1], np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    Tensor([10.,  4.])
    """
    if not is_tree(x):
        return jvp(grad(f), (x,), (v,))[1]
    directions = [as_tensor(u) for u in beside(x, v)]  # a tree of tensors: H v is the gradient of <grad f, v>
    shapes = [np.shape(a) for a in leaves(x)], [u.shape for u in directions]
    if shapes[0] != shapes[1]:
        raise ValueError(f"hvp of {name_of(f)}: arguments of shapes {shapes[0]}, directions of shapes {shapes[1]}")

    def along_v(point: Any) -> Any:
        return sum((np.vdot(g, u) for g, u in zip(leaves(grad(f)(point)), directions, strict=True)), start=0.0)

    return grad(along_v)(x)
