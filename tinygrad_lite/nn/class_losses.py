"""Losses of classes: the prediction has one number per class, the target says which class is right."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_lite.functions import log_softmax, logsumexp
from tinygrad_lite.nn.losses import Loss, Reduction, values
from tinygrad_lite.nn.module import Buffer
from tinygrad_lite.primitives.indexing import ARRAY, getitem, pick
from tinygrad_lite.tensor import Tensor, as_tensor


class _ClassLoss(Loss):
    """What the losses of classes share: a weight for each class, and a label that means "leave this one out"."""

    def __init__(
        self, weight: npt.ArrayLike | None = None, *, ignore_index: int = -100, reduction: Reduction = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = None if weight is None else Buffer(weight)
        if self.weight is not None and self.weight.ndim != 1:
            raise ValueError(f"{type(self).__name__}: weight has one number per class, shape (C,), not {weight!r}")
        self.ignore_index = ignore_index

    def weights(self, z: Tensor) -> Any:
        """The class weights in the dtype of the prediction; 1 for each where none are given."""
        count = z.shape[-1]
        if self.weight is None:
            return np.ones(count, z.dtype)
        if len(self.weight) != count:
            raise ValueError(f"{type(self).__name__}: {len(self.weight)} class weights for {count} classes")
        return self.weight.current().astype(z.dtype)

    def classes(self, z: Tensor, target: Any) -> tuple[Any, bool]:
        """Labels (N,) or () as integers within range, for predictions (N, C) or (C,), and whether any is to be ignored.

        NumPy would take the label -1 for the last class.
        """
        who = type(self).__name__
        y = target if isinstance(target, Tensor) else np.asarray(target)
        if not z.ndim or y.shape != ((z.shape[0], *z.shape[2:]) if z.ndim > 1 else ()):
            hint = (
                " Classes are whole numbers, not one-hot rows: use rows.argmax(axis=1)." if y.shape == z.shape else ""
            )
            raise ValueError(
                f"{who}: logits (N, C) need classes (N,); got logits {z.shape} and classes {y.shape}.{hint}"
            )
        value = values(y)
        if value.dtype.kind not in "iu":
            whole = value.astype(np.intp) if value.dtype.kind in "fb" else None
            if whole is None or (whole != value).any():
                raise TypeError(f"{who}: classes have to be whole numbers, not {value.dtype} such as {value!r}")
            y = value = whole
        count = z.shape[min(1, z.ndim - 1)]
        unsigned = value.astype(np.uint64)  # a negative label becomes a huge one: one comparison finds both kinds
        inside = not value.size or np.maximum.reduce(unsigned, axis=None) < count
        if inside and not 0 <= self.ignore_index < count:
            return y, False
        ignored = value == self.ignore_index
        wrong = ((value < 0) | (value >= count)) & ~ignored
        if wrong.any():
            raise ValueError(f"{who}: class {value[wrong].ravel()[0]} is not one of the {count} classes 0..{count - 1}")
        return y, bool(ignored.any())

    def picked(self, logp: Tensor, target: Any, z: Tensor) -> Tensor:
        """-w_y logp_y of each example, 0 for an ignored one, reduced; the mean is over the weights' sum."""
        y, ignored = self.classes(z, target)
        flat, labels = rows(logp), y.reshape(-1)
        if self.weight is None and not ignored:  # each example counts alike
            losses: Tensor = -Tensor.record(pick, (flat, labels), {})
            return losses.reshape(y.shape) if self.reduction == "none" else self.reduced(losses)
        kept = labels != self.ignore_index
        labels = np.where(kept, labels, 0)
        w = getitem(self.weights(flat), labels, index=(ARRAY,)) * kept
        losses = flat[np.arange(len(labels)), labels] * -w
        if self.reduction == "none":
            return losses.reshape(y.shape)
        return _mean(losses, w.sum()) if self.reduction == "mean" else losses.sum()


def _mean(losses: Tensor, weight: Any) -> Tensor:
    """The losses' sum over the sum of their weights; where none counts, 0 / 0: nan, but it moves nothing."""
    if values(weight) == 0:  # dividing would turn the gradient into 0 times infinity
        return losses.sum() + np.asarray(np.nan, losses.dtype)
    mean: Tensor = losses.sum() / weight
    return mean


def rows(z: Tensor) -> Tensor:
    """Predictions (N, C, d1, ...) as rows (N d1 ..., C); (C,) as (1, C)."""
    if z.ndim > 2:
        z = z.transpose(0, *range(2, z.ndim), 1)
    return z if z.ndim == 2 else z.reshape(-1, z.shape[-1])


class CrossEntropyLoss(_ClassLoss):
    """-ln softmax(z)_y for logits z and the right class y, averaged over the batch: logsumexp(z) - z_y.

    Logits, not probabilities, go in; the logarithm and the exponential never meet, so logits of 1e4 are fine.
    dC/dz = (softmax(z) - onehot(y)) / N. With `weight` a mean is over sum_i weight[y_i]; `label_smoothing` e gives
    every class e / C of the target. The target may also be a distribution over the classes, of z's shape.
    Shapes: z (B, C), y (B,) of integers 0..C-1 -> (); or z (C,), y (); or z (B, C, d1, ...), y (B, d1, ...).
    Raises: ValueError for a label that is no class (nor `ignore_index`); TypeError for one that is no whole number.

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> f"{nn.CrossEntropyLoss()(np.array([[2.0, 2.0]]), np.array([0])):.6f}"   # ln 2
    '0.693147'
    """

    def __init__(
        self,
        weight: npt.ArrayLike | None = None,
        *,
        ignore_index: int = -100,
        reduction: Reduction = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"CrossEntropyLoss: label_smoothing is from 0 to 1, not {label_smoothing}")
        self.label_smoothing = label_smoothing

    def forward(self, logits: Any, classes: Any) -> Tensor:
        """logsumexp(logits) - logits[classes], reduced."""
        z = as_tensor(logits)
        y = classes if isinstance(classes, Tensor) else np.asarray(classes)
        if y.shape == z.shape and y.dtype.kind == "f" and z.ndim:
            return self._of_distribution(z, y)
        if self.weight is None and not self.label_smoothing and z.ndim <= 2 and self.reduction != "none":
            y, ignored = self.classes(z, y)
            if not ignored:  # the case of every course, in as few operations as it has
                lse = logsumexp(z)
                return (lse - z[y]) if z.ndim == 1 else self.reduced(lse - Tensor.record(pick, (z, y), {}))
        logp = log_softmax(z, min(1, z.ndim - 1))
        hit = self.picked(logp, y, z)
        if not self.label_smoothing:
            return hit
        return (1 - self.label_smoothing) * hit + self.label_smoothing / z.shape[min(1, z.ndim - 1)] * self._spread(
            logp, y
        )

    def _spread(self, logp: Tensor, y: Any) -> Tensor:
        """-sum_c w_c logp_c of each example: what label smoothing gives to every class alike."""
        flat, labels = rows(logp), y.reshape(-1)
        w, kept = self.weights(flat), labels != self.ignore_index
        losses: Tensor = (flat * -w).sum(1) * kept.astype(flat.dtype)
        if self.reduction == "none":
            return losses.reshape(y.shape)
        total = (getitem(w, np.where(kept, labels, 0), index=(ARRAY,)) * kept).sum()
        return _mean(losses, total) if self.reduction == "mean" else losses.sum()

    def _of_distribution(self, z: Tensor, p: Any) -> Tensor:
        """-sum_c w_c p_c ln softmax(z)_c for a target distribution p; a mean is over the examples."""
        axis = min(1, z.ndim - 1)
        if self.label_smoothing:
            p = p * (1 - self.label_smoothing) + self.label_smoothing / z.shape[axis]
        flat = rows(log_softmax(z, axis)) * rows(as_tensor(p))
        losses = -(flat * self.weights(flat)).sum(1)
        return (
            losses.reshape(z.shape[:axis] + z.shape[axis + 1 :]) if self.reduction == "none" else self.reduced(losses)
        )


class NLLLoss(_ClassLoss):
    """-x_y for log-probabilities x (those of LogSoftmax) and the right class y: the negative log-likelihood.

    With `weight` a mean is over sum_i weight[y_i]; examples labelled `ignore_index` count for nothing.
    Shapes: x (B, C), y (B,) -> (); or x (C,), y (); or x (B, C, d1, ...), y (B, d1, ...).

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> nn.NLLLoss()(np.log([[0.25, 0.75]]), [0]).item()      # ln 4
    1.3862943611198906
    """

    def forward(self, logp: Any, classes: Any) -> Tensor:
        """-logp[classes], reduced."""
        x = as_tensor(logp)
        return self.picked(x, classes, x)
