"""Laws of the spaces that need no network: rgb, freq, freq-grey, rgb+freq."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.spectrum import LUMA, log_spectrum
from manifpt.registry import built

SPACES = ["rgb", "freq", "freq-grey", "rgb+freq"]


@pytest.fixture(params=SPACES)
def embedding(request: pytest.FixtureRequest) -> Embedding:
    space: Embedding = built("embeddings", request.param)
    return space


def images(count: int, height: int = 9, width: int = 12, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def test_a_batch_gives_the_same_bits_as_each_image_alone(embedding: Embedding) -> None:
    batch = images(37)
    alone = np.concatenate([embedding(batch[index : index + 1]).values for index in range(37)])
    np.testing.assert_array_equal(embedding(batch).values, alone)


@pytest.mark.parametrize("size", [1, 7, 42, 43, 130])
def test_batches_of_many_parts_give_the_same_bits_whatever_their_size(embedding: Embedding, size: int) -> None:
    whole = images(130, 33, 31)
    parts = [embedding(whole[start : start + size]).values for start in range(0, 130, size)]
    np.testing.assert_array_equal(embedding(whole).values, np.concatenate(parts))


def test_permuted_images_give_permuted_points(embedding: Embedding) -> None:
    batch, order = images(11), np.random.default_rng(1).permutation(11)
    np.testing.assert_array_equal(embedding(batch[order]).values, embedding(batch).values[order])


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (7, 7), (8, 8), (5, 16)])
def test_the_shape_is_the_one_announced_and_nothing_is_infinite(embedding: Embedding, height: int, width: int) -> None:
    points = embedding(images(3, height, width)).coordinates()
    assert points.shape == (3, *embedding.shape(height, width))
    assert points.dtype == np.float32
    assert np.isfinite(points).all()


def test_an_empty_batch_gives_no_points_of_the_right_shape(embedding: Embedding) -> None:
    assert embedding(images(0, 8, 8)).coordinates().shape == (0, *embedding.shape(8, 8))


def test_settings_name_the_row_of_the_registry(embedding: Embedding) -> None:
    assert built("embeddings", embedding.settings()["name"]).settings() == embedding.settings()


def test_rgb_keeps_the_exact_bytes_channels_first() -> None:
    batch = images(4)
    points = built("embeddings", "rgb")(batch)
    assert points.values.dtype == np.uint8
    np.testing.assert_array_equal(points.values, batch.transpose(0, 3, 1, 2))
    assert points.coordinates().max() <= 1


@pytest.mark.parametrize(("height", "width"), [(8, 8), (7, 9), (6, 5), (1, 4)])
def test_the_spectrum_agrees_with_numpys_full_transform(height: int, width: int) -> None:
    channels = np.random.default_rng(2).random((5, 3, height, width))
    whole = np.fft.fftshift(np.fft.fft2(channels), axes=(-2, -1))
    np.testing.assert_allclose(log_spectrum(channels), np.log(np.abs(whole) + 1e-12), atol=1e-5)


def test_the_spectrum_of_a_cosine_has_two_peaks_where_its_frequency_lies() -> None:
    columns = np.arange(16)
    wave = np.broadcast_to(np.cos(2 * np.pi * 3 * columns / 16), (16, 16))
    spectrum = log_spectrum(wave)
    peaks = np.argwhere(spectrum > 0)
    assert sorted(map(tuple, peaks.tolist())) == [(8, 5), (8, 11)]
    assert spectrum[8, 11] == pytest.approx(np.log(128), abs=1e-5)


def test_the_spectrum_of_a_real_image_is_exactly_symmetric() -> None:
    spectrum = np.fft.ifftshift(log_spectrum(np.random.default_rng(3).random((6, 7))))
    mirrored = spectrum[-np.arange(6) % 6][:, -np.arange(7) % 7]
    np.testing.assert_array_equal(spectrum, mirrored)


@given(st.integers(0, 255))
def test_a_flat_image_has_its_sum_in_the_middle_and_only_the_floor_elsewhere(level: int) -> None:
    spectrum = log_spectrum(np.full((8, 8), level / 255))
    assert spectrum[4, 4] == pytest.approx(np.log(64 * level / 255 + 1e-12), abs=1e-5)
    spectrum[4, 4] = -30
    assert spectrum.max() < -25


def test_the_grey_spectrum_is_that_of_the_luma() -> None:
    batch = images(2, 8, 8)
    luma = (batch / 255) @ np.array(LUMA)
    np.testing.assert_allclose(built("embeddings", "freq-grey")(batch).values[:, 0], log_spectrum(luma), atol=1e-4)


def test_the_stack_holds_the_pixels_and_their_spectrum() -> None:
    batch = images(3)
    stack = built("embeddings", "rgb+freq")(batch).values
    np.testing.assert_array_equal(stack[:, :3], built("embeddings", "rgb")(batch).coordinates())
    np.testing.assert_array_equal(stack[:, 3:], built("embeddings", "freq")(batch).values)
