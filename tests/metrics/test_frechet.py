from __future__ import annotations

import numpy as np
import pytest
from scipy.linalg import sqrtm

from manifpt.errors import NumbersError
from manifpt.metrics.frechet import Gaussian, frechet_distance, frechet_distances


def random_gaussian(seed: int, dimensions: int = 6) -> Gaussian:
    rng = np.random.default_rng(seed)
    factor = rng.normal(size=(dimensions, dimensions))
    return Gaussian(rng.normal(size=dimensions), factor @ factor.T)


def test_equal_gaussians_are_at_distance_zero() -> None:
    assert frechet_distance(random_gaussian(0), random_gaussian(0)) == pytest.approx(0, abs=1e-10)


def test_a_shifted_mean_costs_its_squared_length() -> None:
    one = random_gaussian(1)
    shift = np.arange(6.0)
    other = Gaussian(one.mean + shift, one.covariance)
    assert frechet_distance(one, other) == pytest.approx((shift**2).sum())


def test_commuting_covariances_cost_the_squared_difference_of_their_roots() -> None:
    a, b = np.array([1.0, 4.0, 0.0]), np.array([9.0, 0.25, 2.0])
    one, other = Gaussian(np.zeros(3), np.diag(a)), Gaussian(np.zeros(3), np.diag(b))
    assert frechet_distance(one, other) == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum())


@pytest.mark.parametrize("seed", range(5))
def test_it_agrees_with_the_matrix_root_of_scipy(seed: int) -> None:
    one, other = random_gaussian(seed), random_gaussian(seed + 100)
    root = sqrtm(one.covariance @ other.covariance)
    expected = ((one.mean - other.mean) ** 2).sum()
    expected += np.trace(one.covariance + other.covariance - 2 * np.real(root))
    assert frechet_distance(one, other) == pytest.approx(expected)
    assert frechet_distance(other, one) == pytest.approx(expected)


def test_many_at_once_are_the_same_as_one_by_one() -> None:
    ones, others = [random_gaussian(seed) for seed in (0, 1)], [random_gaussian(seed) for seed in (2, 3, 4)]
    single = [[frechet_distance(one, other) for other in others] for one in ones]
    assert np.allclose(frechet_distances(ones, others), single)


def test_a_gaussian_has_the_mean_and_unbiased_covariance_of_its_points() -> None:
    fitted = Gaussian.of([[0.0, 0.0], [2.0, 4.0]])
    assert fitted.mean.tolist() == [1, 2]
    assert fitted.covariance.tolist() == [[2, 4], [4, 8]]
    assert Gaussian.of([[0.0], [2.0]]).covariance.tolist() == [[2]]


@pytest.mark.parametrize("points", [[[1.0, 2.0]], [1.0, 2.0], [[np.inf], [1.0]]])
def test_points_without_a_covariance_are_refused(points: list[object]) -> None:
    with pytest.raises(NumbersError):
        Gaussian.of(points)


def test_gaussians_of_different_dimensions_are_refused() -> None:
    with pytest.raises(NumbersError, match="the Gaussians have 6 and 2 dimensions; expected the same"):
        frechet_distance(random_gaussian(0), random_gaussian(0, dimensions=2))
