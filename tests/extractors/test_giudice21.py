"""Scales of block coefficients, against what follows by hand."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from manifpt.attributors.svm import SVM
from manifpt.extractors.giudice21 import Giudice21, blocks, scales, zigzag
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.studies.evaluation import cross_validated

from .planted import pattern, photographs


def grey(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).astype(np.uint8)[None, ..., None].repeat(3, axis=3)


def test_the_scale_of_a_laplacian_sample_is_its_own() -> None:
    # The standard error of the estimate is beta / sqrt(m).
    sample = np.random.default_rng(0).laplace(3.0, [2.0, 0.5], (1, 40_000, 2))
    np.testing.assert_allclose(scales(sample)[0], [2.0, 0.5], rtol=4 / 200)


@pytest.mark.parametrize("level", [0, 90, 255])
def test_a_flat_image_has_no_scale(level: int) -> None:
    np.testing.assert_allclose(Giudice21().measured(np.full((1, 32, 32, 3), level, np.uint8)), 0, atol=1e-9)


def test_blocks_that_are_all_alike_have_no_scale() -> None:
    block = np.random.default_rng(0).integers(0, 256, (8, 8)).astype(float)
    np.testing.assert_allclose(Giudice21().measured(grey(np.tile(block, (4, 3)))), 0, atol=1e-9)


def test_one_wave_in_half_of_the_blocks_has_the_scale_of_its_coefficient_alone() -> None:
    # The third cosine across, of 80 grey levels, has the orthonormal coefficient 80 · sqrt(32); half of the blocks hold
    # it and half do not, so that all are half of it away from the median.
    wave = 80 * np.cos(np.pi * (np.arange(8) + 0.5) * 3 / 8)
    image = np.full((16, 16), 128.0)
    image[:8] += np.tile(wave, 2)
    found = Giudice21().measured(grey(image))[0]
    place = zigzag().tolist().index(3) - 1
    np.testing.assert_allclose(found[place], 40 * np.sqrt(32), rtol=0.01)
    assert np.delete(found, place).max() < 2  # what rounding to grey levels leaves


def test_the_order_is_that_of_jpeg() -> None:
    # ITU-T T.81, figure A.6, first row and first column.
    ranks = np.argsort(zigzag()).reshape(8, 8)
    assert ranks[0].tolist() == [0, 1, 5, 6, 14, 15, 27, 28]
    assert ranks[:, 0].tolist() == [0, 2, 3, 9, 10, 20, 21, 35]


def test_blocks_are_whole_and_begin_at_the_upper_left_corner() -> None:
    luma = np.arange(17 * 25, dtype=float).reshape(1, 17, 25)
    found = blocks(luma)
    assert found.shape == (1, 6, 8, 8)
    np.testing.assert_array_equal(found[0, 4], luma[0, 8:16, 8:16])


def test_scales_are_those_of_a_loop_over_blocks() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 24, 16, 3), np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    for image, found in zip(luma, Giudice21().measured(pixels), strict=True):
        parts = [image[row : row + 8, col : col + 8] for row in (0, 8, 16) for col in (0, 8)]
        table = np.array([fft.dctn(part, norm="ortho").reshape(-1)[zigzag()[1:]] for part in parts])
        expected = np.abs(table - np.median(table, axis=0)).mean(axis=0)
        np.testing.assert_allclose(found, expected, rtol=1e-9)


def test_a_pattern_that_differs_from_block_to_block_is_found() -> None:
    # The same checkerboard of four grey levels for each image, but of a period of 2 1/4 pixels.
    pixels = photographs(164, seed=3)
    pixels[:80] += 4 * pattern(4 / 9, 4 / 9)[..., None]
    images = ImageSet.from_arrays(
        pixels.clip(0, 255).round().astype(np.uint8),
        ["gan"] * 80 + ["real"] * 84,
        roles=[""] * 160 + ["reference"] * 4,
    )
    answers = cross_validated(Method(Giudice21(), SVM(gammas=(0.1,))), images, splits=3)
    accuracy = (answers.classes[answers.probabilities.argmax(axis=1)] == answers.truth).mean()
    assert accuracy > 0.5 + 3 * np.sqrt(0.25 / 160)
