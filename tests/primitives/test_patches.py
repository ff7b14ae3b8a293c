"""Convolution cut up: in tiles of rows, of a part of one, and of a single place; with groups and without."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.samples_images import NONE, conv, conv_input, conv_weight
from tinygrad_lite.primitives import patches

ONE = (1, 1)
LAYERS = [  # x, w, and how
    ((5, 3, 6, 5), (4, 3, 3, 2), {"stride": ONE, "padding": NONE, "dilation": ONE, "groups": 1}),
    ((5, 9, 6, 5), (4, 9, 3, 2), {"stride": ONE, "padding": ((1, 0), (2, 1)), "dilation": ONE, "groups": 1}),
    ((3, 8, 7, 6), (5, 8, 2, 3), {"stride": (2, 1), "padding": ((0, 1), (1, 1)), "dilation": (2, 1), "groups": 1}),
    ((3, 8, 3, 4), (18, 8, 2, 2), {"stride": ONE, "padding": NONE, "dilation": ONE, "groups": 1}),
    ((3, 8, 3, 4), (36, 4, 2, 2), {"stride": ONE, "padding": NONE, "dilation": ONE, "groups": 2}),
    ((4, 8, 5, 5), (16, 1, 3, 3), {"stride": (2, 2), "padding": ((1, 1), (1, 1)), "dilation": ONE, "groups": 8}),
]
SIZES = [{}, {"TILE": 1}, {"TILE": 4000}, {"TILE": 40000}]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize(("x", "w", "how"), LAYERS, ids=str)
def test_however_it_is_cut_up_it_is_the_same_sum(
    x: tuple[int, ...], w: tuple[int, ...], how: dict[str, Any], sizes: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in sizes.items():
        monkeypatch.setattr(patches, name, value)
    rng = np.random.default_rng(0)
    a, k, b = rng.standard_normal(x), rng.standard_normal(w), rng.standard_normal(w[0])
    y = conv(a, k, b, **how)
    np.testing.assert_allclose(patches.conv2d(a, k, b, **how), y, atol=1e-12)
    np.testing.assert_allclose(patches.conv2d(a, k, **how), y - b[:, None, None], atol=1e-12)
    for g in (rng.standard_normal(y.shape), np.asfortranarray(rng.standard_normal(y.shape))):
        for row, other, size, reference in (
            (patches.conv2d_input, k, x[2:], conv_input), (patches.conv2d_weight, a, w[2:], conv_weight),
        ):  # fmt: skip
            want = reference(g, other, size=(size[0], size[1]), **how)
            np.testing.assert_allclose(row(g, other, size=size, **how), want, atol=1e-12)


@pytest.mark.parametrize(("x", "w", "how"), LAYERS, ids=str)
def test_no_images_give_no_images_and_no_gradient(x: tuple[int, ...], w: tuple[int, ...], how: dict[str, Any]) -> None:
    a, k, b = np.zeros((0, *x[1:])), np.ones(w), np.ones(w[0])
    y = patches.conv2d(a, k, b, **how)
    assert y.shape == (0, w[0], *conv(np.zeros((1, *x[1:])), k, **how).shape[2:])
    assert patches.conv2d_input(y, k, size=x[2:], **how).shape == a.shape
    np.testing.assert_array_equal(patches.conv2d_weight(y, a, size=w[2:], **how), np.zeros(w))
