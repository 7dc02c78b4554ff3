"""The numbers by which the demo's generators are judged."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manifpt.zoo.photographs import patches
from manifpt.zoo.quality import distances, nearest_distance, quality, radial_power, spectrum_slope


@pytest.fixture(scope="module")
def photographs():
    return {
        role: np.stack([patch.pixels for patch in patches() if patch.role == role]) for role in ("real", "reference")
    }


def test_the_nearest_distance_is_that_of_explicit_differences(photographs):
    some, others = photographs["real"][:20], photographs["reference"]
    flat = [images.reshape(len(images), -1).astype(float) for images in (some, others)]
    np.testing.assert_allclose(nearest_distance(some, others), cdist(*flat).min(1) / np.sqrt(3072), rtol=1e-12)
    assert (nearest_distance(others[:9], others) == 0).all()


def test_distances_are_root_mean_squares_in_grey_levels():
    images = np.zeros((2, 4, 4, 3), np.uint8)
    images[1, :2] = 10
    assert distances(images).tolist() == pytest.approx([np.sqrt(50)])


def test_a_wave_has_all_its_power_in_its_ring():
    wave = 128 + 100 * np.cos(2 * np.pi * 5 * np.arange(32) / 32)
    images = np.broadcast_to(wave.round()[None, None, :, None], (1, 32, 32, 3)).astype(np.uint8)
    power = radial_power(images)[0]
    assert power.argmax() == 4
    assert power[4] > 100 * np.delete(power, 4).max()


def test_the_slope_of_power_law_noise_is_its_exponent():
    random = np.random.default_rng(0)
    frequency = np.hypot(np.fft.fftfreq(64)[:, None], np.fft.rfftfreq(64)[None])
    frequency[0, 0] = 1
    spectrum = np.fft.rfft2(random.standard_normal((40, 64, 64))) / frequency
    fields = np.fft.irfft2(spectrum, s=(64, 64))
    images = np.clip(128 + 40 * fields / fields.std(), 0, 255).astype(np.uint8)
    assert spectrum_slope(np.repeat(images[..., None], 3, -1)) == pytest.approx(-2, abs=0.1)


def test_the_reals_themselves_are_of_perfect_quality(photographs):
    found = quality(photographs["real"], real=photographs["real"], training=photographs["reference"])
    assert (found.precision, found.recall, found.coverage) == (1, 1, 1)
    assert (found.diversity, found.novelty) == (1, 1)


def test_copies_of_the_training_set_have_no_novelty(photographs):
    copies = photographs["reference"][::4]
    assert quality(copies, real=photographs["real"], training=photographs["reference"]).novelty == 0
