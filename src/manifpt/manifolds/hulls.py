"""The affine hull of a few points: where another point lies above it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import UNIT


def projected(
    points: NDArray[Any], corners: NDArray[Any], *, rank: int | None = None, ridge: float = 0.0
) -> NDArray[np.float64]:
    """Return the orthogonal projection of each point onto the affine hull of its own corners, (n, d) float64.

    With the corners' mean m, the eigenvectors v of the k × k Gram matrix of the centred corners C (k, d) and their
    eigenvalues s, the projection of x is m + Σ (C′v)(v′C(x − m)) / (s + λ), the sum over the leading directions: with
    λ = 0 it is that of least squares. λ is ``ridge`` times the mean squared distance of the corners to m, so that it
    has no unit; it draws the projection towards m.

    Rounding: by Weyl's inequality an eigenvalue is off by no more than the Gram matrix is, which is at most d u times
    its trace (u = 2⁻⁵³; Higham 2002, section 3.1). What is below that is no direction, so that copies among the corners
    do no harm. All is computed from the first corner: a point that is a copy of it is its own projection to the bit.

    Args:
        points: (n, d), of any type.
        corners: (n, k, d), the nearest first.
        rank: How many directions to keep, those along which the corners vary most; None for all.
        ridge: At least 0.

    Example:
        >>> points, corners = np.array([[0.25, 3.0]]), np.array([[[0.0, 0.0], [2.0, 0.0]]])
        >>> [projected(points, corners, ridge=ridge).round(6).tolist() for ridge in (0, 1)]
        [[[0.25, 0.0]], [[0.5, 0.0]]]
    """
    count, dimensions = corners.shape[1:]
    kept = count if rank is None else min(rank, count)
    origin = corners[:, 0].astype(np.float64)
    spokes = np.subtract(corners, origin[:, None], dtype=np.float64)
    own = points.astype(np.float64) - origin
    mean = spokes.mean(axis=1)
    spokes -= mean[:, None]
    spread, directions = np.linalg.eigh(spokes @ spokes.transpose(0, 2, 1))
    total = spread.sum(axis=1, keepdims=True)
    real = spread > dimensions * UNIT * total
    real[:, : count - kept] = False  # Eigenvalues ascend.
    along = (spokes @ (own - mean)[:, :, None]).transpose(0, 2, 1) @ directions
    shares = np.divide(along[:, 0], spread + ridge * total / count, where=real, out=np.zeros_like(spread))
    steps = mean + ((directions @ shares[:, :, None]).transpose(0, 2, 1) @ spokes)[:, 0]
    if ridge == 0 and kept >= count - 1:
        steps[~own.any(axis=1)] = 0
    found: NDArray[np.float64] = origin + steps
    return found
