"""What the neighbours cost that an approximate manifold misses, against the exact ones."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import NumbersError
from manifpt.manifolds.manifold import Projection


@dataclass(frozen=True, slots=True)
class Missed:
    """How far approximate projections of some points are from the exact ones; all shares are in [0, 1].

    Args:
        queries: How many points were projected.
        recall_first: Share of the points whose nearest reference was found.
        recall: Share of the k nearest references that are among the k returned, over all points.
        changed: Share of the points whose artifact changes; copies of a reference are the same counterpart.
        error_mean: Mean relative error of the artifact, ‖a′ − a‖ / ‖a‖.
        error_95: Its 95th percentile.
        longer_mean: Mean relative lengthening of the distance, (‖a′‖ − ‖a‖) / ‖a‖.
        longer_95: Its 95th percentile.
    """

    queries: int
    recall_first: float
    recall: float
    changed: float
    error_mean: float
    error_95: float
    longer_mean: float
    longer_95: float


def missed(approximate: Projection, exact: Projection) -> Missed:
    """Return what approximate projections of the same points lose against the exact ones.

    ``missed(Approximate().fit(blocks).project(points), Nearest().fit(blocks).project(points))``. Both artifacts start
    from one point, so that their difference a′ − a is that of the counterparts. Where an exact
    artifact is 0, the relative error is 0 if nothing changes, and infinite otherwise.

    Args:
        approximate: Projections of n points with their k neighbours.
        exact: Exact projections of the same points onto the same references, with as many neighbours.

    Raises:
        NumbersError: There is no point, or the two differ in their shapes or have no neighbours.

    Example:
        >>> from manifpt.embeddings.embedding import Points
        >>> references = np.array([[0.0], [3.0]])
        >>> exact = Projection(Points(references[[1]]), np.array([1.0]), np.array([[1]]))
        >>> other = Projection(Points(references[[0]]), np.array([2.0]), np.array([[0]]))
        >>> missed(other, exact).error_mean, missed(other, exact).longer_mean
        (3.0, 1.0)
    """
    found, true = approximate.neighbors, exact.neighbors
    if found is None or true is None or found.shape != true.shape or not len(true):
        raise NumbersError(
            f"neighbours of shapes {_shape(found)} and {_shape(true)}",
            expected="as many neighbours of the same points, one point at least",
            remedy="project the same points with the same number of neighbours",
        )
    if approximate.points.values.shape != exact.points.values.shape:
        raise NumbersError(
            f"counterparts of shapes {approximate.points.values.shape} and {exact.points.values.shape}",
            expected="points of one space",
            remedy="project the same points onto the same references",
        )
    apart = _apart(approximate, exact)
    error = _relative(apart, exact.distances)
    longer = _relative(approximate.distances - exact.distances, exact.distances)
    shared = (found[:, :, None] == true[:, None, :]).any(axis=2)
    return Missed(
        queries=len(true),
        recall_first=float((found[:, 0] == true[:, 0]).mean()),
        recall=float(shared.mean()),
        changed=float((apart > 0).mean()),
        error_mean=float(error.mean()),
        error_95=float(np.percentile(error, 95, method="higher")),
        longer_mean=float(longer.mean()),
        longer_95=float(np.percentile(longer, 95, method="higher")),
    )


def _apart(one: Projection, other: Projection) -> NDArray[np.float64]:
    """Return the Euclidean distance of the two counterparts of each point, in the space's own unit."""
    pairs = zip(one.points.values, other.points.values, strict=True)
    steps = (float(np.linalg.norm((a.astype(np.float64) - b.astype(np.float64)).ravel())) for a, b in pairs)
    return np.fromiter(steps, np.float64, len(one.points)) * other.points.scale


def _relative(change: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    with np.errstate(divide="ignore"):
        return np.divide(change, length, where=change != 0, out=np.zeros_like(change))


def _shape(neighbors: NDArray[np.int64] | None) -> tuple[int, ...] | None:
    return None if neighbors is None else neighbors.shape
