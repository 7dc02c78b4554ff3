"""Distances between generators' fingerprints."""

from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import DataError, NumbersError, UnknownNameError
from manifpt.images import ImageSet
from manifpt.metrics.energy import energy_distance
from manifpt.studies.clusterings import CLUSTERINGS, by_silhouette, clustered
from manifpt.studies.distances import KINDS, equally_many, extracted, generator_distances


def images(counts: dict[str, int]) -> ImageSet:
    names = [name for name, count in counts.items() for _ in range(count)]
    pixels = np.random.default_rng(0).integers(0, 256, (len(names), 8, 8, 3), np.uint8)
    return ImageSet.from_arrays(pixels, names)


def test_every_generator_counts_with_as_many_images_as_the_smallest_and_reals_not_at_all() -> None:
    counts = {"a": 5, "b": 3, "c": 9, "d": 4, "real": 2}
    chosen = equally_many(images(counts), seed=1)
    names, found = np.unique(chosen.generators, return_counts=True)
    assert (names.tolist(), found.tolist()) == (["a", "b", "c", "d"], [3] * 4)
    assert chosen.digests == equally_many(images(counts), seed=1).digests
    assert chosen.digests != equally_many(images(counts), seed=2).digests


def test_too_few_generators_or_images_are_refused() -> None:
    with pytest.raises(DataError, match="there are 3 generators; expected 4 or more generators, of 2 or more images"):
        equally_many(images({"a": 3, "b": 3, "c": 3, "real": 5}))
    with pytest.raises(DataError, match="c has 1 image; expected"):
        equally_many(images({"a": 3, "b": 3, "c": 1, "d": 2}))


@pytest.mark.parametrize("kind", ["euclidean", "cosine", "energy"])
def test_distances_are_symmetric_whatever_the_order_of_images(kind: str) -> None:
    rng = np.random.default_rng(0)
    features, names = rng.normal(size=(40, 2, 3)) + 1, np.repeat(list("dacb"), 10)
    found = generator_distances(features, names, kind=kind)
    assert found.generators == tuple("abcd")
    assert np.array_equal(found.matrix, found.matrix.T)
    assert not np.diag(found.matrix).any()
    order = rng.permutation(40)
    assert generator_distances(features[order], names[order], kind=kind).matrix == pytest.approx(found.matrix)


def test_each_kind_is_what_it_is_called() -> None:
    points = np.array([[3.0, 0.0], [5.0, 0.0], [0.0, 2.0], [0.0, 2.0]])
    names = ["a", "a", "b", "b"]
    assert generator_distances(points, names).matrix[0, 1] == pytest.approx(np.hypot(4, 2))
    assert generator_distances(points, names, kind="cosine").matrix[0, 1] == pytest.approx(np.sqrt(2))
    assert generator_distances(points, names, kind="energy").matrix[0, 1] == pytest.approx(
        energy_distance(points[:2], points[2:])
    )


def test_a_frechet_distance_of_shifted_sets_is_their_shift() -> None:
    base = np.random.default_rng(0).normal(size=(200, 3))
    features = np.concatenate([base, base + np.array([3.0, 4.0, 0.0])])
    found = generator_distances(features, ["a"] * 200 + ["b"] * 200, kind="frechet")
    assert found.matrix[0, 1] == pytest.approx(5)
    with pytest.raises(NumbersError, match="a generator has 199 images; expected 200 or more of each for Fréchet"):
        generator_distances(features[:399], ["a"] * 200 + ["b"] * 199, kind="frechet")


def test_no_direction_and_broken_features_and_unknown_kinds() -> None:
    zero = np.zeros((4, 2))
    assert not generator_distances(zero, list("aabb"), kind="cosine").matrix.any()
    with pytest.raises(NumbersError, match="or some are not finite"):
        generator_distances(zero + np.nan, list("aabb"))
    with pytest.raises(UnknownNameError, match="'manhattan' is not one of the distances; expected one of euclidean"):
        generator_distances(zero, list("aabb"), kind="manhattan")
    assert len(KINDS) == 4


def test_every_member_of_a_fusion_counts_the_same_whatever_its_units() -> None:
    given = images({"a": 3, "b": 3, "c": 3, "d": 3})
    raw, spectrum = (extracted(name, given, given).reshape(12, -1) for name in ("raw", "spectrum"))
    both = extracted("image+spectrum", given, given)
    assert both.shape == (12, raw.shape[1] + spectrum.shape[1])
    parts = both[:, : raw.shape[1]], both[:, raw.shape[1] :]
    for part, alone in zip(parts, (raw, spectrum), strict=True):
        assert np.square(part).sum(axis=1).mean() == pytest.approx(1, rel=1e-4)
        # Distances within a part are the member's own, up to one factor.
        ratio = np.linalg.norm(part[0] - part[1:], axis=1) / np.linalg.norm(alone[0] - alone[1:], axis=1)
        assert ratio == pytest.approx(ratio[0], rel=1e-3)


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_groups_far_apart_are_found_and_the_silhouette_counts_them(method: str) -> None:
    places = np.repeat([0.0, 50.0, 120.0], 4) + np.tile(np.arange(4), 3)
    apart = np.abs(places[:, None] - places)
    found = clustered(apart, 3, method)
    assert [len(set(found[start : start + 4].tolist())) for start in (0, 4, 8)] == [1, 1, 1]
    assert len(set(found.tolist())) == 3
    assert len(set(by_silhouette(apart, method).tolist())) == 3


@pytest.mark.parametrize("method", CLUSTERINGS)
def test_equal_fingerprints_and_extreme_numbers_of_groups_do_no_harm(method: str) -> None:
    equal = np.zeros((5, 5))
    assert len(clustered(equal, 3, method)) == 5
    assert len(by_silhouette(equal, method)) == 5
    assert clustered(equal, 1, method).tolist() == [0] * 5
    assert clustered(equal, 5, method).tolist() == [0, 1, 2, 3, 4]
    with pytest.raises(NumbersError, match="6 clusters of 5 generators"):
        clustered(equal, 6, method)
    with pytest.raises(UnknownNameError, match="'means' is not one of the clusterings"):
        clustered(equal, 2, "means")
