from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components

from manifpt.images.duplicates import duplicated, grouped
from manifpt.images.thumbnails import thumbnail

Noise = Callable[..., NDArray[np.uint8]]


def _thumbnails(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.stack([thumbnail(image) for image in images])


def test_a_thumbnail_holds_the_means_of_its_areas() -> None:
    image = np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)
    means = image.reshape(16, 4, 16, 4, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(thumbnail(image).reshape(16, 16, 3), means, atol=1)


def test_planted_near_duplicates_join_and_distinct_images_do_not(noise: Noise) -> None:
    images = noise(2100, side=16)  # more than two blocks, so that pairs across blocks are found
    copies = images[[3, 1500]].astype(int) + np.random.default_rng(1).integers(-4, 5, (2, 16, 16, 3))
    groups = grouped(_thumbnails(np.concatenate([images, np.clip(copies, 0, 255).astype(np.uint8)])))
    assert groups[3] == groups[2100]
    assert groups[1500] == groups[2101]
    assert len(np.unique(groups)) == 2100


def test_what_is_alike_through_a_third_image_is_one_group() -> None:
    steps = np.arange(5, dtype=np.uint8)[:, None] * 8 + np.zeros((5, 768), np.uint8)
    assert len(np.unique(grouped(steps))) == 1
    assert len(np.unique(grouped(steps * 2))) == 5


def test_the_threshold_is_a_root_mean_square_difference() -> None:
    pair = np.zeros((2, 768), np.uint8)
    pair[1] = 10
    assert len(np.unique(grouped(pair, threshold=9.9))) == 2
    assert len(np.unique(grouped(pair, threshold=10.1))) == 1


def test_equal_names_join_and_absent_ones_do_not() -> None:
    apart = np.arange(5, dtype=np.uint8)[:, None] * 60 + np.zeros((5, 768), np.uint8)
    groups = grouped(apart, same=(["a", None, "a", None, "b"], ["x", "y", None, "y", "z"]))
    assert groups[0] == groups[2]
    assert groups[1] == groups[3]
    assert len(np.unique(groups)) == 3


def test_no_images_have_no_groups() -> None:
    assert grouped(np.empty((0, 768), np.uint8)).shape == (0,)


def test_a_set_of_equal_images_is_one_group_in_little_memory() -> None:
    # Every pair is close: holding all of them would take 16 bytes for each of 18 million.
    thumbnails = np.zeros((6000, 768), np.uint8)
    tracemalloc.start()
    groups = grouped(thumbnails)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(np.unique(groups)) == 1
    assert peak < 200 * 2**20


@given(seed=st.integers(0, 10_000), labels=st.lists(st.integers(0, 4), min_size=1, max_size=20))
def test_the_partition_does_not_depend_on_the_order(seed: int, labels: list[int]) -> None:
    rng = np.random.default_rng(seed)
    centres = np.arange(5)[:, None] * 60 + np.full((5, 768), 8)
    thumbnails = (centres[labels] + rng.integers(-4, 5, (len(labels), 768))).astype(np.uint8)
    order = rng.permutation(len(labels))
    whole, permuted = grouped(thumbnails), grouped(thumbnails[order])
    together = whole[:, None] == whole[None]
    np.testing.assert_array_equal(together[np.ix_(order, order)], permuted[:, None] == permuted[None])
    np.testing.assert_array_equal(together, np.equal.outer(labels, labels))


def _photographs(count: int, seed: int) -> NDArray[np.uint8]:
    """Thumbnails near the threshold: few kinds of picture, each a little brighter, noisier or shifted."""
    rng = np.random.default_rng(seed)
    kinds = rng.normal(120, 40, (8, 16, 16, 3))
    made = kinds[rng.integers(0, 8, count)] + rng.normal(0, 6, (count, 1, 1, 1))
    noisy = made + rng.normal(0, 1, made.shape) * rng.uniform(3, 12, (count, 1, 1, 1))
    return np.clip(noisy, 0, 255).astype(np.uint8).reshape(count, 768)


def _distances(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.float64]:
    return np.array([np.sqrt(((other.astype(int) - row) ** 2).mean(axis=1)) for row in one.astype(int)])


@pytest.mark.parametrize("threshold", [8.0, 10.0, 14.0])
def test_the_groups_are_those_of_all_pairs_compared_one_by_one(threshold: float) -> None:
    thumbnails = _photographs(700, 0)
    close = _distances(thumbnails, thumbnails) <= threshold
    expected = connected_components(close)[1]
    found = grouped(thumbnails, threshold=threshold)
    assert 8 < len(np.unique(found)) < 700
    np.testing.assert_array_equal(found[:, None] == found, expected[:, None] == expected)


def test_what_is_duplicated_is_what_all_pairs_say() -> None:
    thumbnails, others = _photographs(600, 1), np.concatenate([_photographs(650, 1)[::3], _photographs(300, 2)])
    expected = (_distances(thumbnails, others) <= 10).any(axis=1)
    assert 0 < expected.sum() < 600
    np.testing.assert_array_equal(duplicated(thumbnails, others), expected)
    assert not duplicated(thumbnails, others[:0]).any()
    assert duplicated(thumbnails[:0], others).shape == (0,)
