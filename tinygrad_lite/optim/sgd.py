"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.optim.optimizer import Group, Optimizer, minus
from tinygrad_lite.tensor import Tensor


class SGD(Optimizer):
    """Stochastic gradient descent, with momentum if asked for.

    For each parameter p with gradient g (-g to maximize), and buffer v that starts as the first g:

        g <- g + weight_decay p
        v <- momentum v + (1 - dampening) g
        p <- p - lr v                   (without momentum: p - lr g; nesterov: p - lr (g + momentum v))

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
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "momentum": momentum, "dampening": dampening, "weight_decay": weight_decay,
             "nesterov": nesterov, "maximize": maximize},
        )  # fmt: skip

    def check(self, group: Group) -> None:
        super().check(group)
        if group["nesterov"] and (group["momentum"] == 0 or group["dampening"] != 0):
            raise ValueError("SGD: nesterov needs a momentum above 0 and no dampening")

    def moved(self, group: Group, p: Tensor, value: Any, g: Any) -> Any:
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + group["weight_decay"] * value
        momentum = group["momentum"]
        if momentum:
            v = self.state.get(p, {}).get("momentum_buffer")
            if v is None:
                v = np.array(g)  # a copy, and an array where g is a scalar
                self.state[p] = {"momentum_buffer": v}
            else:
                v *= momentum
                v += g if not group["dampening"] else (1 - group["dampening"]) * g
            g = g + momentum * v if group["nesterov"] else v
        return minus(value, group["lr"] * g)
