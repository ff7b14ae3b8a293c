"""Gradient clipping: a bound on how far one bad batch can move the parameters. Between `backward` and `step`."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.tensor import Tensor


def _gradients(parameters: Iterable[Tensor] | Tensor) -> list[Tensor]:
    given = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    if other := next((type(p).__name__ for p in given if not isinstance(p, Tensor)), ""):
        raise TypeError(f"clipping takes parameters, net.parameters(); among what it was given is a {other}")
    return [p for p in given if p.grad is not None]


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0, error_if_nonfinite: bool = False
) -> float:
    """Scale all gradients by one factor so that their norm, taken as one long vector, is at most `max_norm`.

    The factor is min(1, max_norm / (norm + 1e-6)); the direction stays. Returns the norm from before.
    Raises: ValueError for a norm that is not finite, if `error_if_nonfinite`.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0, 1.0], requires_grad=True)
    >>> (w * [3.0, 4.0]).sum().backward()
    >>> tl.nn.utils.clip_grad_norm_([w], 1.0), w.grad.round(3)
    (5.0, array([0.6, 0.8]))
    """
    params = _gradients(parameters)
    grads: list[Any] = [p.grad for p in params]
    if math.isinf(norm_type):
        norm = max((float(np.abs(g).max()) for g in grads if g.size), default=0.0)
    else:
        norm = sum(float(np.sum(np.abs(g) ** norm_type)) for g in grads) ** (1 / norm_type)
    if error_if_nonfinite and not math.isfinite(norm):
        raise ValueError(f"clip_grad_norm_: the gradients' norm is {norm}; no factor makes it finite")
    factor = min(1.0, max_norm / (norm + 1e-6))  # nan stays nan, as it should: min(1.0, nan) would hide it
    for p, g in zip(params, grads, strict=True):
        p.grad = np.asarray(g * (factor if not math.isnan(norm) else norm))
    return norm


def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Move every entry of every gradient into [-clip_value, clip_value]; this may turn its direction.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0, 1.0], requires_grad=True)
    >>> (w * [3.0, 0.5]).sum().backward()
    >>> tl.nn.utils.clip_grad_value_([w], 1.0); w.grad
    array([1. , 0.5])
    """
    for p in _gradients(parameters):
        p.grad = np.asarray(np.clip(p.grad, -clip_value, clip_value))  # type: ignore[arg-type]  # those without are gone
