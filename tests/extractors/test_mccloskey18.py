"""Shares of exposed pixels, counted by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.attributors.linear_svm import LinearSVM
from manifpt.extractors.mccloskey18 import McCloskey18, chromaticities
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.studies.evaluation import cross_validated

from .planted import photographs


def grey(levels: list[int]) -> NDArray[np.uint8]:
    return np.array(levels, np.uint8).reshape(1, 1, -1, 1).repeat(3, axis=3)


def test_shares_are_counted_at_and_beyond_each_limit() -> None:
    levels = [0, 4, 5, 10, 16, 239, 240, 244, 250, 255]
    assert McCloskey18().measured(grey(levels))[0].tolist() == [0.4, 0.2, 0.2, 0.1, 0.1, 0.3, 0.4, 0.4]


@pytest.mark.parametrize("level", [0, 5, 10, 15, 240, 245, 250, 255])
def test_a_grey_level_has_its_own_luma_whatever_the_weights_round_to(level: int) -> None:
    assert (
        McCloskey18().measured(grey([level])).sum() == {0: 4, 5: 3, 10: 2, 15: 1, 240: 1, 245: 2, 250: 3, 255: 4}[level]
    )


def test_luma_weighs_the_channels_as_bt_601_does() -> None:
    # 0.299 · 255 + 0.587 · 255 + 0.114 · 124 = 240.066, and with 123 in blue 239.952.
    pixels = np.array([[[[255, 255, 124], [255, 255, 123]]]], np.uint8)
    assert McCloskey18().measured(pixels)[0, 0] == 0.5


def test_chromaticities_fall_into_the_cell_of_red_and_green() -> None:
    # Red (1, 0), green (0, 1), blue (0, 0), grey and black (1/3, 1/3): 32 / 3 is in cell 10, and 1 in the last.
    colours = [(255, 0, 0), (0, 9, 0), (0, 0, 1), (7, 7, 7), (0, 0, 0)]
    found = chromaticities(np.array(colours, np.uint8).reshape(1, 1, 5, 3)).reshape(32, 32)
    expected = np.zeros((32, 32))
    expected[31, 0] = expected[0, 31] = expected[0, 0] = 0.2
    expected[10, 10] = 0.4
    np.testing.assert_array_equal(found, expected)


def test_a_border_between_cells_belongs_to_the_upper_one() -> None:
    # r = g = 1/4 exactly is cell 8.
    assert chromaticities(np.array([[[[1, 1, 2]]]], np.uint8)).reshape(32, 32)[8, 8] == 1


def test_the_histogram_follows_the_shares() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 16, 16, 3), np.uint8)
    both = McCloskey18(chromaticity=True).measured(pixels)
    np.testing.assert_array_equal(both[:, :8], McCloskey18().measured(pixels))
    np.testing.assert_array_equal(both[:, 8:], chromaticities(pixels))
    np.testing.assert_allclose(both[:, 8:].sum(axis=1), 1)


def test_a_generator_that_normalises_its_exposure_is_told_from_photographs() -> None:
    # Photographs of strong contrast clip at both ends; the generator's are scaled until they do not.
    pixels = 128 + 2.5 * (photographs(124, seed=3) - 128)
    centred = pixels[:60] - pixels[:60].mean(axis=(1, 2, 3), keepdims=True)
    pixels[:60] = 128 + 100 * centred / np.abs(centred).max(axis=(1, 2, 3), keepdims=True)
    images = ImageSet.from_arrays(
        np.clip(np.rint(pixels), 0, 255).astype(np.uint8),
        ["gan"] * 60 + ["real"] * 64,
        roles=[""] * 120 + ["reference"] * 4,
    )
    answers = cross_validated(Method(McCloskey18(), LinearSVM()), images, splits=3)
    assert (answers.classes[answers.probabilities.argmax(axis=1)] == answers.truth).mean() > 0.8
