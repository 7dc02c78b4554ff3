"""Precision, recall, density and coverage of generated points, by the neighbourhoods of their nearest others."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist

from manifpt.errors import NumbersError

NEIGHBORS = 5
AXES = 2


@dataclass(frozen=True, slots=True)
class Neighbourhoods:
    """How a set of generated points lies among real ones.

    A point's neighbourhood is the ball that reaches to the k-th nearest other point of its set.

    Args:
        precision: Share of generated points inside the neighbourhood of a real one (Kynkäänniemi et al. 2019).
        recall: Share of real points inside the neighbourhood of a generated one; near 0 after a collapse.
        density: How many real neighbourhoods hold a generated point, over k (Naeem et al. 2020); may exceed 1.
        coverage: Share of real points whose neighbourhood holds a generated one.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def neighbourhoods(*, generated: ArrayLike, real: ArrayLike, neighbors: int = NEIGHBORS) -> Neighbourhoods:
    """Return precision, recall, density and coverage.

    Args:
        generated: Points (n, d), n above ``neighbors``.
        real: Points (m, d), m above ``neighbors``; as many as generated ones where figures shall be compared.
        neighbors: k.

    Raises:
        NumbersError: There are too few points, their dimensions differ, or one is not finite.

    Example:
        >>> points = np.arange(8.0)[:, None]
        >>> neighbourhoods(generated=points + 100, real=points, neighbors=1)
        Neighbourhoods(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    """
    made, found = (np.asarray(points, np.float64) for points in (generated, real))
    _refuse(made, found, neighbors)
    between = cdist(found, made)
    inside = between <= _radii(found, neighbors)[:, None]
    return Neighbourhoods(
        precision=float(inside.any(0).mean()),
        recall=float((between <= _radii(made, neighbors)[None]).any(1).mean()),
        density=float(inside.sum(0).mean() / neighbors),
        coverage=float(inside.any(1).mean()),
    )


def _refuse(made: NDArray[np.float64], found: NDArray[np.float64], neighbors: int) -> None:
    few = min(len(made), len(found)) <= neighbors
    if made.ndim != AXES or found.ndim != AXES or few or made.shape[1] != found.shape[1]:
        raise NumbersError(
            f"points of shapes {made.shape} and {found.shape}",
            expected=f"more than {neighbors} each, of one dimension",
            remedy="pass more points",
        )
    if not (np.isfinite(made).all() and np.isfinite(found).all()):
        raise NumbersError("a point is NaN or infinite", expected="finite numbers", remedy="look for broken features")


def _radii(points: NDArray[np.float64], neighbors: int) -> NDArray[np.float64]:
    # The nearest of all is the point itself.
    return np.asarray(np.partition(cdist(points, points), neighbors, axis=1)[:, neighbors])
