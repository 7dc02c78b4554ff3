"""The paper's manifold: the nearest reference, found exactly."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.manifolds.cells import BATCH, CELL
from manifpt.manifolds.counts import whole
from manifpt.manifolds.index import EVERY, Index, Prepared, indexed, roomy
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.settling import settled_all
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.threads import shared_out, threads
from manifpt.memory import available

WORK = 2**36  # coordinates of pairs: an index costs about as much as settling so many
PLAIN = 2**30  # the same for an index of products alone, of points that are no pixels
OVERHEAD = 256  # coordinates that take as long as what each pair takes anyway
SHARE = 0.5  # of the free memory, for a block that the user asked for
logger = logging.getLogger("manifpt")
_building = threading.Lock()  # what two searches at once would both build may differ, as memory does


@dataclass(frozen=True, slots=True)
class Neighbors:
    """The nearest references of n points.

    Args:
        numbers: (n, k), their indices, nearest first; of equally near ones the lower index comes first.
        squares: (n, k) float64, squared distances in stored units, before the scale.
    """

    numbers: NDArray[np.int64]
    squares: NDArray[np.float64]


@dataclass(slots=True)
class Part:
    """Some references, with an index once it pays.

    Args:
        values: (m, d) uint8 or float32.
        first: Index of the first.
        index: None until there were enough queries.
        asked: How many queries there were.
        plain: Whether the index has products alone, until a better one pays.
    """

    values: NDArray[Any]
    first: int
    index: Index | None = None
    asked: int = 0
    plain: bool = False


class Nearest:
    """Projects each point onto its nearest reference (Song et al. 2024, definition of the artifact).

    The neighbour is the argmin of the float64 distance over the stored points (the exact integer distance where they
    are uint8), ties going to the lower index: the same bits whatever the batch, block, threads and index. An index
    excludes references by lower bounds of their distance: cells of references by boxes, then pairs by products of a
    few principal coordinates and the length of the remainder, then by more of them. Each bound carries its rounding
    error (derived in ``prefix`` and ``bounds``); what is left is settled by explicit differences. The index is built
    when as many pairs were asked for as it costs.

    Args:
        neighbors: How many references to return; the projection is the first.
        block: How many references to compare at once, at most 1,024. Where memory is short, fewer are taken, and a
            warning says so. Only time and memory depend on it.

    Raises:
        NumbersError: A number is below 1 or not whole.

    Example:
        >>> references = Points(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
        >>> Nearest().fit([references]).project(Points(np.array([[3.0, 3.0]], np.float32))).distances
        array([1.])
    """

    def __init__(self, *, neighbors: int = 1, block: int | None = None) -> None:
        self.neighbors = whole("neighbors", neighbors, least=1)
        self.block = None if block is None else whole("block", block, least=1)

    def settings(self) -> dict[str, Any]:
        """Return the name and the number of neighbours; the block decides no result."""
        return {"name": "nearest", "neighbors": self.neighbors}

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Store the reference points; blocks that lie in files stay there.

        Raises:
            DataError: There are fewer references than neighbours asked for.
            NumbersError: A coordinate is NaN or infinite.
        """
        self.stored_ = Stored.of(blocks, least=self.neighbors)
        self.parts_ = [Part(*each) for each in zip(self.stored_.flat, self.stored_.firsts, strict=True)]
        return self

    def search(self, points: Points) -> Neighbors:
        """Return the nearest references of each point.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        queries = self.stored_.comparable(points)
        squares = np.full((len(queries), self.neighbors), np.inf)
        numbers = np.full((len(queries), self.neighbors), -1, np.int64)
        prepared: dict[int, Prepared] = {}  # of each prefix, which parts may share
        for part in self.parts_:
            self._search(part, queries, prepared, squares, numbers)
        return Neighbors(numbers, squares)

    def project(self, points: Points) -> Projection:
        """Return the nearest reference of each point; see ``search``."""
        found = self.search(points)
        distances = np.sqrt(found.squares[:, 0]) * self.stored_.scale
        return Projection(self.counterparts(found.numbers), distances, found.numbers)

    @property
    def references(self) -> int:
        """How many references are stored."""
        return len(self.stored_)

    def reference_points(self, numbers: NDArray[np.int64]) -> Points:
        """Return some references, by their indices (m,)."""
        return self.stored_.points(numbers)

    def counterparts(self, neighbors: NDArray[np.int64]) -> Points:
        """Return the projections that belong to the indices (n, k) which ``project`` returned."""
        return self.stored_.points(neighbors[:, 0])

    def _search(
        self,
        part: Part,
        queries: NDArray[Any],
        prepared: dict[int, Prepared],
        squares: NDArray[np.float64],
        numbers: NDArray[np.int64],
    ) -> None:
        with _building:
            part.asked += len(queries)
            self._improve(part)
            index = part.index
        if index is not None:
            of = id(index.prefix)
            if of not in prepared or prepared[of].prefix is not index.prefix:
                prepared[of] = index.prepared(queries)
            index.search(queries, prepared[of], part.values, first=part.first, squares=squares, nearest=numbers)
            return

        def some(start: int, stop: int) -> None:
            settled_all(queries, np.arange(start, stop), part.values, part.first, squares, numbers)

        shared_out(some, len(queries), least=1)

    def _improve(self, part: Part) -> None:
        """Give a part the index that pays for as many queries as there were."""
        dimensions = part.values.shape[1]
        work = part.asked * self.references * (dimensions + OVERHEAD)
        plain = work < WORK
        # Pixels are settled as fast as products are made.
        if plain and (work < PLAIN or part.values.dtype == np.uint8 or not roomy(self.references, dimensions)):
            return
        if part.index is None or (part.plain and not plain):
            largest = max(self.parts_, key=lambda other: len(other.values))  # a few references would say little
            first = next((other for other in self.parts_ if other.index is not None and other.plain == plain), None)
            if first is None and largest is not part:
                self._build(largest, None, plain=plain)
                first = largest
            self._build(part, None if first is None else first.index, plain=plain)

    def _build(self, part: Part, like: Index | None, *, plain: bool) -> None:
        shape, cell = self.stored_.blocks[0].values.shape[1:], self._cell(part.values)
        part.index = indexed(part.values, shape, cell=cell, among=self.references, like=like, plain=plain)
        part.plain = plain

    def _cell(self, references: NDArray[Any]) -> int:
        asked = min(self.block or CELL, CELL, len(references))
        # Of each reference: two rows of coordinates, and its column of the products of every thread.
        each = 8 * min(references.shape[1], EVERY) + 4 * BATCH * threads()
        affordable = max(1, int(available() * SHARE / each))
        if asked > affordable and self.block is not None:
            logger.warning(
                "there is no memory for a block of %d references (%.1f GiB); %d are compared at once",
                asked,
                asked * each / 2**30,
                affordable,
            )
            self.block = affordable
        return min(asked, affordable)
