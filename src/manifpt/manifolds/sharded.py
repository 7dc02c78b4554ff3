"""The nearest reference, found exactly by many machines, each of which holds some of the references."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, pairwise
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.cluster import answers, installed, joined, places
from manifpt.embeddings.embedding import Points
from manifpt.manifolds.counts import whole
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.nearest import Nearest, Neighbors
from manifpt.manifolds.pieces import Piece, pieces
from manifpt.storage import IN_MEMORY_BYTES, streamed

SHARE = 0.01  # of a processor that a worker reserves
RESTARTS = 8  # of one shard's worker: more deaths have a cause that stays, as too little memory


class Searcher:
    """Searches one shard, in a process of its own.

    The shard comes with every call, since a worker that starts again after a death knows nothing: what lies in the
    object store stays there as long as a call needs it, whereas Ray drops what only a constructor was given.

    Args:
        first: Index of the shard's first reference among all references.
        neighbors: How many to return; not more than the shard holds.
    """

    def __init__(self, first: int, neighbors: int) -> None:
        self._first, self._neighbors = first, neighbors
        self._nearest: Nearest | None = None

    def ready(self, shard: list[Piece]) -> int:
        """Fetch the shard, and return how many references it holds."""
        return self._fitted(shard).references

    def search(self, shard: list[Piece], queries: NDArray[Any]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Return the indices among all references, and the squared distances, of the nearest in the shard."""
        found = self._fitted(shard).search(Points(queries))
        return found.numbers + self._first, found.squares

    def _fitted(self, shard: list[Piece]) -> Nearest:
        if self._nearest is None:
            self._nearest = Nearest(neighbors=self._neighbors).fit(Points(piece.values()) for piece in shard)
        return self._nearest


class Sharded:
    """Projects as ``nearest`` does, to the same bits, with the references split among the nodes of a Ray cluster.

    Consecutive references form a shard, which one worker holds and searches exactly. Queries are broadcast through the
    object store; the shards' neighbours are merged by squared distance, equal ones by the lower index. A squared
    distance is a sum of explicit differences and depends on no shard, so that the settings are those of ``nearest``:
    cached projections and saved models are one and the same.

    A worker that dies, alone or with its node, starts again elsewhere, fetches its shard again and answers what it was
    asked.

    Args:
        neighbors: How many references to return; the projection is the first.
        shards: How many shards to make; None for one for each processor of the cluster.
        address: The cluster's address; None for that in ``RAY_ADDRESS``, else the one on this machine, else a new one.

    Raises:
        ClusterError: Ray is not installed.
        NumbersError: A number is below 1 or not whole.
    """

    def __init__(self, *, neighbors: int = 1, shards: int | None = None, address: str | None = None) -> None:
        self.neighbors = whole("neighbors", neighbors, least=1)
        self.shards = None if shards is None else whole("shards", shards, least=1)
        installed()
        self.address = address

    def settings(self) -> dict[str, Any]:
        """Return the settings of ``nearest``; shards and cluster decide no result."""
        return Nearest(neighbors=self.neighbors).settings()

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Hand the reference points to the nodes, and wait until all shards are there.

        Blocks that lie in named files are read there by the nodes, others go through the object store.

        Raises:
            DataError: There are fewer references than neighbours asked for.
            NumbersError: A coordinate is NaN or infinite.
            ReferencesError: A node cannot read a file of references.
            ClusterError: No cluster answers, or too many workers died.
        """
        kept = _kept(blocks)
        # It searches nothing: it refuses what may not be a reference, and returns counterparts.
        self._stored = Nearest(neighbors=self.neighbors).fit(kept)
        ray = joined(self.address)
        where = places(ray, self.shards and min(self.shards, self.references))[: self.references]
        bounds = np.linspace(0, self.references, len(where) + 1).astype(int).tolist()
        # Ray puts a worker that asks for no part of a processor anywhere, and one that asks for a whole one could not
        # start again on a node that has its own.
        worker = ray.remote(num_cpus=SHARE, max_restarts=RESTARTS, max_task_retries=-1)(Searcher)
        self.shards_ = [pieces(ray, kept, start, stop) for start, stop in pairwise(bounds)]
        self.workers_ = [
            worker.options(scheduling_strategy=place).remote(start, min(self.neighbors, stop - start))
            for place, (start, stop) in zip(where, pairwise(bounds), strict=True)
        ]
        answers(ray, [worker.ready.remote(shard) for worker, shard in self._held()])
        return self

    def search(self, points: Points) -> Neighbors:
        """Return the nearest references of each point.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
            ClusterError: The shards are lost.
        """
        ray, values = joined(self.address), points.values
        most = max(1, IN_MEMORY_BYTES // max(1, values[:1].nbytes))
        # Without any points there is still their shape to be refused.
        found = [self._merged(ray, values[start : start + most]) for start in range(0, max(1, len(values)), most)]
        return Neighbors(np.concatenate([one.numbers for one in found]), np.concatenate([one.squares for one in found]))

    def project(self, points: Points) -> Projection:
        """Return the nearest reference of each point; see ``search``."""
        found = self.search(points)
        return Projection(self.counterparts(found.numbers), np.sqrt(found.squares[:, 0]) * self._scale, found.numbers)

    @property
    def references(self) -> int:
        """How many references there are in all shards."""
        return self._stored.references

    def reference_points(self, numbers: NDArray[np.int64]) -> Points:
        """Return some references, by their indices (m,)."""
        return self._stored.reference_points(numbers)

    def counterparts(self, neighbors: NDArray[np.int64]) -> Points:
        """Return the projections that belong to the indices (n, k) which ``project`` returned."""
        return self._stored.counterparts(neighbors)

    def _merged(self, ray: Any, queries: NDArray[Any]) -> Neighbors:
        broadcast = ray.put(np.ascontiguousarray(queries).view(np.ndarray))
        found = answers(ray, [worker.search.remote(shard, broadcast) for worker, shard in self._held()])
        return merged([Neighbors(*one) for one in found], self.neighbors)

    def _held(self) -> Iterator[tuple[Any, list[Piece]]]:
        return zip(self.workers_, self.shards_, strict=True)

    @property
    def _scale(self) -> float:
        return self.counterparts(np.zeros((0, 1), np.int64)).scale


def merged(found: list[Neighbors], neighbors: int) -> Neighbors:
    """Return the nearest of what several shards found, equally near ones by the lower index.

    Args:
        found: Of the same points, from disjoint sets of references.
        neighbors: How many to keep.

    Example:
        >>> one = Neighbors(np.array([[7]]), np.array([[4.0]]))
        >>> other = Neighbors(np.array([[2, 3]]), np.array([[4.0, 5.0]]))
        >>> merged([one, other], 2).numbers
        array([[2, 7]])
    """
    numbers = np.concatenate([one.numbers for one in found], axis=1)
    squares = np.concatenate([one.squares for one in found], axis=1)
    order = np.lexsort((numbers, squares), axis=1)[:, :neighbors]
    return Neighbors(np.take_along_axis(numbers, order, axis=1), np.take_along_axis(squares, order, axis=1))


def _kept(blocks: Iterable[Points]) -> list[Points]:
    """Return blocks that lie in files as they are, and others in one."""
    given = (block for block in blocks if len(block))
    kept: list[Points] = []
    for block in given:
        if not isinstance(block.values, np.memmap):
            return [Points(streamed(one.values for one in chain(kept, [block], given)), block.scale)]
        kept.append(block)
    return kept
