"""The Mantel test and classical scaling against known answers."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from manifpt.errors import NumbersError
from manifpt.metrics.mantel import mantel
from manifpt.metrics.relabelling import shuffles
from manifpt.metrics.scaling import principal_coordinates


def distances(seed: int, items: int = 8) -> np.ndarray:
    points = np.random.default_rng(seed).normal(size=(items, 3))
    return cdist(points, points)


def test_distances_go_with_themselves_perfectly_and_no_other_order_does() -> None:
    found = mantel(distances(0), distances(0), shuffles(8, permutations=199))
    assert found.correlation == pytest.approx(1)
    assert (found.p_value, found.items) == (pytest.approx(1 / 200), 8)


def test_it_is_pearsons_correlation_over_pairs_and_the_share_of_all_orders() -> None:
    one, other = distances(1, 5), distances(2, 5)
    rows, columns = np.triu_indices(5, 1)
    orders = np.array(list(permutations(range(5))))
    reached = [np.corrcoef(one[np.ix_(order, order)][rows, columns], other[rows, columns])[0, 1] for order in orders]
    found = mantel(one, other, orders)
    assert found.correlation == pytest.approx(reached[0])
    assert found.p_value == pytest.approx((1 + np.sum(np.array(reached) >= reached[0] - 1e-9)) / 121)


def test_distances_that_say_nothing_are_refused() -> None:
    with pytest.raises(NumbersError, match="all distances are equal"):
        mantel(distances(0), 1 - np.eye(8), shuffles(8, permutations=9))
    with pytest.raises(NumbersError, match=r"distances of shapes \(8, 8\) and \(5, 5\)"):
        mantel(distances(0), distances(0, 5), shuffles(8, permutations=9))


def test_principal_coordinates_have_the_distances_that_were_given() -> None:
    places = principal_coordinates(distances(3))
    assert places.shape == (8, 3)
    assert cdist(places, places) == pytest.approx(distances(3))
    assert np.all(np.diff((places**2).sum(axis=0)) <= 0)
    assert places[np.abs(places).argmax(axis=0), range(3)].min() > 0


def test_equal_items_stand_on_one_spot() -> None:
    assert principal_coordinates(np.zeros((4, 4))).tolist() == [[0.0]] * 4
