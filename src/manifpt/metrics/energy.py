"""Energy distance between two sets of points."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.spatial.distance import cdist

from manifpt.errors import NumbersError


def energy_distance(one: ArrayLike, other: ArrayLike) -> float:
    """Return √(2 E‖x − y‖ − E‖x − x′‖ − E‖y − y′‖), which is 0 only for equal distributions.

    Székely & Rizzo 2013, "Energy statistics", equation 1; the pairs within a set include each point with itself
    (V-statistic), so that a set has distance 0 to itself.

    Args:
        one: Points, (n, d).
        other: Points, (m, d).

    Raises:
        NumbersError: A set is empty, or the dimensions differ.

    Example:
        >>> energy_distance([[0.0], [1.0]], [[0.0], [1.0]])
        0.0
    """
    x, y = (np.asarray(points, np.float64).reshape(len(np.asarray(points)), -1) for points in (one, other))
    if not len(x) or not len(y) or x.shape[1] != y.shape[1]:
        raise NumbersError(
            f"sets of shape {x.shape} and {y.shape}",
            expected="points of one space",
            remedy="compare like with like",
        )
    square = 2 * cdist(x, y).mean() - cdist(x, x).mean() - cdist(y, y).mean()
    return float(np.sqrt(max(square, 0.0)))
