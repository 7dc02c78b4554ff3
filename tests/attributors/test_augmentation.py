from __future__ import annotations

import numpy as np
import pytest

from manifpt.attributors.augmentation import cropped, flipped


def numbered(count: int, side: int) -> np.ndarray:
    """Return maps in which every place has its own value: 100 · row + column, and a second channel 0.5 above."""
    places = 100 * np.arange(side)[:, None] + np.arange(side)[None]
    return np.repeat(np.stack([places, places + 0.5])[None], count, axis=0).astype(np.float32)


def test_crops_are_all_places_of_the_mirrored_border_and_keep_channels_together() -> None:
    maps = numbered(400, 16)
    crops = cropped(maps, np.random.default_rng(0))
    assert crops.shape == maps.shape
    assert crops.dtype == np.float32
    np.testing.assert_array_equal(crops[:, 1], crops[:, 0] + 0.5)
    # The corner of a crop tells its place: 1/8 of 16 is 2, and places −2 and −1 mirror 2 and 1.
    corners = {(int(corner) // 100, int(corner) % 100) for corner in crops[:, 0, 8, 8]}
    assert corners == {(8 + down, 8 + across) for down in range(-2, 3) for across in range(-2, 3)}
    moved = crops[crops[:, 0, 8, 8] == 606][0, 0]
    assert moved[8].tolist() == [602, 601, *range(600, 614)]
    assert (moved[:, 8] // 100).tolist() == [2, 1, *range(14)]


def test_maps_of_less_than_eight_places_are_not_cropped() -> None:
    maps = numbered(5, 7)
    np.testing.assert_array_equal(cropped(maps, np.random.default_rng(0)), maps)


@pytest.mark.parametrize("augmentation", [flipped, cropped])
def test_the_same_random_numbers_give_the_same_maps_and_the_given_ones_stay(augmentation: object) -> None:
    maps = numbered(20, 16)
    one, same, other = (augmentation(maps, np.random.default_rng(seed)) for seed in (0, 0, 1))  # type: ignore[operator]
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    np.testing.assert_array_equal(maps, numbered(20, 16))
