"""The first coordinates of an orthonormal transform, and the length of what they leave: a cheap bound on distances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from manifpt.manifolds.pyramid import Pyramid
from manifpt.manifolds.reduction import Pooled, Reduction, folded, pooled, whole
from manifpt.manifolds.settling import UNIT

SAMPLE = 2**14  # references from which the directions are learned, at most
SAMPLE_BYTES = 128 * 2**20  # of their reduced rows
FOLDING = 256  # references that have to be symmetric for all to be folded
EXACT = 2048  # coordinates up to which the covariance is decomposed whole
ROWS = 2048  # reduced at once, at most
BLOCK = 2**23  # coordinates of so many, at most


@dataclass(frozen=True, slots=True)
class Coordinates:
    """What is known of some points without reading them.

    Args:
        values: (n, p + 1) float32: the length of the remainder, then the first p coordinates.
        errors: (n,) float64: how far each row may lie from the exact one.
    """

    values: NDArray[np.float32]
    errors: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prefix:
    """Maps points to p orthonormal coordinates and the length of the remainder, and never lengthens a distance.

    With T of p orthonormal rows and c the centre, x ↦ (‖(I − TᵀT)(x − c)‖, T(x − c)) is a contraction: by Pythagoras
    ‖x − y‖² = ‖T(x − y)‖² + ‖(I − TᵀT)(x − y)‖², and the second is at least the squared difference of the remainders'
    lengths. The distance of two such rows is therefore a lower bound of the distance of the points.

    Rounding. T = RS, where S pools or folds (one float64 operation a coordinate) and the rows of R come from an
    eigendecomposition whose departure from orthonormality δ = ‖RRᵀ − I‖ is measured and added. Everything is computed
    in float64, u = 2⁻⁵³, so that with d coordinates ‖x − c‖² and ‖T(x − c)‖² are known within η‖x − c‖², η = 8(d + 64)u
    + 2δ, and so is their difference r²: then |r − r̂| ≤ √η‖x − c‖, also where r vanishes. T(x − c) itself is within
    η‖x − c‖. The rounding to float32 adds 2⁻²⁴ of the row's length, which is at most ‖x − c‖(1 + η). The subtraction of
    the centre is exact within u‖x‖. Of pooled points, some of whose coordinates are lengths, the reduced row stands for
    x − c in all this. Together: a row lies within (√η + 2⁻²³)‖x − c‖ + η‖x‖ + 2⁻¹²⁰ of the exact one.

    Args:
        factor: Power of two that brings the references into [−1, 1]; it rounds nothing.
        center: (d,) float64, of the references, after the factor.
        reduction: Pools or folds.
        rotation: (reduced, p) float64, orthonormal columns; None for the reduced coordinates as they are.
        width: p.
        departure: δ.
    """

    factor: float
    center: NDArray[np.float64]
    reduction: Reduction
    rotation: NDArray[np.float64] | None
    width: int
    departure: float

    @property
    def coordinates(self) -> int:
        """How many numbers stand for a point: p + 1."""
        return self.width + 1

    def rows(self, points: NDArray[Any], known: Pyramid | None = None) -> Coordinates:
        """Return the coordinates of points (n, d), uint8 or float32, whose sums and details may be known already."""
        values = np.empty((len(points), self.coordinates), np.float32)
        errors = np.empty(len(points))
        eta = 8 * (points.shape[1] + 64) * UNIT + 2 * self.departure
        for block in _blocks(points, self.reduction.held(points.shape[1])):
            given = (self.factor, self.center)
            if known is not None and isinstance(self.reduction, Pooled) and known.side == self.reduction.side:
                reduced, squares, norms = self.reduction.of(known[block], *given)
            else:
                reduced, squares, norms = self.reduction.rows(points[block], *given)
            rotated = reduced if self.rotation is None else reduced @ self.rotation
            remainders = np.sqrt(np.maximum(squares - np.einsum("ij,ij->i", rotated, rotated), 0))
            # A query may lie far beyond the references; what is clipped lies nearer than it is, which bounds allow.
            values[block, 0] = np.minimum(remainders, FARTHEST)
            values[block, 1:] = np.clip(rotated, -FARTHEST, FARTHEST)
            errors[block] = (math.sqrt(eta) + 2.0**-23) * np.sqrt(squares) + eta * norms + 2.0**-120
        return Coordinates(values, errors)


# Squares of this many float32 coordinates still can be added.
FARTHEST = 1e17


def fitted(points: NDArray[Any], shape: tuple[int, ...], *, most: int | None, seed: int = 0) -> Prefix:
    """Return the prefix of the principal directions of references.

    Args:
        points: (n, d) uint8 or float32.
        shape: Of one point, whose product is d.
        most: How many coordinates at most; None for all of them, as they are.
        seed: Of the rows from which the directions are learned. No projection depends on it.
    """
    reach, total = 0.0, np.zeros(points.shape[1])
    for rows in _blocks(points, points.shape[1]):
        reach = max(reach, float(points[rows].max()), -float(points[rows].min()))
        total += points[rows].sum(0, dtype=np.float64)
    factor = 2.0 ** -math.ceil(math.log2(reach)) if reach > 0 else 1.0
    center = total / len(points) * factor
    rng = np.random.default_rng(seed)
    if points.dtype != np.uint8:
        reduction = folded(points[:: max(1, len(points) // FOLDING)], shape) or whole()
    else:
        reduction = (None if most is None else pooled(shape)) or whole()
    width = reduction.rows(points[:1], factor, center)[0].shape[1]
    if most is None:
        return Prefix(factor, center, reduction, None, width, 0.0)
    few = max(2, min(SAMPLE, len(points), SAMPLE_BYTES // (8 * width)))
    places = np.sort(rng.choice(len(points), few, replace=False)) if few < len(points) else np.arange(len(points))
    reduced = np.empty((len(places), width))
    # What is chosen is copied, a byte or four a coordinate.
    for rows in _blocks(points[: len(places)], max(reduction.held(points.shape[1]), points.shape[1] // 8)):
        reduced[rows] = reduction.rows(points[places[rows]], factor, center)[0]
    rotation = _directions(reduced, min(most, width), seed)
    departure = float(np.linalg.norm(rotation.T @ rotation - np.eye(rotation.shape[1])))
    return Prefix(factor, center, reduction, rotation, rotation.shape[1], departure)


def _blocks(points: NDArray[Any], held: int) -> list[slice]:
    size = max(1, min(ROWS, BLOCK // held))
    return [slice(start, min(start + size, len(points))) for start in range(0, len(points), size)]


def _directions(rows: NDArray[np.float64], count: int, seed: int) -> NDArray[np.float64]:
    width = rows.shape[1]
    if width <= EXACT:
        # Of all, not of some: that takes as long, and many equal eigenvalues do not slow it down.
        _, vectors = linalg.eigh(rows.T @ rows, driver="evd", check_finite=False)
        return np.ascontiguousarray(vectors[:, : width - count - 1 : -1] if count < width else vectors[:, ::-1])
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415  (few spaces are that wide)

    count = min(count, len(rows))
    _, _, vectors = randomized_svd(rows, count, n_iter=2, random_state=seed)
    return np.ascontiguousarray(np.linalg.qr(vectors.T)[0])
