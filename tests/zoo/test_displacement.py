"""Errors of estimated displacements: per band, against known answers."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from manifpt.errors import DataError
from manifpt.zoo import displacement
from manifpt.zoo.displacement import BANDS, Pixels


def noise(count: int, seed: int = 0, side: int = 32) -> Pixels:
    return np.random.default_rng(seed).normal(size=(count, side, side, 3))


def wave(rows: int, columns: int, side: int = 32) -> Pixels:
    """A cosine with this many periods down and across."""
    down, across = np.mgrid[:side, :side] / side
    return np.cos(2 * np.pi * (rows * down + columns * across))[None, :, :, None]


def test_the_energies_of_all_bands_are_the_sum_of_squares() -> None:
    images = noise(4, side=24)
    np.testing.assert_allclose(displacement.energies(images).sum(1), np.square(images).sum((1, 2, 3)))


@pytest.mark.parametrize(
    ("rows", "columns", "band"),
    [(0, 1, 0), (1, 1, 0), (2, 0, 1), (3, 2, 1), (4, 0, 2), (5, 6, 2), (8, 0, 3), (16, 16, 3)],
)
def test_a_wave_is_in_the_band_of_its_frequency_whatever_its_direction(rows: int, columns: int, band: int) -> None:
    found = displacement.energies(wave(rows, columns))[0]
    assert found[band] == pytest.approx(found.sum())
    assert found.sum() > 100


def test_a_perfect_estimate_has_no_error_and_none_has_all_of_it() -> None:
    truth = noise(6)
    perfect = displacement.errors(truth, truth, range(6)).shares()
    nothing = displacement.errors(truth, displacement.none(truth), range(6)).shares()
    assert set(perfect) == {*BANDS, "all"}
    assert set(perfect.values()) == {(0.0, 0.0, 0.0)}
    for value in nothing.values():
        assert value == pytest.approx((1, 1, 1))


def test_an_error_is_told_in_its_own_band_alone() -> None:
    truth = wave(1, 0) + wave(12, 0)
    shares = displacement.errors(truth, wave(1, 0) + 0.5 * wave(12, 0), [0]).shares()
    assert shares[BANDS[0]][0] == pytest.approx(0, abs=1e-12)
    assert shares[BANDS[3]][0] == pytest.approx(0.25)
    assert shares["all"][0] == pytest.approx(0.125)


def test_the_interval_counts_reals_and_not_the_decoders_that_show_them() -> None:
    truth = noise(40, 1)
    guess = truth + noise(40, 2) * np.random.default_rng(3).uniform(0, 3, (40, 1, 1, 1))
    once = displacement.errors(truth, guess, range(40))
    four = displacement.joined([once] * 4)
    assert once.shares()["all"] == pytest.approx(four.shares()["all"])
    mean, low, high = once.shares()["all"]
    assert low < mean < high
    few = displacement.errors(truth[:10], guess[:10], range(10)).shares()["all"]
    assert few[2] - few[1] > 1.3 * (high - low)


def test_intervals_hold_what_they_promise() -> None:
    """Of 200 samples, about 95 % of the intervals hold the true share of 1."""
    held = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        truth, off = (rng.gamma(2, size=(60, len(BANDS))) for _ in range(2))
        _, low, high = displacement.Errors(off, truth, np.arange(60)).shares(seed)["all"]
        held += low <= 1 <= high
    assert 180 <= held <= 198


def test_what_is_true_on_average_is_told_of_images_that_were_not_seen() -> None:
    offset = noise(1, 5)
    originals = noise(8, 6)
    estimate = displacement.mean(originals + offset, originals)
    found = displacement.errors(np.repeat(offset, 3, 0), estimate(noise(3, 7)), range(3)).shares()
    assert found["all"][0] == pytest.approx(0, abs=1e-12)


def test_the_unsharp_mask_finds_how_far_images_were_blurred() -> None:
    originals = gaussian_filter(noise(12, 8), (0, 2, 2, 0))
    blurred = gaussian_filter(originals, (0, 1, 1, 0))
    estimate, settings = displacement.unsharp_mask(blurred[:6], originals[:6])
    found = displacement.errors(blurred[6:] - originals[6:], estimate(blurred[6:]), range(6)).shares()
    assert settings["amount"] > 0.5
    assert found["all"][0] < 0.2


def test_the_unsharp_mask_of_images_that_nothing_happened_to_is_none() -> None:
    originals = noise(4, 9)
    estimate, settings = displacement.unsharp_mask(originals, originals)
    assert settings["amount"] == 0
    assert not estimate(originals).any()


def test_an_estimate_of_another_shape_is_refused() -> None:
    with pytest.raises(DataError, match="estimate one per image"):
        displacement.errors(noise(2), noise(3), range(2))
