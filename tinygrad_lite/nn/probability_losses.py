"""Losses of probabilities: the prediction is one (or its logit, or its logarithm), and so is the target."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy.typing as npt

from tinygrad_lite.context import EVERYTHING, RECORDING, recording
from tinygrad_lite.nn.losses import Loss, Reduction, pair, values
from tinygrad_lite.nn.module import Buffer
from tinygrad_lite.primitives.activations import softplus
from tinygrad_lite.primitives.arithmetic import subtract
from tinygrad_lite.primitives.elementwise import clip, exp, log, where
from tinygrad_lite.tensor import Tensor


class _BinaryLoss(Loss):
    """What the binary losses share: a weight for each entry, which has to broadcast against them."""

    def __init__(self, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else Buffer(weight)

    def weighted(self, losses: Tensor) -> Tensor:
        """The losses times their weights, reduced."""
        if self.weight is not None:
            losses = losses * self.weight.current().astype(losses.dtype)
        return self.reduced(losses)


class BCELoss(_BinaryLoss):
    """-(y ln p + (1 - y) ln(1 - p)) for a probability p and a target y in [0, 1]: binary cross-entropy.

    A logarithm is never less than -100, as PyTorch's: a certain and wrong prediction costs 100, not infinity, but its
    gradient is 0 there. For a network's raw outputs use BCEWithLogitsLoss, which has no such edge.
    Raises: ValueError where p is not in [0, 1].

    >>> from tinygrad_lite import nn
    >>> nn.BCELoss()([0.5, 0.5], [1.0, 0.0]).numpy()       # ln 2
    array(0.69314718)
    """

    def forward(self, probability: Any, target: Any) -> Tensor:
        """-(target ln probability + (1 - target) ln(1 - probability)), reduced."""
        p, y = pair(self, probability, target)
        if p.size and not (p.value.min() >= 0 and p.value.max() <= 1):
            raise ValueError(
                f"BCELoss: a probability is in [0, 1]; these reach from {p.value.min()} to {p.value.max()}. "
                "For raw outputs (logits) use BCEWithLogitsLoss."
            )
        other = _one_minus(y)
        return self.weighted(-(y * _bounded_log(p) + other * _bounded_log(1 - p)))


def _one_minus(y: Any) -> Tensor:
    """1 - y, on the graph although it has no gradient: a derivation then reads 1 - y and not a constant c."""
    if RECORDING.get() is not True:
        return Tensor.record(subtract, (1, y), {})
    with recording(EVERYTHING):
        return Tensor.record(subtract, (1, y), {})


def _bounded_log(p: Tensor) -> Tensor:
    return Tensor.record(log, (Tensor.record(clip, (p, math.exp(-100), None), {}),), {})


class BCEWithLogitsLoss(_BinaryLoss):
    """-(w y ln s(z) + (1 - y) ln(1 - s(z))) for a logit z, s the sigmoid, computed without overflow at any z.

    It is (1 - y) z + (1 + (w - 1) y) softplus(-z); `pos_weight` w, one per class (last axis), counts the positives
    w times. dC/dz = (s(z) - y) / (number of entries) for w = 1.

    >>> from tinygrad_lite import nn
    >>> nn.BCEWithLogitsLoss(reduction="none")([0.0, 1e4], [1.0, 0.0]).numpy()
    array([6.93147181e-01, 1.00000000e+04])
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        reduction: Reduction = "mean",
        pos_weight: npt.ArrayLike | None = None,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.pos_weight = None if pos_weight is None else Buffer(pos_weight)

    def forward(self, logits: Any, target: Any) -> Tensor:
        """(1 - target) z + (1 + (pos_weight - 1) target) softplus(-z), reduced."""
        z, y = pair(self, logits, target)
        cost = Tensor.record(softplus, (-z,), {})
        if self.pos_weight is not None:
            cost = (1 + (self.pos_weight.current().astype(z.dtype) - 1) * y) * cost
        return self.weighted(_one_minus(y) * z + cost)


class KLDivLoss(Loss):
    """y (ln y - x) for a target distribution y and log-probabilities x: the Kullback-Leibler divergence KL(y || e^x).

    The mathematical mean over a batch is reduction="batchmean": "mean" divides by the number of entries, as
    PyTorch's does. With `log_target` the target is ln y. Where y is 0 the loss is 0.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.KLDivLoss(reduction="batchmean")(np.log([[0.5, 0.5]]), [[1.0, 0.0]]).numpy()       # ln 2
    array(0.69314718)
    """

    def __init__(
        self, *, reduction: Literal["mean", "batchmean", "sum", "none"] = "mean", log_target: bool = False
    ) -> None:
        super().__init__(reduction="sum" if reduction == "batchmean" else reduction)
        self.batchmean = reduction == "batchmean"
        self.log_target = log_target

    def forward(self, logp: Any, target: Any) -> Tensor:
        """target (ln target - logp), reduced."""
        x, y = pair(self, logp, target)
        if self.log_target:
            losses = Tensor.record(exp, (y,), {}) * (y - x)
        else:
            if y.size and values(y).min() < 0:
                raise ValueError("KLDivLoss: the target is a distribution, with no entry below 0; use log_target=True")
            positive = Tensor.record(where, (y > 0, y, x.dtype.type(1)), {})
            losses = y * (Tensor.record(log, (positive,), {}) - x)
        total = self.reduced(losses)
        return total / len(x) if self.batchmean and x.ndim else total
