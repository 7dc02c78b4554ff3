"""References in cells that lie near each other, excluded by boxes, then by products of their first coordinates."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from manifpt.manifolds.bands import Banded, Rows
from manifpt.manifolds.bounds import begun, boxes, scanned
from manifpt.manifolds.halves import Halves, halves, rounded
from manifpt.manifolds.pairs import Pairs
from manifpt.manifolds.prefix import Coordinates
from manifpt.manifolds.threads import PARTS, one_blas_thread, shared_out, threads

if TYPE_CHECKING:
    from torch import Tensor

Products = Callable[[NDArray[np.int64], int], NDArray[np.float32]]
CELL = 1024  # references of a cell, at most
SPLITTING = 64  # coordinates by which references are arranged
BATCH = 256  # queries of a product, so that its result stays in the processor's cache
FEW = 64  # queries that one thread searches for, and for which products of 16 bits are slower
ROUNDING = 2.0**-24  # unit roundoff of float32
TINY = 2.0**-120


@dataclass(frozen=True, slots=True)
class Cells:
    """The coordinates of references, arranged so that a cell's lie in consecutive rows.

    Args:
        numbers: (m,) the references' rows, cell by cell.
        starts: (cells + 1,) where each cell begins.
        rows: (m, p + 1) float32, the remainder and p coordinates; (m, 0) where the product has all of them.
        factors: (m, s + 2) float32: twice the short row y, and −‖y‖².
        low: (cells, s + 1) float32, the box around the short rows of a cell.
        high: The same, its upper corner.
        middles: (cells, s + 1) float32, the mean of each cell's short rows.
        error: How far a row may lie from the exact one, at most.
        reach: The length of the longest row.
        halves: The short rows in 16 bits; None where products of 32 bits are made.
        banded: The references in bands; None where they are too small for it.
    """

    numbers: NDArray[np.int64]
    starts: NDArray[np.int64]
    rows: NDArray[np.float32]
    factors: NDArray[np.float32]
    low: NDArray[np.float32]
    high: NDArray[np.float32]
    middles: NDArray[np.float32]
    error: float
    reach: float
    halves: Halves | None = None
    banded: Banded | None = None

    @property
    def short(self) -> int:
        """How many coordinates a product has, beside the remainder."""
        return int(self.low.shape[1]) - 1

    def search(
        self,
        queries: NDArray[Any],
        coordinates: Coordinates,
        references: NDArray[Any],
        *,
        bands: Rows | None = None,
        first: int,
        factor: float,
        squares: NDArray[np.float64],
        nearest: NDArray[np.int64],
    ) -> int:
        """Take the references that belong there among the nearest of each query.

        Args:
            queries: (n, d).
            coordinates: Of the queries.
            references: (m, d), whose coordinates these are.
            bands: Of the queries, where the references have bands.
            first: Number of the first reference.
            factor: Of the prefix.
            squares: (n, k), the squared distances of the nearest so far, ascending; changed.
            nearest: (n, k), their numbers; changed.

        Returns:
            How many pairs were settled.
        """
        short = shortened(coordinates.values, self.short)
        lengths = np.sqrt(np.einsum("ij,ij->i", short, short, dtype=np.float64))
        # Both rows' errors, and the rounding of the shortened rows.
        slack = coordinates.errors + self.error + 4 * ROUNDING * (lengths + self.reach)
        terms = short.shape[1] + 1
        # Of what is too small for a float32, a product may keep nothing.
        margin = 2 * (terms + 8) * (ROUNDING * (lengths + self.reach) ** 2 + TINY)
        near = np.argmax(2 * (short @ self.middles.T) - np.einsum("ij,ij->i", self.middles, self.middles), axis=1)
        order = np.argsort(near, kind="stable")  # queries beside each other need the same cells
        if self.banded is not None:
            # Each thread takes some of every kind, so that none waits long for another and all read the same bands.
            each = threads()
            order = np.concatenate([order[own::each] for own in range(each)])
        left = np.concatenate([short, np.ones((len(short), 1), np.float32)], axis=1)
        products = self._products(left)
        if self.halves is not None and len(queries) > FEW:
            small, errors = rounded(short)
            margin += 2 * self.halves.margin(short, errors)
            products = self._half_products(small, self.halves)
        settled = np.zeros(len(queries), np.int64)
        factored = (first, slack, factor, squares, nearest)
        state = (queries, coordinates.values, references, self.rows, self.numbers, *factored)

        def batch(places: NDArray[np.int64]) -> None:
            for cell in np.unique(near[places]):
                beside = places[near[places] == cell]
                begun(products(beside, cell), beside, self.starts[cell], *state)
            pairs = None if self.banded is None or bands is None else Pairs(self.banded, bands, state)
            bounds = boxes(short[places], self.low, self.high)
            for cell in np.argsort(bounds.sum(axis=0)):
                # The limits are those of the last cell, so that this can only be too many.
                reaches = np.sqrt(squares[places, -1]) * factor * (1 + 1e-9) + slack[places]
                active = places[bounds[:, cell] * (1 - 2 * (terms + 8) * ROUNDING) <= reaches * reaches]
                if len(active):
                    look = scanned if pairs is None else pairs.gather
                    settled[active] += look(products(active, cell), active, self.starts[cell], lengths, margin, *state)
            if pairs is not None:
                pairs.settle()

        def part(start: int, stop: int) -> None:
            # What this thread starts would only wait for the other parts.
            with threadpool_limits(1, "openmp") if self.halves is not None and len(queries) > FEW else nullcontext():
                some(start, stop)

        def some(start: int, stop: int) -> None:
            for place in range(start, stop, BATCH):
                batch(order[place : min(place + BATCH, stop)])

        # Large references come from main memory once for each part.
        _in_threads(part, len(queries), each=PARTS if self.banded is None else 1)
        return int(settled.sum())

    def _products(self, left: NDArray[np.float32]) -> Products:
        def products(places: NDArray[np.int64], cell: int) -> NDArray[np.float32]:
            return left[places] @ self.factors[self.starts[cell] : self.starts[cell + 1]].T

        return products

    def _half_products(self, rows: Tensor, halves: Halves) -> Products:
        def products(places: NDArray[np.int64], cell: int) -> NDArray[np.float32]:
            start, stop = int(self.starts[cell]), int(self.starts[cell + 1])
            found = halves.products(rows[places], start, stop)
            found *= 2
            found += self.factors[start:stop, -1]
            return found

        return products


def cells(coordinates: Coordinates, *, short: int, most: int = CELL, half: bool = False) -> Cells:
    """Return references arranged in cells: halved at the median of the widest coordinate, again and again.

    Args:
        coordinates: Of the references.
        short: Coordinates of a product, at most.
        most: References of a cell, at most.
        half: Whether products are made in 16 bits, where the processor can.
    """
    brief = shortened(coordinates.values, short)
    groups = _halved(brief, np.arange(len(brief)), most)
    numbers = np.concatenate(groups)
    starts = np.cumsum([0, *map(len, groups)])
    brief = brief[numbers]
    squares = np.einsum("ij,ij->i", brief, brief, dtype=np.float64)
    factors = np.concatenate([2 * brief, -squares[:, None].astype(np.float32)], axis=1)
    return Cells(
        numbers,
        starts,
        coordinates.values[numbers]
        if coordinates.values.shape[1] > brief.shape[1]
        else np.empty((len(brief), 0), np.float32),
        factors,
        np.minimum.reduceat(brief, starts[:-1]),
        np.maximum.reduceat(brief, starts[:-1]),
        np.stack([brief[low:high].mean(0, dtype=np.float64) for low, high in pairwise(starts)]).astype(np.float32),
        float(coordinates.errors.max()),
        float(np.sqrt(squares.max())),
        halves(brief) if half else None,
    )


def shortened(rows: NDArray[np.float32], short: int) -> NDArray[np.float32]:
    """Return rows of fewer coordinates (n, short + 1); what is left out goes to the remainder.

    The length of several coordinates differs by at most their distance, so that bounds stay bounds.
    """
    if rows.shape[1] <= short + 1:
        return np.ascontiguousarray(rows)
    left = rows[:, short + 1 :]
    remainder = np.einsum("ij,ij->i", left, left, dtype=np.float64) + rows[:, 0].astype(np.float64) ** 2
    return np.concatenate([np.sqrt(remainder)[:, None].astype(np.float32), rows[:, 1 : short + 1]], axis=1)


def _halved(rows: NDArray[np.float32], places: NDArray[np.int64], most: int) -> list[NDArray[np.int64]]:
    if len(places) <= most:
        return [np.sort(places)]
    widest = int(np.argmax(rows[places, :SPLITTING].var(0)))
    half = len(places) // 2
    order = np.argpartition(rows[places, widest], half - 1)
    return [*_halved(rows, places[order[:half]], most), *_halved(rows, places[order[half:]], most)]


def _in_threads(part: Callable[[int, int], None], count: int, *, each: int = PARTS) -> None:
    # The queries are shared out already; threads of a small product would wait for each other longer than it takes.
    with one_blas_thread():
        if count <= FEW:
            part(0, count)
        else:
            shared_out(part, count, least=FEW, each=each)
