"""Counterparts that combine several references, made a few at a time so that float64 copies stay small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.threads import one_blas_thread, shared_out

ROOM = 2**22  # float64 coordinates of references at once, for each thread
LEAST = 8  # points of a thread


class Counterparts:
    """The counterparts of n points, between the references and therefore float32, also where those are uint8.

    Args:
        queries: (n, d), as ``Stored.comparable`` returns them.
        stored: The references.
    """

    def __init__(self, queries: NDArray[Any], stored: Stored) -> None:
        self.queries, self.stored = queries, stored
        self.pixels = queries.dtype == np.uint8
        self.values = np.empty(queries.shape, np.float32)
        self.distances = np.empty(len(queries), np.float64)

    def put(self, part: slice, found: NDArray[np.float64]) -> None:
        """Keep the counterparts of some points, float64 (m, d) in stored units, and how far the points are from them.

        Whole numbers are scaled as ``Points.coordinates`` scales pixels, so that an image that is its own counterpart
        has the artifact 0.
        """
        steps = self.queries[part] - found
        self.distances[part] = np.sqrt(np.einsum("nd,nd->n", steps, steps)) * self.stored.scale
        values = found.astype(np.float32)
        self.values[part] = values * np.float32(self.stored.scale) if self.pixels else values

    def projection(self, neighbors: NDArray[np.int64]) -> Projection:
        """Return them with the indices of the nearest references, once all were put."""
        shape = self.stored.blocks[0].values.shape[1:]
        scale = 1.0 if self.pixels else self.stored.scale
        return Projection(Points(self.values.reshape(len(self.values), *shape), scale), self.distances, neighbors)


def each_part(count: int, coordinates: int, work: Callable[[slice], None]) -> None:
    """Call ``work`` with consecutive parts of n points, in several threads; it may change only what is of its part.

    Args:
        count: How many points there are.
        coordinates: Of all references that are combined for one point.
        work: What to do.
    """

    def some(start: int, stop: int) -> None:
        for part in parts(start, stop, coordinates):
            work(part)

    with one_blas_thread():
        shared_out(some, count, least=LEAST)


def parts(start: int, stop: int, coordinates: int) -> Iterator[slice]:
    """Yield consecutive parts of a range of points that need so many float64 coordinates each.

    Example:
        >>> list(parts(0, 3, 2**21))
        [slice(0, 2, None), slice(2, 3, None)]
    """
    rows = max(1, ROOM // max(1, coordinates))
    return (slice(first, min(first + rows, stop)) for first in range(start, stop, rows))
