from __future__ import annotations

import itertools

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from manifpt.attributors.transformations import (
    QUALITIES,
    TRANSFORMATIONS,
    Transformation,
    Transformed,
    blurred,
    compressed,
    median,
    noisy,
    resampled,
)

NAMES = [each.name for each in TRANSFORMATIONS]


def textured(height: int, width: int) -> NDArray[np.uint8]:
    """A smooth image with some grain, which nothing may write to."""
    rng = np.random.default_rng(0)
    slope = 60 + 120 * np.add.outer(np.arange(height), np.arange(width))[..., None] / (height + width)
    pixels = np.clip(slope + rng.normal(0, 12, (height, width, 3)), 0, 255).astype(np.uint8)
    pixels.setflags(write=False)
    return pixels


def changed(transformation: Transformation, pixels: NDArray[np.uint8], seed: int = 0) -> NDArray[np.int64]:
    return transformation.changed(pixels, np.random.default_rng(seed)).astype(np.int64)


@pytest.mark.parametrize("transformation", TRANSFORMATIONS, ids=NAMES)
@pytest.mark.parametrize("sides", [(32, 32), (8, 8), (9, 16)])
def test_each_keeps_shape_and_type_and_changes_the_image(
    transformation: Transformation, sides: tuple[int, int]
) -> None:
    pixels = textured(*sides)
    found = transformation.changed(pixels, np.random.default_rng(0))
    assert found.shape == pixels.shape
    assert found.dtype == np.uint8
    assert (found != pixels).mean() > 0.05
    # Each is a trace on the image, not another image.
    assert np.abs(found.astype(int) - pixels).mean() < 25
    np.testing.assert_array_equal(changed(transformation, pixels), found)


def test_no_two_are_the_same() -> None:
    found = [changed(each, textured(32, 32)) for each in TRANSFORMATIONS]
    assert len(set(NAMES)) == len(TRANSFORMATIONS) == 61
    assert all((one != other).any() for one, other in itertools.combinations(found, 2))


def test_a_worse_quality_takes_more_away_and_the_second_compression_comes_last() -> None:
    pixels = textured(32, 32)
    losses = [np.abs(changed(compressed(quality), pixels) - pixels).mean() for quality in QUALITIES]
    assert losses == sorted(losses, reverse=True)
    once = changed(compressed(95), pixels).astype(np.uint8)
    np.testing.assert_array_equal(changed(compressed(95, 30), pixels), changed(compressed(30), once))


def test_each_family_does_what_its_name_says() -> None:
    dot = np.zeros((9, 9, 3), np.uint8)
    dot[4, 4] = 200
    assert not changed(median(3), dot).any()
    # A Gaussian of deviation 1 has the weights 0.3991, 0.2421 and 0.0540: 200 · 0.3991² and 200 · 0.3991 · 0.2421.
    assert changed(blurred(1.0), dot)[4, 3:6, 0].tolist() == [19, 32, 19]
    stripes = np.tile(np.array([0, 100], np.uint8)[:, None], (16, 32, 3)).reshape(32, 32, 3)
    assert len(np.unique(changed(resampled(0.5, Image.Resampling.NEAREST), stripes))) == 1
    grey = np.full((64, 64, 3), 128, np.uint8)
    assert (changed(noisy(4.0), grey) - 128).std() == pytest.approx(4, rel=0.05)
    assert (changed(noisy(4.0), grey) != changed(noisy(4.0), grey, seed=1)).any()
    assert changed(noisy(8.0), np.full((64, 64, 3), 255, np.uint8)).min() > 200


def images(count: int) -> NDArray[np.float32]:
    shades = np.linspace(0.1, 0.9, count)[:, None, None, None]
    grain = 0.03 * np.random.default_rng(0).normal(size=(count, 3, 16, 16))
    return np.asarray(np.rint(255 * (shades + grain)).clip(0, 255) / 255, np.float32)


def test_only_the_given_rows_are_shown() -> None:
    features = images(9)
    found = Transformed(features, np.array([2, 7]), length=122, seed=0)[np.arange(122)]
    shown = np.abs(found.mean(axis=(1, 2, 3))[:, None] - features.mean(axis=(1, 2, 3))).argmin(axis=1)
    assert set(shown.tolist()) == {2, 7}


def test_every_transformation_is_shown_equally_often_and_of_no_fixed_images() -> None:
    found = Transformed(images(9), np.arange(9), length=610, seed=0)
    assert np.bincount(found.labels).tolist() == [10] * 61
    assert len(found) == 610
    assert found.labels.tolist() != sorted(found.labels)
    means = found[np.flatnonzero(found.labels == 0)].mean(axis=(1, 2, 3))
    assert len(np.unique(means.round(1))) > 3


def test_an_example_depends_on_seed_and_number_and_not_on_what_is_read_with_it() -> None:
    def fresh(seed: int) -> Transformed:
        return Transformed(images(4), np.arange(4), length=61, seed=seed)

    every = fresh(5)[np.arange(61)]
    backwards = np.concatenate([fresh(5)[np.array([number])] for number in reversed(range(61))])
    np.testing.assert_array_equal(backwards[::-1], every)
    assert (fresh(6)[np.arange(61)] != every).any()


def test_pixels_stay_pixels() -> None:
    found = Transformed(images(4), np.arange(4), length=61, seed=0)[np.arange(61)]
    assert found.shape == (61, 3, 16, 16)
    assert found.dtype == np.float32
    assert found.min() >= 0
    assert found.max() <= 1
    np.testing.assert_allclose(found * 255, np.rint(found * 255), atol=1e-4)


def test_what_goes_beyond_pixels_keeps_its_own_range() -> None:
    features = np.asarray(5 * images(4) - 2, np.float32)
    found = Transformed(features, np.arange(4), length=61, seed=0)[np.arange(61)]
    assert found.min() >= features.min() - 1e-5
    assert found.max() <= features.max() + 1e-5
    nearest = np.abs(found[:, None] - features).mean(axis=(2, 3, 4)).min(axis=1)
    assert nearest.max() < 0.4
    assert (nearest > 0).all()
