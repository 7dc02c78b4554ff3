"""The nearest reference, found by an index that may miss it; what is missed can be measured."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, UnknownNameError
from manifpt.manifolds.copies import Copies, settled_groups
from manifpt.manifolds.counts import whole
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.nearest import Neighbors
from manifpt.manifolds.proposals import CENTROIDS, graph, quantised
from manifpt.manifolds.settling import settled_all
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.threads import shared_out
from manifpt.registry import suggestion

INDICES = {"hnsw": ("links", "construction", "breadth"), "ivf-pq": ("lists", "code", "probes")}
CANDIDATES, LINKS, CODE = 2**20, 1024, 1024  # beyond these FAISS would take memory without end
ROWS = 1024  # converted at once, so that float64 copies stay small
FARTHEST = 2.0**50  # float32 squares of so many reaches do not overflow


class Approximate:
    """Projects each point onto the nearest of the references that a FAISS index proposes.

    The index works in float32 and may miss the nearest reference; ``missed`` measures what that costs. What it proposes
    is settled as ``Nearest`` does it: by float64 differences over the stored points (exact integers where they are
    uint8), ties and copies going to the lower index. So the distance is exact for the neighbour that is returned, and
    never below that of ``Nearest``. A point that is a copy of a reference finds it by a digest. The index holds each
    content once, in the order of the digests, and is built with one thread: the neighbours depend neither on the batch,
    nor on the blocks or the number of threads. Another processor or version of FAISS may round float32 distances
    otherwise, and so propose others.

    Args:
        neighbors: How many references to return; the projection is the first.
        index: ``hnsw``, a navigable graph, which keeps a float32 copy of the references in memory; or ``ivf-pq``, lists
            of product-quantised residuals, which keeps few bytes of each and needs 256 different references.
        candidates: How many references the index proposes for each point, at least ``neighbors``.
        links: hnsw: links of each reference in the graph (M), at least 2.
        construction: hnsw: how many references are weighed for the links of a new one (efConstruction).
        breadth: hnsw: how many references a search keeps in view (efSearch); never fewer than ``candidates``.
        lists: ivf-pq: coarse lists; None for 4 √n of n references. No more than n / 40 are made.
        code: ivf-pq: bytes of one reference's code; no more than there are coordinates.
        probes: ivf-pq: how many lists a search reads.
        seed: Decides the levels of the graph, or the training of the quantisers.

    Raises:
        UnknownNameError: There is no such index.
        NumbersError: A number is out of its range or not whole.

    Example:
        >>> references = Points(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
        >>> Approximate().fit([references]).project(Points(np.array([[3.0, 3.0]], np.float32))).distances
        array([1.])
    """

    def __init__(
        self,
        *,
        neighbors: int = 1,
        index: str = "hnsw",
        candidates: int = 64,
        links: int = 32,
        construction: int = 80,
        breadth: int = 64,
        lists: int | None = None,
        code: int = 64,
        probes: int = 32,
        seed: int = 0,
    ) -> None:
        if index not in INDICES:
            raise UnknownNameError(
                f"{index!r} is not one of the indices",
                expected=f"one of {', '.join(INDICES)}",
                remedy=suggestion(index, tuple(INDICES)),
            )
        self.index, self.neighbors = index, whole("neighbors", neighbors, least=1)
        self.candidates = whole("candidates", candidates, least=self.neighbors, most=CANDIDATES)
        self.links = whole("links", links, least=2, most=LINKS)
        self.construction = whole("construction", construction, least=1)
        self.breadth = whole("breadth", breadth, least=1)
        self.lists = None if lists is None else whole("lists", lists, least=1)
        self.code = whole("code", code, least=1, most=CODE)
        self.probes = whole("probes", probes, least=1)
        self.seed = whole("seed", seed, least=0)

    def settings(self) -> dict[str, Any]:
        """Return the name, the index with its own settings, the numbers of neighbours and candidates, and the seed."""
        named = ("neighbors", "index", "candidates", *INDICES[self.index], "seed")
        return {"name": "approximate", **{name: getattr(self, name) for name in named}}

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Store the reference points, and build the index; blocks that lie in files stay there.

        Raises:
            DataError: There are fewer references than neighbours asked for, or too few to train the quantisers.
            NumbersError: A coordinate is NaN or infinite.
        """
        self.stored_ = stored = Stored.of(blocks, least=self.neighbors)
        self.copies_ = copies = Copies.of(stored.pieces())
        if self.index == "ivf-pq" and copies.groups < CENTROIDS:
            raise DataError(
                f"{copies.groups} different reference images",
                expected=f"at least {CENTROIDS} to train the quantisers of ivf-pq",
                remedy="take the index hnsw or the manifold nearest, or give more real images",
            )
        firsts = copies.firsts

        def rows(groups: slice | NDArray[np.int64]) -> NDArray[Any]:
            return stored.rows(firsts[groups])

        pieces = [slice(start, start + ROWS) for start in range(0, len(firsts), ROWS)]
        # A power of two keeps float32 squares from overflowing and rounds nothing; the centre keeps their digits.
        reach = np.float64(max(np.abs(piece).max() for piece in stored.pieces()))
        self._factor = 2.0 ** -np.ceil(np.log2(reach)) if reach > 0 else np.float64(1)
        self._center = np.sum([rows(piece).sum(0, dtype=np.float64) for piece in pieces], axis=0) / len(firsts)
        build = graph if self.index == "hnsw" else quantised
        options = {name: getattr(self, name) for name in (*INDICES[self.index], "seed")}
        self._propose = build(lambda groups: self._centred(rows(groups)), len(firsts), **options)
        return self

    def search(self, points: Points) -> Neighbors:
        """Return the nearest of the proposed references for each point.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        queries = self.stored_.comparable(points)
        squares = np.full((len(queries), self.neighbors), np.inf)
        numbers = np.full((len(queries), self.neighbors), -1, np.int64)
        for start in range(0, len(queries), ROWS):
            rows = slice(start, start + ROWS)
            self._settle(queries[rows], squares[rows], numbers[rows])
        return Neighbors(numbers, squares)

    def project(self, points: Points) -> Projection:
        """Return the nearest of the proposed references for each point; see ``search``."""
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

    def _settle(self, queries: NDArray[Any], squares: NDArray[np.float64], numbers: NDArray[np.int64]) -> None:
        groups = self._proposed(queries)
        members, starts = self.copies_.members, self.copies_.starts
        for first, block in zip(self.stored_.firsts, self.stored_.flat, strict=True):

            def some(start: int, stop: int, first: int = first, block: NDArray[Any] = block) -> None:
                part = slice(start, stop)
                settled_groups(queries[part], groups[part], members, starts, block, first, squares[part], numbers[part])

            shared_out(some, len(queries), least=16)
        # Lists may hold fewer references than neighbours are wanted: then all are looked at.
        short = np.flatnonzero(numbers[:, -1] < 0)
        for first, block in zip(self.stored_.firsts, self.stored_.flat, strict=True):
            settled_all(queries, short, block, first, squares, numbers)

    def _proposed(self, queries: NDArray[Any]) -> NDArray[np.int64]:
        """Return groups of copies (n, c), −1 where there is none."""
        proposed = self._propose(self._centred(queries), min(self.candidates, self.copies_.groups))
        return np.concatenate([proposed, self.copies_.found(queries)[:, None]], axis=1)

    def _centred(self, flat: NDArray[Any]) -> NDArray[np.float32]:
        centred: NDArray[np.float64] = (flat - self._center) * self._factor
        return np.clip(centred, -FARTHEST, FARTHEST).astype(np.float32)
