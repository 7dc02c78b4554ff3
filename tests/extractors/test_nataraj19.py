"""Pairs of neighbouring pixels, counted by hand and by scikit-image."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.feature import graycomatrix

from manifpt.errors import NumbersError
from manifpt.extractors.nataraj19 import Nataraj19


@pytest.mark.parametrize("level", [0, 128, 255])
def test_a_flat_image_has_one_pair_with_itself(level: int) -> None:
    found = Nataraj19().measured(np.full((1, 20, 16, 3), level, np.uint8))[0]
    expected = np.zeros((3, 32, 32))
    expected[:, level // 8, level // 8] = np.log1p(20 * 15)
    np.testing.assert_allclose(found, expected)


def test_pairs_are_counted_from_left_to_right_in_each_channel() -> None:
    # One row of red 0, 8, 8, 255: levels 0, 1, 1, 31. Green is its mirror image, and blue flat.
    red = np.array([0, 8, 8, 255])
    pixels = np.stack([red, red[::-1], np.full(4, 7)], axis=-1).astype(np.uint8)[None, None]
    counts = np.rint(np.expm1(Nataraj19().measured(pixels)[0]))
    assert [tuple(place) for place in np.argwhere(counts[0])] == [(0, 1), (1, 1), (1, 31)]
    np.testing.assert_array_equal(counts[1], counts[0].T)
    assert counts[2, 0, 0] == counts[2].sum() == 3


@pytest.mark.parametrize("levels", [2, 32, 256])
def test_counts_are_those_of_scikit_image(levels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 24, 3), np.uint8)
    for image, found in zip(pixels, Nataraj19(levels=levels).measured(pixels), strict=True):
        level = image // (256 // levels)
        expected = [graycomatrix(level[..., channel], [1], [0], levels=levels)[..., 0, 0] for channel in range(3)]
        np.testing.assert_allclose(found, np.log1p(expected))


def test_levels_that_do_not_divide_256_use_all_values() -> None:
    pixels = np.full((1, 16, 16, 3), 255, np.uint8)
    assert Nataraj19(levels=48).measured(pixels)[0, 0, 47, 47] == np.log1p(240)


@pytest.mark.parametrize("levels", [1, 257])
def test_levels_that_8_bits_do_not_have_are_refused(levels: int) -> None:
    with pytest.raises(NumbersError, match=rf"^{levels} levels; expected from 2 to 256; use 32$"):
        Nataraj19(levels=levels)
