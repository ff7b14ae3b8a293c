"""Adam and AdamW: a rate for each number, from running means of its gradient and of its gradient's square."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.optim.optimizer import Group, Optimizer, minus
from tinygrad_lite.tensor import Tensor


class Adam(Optimizer):
    """Adam: momentum, divided by the root of the mean squared gradient.

    For each parameter p with gradient g (-g to maximize) at step t, and m, v that start as 0:

        g <- g + weight_decay p
        m <- b1 m + (1 - b1) g,    v <- b2 v + (1 - b2) g^2
        p <- p - lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)       (amsgrad: the largest v so far)

    Raises: ValueError for no parameters, a negative rate, betas outside [0, 1), or a gradient that is missing.
    Source: Kingma & Ba, ICLR 2015; amsgrad: Reddi, Kale & Kumar, ICLR 2018.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0], requires_grad=True)
    >>> opt = tl.optim.Adam([w], lr=0.1)
    >>> (w * 3).sum().backward()
    >>> opt.step(); w.data.round(6)     # the first step is lr, whatever the gradient's size
    array([0.9])
    """

    decoupled = False

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
        decoupled_weight_decay: bool = False,
    ) -> None:
        self.decoupled = self.decoupled or decoupled_weight_decay  # that makes it AdamW
        super().__init__(
            params,
            {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "amsgrad": amsgrad,
             "maximize": maximize},
        )  # fmt: skip

    def moved(self, group: Group, p: Tensor, value: Any, g: Any) -> Any:
        b1, b2 = group["betas"]
        lr = group["lr"]
        kept = self.state.get(p)
        if kept is None:
            kept = self.state[p] = {"step": 0, "exp_avg": np.zeros_like(g), "exp_avg_sq": np.zeros_like(g)}
        kept["step"] = t = kept["step"] + 1
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            if self.decoupled:
                value = value * (1 - lr * group["weight_decay"])
            else:
                g = g + group["weight_decay"] * value
        m, v = kept["exp_avg"], kept["exp_avg_sq"]
        m *= b1
        m += (1 - b1) * g
        v *= b2
        v += (1 - b2) * g * g
        if group["amsgrad"]:
            largest = kept.get("max_exp_avg_sq")
            v = kept["max_exp_avg_sq"] = v.copy() if largest is None else np.asarray(np.maximum(largest, v))
        size = np.sqrt(v)
        size /= math.sqrt(1 - b2**t)
        size += group["eps"]
        move = m / size
        move *= lr / (1 - b1**t)
        return minus(value, move)


class AdamW(Adam):
    """Adam whose weight decay acts on the parameter itself, p <- (1 - lr weight_decay) p, and not through g.

    Adam divides what comes through g by its usual size, so that a decay in g would hardly depend on its rate.
    Source: Loshchilov & Hutter, Decoupled weight decay regularization, ICLR 2019.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0], requires_grad=True)
    >>> opt = tl.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * 3).sum().backward()
    >>> opt.step(); w.data.round(6)     # 1 (1 - 0.05) - 0.1
    array([0.85])
    """

    decoupled = True

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay, amsgrad, maximize=maximize)
