"""The mean of the nearest references, weighted by how near they are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.manifolds.combining import Counterparts, each_part
from manifpt.manifolds.counts import amount, whole
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.nearest import Nearest


class Barycentre:
    """Projects each point onto the weighted mean of its k nearest references, found exactly.

    The weight of a reference at distance d is proportional to exp(−d² / 2h²): one step of the mean shift (Fukunaga and
    Hostetler 1975), cut off after k neighbours. h is ``bandwidth`` times the distance of the k-th, so that it has no
    unit and widens where references are sparse. A small bandwidth gives the nearest reference, a large one the plain
    mean. References that are equally far weigh the same.

    Args:
        neighbors: How many references to take (k), and to return.
        bandwidth: Above 0.

    Raises:
        NumbersError: A number is out of its range, or ``neighbors`` is not whole.

    Example:
        >>> references = Points(np.array([[0.0, 0.0], [4.0, 0.0], [9.0, 9.0]], np.float32))
        >>> found = Barycentre(neighbors=2).fit([references]).project(Points(np.array([[2.0, 3.0]], np.float32)))
        >>> found.points.values.tolist(), found.distances
        ([[2.0, 0.0]], array([3.]))
    """

    def __init__(self, *, neighbors: int = 20, bandwidth: float = 0.25) -> None:
        self.neighbors = whole("neighbors", neighbors, least=1)
        self.bandwidth = amount("bandwidth", bandwidth, zero=False)

    def settings(self) -> dict[str, Any]:
        """Return the name, the number of neighbours and the bandwidth."""
        return {"name": "barycentre", "neighbors": self.neighbors, "bandwidth": self.bandwidth}

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Store the reference points; blocks that lie in files stay there.

        Raises:
            DataError: There are fewer references than neighbours asked for.
            NumbersError: A coordinate is NaN or infinite.
        """
        self.nearest_ = Nearest(neighbors=self.neighbors).fit(blocks)
        return self

    def project(self, points: Points) -> Projection:
        """Return the weighted mean of each point's nearest references, float32 also where the points are uint8.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        found, stored = self.nearest_.search(points), self.nearest_.stored_
        queries = stored.comparable(points)
        weights, made = self._weights(found.squares), Counterparts(queries, stored)

        def some(part: slice) -> None:
            corners = stored.corners(found.numbers[part])
            # From the nearest, so that copies of it give it to the bit.
            origin = corners[:, 0].astype(np.float64)
            spokes = np.subtract(corners, origin[:, None], dtype=np.float64)
            made.put(part, origin + (weights[part, None] @ spokes)[:, 0])

        each_part(len(queries), found.numbers.shape[1] * queries.shape[1], some)
        return made.projection(found.numbers)

    @property
    def references(self) -> int:
        """How many references are stored."""
        return self.nearest_.references

    def reference_points(self, numbers: NDArray[np.int64]) -> Points:
        """Return some references, by their indices (m,)."""
        return self.nearest_.reference_points(numbers)

    def _weights(self, squares: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the weights of neighbours (n, k) at these squared distances, with the sum 1."""
        widest = squares[:, -1:]
        excess = np.divide(squares - squares[:, :1], widest, where=widest > 0, out=np.zeros_like(squares))
        with np.errstate(over="ignore"):  # of the smallest bandwidths, whose weights are 0 either way
            weights = np.exp(-excess / (2 * self.bandwidth) / self.bandwidth)
        found: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
        return found
