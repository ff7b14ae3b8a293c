"""A data set in batches, one epoch at a time."""

from __future__ import annotations

from collections.abc import Iterator
from operator import index
from typing import Any

import numpy as np

from tinygrad_lite.intake import Array


def batches(
    x: Any,
    y: Any,
    batch_size: int,
    shuffle: bool = True,
    rng: np.random.Generator | None = None,
    *,
    drop_last: bool = False,
) -> Iterator[tuple[Array, Array]]:
    """One epoch: every example once, in batches (x, y) of `batch_size`; the last may be smaller, or is dropped.

    `rng` gives the order: make one Generator and pass it at every epoch. Without it the order is a new one at
    every run. Unshuffled batches are views of `x` and `y`.
    Shapes: x (N, ...), y (N, ...) -> batches of (B, ...), (B, ...).

    >>> import numpy as np
    >>> from tinygrad_lite import data
    >>> x, y = np.array([[1, 1], [2, 2], [3, 3]]), np.array([10, 20, 30])
    >>> [b for _, b in data.batches(x, y, 2, rng=np.random.default_rng(0))]
    [array([30, 10]), array([20])]
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(f"batches: x {x.shape} and y {y.shape} need the same number of examples, on the first axis")
    batch_size = index(batch_size)
    if batch_size < 1:
        raise ValueError(f"batches: batch_size has to be at least 1, not {batch_size}")
    if shuffle:
        rng = np.random.default_rng() if rng is None else rng
        if not isinstance(rng, np.random.Generator):
            raise TypeError(
                f"batches: rng={rng!r} is no Generator; a seed would give every epoch the same order. Make "
                "rng = np.random.default_rng(seed) once, before the epochs, and pass that."
            )
        order = rng.permutation(len(x))  # drawn now, not at the first batch: a second caller may share the generator
    else:
        order = None
    return _batches(x, y, batch_size, order, len(x) - len(x) % batch_size if drop_last else len(x))


def _batches(x: Array, y: Array, size: int, order: Array | None, stop: int) -> Iterator[tuple[Array, Array]]:
    # Apart from `batches`, because the body of a generator, with its checks, would only run at the first batch.
    for start in range(0, stop, size):
        chosen = slice(start, start + size) if order is None else order[start : start + size]
        yield x[chosen], y[chosen]
