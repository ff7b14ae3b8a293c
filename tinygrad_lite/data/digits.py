"""Real handwritten digits, small enough to come with the package."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tinygrad_lite.intake import Array

FILE = Path(__file__).with_name("digits.npz")


def load_digits() -> tuple[Array, Array]:
    """1,797 images of handwritten digits and which digit each of them is.

    Shapes: images (1797, 8, 8) uint8 from 0 (paper) to 16 (ink), labels (1797,) int64 of 0..9. Divide the images
    by 16 before training. The arrays are the caller's own.
    Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository,
    1998, doi 10.24432/C50P49, CC BY 4.0; see digits.LICENSE.txt.

    >>> from tinygrad_lite import data
    >>> images, labels = data.load_digits()
    >>> images.shape, labels[:10]
    ((1797, 8, 8), array([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]))
    """
    with np.load(FILE) as file:
        return file["images"], file["labels"].astype(np.int64)
