"""The azimuthal average, against what follows by hand from the transform."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.extractors.durall20 import Durall20, radii
from manifpt.extractors.rings import distances, rings

FLOOR = 20 * np.log(1e-8)


def grey(values: NDArray[np.float64]) -> NDArray[np.uint8]:
    return np.rint(values).astype(np.uint8)[None, ..., None].repeat(3, axis=3)


@pytest.mark.parametrize(("side", "values"), [(32, 20), (64, 43), (128, 88), (256, 179)])
def test_a_profile_has_as_many_values_as_in_the_paper(side: int, values: int) -> None:
    assert Durall20().shape(side, side) == (values,)
    assert Durall20().measured(np.zeros((1, side, side, 3), np.uint8)).shape == (1, values)


def test_an_alternation_of_columns_lights_the_ring_of_its_frequency_alone() -> None:
    # ±50 in turn about 100 over 32 columns: one coefficient, 16 from the middle, of 50 · 32². In the ring from 16 to
    # 17, this one has ln 51,200; all others there, and all other rings, have ln 1e-8.
    found = Durall20().measured(grey(np.tile([150.0, 50.0], (32, 16))))[0]
    distance = distances(32, 32)
    members = ((distance >= 16) & (distance < 17)).sum()
    lit = (20 * np.log(50 * 32**2) + (members - 1) * FLOOR) / members
    np.testing.assert_allclose(found[15], lit / FLOOR, rtol=1e-3)
    np.testing.assert_allclose(np.delete(found, 15), 1, rtol=1e-3)


def test_a_single_bright_pixel_has_a_flat_spectrum() -> None:
    # |F| is its height everywhere.
    pixels = np.zeros((40, 24))
    pixels[3, 9] = 200
    np.testing.assert_allclose(Durall20().measured(grey(pixels)), 1, rtol=1e-9)


def test_a_profile_is_divided_by_its_first_value() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    luma = pixels @ np.array([0.299, 0.587, 0.114])
    power = 20 * np.log(np.abs(np.fft.fftshift(np.fft.fft2(luma), axes=(1, 2))) + 1e-8)
    radius = np.hypot(*(np.indices((32, 32)) - 16)).astype(int)
    means = np.array([[one[radius == k].mean() for k in range(1, 21)] for one in power])
    np.testing.assert_allclose(Durall20().measured(pixels), means / means[:, :1], rtol=1e-9)


def test_a_first_value_near_zero_divides_nothing_away() -> None:
    # A pixel one step brighter than black: |F| = 1 up to the floor, so that all values are near 0.
    pixels = np.zeros((1, 32, 32, 3), np.uint8)
    pixels[0, 4, 4] = 1
    assert np.abs(Durall20().measured(pixels)).max() < 1e-3


@pytest.mark.parametrize("size", [(8, 8), (9, 8), (8, 60), (17, 33)])
def test_every_ring_has_a_coefficient(size: tuple[int, int]) -> None:
    numbers = distances(*size).astype(np.int64) - 1
    assert (rings(numbers, radii(*size)).counts > 0).all()


def test_rings_average_what_they_hold() -> None:
    numbers = np.array([[0, 1, 1], [7, 0, -1]])
    found = rings(numbers, 2).means(np.array([[[1.0, 2.0, 4.0], [50.0, 3.0, 60.0]]]))
    assert found.tolist() == [[2.0, 3.0]]
