"""Whole matrices of derivatives, and the products with them that never build one."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_lite.tensor import Tensor, leaf
from tinygrad_lite.transforms.forward import carry, jvp
from tinygrad_lite.transforms.gradients import Argnums, arranged, grad, wanted_by
from tinygrad_lite.transforms.tracing import Trace
from tinygrad_lite.transforms.trees import is_tree, leaves


def jacobian(f: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that gives dy_j/dx_i, of shape y.shape + x.shape, for `f` of any shape.

    f runs once. Its Jacobian is then built row by row in reverse mode where y is smaller than x, and column by
    column in forward mode otherwise. Arguments as for `grad`.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.jacobian(lambda x: x[1:] * x[0])(np.array([2.0, 3.0, 4.0]))
    Tensor([[3., 2., 0.],
            [4., 0., 2.]])
    """

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        trace = Trace(f, args, kwargs, wanted_by(argnums))
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


def hessian(f: Callable[..., Any], argnums: int = 0) -> Callable[..., Any]:
    """The function that gives d^2 f / dx_i dx_j, of shape x.shape + x.shape, for a scalar-valued `f`.

    The Jacobian of the gradient: forward over reverse.

    Raises: TypeError if the argument is a tree of tensors; differentiate by one at a time.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.hessian(lambda x: x[0] ** 2 * x[1])(np.array([2.0, 3.0]))
    Tensor([[6., 4.],
            [4., 0.]])
    """
    of_gradient = jacobian(grad(f, argnums), argnums)

    @functools.wraps(f)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if -len(args) <= argnums < len(args) and is_tree(args[argnums]):
            raise TypeError("hessian takes one tensor at a time; for a tree of them use hvp, or join them in one")
        return of_gradient(*args, **kwargs)

    return wrapped


def hvp(f: Callable[..., Any], x: Any, v: Any) -> Any:
    """H v, the Hessian of a scalar-valued `f` at `x` times the direction `v`, at the cost of a few gradients.

    >>> import numpy as np, tinygrad_lite as tl
    >>> tl.hvp(lambda x: x[0] ** 2 * x[1], np.array([2.0, 3.0]), np.array([1.0, 1.0]))
    Tensor([10.,  4.])
    """
    if not is_tree(x):
        return jvp(grad(f), (x,), (v,))[1]
    directions = list(leaves(v))  # a tree of tensors: H v is the gradient of <grad f, v>

    def along_v(point: Any) -> Any:
        return sum((np.vdot(g, u) for g, u in zip(leaves(grad(f)(point)), directions, strict=True)), start=0.0)

    return grad(along_v)(x)
