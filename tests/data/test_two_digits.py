"""Images of two digits: both are in them, where they should be, with their labels in order."""

from __future__ import annotations

import numpy as np
import pytest

from tinygrad_lite import data


def test_both_digits_are_there_the_first_above() -> None:
    flat = np.zeros((2, 28, 28))
    flat[0, 14, :] = 1.0  # label 3: a line across
    flat[1, :, 14] = 0.5  # label 8: a line down
    x, y = data.two_digits(flat, np.array([3, 8]), 50, rng=0)
    for image, (upper, lower) in zip(x, y, strict=True):
        across = np.nonzero((image == 1.0).all(1))[0]
        assert len(across) == [upper, lower].count(3)
        if upper == 3:
            assert 14 <= across[0] <= 18
        if lower == 3:
            assert 24 <= across[-1] <= 28
        assert (image == 0.5).any() == (8 in (upper, lower))


def test_shapes_ranges_and_seeds() -> None:
    images, labels = data.load_digits()
    x, y = data.two_digits(images, labels, 40, rng=1)
    assert (x.shape, y.shape) == ((40, 42, 28), (40, 2))
    assert (str(x.dtype), str(y.dtype)) == ("float32", "int64")
    assert x.min() == 0
    assert x.max() == 1
    again = data.two_digits(images, labels, 40, rng=np.random.default_rng(1))
    np.testing.assert_array_equal(x, again[0])
    np.testing.assert_array_equal(y, again[1])


@pytest.mark.parametrize(
    ("images", "labels"), [((3, 29, 28), (3,)), ((3, 28), (3,)), ((3, 8, 8), (2,)), ((0, 8, 8), (0,))]
)
def test_other_shapes_are_refused(images: tuple[int, ...], labels: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="two_digits: images"):
        data.two_digits(np.zeros(images), np.zeros(labels, int), 5, rng=0)
