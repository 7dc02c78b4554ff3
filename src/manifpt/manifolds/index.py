"""What is built over references so that most need not be read: a prefix, cells, and how long a product is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.bands import Banded, Bands, Rows, bands
from manifpt.manifolds.cells import Cells, cells, shortened
from manifpt.manifolds.prefix import Coordinates, Prefix, fitted
from manifpt.manifolds.settling import settled_all
from manifpt.manifolds.threads import shared_out
from manifpt.memory import available

COORDINATES = (256, 1024)  # of a prefix, where the first few tell references apart: least, most
WORTH = 64  # coordinates of a point for which one more of the prefix pays
EVERY = 2048  # of a prefix, where they do not
SHORT = (64, 512, 1024)  # coordinates of a product
SAMPLE = 4096  # references by which the length of a product is chosen, at most
SAMPLE_BYTES = 2**25
QUERIES = 64  # of them
FEW = 0.01  # share of references that a long product may leave, of few ones; of many it leaves less
LOOKS = (
    240  # a short one may leave more, the more coordinates a point has for each of its prefix that is looked at next
)
MOST = 0.25
SHARE = 0.25  # of the free memory, for coordinates


@dataclass(frozen=True, slots=True)
class Prepared:
    """What is known of queries without a look at any reference.

    Args:
        prefix: By which it is known.
        coordinates: Of the queries.
        bands: Of the queries; None where references have none.
    """

    prefix: Prefix
    coordinates: Coordinates
    bands: Rows | None


@dataclass(frozen=True, slots=True)
class Index:
    """A prefix of some references, and the cells of their coordinates."""

    prefix: Prefix
    cells: Cells

    def prepared(self, queries: NDArray[Any]) -> Prepared:
        """Return what a search needs of queries; indices with the same prefix share it."""
        banded = self.cells.banded
        if banded is None:
            return Prepared(self.prefix, self.prefix.rows(queries), None)
        known = banded.bands.pyramid(queries)
        return Prepared(self.prefix, self.prefix.rows(queries, known), banded.bands.rows(known))

    def search(
        self,
        queries: NDArray[Any],
        prepared: Prepared,
        references: NDArray[Any],
        *,
        first: int,
        squares: NDArray[np.float64],
        nearest: NDArray[np.int64],
    ) -> int:
        """Take the references that belong there among the nearest of each query; see ``Cells.search``."""
        return self.cells.search(
            queries,
            prepared.coordinates,
            references,
            bands=prepared.bands,
            first=first,
            factor=self.prefix.factor,
            squares=squares,
            nearest=nearest,
        )


def roomy(references: int, dimensions: int) -> bool:
    """Return whether there is memory for products of all coordinates of so many references."""
    return references * dimensions * 12 <= available() * SHARE


def indexed(
    references: NDArray[Any],
    shape: tuple[int, ...],
    *,
    cell: int,
    among: int | None = None,
    like: Index | None = None,
    plain: bool = False,
) -> Index:
    """Return the index of references.

    Images have most of their energy in few directions: a product of 64 principal coordinates excludes nearly all. Flat
    spectra need hundreds, white noise every coordinate. Which it is, a sample of the references tells; the choice
    decides the time, and no result.

    Args:
        references: (m, d) uint8 or float32.
        shape: Of one point.
        cell: References that are compared at once, at most.
        among: How many references there are in all, for which memory has to do; None for these alone.
        like: The index of other references of the same space, whose prefix bounds distances of these as well.
        plain: Whether to take products of all coordinates, as they are, for which nothing has to be learned.
    """
    among = among or len(references)
    layout = None if plain else bands(shape, references.dtype)
    if layout is not None and among * layout.size > available() * SHARE:
        layout = None
    if like is None and plain:
        everything = fitted(references, shape, most=None)
        found = Index(everything, cells(everything.rows(references), short=everything.coordinates, most=cell))
    elif like is None:
        found = _chosen(references, shape, cell, layout, among)
    else:
        rows, own = like.prefix.rows(references), like.cells
        found = Index(like.prefix, cells(rows, short=own.short, most=cell, half=own.halves is not None))
    if layout is None:
        return found
    own_bands = layout.rows_of(references, found.cells.numbers)
    banded = Banded(layout, own_bands.values, float(own_bands.errors.max()))
    return replace(found, cells=replace(found.cells, banded=banded))


def _chosen(references: NDArray[Any], shape: tuple[int, ...], cell: int, layout: Bands | None, among: int) -> Index:
    # What many coordinates tell apart, bands do as well.
    wanted = min(max(references.shape[1] // WORTH, COORDINATES[0]), COORDINATES[1 if layout is None else 0])
    prefix = fitted(references, shape, most=wanted)
    few, nearest = _sample(references)
    # The bands of a large image take longer than a whole product.
    short = SHORT[0] if layout is None else prefix.width
    if _left(prefix, few, nearest, short) <= min(references.shape[1] / wanted / LOOKS, MOST):
        return Index(prefix, cells(prefix.rows(references), short=short, most=cell))
    room = max(1, int(available() * SHARE / (12 * among)))
    longer = fitted(references, shape, most=min(EVERY, room))
    for short in SHORT[1:]:
        if short < longer.width and _left(longer, few, nearest, short) <= FEW:
            return Index(longer, cells(longer.rows(references), short=short, most=cell, half=True))
    everything = fitted(references, shape, most=None) if references.shape[1] <= room else longer
    return Index(everything, cells(everything.rows(references), short=everything.coordinates, most=cell, half=True))


def _sample(references: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.float64]]:
    """Return some references, and the distances of the first of them to the nearest of the others."""
    rng = np.random.default_rng(0)
    size = max(2 * QUERIES, min(SAMPLE, SAMPLE_BYTES // references[:1].nbytes))
    few = references[rng.choice(len(references), min(size, len(references)), replace=False)]
    queries = np.ascontiguousarray(few[:QUERIES])
    squares, numbers = np.full((len(queries), 2), np.inf), np.full((len(queries), 2), -1)

    def part(start: int, stop: int) -> None:
        settled_all(queries, np.arange(start, stop), few, 0, squares, numbers)

    shared_out(part, len(queries), least=1)
    return few, np.sqrt(squares[:, 1])


def _left(prefix: Prefix, few: NDArray[Any], nearest: NDArray[np.float64], short: int) -> float:
    """Return the share of references that a product of so many coordinates leaves, over the sample."""
    rows = shortened(prefix.rows(few).values, short)
    queries = rows[:QUERIES]
    squares = (queries**2).sum(1)[:, None] + (rows**2).sum(1) - 2 * queries @ rows.T
    return float((squares <= (nearest * prefix.factor)[:, None] ** 2).mean())
