"""Energy distance against hand-computed values."""

from __future__ import annotations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.energy import energy_distance


def test_two_single_points_are_as_far_as_the_root_of_twice_their_distance() -> None:
    assert energy_distance([[0.0, 0.0]], [[3.0, 4.0]]) == pytest.approx(np.sqrt(10))


def test_it_agrees_with_scipy_in_one_dimension() -> None:
    from scipy.stats import energy_distance as known

    rng = np.random.default_rng(0)
    one, two = rng.normal(size=40), rng.normal(1, 2, 60)
    assert energy_distance(one[:, None], two[:, None]) == pytest.approx(known(one, two))


def test_equal_sets_have_distance_zero_and_order_does_not_matter() -> None:
    points = np.random.default_rng(1).normal(size=(30, 5))
    assert energy_distance(points, points[::-1]) == pytest.approx(0, abs=1e-7)


def test_sets_of_different_spaces_are_refused() -> None:
    with pytest.raises(NumbersError, match=r"sets of shape \(2, 3\) and \(2, 4\)"):
        energy_distance(np.zeros((2, 3)), np.zeros((2, 4)))
