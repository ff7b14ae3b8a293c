"""RMSprop and Adagrad: each number's gradient divided by the root of its mean, or its summed, square."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from tinygrad_lite.optim.optimizer import Group, Optimizer, minus
from tinygrad_lite.tensor import Tensor


class RMSprop(Optimizer):
    """The gradient over the root of its running mean square.

    For each parameter p with gradient g (-g to maximize), and s, a, v that start as 0:

        g <- g + weight_decay p
        s <- alpha s + (1 - alpha) g^2                 (centered: a <- alpha a + (1 - alpha) g, and s - a^2 for s below)
        v <- momentum v + g / (sqrt(s) + eps)
        p <- p - lr v

    Raises: ValueError for no parameters, a negative rate, or a gradient that is missing.
    Source: Tieleman & Hinton, Lecture 6.5 of Neural networks for machine learning, 2012; centered: Graves, 2013.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0], requires_grad=True)
    >>> opt = tl.optim.RMSprop([w], lr=0.1)
    >>> (w * 3).sum().backward()
    >>> opt.step(); w.data.round(6)     # 1 - 0.1 / sqrt(1 - alpha)
    array([0.])
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "alpha": alpha, "eps": eps, "weight_decay": weight_decay, "momentum": momentum,
             "centered": centered, "maximize": maximize},
        )  # fmt: skip

    def moved(self, group: Group, p: Tensor, value: Any, g: Any) -> Any:
        alpha = group["alpha"]
        kept = self.state.get(p)
        if kept is None:
            kept = self.state[p] = {"step": 0, "square_avg": np.zeros_like(g)}
        kept["step"] += 1
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + group["weight_decay"] * value
        s = kept["square_avg"]
        s *= alpha
        s += (1 - alpha) * g * g
        if group["centered"]:
            a = kept.setdefault("grad_avg", np.zeros_like(g))
            a *= alpha
            a += (1 - alpha) * g
            s = s - a * a
        g = g / (np.sqrt(s) + group["eps"])
        if group["momentum"]:
            v = kept.setdefault("momentum_buffer", np.zeros_like(g))
            v *= group["momentum"]
            v += g
            g = v
        return minus(value, group["lr"] * g)


class Adagrad(Optimizer):
    """The gradient over the root of the sum of all its squares so far: a number that has moved much moves less.

    For each parameter p with gradient g (-g to maximize) at step t, and s that starts as initial_accumulator_value:

        g <- g + weight_decay p
        s <- s + g^2
        p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps)

    Raises: ValueError for no parameters, a negative rate, or a gradient that is missing.
    Source: Duchi, Hazan & Singer, JMLR 2011.

    >>> import tinygrad_lite as tl
    >>> w = tl.tensor([1.0], requires_grad=True)
    >>> opt = tl.optim.Adagrad([w], lr=0.1)
    >>> (w * 3).sum().backward()
    >>> opt.step(); w.data.round(6)
    array([0.9])
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[Group],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        *,
        maximize: bool = False,
    ) -> None:
        super().__init__(
            params,
            {"lr": lr, "lr_decay": lr_decay, "weight_decay": weight_decay, "eps": eps,
             "initial_accumulator_value": initial_accumulator_value, "maximize": maximize},
        )  # fmt: skip

    def moved(self, group: Group, p: Tensor, value: Any, g: Any) -> Any:
        kept = self.state.get(p)
        if kept is None:
            kept = self.state[p] = {"step": 0, "sum": np.full_like(g, group["initial_accumulator_value"])}
        kept["step"] = t = kept["step"] + 1
        if group["maximize"]:
            g = -g
        if group["weight_decay"]:
            g = g + group["weight_decay"] * value
        s = kept["sum"]
        s += g * g
        rate = group["lr"] / (1 + (t - 1) * group["lr_decay"])
        return minus(value, rate * g / (np.sqrt(s) + group["eps"]))
