"""The decay of the reduced spectrum, against what follows by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from manifpt.extractors import dzanic20
from manifpt.extractors.dzanic20 import Dzanic20, bins, decays

from .planted import photographs


@pytest.mark.parametrize("exponent", [-3.0, -0.5, 0.0, 1.5])
def test_an_exact_power_law_is_found(exponent: float) -> None:
    places = np.linspace(0.5, 0.85, 7)
    values = np.array([[2.0], [1e-6]]) * (places / places[0]) ** exponent
    exponents, starts = decays(values, places)
    np.testing.assert_allclose(exponents, exponent, atol=1e-9)
    np.testing.assert_allclose(starts, [2.0, 1e-6], rtol=1e-9)


def test_the_line_is_that_of_least_squares() -> None:
    places, values = np.linspace(0.5, 0.85, 5), np.random.default_rng(0).uniform(1, 2, (1, 5))
    slope, offset = np.polyfit(np.log(places / places[0]), np.log(values[0]), 1)
    exponents, starts = decays(values, places)
    np.testing.assert_allclose([exponents[0], starts[0]], [slope, np.exp(offset)])


@pytest.mark.parametrize("level", [0, 1, 128, 255])
def test_a_flat_image_has_no_decay(level: int) -> None:
    found = Dzanic20().measured(np.full((1, 32, 32, 3), level, np.uint8))
    np.testing.assert_allclose(found, [[0, 1e-8, 1e-8]], rtol=1e-3, atol=1e-3 * 1e-8 if level == 0 else 1e-4)


def test_brightness_and_contrast_together_change_nothing() -> None:
    pixels = np.random.default_rng(0).integers(0, 60, (2, 32, 32, 3)).astype(np.uint8)
    np.testing.assert_allclose(Dzanic20().measured(4 * pixels), Dzanic20().measured(pixels), rtol=1e-6)


def test_one_frequency_is_shared_out_over_its_bin_and_the_window() -> None:
    # 100 + 50 · a checkerboard: |F| / |F(0)| is 1/2 in the corner, and 0 elsewhere. In the last bin, of m coefficients,
    # that is 1 / (2 m); the window of 5 about it holds it three times, as the edge repeats.
    board = 100 + 50 * (-1.0) ** np.indices((32, 32)).sum(0)
    radii = np.hypot(*(np.indices((32, 32)) - 16)) / np.hypot(16, 16)
    members = (radii >= 1 - 0.5 / 8).sum()
    found = Dzanic20().measured(board.astype(np.uint8)[None, ..., None].repeat(3, axis=3))
    np.testing.assert_allclose(found[0, 2], 3 / 5 / (2 * members) + 1e-8, rtol=1e-6)


def test_a_blurred_image_decays_faster_than_a_sharp_one() -> None:
    sharp = photographs(8, seed=0)
    blurred = gaussian_filter(sharp, (0, 1, 1, 0))
    exponents = [Dzanic20().measured(pixels.clip(0, 255).astype(np.uint8))[:, 0] for pixels in (sharp, blurred)]
    assert (exponents[1] < exponents[0] - 0.3).all()


@pytest.mark.parametrize("height", [*range(16, 40), 63, 64, 128])
def test_every_bin_has_a_coefficient_and_two_are_fitted(height: int) -> None:
    for width in (16, 17, 31, 32, 65, 200):
        made = dzanic20._bins(height, width)
        assert (made.rings.counts > 0).all()
        assert len(made.rings) == bins(height, width)
        assert (made.middles <= dzanic20.LAST).sum() >= 2
