"""Losses: modules that compare a prediction with a target and give one number.

A loss refuses shapes that NumPy would broadcast: (N, 1) against (N,) is N^2 differences and trains the wrong thing
without a word.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.nn.module import Module
from tinygrad_lite.numpy_functions import logsumexp
from tinygrad_lite.primitives.elementwise import square
from tinygrad_lite.primitives.losses import squared_loss
from tinygrad_lite.tensor import Tensor, as_tensor


def _pair(loss: Module, prediction: Any, target: Any) -> tuple[Tensor, Any]:
    """Prediction and target of one shape, or an error that shows what broadcasting would have made of them."""
    a = as_tensor(prediction)
    y = target if isinstance(target, Tensor) else np.asarray(target)
    if (y.value if isinstance(y, Tensor) else y).shape == a.value.shape:
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


class SquaredLoss(Module):
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
        return Tensor.record(squared_loss, _pair(self, prediction, target), {})


class MSELoss(Module):
    """The mean over all entries of (a - y)^2, as PyTorch's. dC/da = 2 (a - y) / (number of entries)."""

    def forward(self, prediction: Any, target: Any) -> Tensor:
        """mean((prediction - target)^2)."""
        a, y = _pair(self, prediction, target)
        return Tensor.record(square, (a - y,), {}).mean()


class CrossEntropyLoss(Module):
    """-ln softmax(z)_y for logits z and the right class y, averaged over the batch: logsumexp(z) - z_y.

    Logits, not probabilities, go in; the logarithm and the exponential never meet, so logits of 1e4 are fine.
    dC/dz = (softmax(z) - onehot(y)) / N.
    Shapes: z (B, C), y (B,) of integers 0..C-1 -> (); or z (C,), y ().

    >>> import numpy as np
    >>> from tinygrad_lite import nn
    >>> f"{nn.CrossEntropyLoss()(np.array([[2.0, 2.0]]), np.array([0])):.6f}"   # ln 2
    '0.693147'
    """

    def forward(self, logits: Any, classes: Any) -> Tensor:
        """mean(logsumexp(logits) - logits[classes])."""
        z = as_tensor(logits)
        y = classes if isinstance(classes, Tensor) else np.asarray(classes)
        if y.shape != z.shape[:-1] or not 1 <= z.ndim <= 2:
            hint = (
                " Classes are whole numbers, not one-hot rows: use rows.argmax(axis=1)." if y.shape == z.shape else ""
            )
            raise ValueError(
                f"CrossEntropyLoss: logits (N, C) need classes (N,); got logits {z.shape} and classes {y.shape}.{hint}"
            )
        y = _checked_classes(y, z.shape[-1])
        lse = logsumexp(z)
        return (lse - z[y]) if z.ndim == 1 else (lse - z[np.arange(len(z)), y]).mean()


def _checked_classes(y: Any, count: int) -> Any:
    """Class labels as integers within range; NumPy would take -1 for the last class."""
    value = y.current() if isinstance(y, Tensor) else y
    if value.dtype.kind not in "iu":
        whole = value.astype(np.intp) if value.dtype.kind in "fb" else None
        if whole is None or (whole != value).any():
            raise TypeError(f"CrossEntropyLoss: classes have to be whole numbers, not {value.dtype} such as {value!r}")
        y = value = whole
    if value.size and (value.min() < 0 or value.max() >= count):
        bad = value[(value < 0) | (value >= count)].ravel()[0]
        raise ValueError(f"CrossEntropyLoss: class {bad} is not one of the {count} classes 0..{count - 1}")
    return y
