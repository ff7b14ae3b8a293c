"""Losses of margins, and of several labels at once: a right answer has to win by a distance, or costs what it lacks."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.nn.class_losses import _ClassLoss
from tinygrad_lite.nn.losses import Loss, Reduction, pair, values
from tinygrad_lite.nn.module import Buffer, Module
from tinygrad_lite.primitives.activations import softplus
from tinygrad_lite.primitives.elementwise import relu, square, where
from tinygrad_lite.primitives.indexing import ARRAY, getitem
from tinygrad_lite.tensor import Tensor, as_tensor


def _signs(loss: Module, y: Any) -> Any:
    value = values(y)
    if value.size and not (np.abs(value) == 1).all():
        raise ValueError(f"{type(loss).__name__}: targets are 1 and -1; got {np.unique(value)[:5]}")
    return y


class HingeEmbeddingLoss(Loss):
    """x where y = 1, max(0, margin - x) where y = -1: a distance x is to be small, or else at least the margin.

    Raises: ValueError for a target that is neither 1 nor -1.

    >>> from tinygrad_lite import nn
    >>> nn.HingeEmbeddingLoss(reduction="none")([0.3, 0.3], [1, -1]).numpy()
    array([0.3, 0.7])
    """

    def __init__(self, margin: float = 1.0, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.margin = margin

    def forward(self, distance: Any, target: Any) -> Tensor:
        """distance or max(0, margin - distance), reduced."""
        x, y = pair(self, distance, target)
        apart = Tensor.record(relu, (self.margin - x,), {})
        return self.reduced(Tensor.record(where, (_signs(self, y) > 0, x, apart), {}))


class SoftMarginLoss(Loss):
    """ln(1 + e^(-y x)) for a score x and a target y, as a rule 1 or -1: the logistic loss.

    >>> from tinygrad_lite import nn
    >>> nn.SoftMarginLoss()([0.0], [-1.0]).numpy()       # ln 2
    array(0.69314718)
    """

    def forward(self, score: Any, target: Any) -> Tensor:
        """ln(1 + e^(-target score)), reduced."""
        x, y = pair(self, score, target)
        return self.reduced(Tensor.record(softplus, (-y * x,), {}))


class MultiMarginLoss(_ClassLoss):
    """sum over i != y of w_y max(0, margin - x_y + x_i)^p / C: the hinge loss of several classes.

    Shapes: x (B, C), y (B,) of integers -> (); or x (C,), y () or (1,).
    Raises: ValueError for another p than 1 and 2.
    Source: Crammer & Singer, On the algorithmic implementation of multiclass kernel-based vector machines, 2001.

    >>> from tinygrad_lite import nn
    >>> nn.MultiMarginLoss()([[0.0, 2.0, 1.5]], [1]).numpy()       # (0 + 0.5) / 3
    array(0.16666667)
    """

    def __init__(
        self, p: int = 1, margin: float = 1.0, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(weight, ignore_index=-1, reduction=reduction)
        if p not in (1, 2):
            raise ValueError(f"MultiMarginLoss: p is 1 or 2, not {p}")
        self.p = p
        self.margin = margin

    def forward(self, scores: Any, classes: Any) -> Tensor:
        """sum max(0, margin - x_y + x_i)^p / C, reduced."""
        x = as_tensor(scores)
        if not isinstance(classes, Tensor):
            classes = np.asarray(classes)
        shape = classes.shape  # of the result, without a reduction
        if shape in ((), (1,)) and x.shape[:-1] in ((), (1,)):  # a single example, with or without its axis
            classes = classes.reshape(x.shape[:-1])
        y, ignored = self.classes(x, classes)
        if ignored:
            raise ValueError(f"MultiMarginLoss: class -1 is not one of the {x.shape[-1]} classes")
        flat, labels = x.reshape(-1, x.shape[-1]), y.reshape(-1)
        right = getitem(np.eye(x.shape[-1], dtype=bool), labels, index=(ARRAY,))
        short = Tensor.record(relu, (self.margin - flat[np.arange(len(labels)), labels][:, None] + flat,), {})
        if self.p == 2:
            short = Tensor.record(square, (short,), {})
        w = getitem(self.weights(flat), labels, index=(ARRAY,))[:, None] / np.asarray(x.shape[-1], x.dtype)
        losses = (short * np.where(right, 0, w)).sum(1)
        return losses.reshape(shape) if self.reduction == "none" else self.reduced(losses)


class MultiLabelMarginLoss(Loss):
    """sum over labels j and other classes i of max(0, 1 - x_j + x_i) / C: every right class has to beat every wrong.

    The target lists the right classes of an example in its first places, the rest is -1. Shapes: x (B, C), y (B, C).

    >>> from tinygrad_lite import nn
    >>> nn.MultiLabelMarginLoss()([[0.1, 0.2, 0.4, 0.8]], [[3, 0, -1, 1]]).numpy()
    array(0.85)
    """

    def forward(self, scores: Any, labels: Any) -> Tensor:
        """sum max(0, 1 - x_j + x_i) / C, reduced."""
        x, _ = pair(self, scores, labels)
        count = x.shape[-1] if x.ndim else 1
        given = values(labels) if isinstance(labels, Tensor) else np.asarray(labels)
        listed = given.reshape(-1, count).astype(np.intp)
        if listed.size and not (listed.min() >= -1 and listed.max() < count):
            raise ValueError(f"MultiLabelMarginLoss: labels are classes 0..{count - 1}, then -1 up to the end")
        valid = np.logical_and.accumulate(listed >= 0, axis=1)
        named = (listed[:, :, None] == np.arange(count)) & valid[:, :, None]
        right = named.sum(axis=1).astype(np.float64)  # a class listed twice counts twice, as in PyTorch
        flat = x.reshape(-1, count)
        pairs = (right[:, :, None] * (right == 0)[:, None, :] / count).astype(x.dtype)
        losses = (Tensor.record(relu, (1 - flat[:, :, None] + flat[:, None, :],), {}) * pairs).sum((1, 2))
        return losses.reshape(x.shape[:-1]) if self.reduction == "none" else self.reduced(losses)


class MultiLabelSoftMarginLoss(Loss):
    """BCEWithLogitsLoss averaged over the classes of an example: each class is a yes-or-no question of its own.

    Shapes: x (B, C), y (B, C) of 0 and 1 -> (). `weight` has one number per class.

    >>> from tinygrad_lite import nn
    >>> nn.MultiLabelSoftMarginLoss()([[0.0, 0.0]], [[1, 0]]).numpy()       # ln 2
    array(0.69314718)
    """

    def __init__(self, weight: npt.ArrayLike | None = None, *, reduction: Reduction = "mean") -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else Buffer(weight)

    def forward(self, logits: Any, target: Any) -> Tensor:
        """(1 - target) z + softplus(-z), mean over the classes, reduced."""
        z, y = pair(self, logits, target)
        losses = (1 - y) * z + Tensor.record(softplus, (-z,), {})
        if self.weight is not None:
            losses = losses * self.weight.current().astype(z.dtype)
        return self.reduced(losses.mean(-1))
