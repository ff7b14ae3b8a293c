"""Losses of numbers: modules that compare a prediction with a target of the same shape and give one number.

A loss refuses shapes that NumPy would broadcast: (N, 1) against (N,) is N^2 differences and trains the wrong thing
without a word. Those of classes, of probabilities and of margins are in the files beside this one.
"""

from __future__ import annotations

from typing import Any, Literal, Self

import numpy as np

from tinygrad_lite.nn.module import Module
from tinygrad_lite.primitives.elementwise import square, where
from tinygrad_lite.primitives.losses import squared_loss
from tinygrad_lite.tensor import Tensor, as_tensor

Reduction = Literal["mean", "sum", "none"]


class Comparing(Module):
    """What compares a prediction with a target: it is made of neither, and called on both."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Self:
        if any(isinstance(a, Tensor) and a.op is not None for a in args):
            raise TypeError(
                f"{cls.__name__} is made first, without data, and then called: nn.{cls.__name__}()(prediction, target)"
            )
        return super().__new__(cls)


class Loss(Comparing):
    """What losses share: `reduction`, how the losses of single entries (or examples) become one number."""

    def __init__(self, *, reduction: Reduction = "mean") -> None:
        if reduction not in ("mean", "sum", "none"):
            raise ValueError(
                f"{type(self).__name__}: reduction is 'mean', 'sum' or 'none' (one loss for each entry), "
                f"not {reduction!r}"
            )
        self.reduction: str = reduction

    def reduced(self, losses: Tensor) -> Tensor:
        """The mean or the sum of `losses`, or all of them."""
        if self.reduction == "mean":
            return losses.mean()
        return losses.sum() if self.reduction == "sum" else losses


def pair(loss: Module, prediction: Any, target: Any) -> tuple[Tensor, Any]:
    """Prediction and target of one shape, or an error that shows what broadcasting would have made of them.

    A target of whole numbers takes the prediction's dtype: NumPy would make float64 of float32 and int64.
    """
    a = as_tensor(prediction)
    y = target if isinstance(target, Tensor) else np.asarray(target)
    value = values(y)
    if value.dtype is not a.value.dtype and value.dtype.kind in "iub" and a.dtype.kind == "f":
        y = y.astype(a.dtype)
    if value.shape == a.value.shape:
        return a, y
    if y.ndim == 0 and a.size == 1:  # a plain number for a single prediction is no accident
        return a, y.reshape(a.shape)
    try:
        made = f"would broadcast to {np.broadcast_shapes(a.shape, y.shape)}, comparing each with each"
    except ValueError:
        made = "do not even broadcast"
    raise ValueError(
        f"{type(loss).__name__}: prediction {a.shape} and target {y.shape} {made}. Give the target the prediction's "
        f"shape, for example target.reshape({a.shape})."
        if y.size == a.size
        else f"{type(loss).__name__}: prediction {a.shape} and target {y.shape} {made}. They need one shape."
    )


def values(t: Any) -> Any:
    """The plain numbers of a target, to check them."""
    return t.current() if isinstance(t, Tensor) else t


class SquaredLoss(Comparing):
    """C = 1/2 |y - a|^2: summed over the outputs (the last axis), averaged over the batch (all other axes).

    A 1-D prediction is one example. dC/da = (a - y) / N.
    Shapes: a (B, O), y (B, O) -> (); or a (O,), y (O,) -> ().

    >>> import tinygrad_lite as tl
    >>> from tinygrad_lite import nn
    >>> nn.SquaredLoss()(tl.tensor([9.0]), 10.0).item()
    0.5
    """

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """1/2 |target - prediction|^2, mean over the batch."""
        return Tensor.record(squared_loss, pair(self, prediction, target), {})


class MSELoss(Loss):
    """(a - y)^2, by default its mean over all entries, as PyTorch's. dC/da = 2 (a - y) / (number of entries)."""

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """(prediction - target)^2, reduced."""
        a, y = pair(self, prediction, target)
        return self.reduced(Tensor.record(square, (a - y,), {}))


class L1Loss(Loss):
    """|a - y|, by default its mean over all entries. dC/da = sign(a - y) / (number of entries), 0 where they meet.

    >>> from tinygrad_lite import nn
    >>> nn.L1Loss(reduction="sum")([1.0, 4.0], [0.0, 6.0]).numpy()
    array(3.)
    """

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """|prediction - target|, reduced."""
        a, y = pair(self, prediction, target)
        return self.reduced(abs(a - y))


class HuberLoss(Loss):
    """d^2 / 2 for |d| < delta, delta (|d| - delta / 2) beyond, d = a - y: an outlier pulls no harder than delta.

    Raises: ValueError for a delta that is not above 0.
    Source: Huber, Robust estimation of a location parameter, 1964.

    >>> from tinygrad_lite import nn
    >>> nn.HuberLoss(reduction="none")([0.5, 3.0], [0.0, 0.0]).numpy()
    array([0.125, 2.5  ])
    """

    def __init__(self, reduction: Reduction = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not delta > 0:
            raise ValueError(f"HuberLoss: delta has to be above 0, not {delta}")
        self.delta = delta

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """d^2 / 2 or delta (|d| - delta / 2), reduced."""
        a, y = pair(self, prediction, target)
        d = a - y
        size = abs(d)
        near, far = 0.5 * Tensor.record(square, (d,), {}), self.delta * (size - 0.5 * self.delta)
        return self.reduced(Tensor.record(where, (size < self.delta, near, far), {}))


class SmoothL1Loss(Loss):
    """d^2 / (2 beta) for |d| < beta, |d| - beta / 2 beyond, d = a - y: Huber's loss over beta; L1 for beta = 0.

    Raises: ValueError for a beta below 0.
    Source: Girshick, Fast R-CNN, ICCV 2015.

    >>> from tinygrad_lite import nn
    >>> nn.SmoothL1Loss(reduction="none", beta=2.0)([1.0, 3.0], [0.0, 0.0]).numpy()
    array([0.25, 2.  ])
    """

    def __init__(self, *, reduction: Reduction = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        if not beta >= 0:
            raise ValueError(f"SmoothL1Loss: beta has to be 0 or above, not {beta}")
        self.beta = beta

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """d^2 / (2 beta) or |d| - beta / 2, reduced."""
        a, y = pair(self, prediction, target)
        d = a - y
        size = abs(d)
        if self.beta == 0:
            return self.reduced(size)
        near, far = (0.5 / self.beta) * Tensor.record(square, (d,), {}), size - 0.5 * self.beta
        return self.reduced(Tensor.record(where, (size < self.beta, near, far), {}))
