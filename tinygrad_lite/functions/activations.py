"""Functions of networks that NumPy has no name for."""

from __future__ import annotations

from typing import Any

from tinygrad_lite.primitives import elementwise, reductions, special
from tinygrad_lite.tensor import Tensor, as_tensor


def logsumexp(x: Any, axis: Any = -1, keepdims: bool = False) -> Tensor:
    """ln sum e^x along `axis`, without overflow.

    >>> import tinygrad_lite as tl
    >>> tl.logsumexp(tl.tensor([1000.0, 1000.0]))
    Tensor(1000.69314718)
    """
    return Tensor.record(reductions.logsumexp, (as_tensor(x),), {"axis": axis, "keepdims": keepdims})


def log_softmax(x: Any, axis: Any = -1) -> Tensor:
    """The logarithm of softmax: x - logsumexp(x), for x less its largest entry.

    Softmax does not change with a shift of x, but its digits do: 1e4 + ln 2 keeps three of ln 2 in float32.
    """
    t = as_tensor(x)
    t = t - Tensor.record(reductions.largest, (t,), {"axis": axis})
    return t - logsumexp(t, axis, keepdims=True)


def softmax(x: Any, axis: Any = -1) -> Tensor:
    """e^x / sum e^x along `axis`, written e^(x - logsumexp x).

    >>> import tinygrad_lite as tl
    >>> tl.softmax(tl.tensor([0.0, 0.0]))
    Tensor([0.5, 0.5])
    """
    return Tensor.record(elementwise.exp, (log_softmax(x, axis),), {})


def relu(x: Any) -> Tensor:
    """max(0, x) with relu'(0) = 0. (np.maximum(x, 0) shares a tie equally: derivative 1/2 at 0.)"""
    return Tensor.record(elementwise.relu, (as_tensor(x),), {})


def sigmoid(x: Any) -> Tensor:
    """1 / (1 + e^-x), without overflow."""
    return Tensor.record(elementwise.sigmoid, (as_tensor(x),), {})


def erf(x: Any) -> Tensor:
    """The error function, 2/sqrt(pi) times the integral of e^(-t^2) from 0 to x.

    >>> import tinygrad_lite as tl
    >>> x = tl.tensor([0.0, 0.5], requires_grad=True)
    >>> tl.erf(x)
    Tensor([0.        , 0.52049988], op=erf)
    >>> tl.erf(x).sum().backward(); x.grad
    array([1.12837917, 0.87878258])
    """
    return Tensor.record(special.erf, (as_tensor(x),), {})


def erfc(x: Any) -> Tensor:
    """1 - erf(x), with all digits where erf(x) is nearly 1."""
    return Tensor.record(special.erfc, (as_tensor(x),), {})
