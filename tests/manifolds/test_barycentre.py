"""Laws of weighted means of neighbours; those of every manifold are in test_contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds.barycentre import Barycentre
from manifpt.manifolds.nearest import Nearest


def points(count: int, seed: int, dtype: type = np.float32) -> Points:
    values = np.random.default_rng(seed).integers(0, 256, (count, 3, 5, 5)).astype(dtype)
    return Points(values, 1 / 255 if dtype == np.uint8 else 1.0)


def test_weights_are_those_of_the_kernel() -> None:
    """Distances 1 and 2, h = 2 · 0.5 = 1: weights exp(−1/2) and exp(−2), the nearer one's share 1 / (1 + exp(−3/2))."""
    references = Points(np.array([[1.0, 0.0], [0.0, 2.0], [9.0, 9.0]], np.float32))
    found = Barycentre(neighbors=2, bandwidth=0.5).fit([references]).project(Points(np.zeros((1, 2), np.float32)))
    share = 1 / (1 + np.exp(-1.5))
    np.testing.assert_allclose(found.points.values, [[share, 2 * (1 - share)]], rtol=1e-6)
    np.testing.assert_allclose(found.distances, [np.hypot(share, 2 * (1 - share))], rtol=1e-6)
    assert found.neighbors.tolist() == [[0, 1]]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("bandwidth", [1e-3, 1e-300, 5e-324])
def test_a_small_bandwidth_gives_the_nearest_reference(bandwidth: float, dtype: type) -> None:
    references, others = points(100, 0, dtype), points(20, 1, dtype)
    manifold = Barycentre(neighbors=6, bandwidth=bandwidth).fit([references])
    for queries in (references, others):
        found, expected = manifold.project(queries), Nearest().fit([references]).project(queries)
        np.testing.assert_array_equal(found.points.values, expected.points.coordinates())
        np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_large_bandwidth_gives_the_mean(dtype: type) -> None:
    references, queries = points(100, 0, dtype), points(20, 1, dtype)
    found = Barycentre(neighbors=6, bandwidth=1e6).fit([references]).project(queries)
    mean = references.coordinates()[found.neighbors].mean(axis=1)
    np.testing.assert_allclose(found.points.values, mean, rtol=1e-5)


def test_the_bandwidth_has_no_unit() -> None:
    references, queries = points(100, 0).values, points(20, 1).values
    expected = Barycentre(neighbors=6).fit([Points(references)]).project(Points(queries)).points.values
    for unit in (np.float32(2.0**-60), np.float32(2.0**60)):
        found = Barycentre(neighbors=6).fit([Points(references * unit)]).project(Points(queries * unit))
        np.testing.assert_array_equal(found.points.values, expected * unit)


def test_a_counterpart_is_no_farther_than_the_farthest_neighbour() -> None:
    references, queries = points(100, 0), points(20, 1)
    for bandwidth in (0.01, 0.25, 1.0, 100.0):
        found = Barycentre(neighbors=6, bandwidth=bandwidth).fit([references]).project(queries)
        farthest = Nearest(neighbors=6).fit([references]).search(queries).squares[:, -1]
        assert (found.distances <= np.sqrt(farthest)).all()


def test_equally_far_references_weigh_the_same_and_only_copies_are_themselves() -> None:
    references = Points(np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32))
    found = Barycentre(neighbors=4, bandwidth=1e-3).fit([references]).project(Points(np.zeros((1, 2), np.float32)))
    np.testing.assert_allclose(found.points.values, [[0, 0]], atol=1e-7)
    same = Points(np.full((5, 3), 0.1, np.float32))
    found = Barycentre(neighbors=5).fit([same]).project(same)
    np.testing.assert_array_equal(found.points.values, same.values)
    assert found.distances.tolist() == [0.0] * 5


@pytest.mark.parametrize("bandwidth", [0, -0.5, float("nan"), float("inf"), "0.5", None, True, 1e10])
def test_what_is_no_bandwidth_is_refused(bandwidth: Any) -> None:
    with pytest.raises(NumbersError) as caught:
        Barycentre(bandwidth=bandwidth)
    assert str(caught.value) == (
        f"bandwidth = {bandwidth!r}; expected a number above 0 and up to 2147483647; give a number in this range"
    )


def test_settings() -> None:
    assert Barycentre().settings() == {"name": "barycentre", "neighbors": 20, "bandwidth": 0.25}
