"""The contract of a manifold: point → its real counterpart."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points


@dataclass(frozen=True, slots=True)
class Projection:
    """What a manifold returns for n points.

    Args:
        points: The real counterparts, (n, *shape).
        distances: Euclidean distance of each point to its counterpart, (n,) float64, in the space's own unit.
        neighbors: Indices of the nearest references, (n, k), nearest first; None where a manifold has none.
    """

    points: Points
    distances: NDArray[np.float64]
    neighbors: NDArray[np.int64] | None


@runtime_checkable
class Manifold(Protocol):
    """Estimates the data manifold from reference points and projects onto it."""

    def settings(self) -> dict[str, Any]:
        """Return everything that decides a projection apart from the references, JSON-able."""
        ...

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Estimate the manifold from reference points, given block by block."""
        ...

    def project(self, points: Points) -> Projection:
        """Return the real counterpart of each point."""
        ...
