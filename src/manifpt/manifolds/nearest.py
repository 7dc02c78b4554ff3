"""The paper's manifold: the nearest reference, found exactly."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Iterable
from typing import Any, Self, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.manifolds.manifold import Projection
from manifpt.memory import available

QUERIES = 256
REFERENCES = 4096
COORDINATES = 1024
BLOCK = 2**22  # coordinates of one block, so that its float64 copy stays at 32 MiB
SHARE = 0.5  # of the free memory, for a block that the user asked for
logger = logging.getLogger("manifpt")
Settle = Callable[[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]], NDArray[Any]]
UNIT = 2.0**-24  # unit roundoff of float32


class Nearest:
    """Projects each point onto its nearest reference (Song et al. 2024, definition of the artifact).

    The neighbour is the argmin of the float64 distance over the stored points (the exact integer distance where they
    are uint8), ties going to the lower index: the same bits whatever the batch and block. A float32 matrix product only
    shortlists. With c the centre, ã = fl(a − c) and k coordinates a product, ⟨ã, b̃⟩ differs from ⟨a − c, b − c⟩ by at
    most g‖a − c‖‖b − c‖, g = (k + 4)u / (1 − (k + 4)u), u = 2⁻²⁴ (Higham 2002, section 3.1, plus 2u + u² for the two
    roundings to float32); products of 1,024 coordinates are added in float64. A reference is dropped only where its
    lower bound exceeds another's upper bound; what is left is settled by explicit differences.

    Args:
        neighbors: How many references to return; the projection is the first.
        block: How many references to compare at once, at most; None for as many as 32 MiB of float64 hold. Where memory
            is short, fewer are taken, and a warning says so. Only time and memory depend on it.

    Example:
        >>> references = Points(np.array([[0.0, 0.0], [3.0, 4.0]], np.float32))
        >>> Nearest().fit([references]).project(Points(np.array([[3.0, 3.0]], np.float32))).distances
        array([1.])
    """

    def __init__(self, *, neighbors: int = 1, block: int | None = None) -> None:
        if neighbors < 1 or (block is not None and block < 1):
            raise NumbersError(
                f"{neighbors} neighbours in blocks of {block}", expected="at least 1 of each", remedy="raise the number"
            )
        self.neighbors, self.block = neighbors, block

    def settings(self) -> dict[str, Any]:
        """Return the name and the number of neighbours; the block decides no result."""
        return {"name": "nearest", "neighbors": self.neighbors}

    def fit(self, blocks: Iterable[Points]) -> Self:
        """Store the reference points.

        Raises:
            DataError: There are fewer references than neighbours asked for.
            NumbersError: A coordinate is NaN or infinite.
        """
        kept = [block for block in blocks if len(block)]
        if sum(map(len, kept)) < self.neighbors:
            raise DataError(
                f"{sum(map(len, kept))} reference images",
                expected=f"at least {self.neighbors}",
                remedy="give a folder of real images as the reference",
            )
        self.references_ = Points(np.concatenate([block.values for block in kept]), kept[0].scale)
        flat = self._flat(self.references_)
        _refuse_non_finite(flat, "reference points")
        # The exponent keeps float32 products from overflowing; a power of two rounds nothing.
        reach = max(float(np.abs(flat[block]).max()) for block in _blocks(flat, REFERENCES))
        self._factor = 2.0 ** -np.ceil(np.log2(reach)) if reach > 0 else 1.0
        means = [flat[block].sum(0, dtype=np.float64) for block in _blocks(flat, REFERENCES)]
        self._center = (np.sum(means, axis=0) / len(flat) * self._factor).astype(np.float32).astype(np.float64)
        return self

    def project(self, points: Points) -> Projection:
        """Return the nearest reference of each point.

        Args:
            points: Points of the same shape, type and scale as the references.

        Raises:
            NumbersError: The shape or type differs from the references', or a coordinate is NaN or infinite.
        """
        stored = self.references_
        if points.values.shape[1:] != stored.values.shape[1:] or points.values.dtype != stored.values.dtype:
            raise NumbersError(
                f"points of shape {points.values.shape[1:]} and type {points.values.dtype}",
                expected=f"{stored.values.shape[1:]} and {stored.values.dtype}, as the references have",
                remedy="embed both with the same space at the same image size",
            )
        queries, references = self._flat(points), self._flat(stored)
        _refuse_non_finite(queries, "points")
        neighbors = np.empty((len(queries), self.neighbors), np.int64)
        distances = np.empty(len(queries), np.float64)
        for rows in _blocks(queries, QUERIES):
            neighbors[rows], distances[rows] = self._settled(queries[rows], references)
        return Projection(self.counterparts(neighbors), distances * stored.scale, neighbors)

    @property
    def references(self) -> int:
        """How many references are stored."""
        return len(self.references_)

    def counterparts(self, neighbors: NDArray[np.int64]) -> Points:
        """Return the projections that belong to the indices (n, k) which ``project`` returned."""
        return Points(self.references_.values[neighbors[:, 0]], self.references_.scale)

    def _flat(self, points: Points) -> NDArray[Any]:
        return np.ascontiguousarray(points.values.reshape(len(points), math.prod(points.values.shape[1:])))

    def _settled(
        self, queries: NDArray[Any], references: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        rows, columns = self._shortlist(queries, references)
        squares = _squared_distances(queries, references, rows, columns)
        order = np.lexsort((columns, squares, rows))
        rows, columns, squares = rows[order], columns[order], squares[order]
        first = np.searchsorted(rows, np.arange(len(queries)))
        ranked = columns[first[:, None] + np.arange(self.neighbors)]
        return ranked, np.sqrt(squares[first].astype(np.float64))

    def _shortlist(
        self, queries: NDArray[Any], references: NDArray[Any]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the (query, reference) pairs that may be among the k nearest, grouped by block of references."""
        terms = min(COORDINATES, queries.shape[1]) + 4
        gamma = terms * UNIT / (1 - terms * UNIT)
        # Three sources of error: the float32 product, subnormal float32 products, and the float64 norms and their sum.
        slack, floor = 2 * gamma * (1 + 1e-6), queries.shape[1] * 2.0**-120
        rounding = (queries.shape[1] + 8) * 2.0**-52
        centred, norms = self._centred(queries)
        threshold = np.full((len(queries), self.neighbors), np.inf)
        found: list[tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]] = []
        for block in self._reference_blocks(references):
            others, other_norms = self._centred(references[block])
            sums = norms[:, None] ** 2 + other_norms**2
            squares = sums - 2 * _inner(centred, others)
            margin = slack * norms[:, None] * other_norms + floor + rounding * sums
            best = np.concatenate([threshold, squares + margin], axis=1)
            threshold = np.partition(best, self.neighbors - 1, axis=1)[:, : self.neighbors]
            lower = squares - margin
            rows, columns = np.nonzero(lower <= threshold.max(axis=1, keepdims=True))
            found.append((rows, columns + block.start, lower[rows, columns]))
        rows, columns, bounds = (np.concatenate(part) for part in zip(*found, strict=True))
        kept = bounds <= threshold.max(axis=1)[rows]
        return rows[kept], columns[kept]

    def _reference_blocks(self, references: NDArray[Any]) -> list[slice]:
        if self.block is None:
            return _blocks(references, REFERENCES)
        asked = min(self.block, len(references))
        # Of each reference: its float64 and float32 copies and the temporary between; its column of five tables.
        each = references.shape[1] * (8 + 8 + 4) + QUERIES * 5 * 8
        affordable = max(1, int(available() * SHARE / each))
        if asked > affordable:
            logger.warning(
                "there is no memory for a block of %d references (%.1f GiB); %d are compared at once",
                asked,
                asked * each / 2**30,
                affordable,
            )
            self.block = affordable
        size = min(asked, affordable)
        return [slice(start, min(start + size, len(references))) for start in range(0, len(references), size)]

    def _centred(self, flat: NDArray[Any]) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        exact = flat * self._factor - self._center
        return exact.astype(np.float32), np.sqrt(np.einsum("ij,ij->i", exact, exact))


def _inner(queries: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float64]:
    total = np.zeros((len(queries), len(references)))
    for start in range(0, queries.shape[1], COORDINATES):
        part = slice(start, start + COORDINATES)
        total += queries[:, part] @ references[:, part].T
    return total


def _compiled(function: Settle) -> Settle:
    """Return a function as machine code, kept on disk where there is a place for it."""
    try:
        return cast("Settle", njit(cache=True, nogil=True)(function))
    except RuntimeError:  # Neither the package's folder nor a home can be written.
        return cast("Settle", njit(nogil=True)(function))


@_compiled
def _squared_float(a: NDArray[Any], b: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    total = np.zeros(len(rows), np.float64)
    for pair in range(len(rows)):
        for coordinate in range(a.shape[1]):
            difference = np.float64(a[rows[pair], coordinate]) - np.float64(b[columns[pair], coordinate])
            total[pair] += difference * difference
    return total


@_compiled
def _squared_integer(a: NDArray[Any], b: NDArray[Any], rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[Any]:
    total = np.zeros(len(rows), np.int64)  # at 256² the sum exceeds 32 bits
    for pair in range(len(rows)):
        for coordinate in range(a.shape[1]):
            difference = np.int64(a[rows[pair], coordinate]) - np.int64(b[columns[pair], coordinate])
            total[pair] += difference * difference
    return total


def _squared_distances(
    queries: NDArray[Any], references: NDArray[Any], rows: NDArray[np.int64], columns: NDArray[np.int64]
) -> NDArray[Any]:
    settle = _squared_integer if queries.dtype == np.uint8 else _squared_float
    return np.asarray(settle(queries, references, rows, columns))


def _blocks(flat: NDArray[Any], most: int) -> list[slice]:
    size = max(1, min(most, BLOCK // max(1, flat.shape[1])))
    return [slice(start, min(start + size, len(flat))) for start in range(0, len(flat), size)]


def _refuse_non_finite(flat: NDArray[Any], what: str) -> None:
    if flat.dtype == np.uint8:
        return
    finite = np.isfinite(flat).all(axis=1)
    if not finite.all():
        raise NumbersError(
            f"{int((~finite).sum())} of the {what} hold NaN or infinity (first: index {int(np.argmin(finite))})",
            expected="finite coordinates",
            remedy="check the embedding's output for these images",
        )
