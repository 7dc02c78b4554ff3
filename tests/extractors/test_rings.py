from __future__ import annotations

import numpy as np
import pytest

from manifpt.extractors.rings import radial_profiles


@pytest.mark.parametrize("side", [31, 32])
@pytest.mark.parametrize("radius", [0, 1, 5, 15])
def test_a_planted_ring_is_found_at_its_frequency_alone(side: int, radius: int) -> None:
    rows, columns = np.indices((side, side)) - side // 2
    planted = (np.rint(np.hypot(rows, columns)) == radius).astype(np.float64)
    frequencies, means = radial_profiles(planted[None])
    assert means[0].tolist() == [float(ring == radius) for ring in range(side // 2 + 1)]
    assert frequencies[radius] == radius / side


def test_profiles_go_to_half_a_cycle_per_pixel_and_no_farther() -> None:
    corner = np.zeros((1, 8, 8))
    corner[0, 0, 0] = 1
    frequencies, means = radial_profiles(corner)
    assert frequencies.tolist() == [0, 0.125, 0.25, 0.375, 0.5]
    assert not means.any()


def test_rings_are_of_equal_frequency_also_where_an_image_is_not_square() -> None:
    # A wave of 4 px down and one of 4 px across have coefficients 2 and 16 beside the middle.
    for row, column in ((2 + 4, 32), (4, 16 + 32)):
        spectrum = np.zeros((1, 8, 64))
        spectrum[0, row, column] = 1
        frequencies, means = radial_profiles(spectrum)
        assert frequencies[np.flatnonzero(means[0])].tolist() == [0.25]


@pytest.mark.parametrize("size", [(2, 2), (3, 2), (2, 50), (17, 33)])
def test_every_ring_has_a_coefficient(size: tuple[int, int]) -> None:
    assert np.array_equal(radial_profiles(np.ones((1, *size)))[1], np.ones((1, min(size) // 2 + 1)))
