"""Two overlapping digits in one image, and both labels: the course's exercise with a fork in the network."""

from __future__ import annotations

from typing import Any

import numpy as np

from tinygrad_lite.intake import Array

HEIGHT, WIDTH, SIDE = 42, 28, 28


def two_digits(images: Any, labels: Any, count: int, *, rng: np.random.Generator | int) -> tuple[Array, Array]:
    """`count` images of 42 x 28 with two digits each, the upper first, made from images of single digits.

    Each digit, enlarged to 28 x 28 if it is smaller, is put at a random height of its half and moved sideways by up
    to 2; where the two overlap the darker ink shows. Ink goes from 0 to 1, whatever it did in `images`.
    Shapes: images (N, H, W) with H, W <= 28, labels (N,) -> (count, 42, 28) float32, (count, 2) int64.
    Raises: ValueError for images of another shape, or labels that do not belong to them.

    >>> from tinygrad_lite import data
    >>> x, y = data.two_digits(*data.load_digits(), count=100, rng=0)
    >>> x.shape, y.shape, float(x.max())
    ((100, 42, 28), (100, 2), 1.0)
    """
    images, labels = np.asarray(images), np.asarray(labels)
    fits = images.ndim == 3 and len(images) and max(images.shape[1:]) <= SIDE
    if not fits or labels.shape != images.shape[:1]:
        raise ValueError(
            f"two_digits: images (N, H, W) of at most {SIDE} x {SIDE} and labels (N,) make pairs; got {images.shape} "
            f"and {labels.shape}"
        )
    rng = np.random.default_rng(rng)
    ink = enlarged(images / max(float(images.max()), 1e-12)).astype(np.float32)
    chosen = rng.integers(len(images), size=(count, 2))
    down = rng.integers([0, HEIGHT - SIDE - 4], [5, HEIGHT - SIDE + 1], (count, 2))  # the upper 0..4, the lower 10..14
    across = rng.integers(-2, 3, (count, 2))
    x = np.zeros((count, HEIGHT, WIDTH), np.float32)
    for n in range(count):
        for k in range(2):
            moved = np.roll(ink[chosen[n, k]], across[n, k], axis=1)
            place = x[n, down[n, k] : down[n, k] + SIDE]
            np.maximum(place, moved, out=place)
    return x, labels[chosen].astype(np.int64)


def enlarged(images: Array) -> Array:
    """Images (N, H, W) as (N, 28, 28): each pixel as large as fits, with a border of paper."""
    n, h, w = images.shape
    scale = SIDE // max(h, w)
    large = images.repeat(scale, 1).repeat(scale, 2)
    top, left = (SIDE - h * scale) // 2, (SIDE - w * scale) // 2
    out = np.zeros((n, SIDE, SIDE), images.dtype)
    out[:, top : top + h * scale, left : left + w * scale] = large
    return out
