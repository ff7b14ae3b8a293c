"""A data set in two parts: one to train on, one held out to test on."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.intake import Array


def train_test_split(
    x: Any, y: Any, test_size: float = 0.2, *, rng: np.random.Generator | int
) -> tuple[Array, Array, Array, Array]:
    """x_train, x_test, y_train, y_test: scikit-learn's name and order. Each example is in one part, once.

    `test_size` is the share held out, between 0 and 1; `rng`, a numpy Generator or a seed for one, chooses which.
    Shapes: x (N, ...), y (N, ...); the test part has round(test_size N) examples. Both parts are copies.

    >>> from tinygrad_lite import data
    >>> images, labels = data.load_digits()
    >>> [part.shape for part in data.train_test_split(images, labels, rng=0)]
    [(1438, 8, 8), (359, 8, 8), (1438,), (359,)]
    """
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim == 0 or y.ndim == 0 or len(x) != len(y):
        raise ValueError(
            f"train_test_split: x {x.shape} and y {y.shape} need the same number of examples, on the first axis"
        )
    if not 0 < test_size < 1:
        raise ValueError(f"train_test_split: test_size is a share between 0 and 1, not {test_size}")
    held_out = round(test_size * len(x))
    if not 0 < held_out < len(x):
        raise ValueError(f"train_test_split: {test_size} of {len(x)} examples leaves one of the two parts empty")
    order = np.random.default_rng(rng).permutation(len(x))
    test, train = order[:held_out], order[held_out:]
    return x[train], x[test], y[train], y[test]
