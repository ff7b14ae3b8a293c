"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.graph import describe
from tinygrad_lite.tensor import Tensor


class SGD:
    """Stochastic gradient descent, with momentum if asked for.

    For each parameter p with gradient g, and buffer v that starts as the first g:

        g <- g + weight_decay p
        v <- momentum v + (1 - dampening) g
        p <- p - lr v                   (without momentum: p - lr g; nesterov: p - lr (g + momentum v))

    A step gives every parameter a new array and writes into none, so a graph recorded before the step still
    differentiates at the old values.

    Raises: ValueError for no parameters, a negative rate, or a gradient that is missing or has another shape.
    Source: Sutskever et al., ICML 2013, in PyTorch's form (lr outside the buffer).

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0], requires_grad=True)
    >>> opt = tl.optim.SGD([w], lr=0.1)
    >>> (w * 3).sum().backward()
    >>> opt.step(); w.data
    array([0.7])
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
    ) -> None:
        if isinstance(params, Tensor):
            raise TypeError("SGD takes a list of parameters; for a single one write SGD([p], ...)")
        self.params = list(params)
        if not self.params:
            raise ValueError(
                "SGD got no parameters: the network has none, or the iterator was used up before. Pass "
                "net.parameters() afresh."
            )
        seen: set[int] = set()
        for i, p in enumerate(self.params):
            if not isinstance(p, Tensor):
                raise TypeError(f"SGD: parameter {i} is {type(p).__name__}, not a Tensor; pass net.parameters()")
            if p.op is not None:
                raise ValueError(f"SGD: parameter {i}, {describe(p)}, is computed; only a leaf can be trained")
            if id(p) in seen:
                raise ValueError(f"SGD: parameter {i}, {_name(p, i)}, is given twice and would be moved twice")
            seen.add(id(p))
        for what, rate in {
            "lr": lr, "momentum": momentum, "weight_decay": weight_decay
        }.items():  # fmt: skip
            if not 0 <= rate < np.inf:
                raise ValueError(f"SGD: {what} has to be a number from 0 up, not {rate}")
        if nesterov and (momentum == 0 or dampening != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")
        self.lr = lr
        self.momentum = momentum
        self.dampening = dampening
        self.weight_decay = weight_decay
        self.nesterov = nesterov
        self.buffers: list[Any] = [None] * len(self.params)

    def zero_grad(self) -> None:
        """Forget the gradients, so that the next `backward` starts afresh."""
        for p in self.params:
            p.grad = None

    def step(self) -> None:
        """Move every parameter once, all from the gradients at the old values; on an error, none has moved."""
        for i, p in enumerate(self.params):
            if p.grad is None:
                raise ValueError(
                    f"SGD.step: {_name(p, i)} has no gradient. Call loss.backward() first; if the loss does not depend "
                    "on this parameter, leave it out of the optimiser."
                )
            if p.grad.shape != p.value.shape:
                raise ValueError(f"SGD.step: {_name(p, i)} has shape {p.shape}, but its gradient {p.grad.shape}")
        for i, p in enumerate(self.params):
            p.value, p._handle = self._moved(i, p.value if p._handle is None else p.current(), p.grad), None

    def _moved(self, i: int, value: Any, g: Any) -> Any:
        """The new value of parameter `i`."""
        if self.weight_decay:
            g = g + self.weight_decay * value
        if self.momentum:
            v = self.buffers[i]
            v = g.copy() if v is None else self.momentum * v + (1 - self.dampening) * g
            self.buffers[i] = v
            g = g + self.momentum * v if self.nesterov else v
        move = self.lr * g
        if move.dtype != value.dtype or not move.ndim:
            return value - move
        return np.subtract(value, move, move)  # into the memory of `move`: one new array instead of two


def _name(p: Tensor, i: int) -> str:
    return f"parameter {p.name}" if p.name else f"parameter {i} {p.shape}"
