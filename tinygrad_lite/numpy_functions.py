"""NumPy's functions on Tensors: each takes NumPy's arguments and ends in one row, or a few, of the table.

A ufunc needs no entry here: its row answers for it. The functions below are those whose arguments have to be
put in order first (array arguments positional, the rest by keyword), and those that are made of others.
"""

from __future__ import annotations

import functools
import inspect
import operator
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import numpy as np

from tinygrad_lite.primitive import ANSWERS
from tinygrad_lite.primitives import elementwise, reductions, shaping
from tinygrad_lite.tensor import Tensor, as_tensor

F = TypeVar("F", bound=Callable[..., Any])


def answers(*functions: Callable[..., Any]) -> Callable[[F], F]:
    """Let the decorated function answer when NumPy's `functions` are called with a Tensor."""

    def register(f: F) -> F:
        @functools.wraps(f)
        def checked(*args: Any, **kwargs: Any) -> Any:
            try:
                return f(*args, **kwargs)
            except TypeError:
                _require_arguments(functions[0].__name__, f, args, kwargs)
                raise

        for function in functions:
            ANSWERS[function] = checked
        return f

    return register


def _require_arguments(name: str, f: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
    """Say which arguments are taken, if these are not."""
    signature = inspect.signature(f)
    try:
        signature.bind(*args, **kwargs)
    except TypeError as error:
        takes = ", ".join(str(p).split(":")[0] for p in signature.parameters.values())
        raise TypeError(
            f"np.{name} on a Tensor takes ({takes}): {error}. Results are new tensors, so there is no out=; for "
            "another dtype use t.astype."
        ) from None


# -- reductions ------------------------------------------------------------------------------------------------


@answers(np.sum)
def _sum(a: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    return as_tensor(a).sum(axis, keepdims)


@answers(np.mean)
def _mean(a: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    return as_tensor(a).mean(axis, keepdims)


@answers(np.max, np.amax)
def _max(a: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    return as_tensor(a).max(axis, keepdims)


@answers(np.min, np.amin)
def _min(a: Any, axis: Any = None, keepdims: bool = False) -> Tensor:
    return as_tensor(a).min(axis, keepdims)


@answers(np.var)
def _var(a: Any, axis: Any = None, ddof: float = 0, keepdims: bool = False) -> Tensor:
    return as_tensor(a).var(axis, ddof, keepdims)


def logsumexp(x: Any, axis: Any = -1, keepdims: bool = False) -> Tensor:
    """ln sum e^x along `axis`, without overflow.

    >>> import tinygrad_lite as tl
    >>> tl.logsumexp(tl.tensor([1000.0, 1000.0]))
    Tensor(1000.69314718)
    """
    return Tensor.record(reductions.logsumexp, (as_tensor(x),), {"axis": axis, "keepdims": keepdims})


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """The logarithm of softmax: x - logsumexp(x)."""
    t = as_tensor(x)
    return t - logsumexp(t, axis, keepdims=True)


def softmax(x: Any, axis: Any = -1) -> Tensor:
    """e^x / sum e^x along `axis`, written e^(x - logsumexp x).

    >>> import tinygrad_lite as tl
    >>> tl.softmax(tl.tensor([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """
    return Tensor.record(elementwise.exp, (log_softmax(x, axis),), {})


# -- pointwise -------------------------------------------------------------------------------------------------


def relu(x: Any) -> Tensor:
    """max(0, x) with relu'(0) = 0. (np.maximum(x, 0) shares a tie equally: derivative 1/2 at 0.)"""
    return Tensor.record(elementwise.relu, (as_tensor(x),), {})


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^-x), without overflow."""
    return Tensor.record(elementwise.sigmoid, (as_tensor(x),), {})


@answers(np.clip)
def _clip(a: Any, a_min: Any = None, a_max: Any = None, *, min: Any = None, max: Any = None) -> Tensor:
    low, high = a_min if min is None else min, a_max if max is None else max
    return Tensor.record(elementwise.clip, (a, low, high), {})


@answers(np.where)
def _where(condition: Any, x: Any, y: Any) -> Tensor:
    return Tensor.record(elementwise.where, (condition, x, y), {})


# -- products --------------------------------------------------------------------------------------------------


@answers(np.dot)
def _dot(a: Any, b: Any) -> Tensor:
    left, right = as_tensor(a), as_tensor(b)
    if left.ndim == 0 or right.ndim == 0:
        return left * right
    if right.ndim > 2:
        raise TypeError(f"np.dot of {left.shape} and {right.shape} pairs every matrix with every other; use @")
    return left @ right


# -- shapes ----------------------------------------------------------------------------------------------------


@answers(np.reshape)
def _reshape(a: Any, shape: Any, order: str = "C") -> Tensor:
    if order != "C":
        raise ValueError(f"np.reshape on a Tensor keeps C order; order={order!r} is refused")
    return as_tensor(a).reshape(shape)


@answers(np.transpose)
def _transpose(a: Any, axes: Any = None) -> Tensor:
    return as_tensor(a).transpose(axes)


@answers(np.swapaxes)
def _swapaxes(a: Any, axis1: int, axis2: int) -> Tensor:
    return as_tensor(a).swapaxes(axis1, axis2)


@answers(np.expand_dims)
def _expand_dims(a: Any, axis: Any) -> Tensor:
    return Tensor.record(shaping.expand_dims, (as_tensor(a),), {"axis": axis})


@answers(np.squeeze)
def _squeeze(a: Any, axis: Any = None) -> Tensor:
    return as_tensor(a).squeeze(axis)


@answers(np.broadcast_to)
def _broadcast_to(array: Any, shape: Any) -> Tensor:
    shape = (operator.index(shape),) if np.ndim(shape) == 0 else tuple(shape)
    return Tensor.record(shaping.broadcast_to, (as_tensor(array),), {"shape": shape})


@answers(np.concatenate)
def _concatenate(arrays: Sequence[Any], axis: int | None = 0) -> Tensor:
    if axis is None:
        arrays, axis = [as_tensor(a).reshape(-1) for a in arrays], 0
    return Tensor.record(shaping.concatenate, tuple(arrays), {"axis": axis})


@answers(np.stack)
def _stack(arrays: Sequence[Any], axis: int = 0) -> Tensor:
    return Tensor.record(shaping.stack, tuple(arrays), {"axis": axis})


# -- plain answers: nothing to differentiate -------------------------------------------------------------------


@answers(np.shape)
def _shape(a: Tensor) -> tuple[int, ...]:
    return a.shape


@answers(np.ndim)
def _ndim(a: Tensor) -> int:
    return a.ndim


@answers(np.size)
def _size(a: Tensor, axis: int | None = None) -> int:
    return a.size if axis is None else a.shape[axis]


@answers(np.argmax)
def _argmax(a: Tensor, axis: int | None = None) -> Any:
    return a.argmax(axis)


@answers(np.argmin)
def _argmin(a: Tensor, axis: int | None = None) -> Any:
    return a.argmin(axis)


@answers(np.all)
def _all(a: Tensor, axis: Any = None) -> Any:
    return a.all(axis)


@answers(np.any)
def _any(a: Tensor, axis: Any = None) -> Any:
    return a.any(axis)


@answers(np.zeros_like)
def _zeros_like(a: Tensor, dtype: Any = None) -> Tensor:
    return Tensor(np.zeros(a.shape, dtype or a.dtype))


@answers(np.ones_like)
def _ones_like(a: Tensor, dtype: Any = None) -> Tensor:
    return Tensor(np.ones(a.shape, dtype or a.dtype))


@answers(np.full_like)
def _full_like(a: Tensor, fill_value: Any, dtype: Any = None) -> Tensor:
    return Tensor(np.full(a.shape, fill_value, dtype or a.dtype))
