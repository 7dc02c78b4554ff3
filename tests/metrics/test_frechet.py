from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.linalg import sqrtm

from manifpt.errors import NumbersError
from manifpt.metrics import overlap
from manifpt.metrics.frechet import SMALL, Gaussian, frechet_distance, frechet_distances

LARGE = 2 * SMALL


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


def rotation(dimensions: int, seed: int = 0) -> NDArray[np.float64]:
    return np.asarray(np.linalg.qr(np.random.default_rng(seed).normal(size=(dimensions, dimensions)))[0])


def centred_at_zero(values: NDArray[np.float64], axes: NDArray[np.float64]) -> Gaussian:
    covariance = axes * values @ axes.T
    return Gaussian(np.zeros(len(values)), (covariance + covariance.T) / 2)


# What is left of the variance from one direction to the next; at 0.5 most of 256 are far below rounding.
@pytest.mark.parametrize("decay", [1.0, 0.99, 0.9, 0.8, 0.5])
@pytest.mark.parametrize("dimensions", [SMALL, LARGE])
def test_covariances_of_common_axes_have_the_distance_of_their_roots(dimensions: int, decay: float) -> None:
    axes, falling = rotation(dimensions), decay ** np.arange(dimensions)
    a, b = falling * np.random.default_rng(1).uniform(1, 2, (2, dimensions))
    one, other = centred_at_zero(a, axes), centred_at_zero(b, axes)
    tolerance = 1e-6 * (a.sum() + b.sum())
    for found in (frechet_distance(one, other), frechet_distance(other, one)):
        assert found == pytest.approx(((np.sqrt(a) - np.sqrt(b)) ** 2).sum(), abs=tolerance)
    assert frechet_distance(one, one) == pytest.approx(0, abs=tolerance)


@pytest.mark.parametrize("dimensions", [6, LARGE])
@pytest.mark.parametrize("share", [0.0, 0.3])
def test_singular_covariances_overlap_only_where_both_vary(dimensions: int, share: float) -> None:
    half, axes = dimensions // 2, rotation(dimensions)
    a, b = np.zeros(dimensions), np.zeros(dimensions)
    a[:half], b[half:] = 2.0, 3.0
    common = round(share * half)
    b[:common] = 8.0
    found = frechet_distance(centred_at_zero(a, axes), centred_at_zero(b, axes))
    assert found == pytest.approx(a.sum() + b.sum() - 2 * 4.0 * common, abs=1e-6 * (a.sum() + b.sum()))


@pytest.mark.parametrize("dimensions", [6, LARGE])
def test_a_covariance_of_nothing_is_as_far_as_the_other_is_wide(dimensions: int) -> None:
    point = Gaussian(np.zeros(dimensions), np.zeros((dimensions, dimensions)))
    other = random_gaussian(0, dimensions)
    assert frechet_distance(point, point) == 0
    for found in (frechet_distance(point, other), frechet_distance(other, point)):
        assert found == pytest.approx((other.mean**2).sum() + np.trace(other.covariance))


@pytest.mark.parametrize("scale", [1e-150, 1e-12, 1e12, 1e150])
def test_the_distance_has_the_unit_of_a_variance(scale: float) -> None:
    for dimensions in (6, LARGE):
        one, other = random_gaussian(0, dimensions), random_gaussian(1, dimensions)
        plain = frechet_distance(one, other)
        scaled = (Gaussian(each.mean * np.sqrt(scale), each.covariance * scale) for each in (one, other))
        assert frechet_distance(*scaled) == pytest.approx(scale * plain)


@pytest.mark.parametrize("images", [(40, 50), (40, 600), (600, 40), (600, 700)])
def test_points_fewer_than_dimensions_give_the_distance_of_their_covariances(images: tuple[int, int]) -> None:
    rng = np.random.default_rng(2)
    one, other = (Gaussian.of(rng.normal(size=(count, LARGE)) + 0.1 * count) for count in images)
    assert (one.centred is None, other.centred is None) == tuple(count > LARGE for count in images)
    whole = [Gaussian(each.mean, each.covariance) for each in (one, other)]
    near = 1e-6 * np.trace(one.covariance + other.covariance)
    assert frechet_distance(one, other) == pytest.approx(frechet_distance(whole[0], whole[1]), abs=near)
    shifted = Gaussian(one.mean + 1, one.covariance, one.centred)
    assert frechet_distance(one, shifted) == pytest.approx(LARGE)


def test_roots_of_eigenvalues_are_taken_only_where_they_are_exact_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    factors = overlap.overlaps_of_factors
    monkeypatch.setattr(overlap, "overlaps_of_factors", lambda *given: taken.append(1) or factors(*given))
    axes = rotation(LARGE)
    for decay, expected in ((0.99, 0), (0.5, 1)):
        taken.clear()
        gaussian = centred_at_zero(decay ** np.arange(LARGE), axes)
        frechet_distance(gaussian, gaussian)
        assert len(taken) == expected


@pytest.mark.parametrize("rank", [0, 1, 3, 6])
def test_a_factor_times_itself_is_the_covariance(rank: int) -> None:
    points = np.random.default_rng(rank).normal(size=(6, rank))
    found = overlap.factor(points @ points.T)
    np.testing.assert_allclose(found @ found.T, points @ points.T, atol=1e-12)


@pytest.mark.parametrize("dimensions", [6, LARGE])
def test_rows_of_several_gaussians_have_the_same_bits_as_each_alone(dimensions: int) -> None:
    ones, others = ([random_gaussian(seed + side, dimensions) for seed in range(9)] for side in (0, 20))
    alone = np.concatenate([frechet_distances([one], others) for one in ones])
    np.testing.assert_array_equal(frechet_distances(ones, others), alone)
