"""Residuals of denoisers: what is known of wavelets, and that noise is what is taken away."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from manifpt.errors import NumbersError, UnknownNameError
from manifpt.extractors.daubechies import responses
from manifpt.extractors.denoising import DENOISERS, Denoiser, wavelet_residuals

NAMES = tuple(DENOISERS)


def smooth(height: int = 48, width: int = 40) -> NDArray[np.float64]:
    rows, columns = np.arange(height)[:, None], np.arange(width)
    return np.asarray((128 + 50 * np.sin(rows / 12) + 30 * np.cos(columns / 9))[None, ..., None].repeat(3, axis=3))


@pytest.mark.parametrize("side", [16, 17, 33, 64])
@pytest.mark.parametrize("level", [1, 2, 3])
def test_both_filters_together_lose_nothing(side: int, level: int) -> None:
    low, high = responses(side, level)
    np.testing.assert_allclose(np.abs(low) ** 2 + np.abs(high) ** 2, 1, atol=1e-12)
    assert low[0] == pytest.approx(1)
    assert abs(high[0]) < 1e-12


def test_where_all_details_are_noise_the_low_pass_is_what_stays() -> None:
    values = np.random.default_rng(0).normal(size=(2, 3, 20, 17))
    left = values - wavelet_residuals(values, noise=1e6)
    mirrored = np.pad(values, [(0, 0), (0, 0), (0, 20), (0, 17)], mode="symmetric")
    down, across = (
        np.prod([np.abs(responses(side, level)[0]) ** 2 for level in (1, 2, 3)], axis=0) for side in (40, 34)
    )
    known = fft.ifft2(fft.fft2(mirrored) * down[:, None] * across).real[..., :20, :17]
    np.testing.assert_allclose(left, known, atol=1e-9)


@pytest.mark.parametrize("name", NAMES)
def test_the_residual_is_the_noise_and_not_the_image(name: str) -> None:
    clean = smooth()
    noise = np.random.default_rng(1).normal(scale=5, size=clean.shape)
    residual = Denoiser(name).residuals((clean + noise).round().astype(np.uint8)).transpose(0, 2, 3, 1) * 255
    assert np.corrcoef(residual.ravel(), noise.ravel())[0, 1] > 0.95
    assert abs(np.corrcoef(residual.ravel(), clean.ravel())[0, 1]) < 0.1
    assert (noise - residual).std() < 1.6


@pytest.mark.parametrize("name", NAMES)
def test_a_brighter_image_has_the_same_residual(name: str) -> None:
    image = np.random.default_rng(2).integers(60, 90, (2, 17, 20, 3), np.uint8)
    np.testing.assert_allclose(
        Denoiser(name).residuals(image + np.uint8(100)), Denoiser(name).residuals(image), atol=1e-12
    )


@pytest.mark.parametrize("name", NAMES)
def test_more_noise_takes_more_away(name: str) -> None:
    image = np.random.default_rng(3).integers(100, 140, (2, 32, 32, 3), np.uint8)
    little, much = (np.abs(Denoiser(name, noise=noise).residuals(image)).mean() for noise in (2, 20))
    assert little < much / 2


def test_an_edge_is_kept() -> None:
    image = np.full((1, 32, 32, 3), 60, np.uint8)
    image[:, :, 16:] = 200
    for name in NAMES:
        assert np.abs(Denoiser(name).residuals(image)).max() * 255 < 2


def test_unknown_denoisers_and_noises_without_sense_are_refused() -> None:
    with pytest.raises(
        UnknownNameError, match=r"^'bm3d' is not one of the denoisers; expected one of wavelet, nl-means"
    ):
        Denoiser("bm3d")
    for noise in (0.0, -1.0, 1000.0, float("nan")):
        with pytest.raises(NumbersError, match=r"^a noise of .* grey levels; expected a deviation between 0.1 and 100"):
            Denoiser(noise=noise)
