"""The Fréchet distance between two Gaussians."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.overlap import factor, overlap, overlaps_of_factors

TWO = 2  # axes of a set of points, and the fewest points that have a covariance
# Up to here the eigenvalues of all pairs are taken in one call.
SMALL = 128


@dataclass(frozen=True, slots=True)
class Gaussian:
    """A normal distribution.

    Args:
        mean: (d,), float64.
        covariance: (d, d), float64, symmetric.
        centred: (d, r) with centred · centredᵀ = covariance, where such a factor is known and has fewer columns than
            rows.
    """

    mean: NDArray[np.float64]
    covariance: NDArray[np.float64]
    centred: NDArray[np.float64] | None = None

    @classmethod
    def of(cls, points: ArrayLike) -> Gaussian:
        """Return the Gaussian with the mean and the unbiased covariance of points (n, d).

        Raises:
            NumbersError: There are fewer than two points, they are not two-dimensional, or not finite.
        """
        array = np.asarray(points, dtype=np.float64)
        if array.ndim != TWO or len(array) < TWO or not array.shape[1]:
            raise NumbersError(
                f"the points have shape {array.shape}", expected="(2 or more, d)", remedy="pass more points"
            )
        if not np.isfinite(array).all():
            raise NumbersError(
                "a point is NaN or infinite", expected="finite numbers", remedy="look for broken features"
            )
        mean = array.mean(axis=0)
        few = SMALL < array.shape[1] > len(array)
        centred = (array - mean).T / np.sqrt(len(array) - 1) if few else None
        return cls(mean, np.cov(array, rowvar=False).reshape(array.shape[1], array.shape[1]), centred)


def frechet_distance(one: Gaussian, other: Gaussian) -> float:
    """Return the squared Fréchet (2-Wasserstein) distance, in squared units of the space.

    |m₁ - m₂|² + tr S₁ + tr S₂ - 2 tr (S₁^½ S₂ S₁^½)^½; the last trace is the sum of the roots of the
    eigenvalues of a symmetric matrix. Dowson & Landau, Journal of Multivariate Analysis 12(3), 1982.

    Raises:
        NumbersError: The Gaussians have different dimensions.

    Example:
        >>> unit = np.eye(2)
        >>> frechet_distance(Gaussian(np.zeros(2), unit), Gaussian(np.array([3.0, 4.0]), unit))
        25.0
    """
    if one.mean.shape != other.mean.shape:
        raise NumbersError(
            f"the Gaussians have {len(one.mean)} and {len(other.mean)} dimensions",
            expected="the same",
            remedy="use one feature space for both",
        )
    return float(frechet_distances([one], [other])[0, 0])


def frechet_distances(ones: list[Gaussian], others: list[Gaussian]) -> NDArray[np.float64]:
    """Return the distance of each Gaussian of the first list to each of the second, (ones, others).

    Each covariance of few dimensions is factored once.
    """
    if len(ones[0].mean) > SMALL:
        apart = np.array([[((one.mean - other.mean) ** 2).sum() for other in others] for one in ones])
        traces = [np.array([np.trace(each.covariance) for each in side]) for side in (ones, others)]
        # Rounding can leave equal Gaussians slightly below zero.
        return np.asarray(np.maximum(apart + traces[0][:, None] + traces[1] - 2 * _overlaps(ones, others), 0))
    means = np.stack([other.mean for other in others])
    covariances = np.stack([other.covariance for other in others])
    return np.stack([_distances(one, means, covariances) for one in ones])


def _distances(one: Gaussian, means: NDArray[np.float64], covariances: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(one.covariance)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(np.linalg.eigvalsh(root @ covariances @ root), 0)).sum(axis=1)
    spread = np.trace(one.covariance) + np.trace(covariances, axis1=1, axis2=2) - 2 * overlap
    # Rounding can leave equal Gaussians slightly below zero.
    return np.asarray(np.maximum(((means - one.mean) ** 2).sum(axis=1) + spread, 0))


def _overlaps(ones: list[Gaussian], others: list[Gaussian]) -> NDArray[np.float64]:
    if all(each.centred is not None for each in (*ones, *others)):
        return overlaps_of_factors(*([_factor(each) for each in side] for side in (ones, others)))
    return np.array([[overlap(one.covariance, other.covariance) for other in others] for one in ones])


def _factor(of: Gaussian) -> NDArray[np.float64]:
    return factor(of.covariance) if of.centred is None else of.centred
