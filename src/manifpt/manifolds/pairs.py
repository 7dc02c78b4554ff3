"""Pairs of large images that their bands do not exclude, and what the pixels say of them, band after band."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.bands import Banded, Layout, telling
from manifpt.manifolds.bounds import apart, kept, reach
from manifpt.manifolds.settling import compiled, settled, squared_pixels

PROMISING = 0.95  # share of the limit, below which a bound is likely to belong to a nearer reference
LOOK = 512  # sums between two looks at a limit
ROUNDING = 2.0**-24  # unit roundoff of float32
SAMPLE, SAMPLED = 64, 2**20  # pairs by which the order of the bands is chosen, and what they have of it, at most
MOST = 2**20  # pairs that are kept until all cells were looked at

State = tuple[Any, ...]


@compiled(bounds=True)
def _sums(one: NDArray[np.int16], other: NDArray[np.int16]) -> Any:
    total = np.float32(0)
    for place in range(len(one)):
        difference = np.float32(np.int32(np.int32(one[place]) - np.int32(other[place])))
        total += difference * difference
    return total


@compiled(bounds=True)
def _details(one: NDArray[np.int16], other: NDArray[np.int16]) -> Any:
    total = np.float32(0)
    for place in range(len(one)):
        between = np.int32(np.int32(one[place]) - np.int32(other[place]))
        difference = np.float32(max(np.int32(abs(between) - 1), np.int32(0)))
        total += difference * difference
    return total


@compiled()
def _bound(one: NDArray[np.int16], other: NDArray[np.int16], limit: float) -> float:
    """Return what side² times a squared distance is at least, or a part of it that exceeds the limit already."""
    total, sums = 0.0, len(one) // 2
    for start in range(0, sums, LOOK):
        stop = min(start + LOOK, sums)
        total += float(_sums(one[start:stop], other[start:stop]))
        if total > limit:
            return total
    for start in range(sums, 2 * sums, LOOK):
        stop = min(start + LOOK, 2 * sums)
        total += float(_details(one[start:stop], other[start:stop]))
        if total > limit:
            return total
    return total


@compiled()
def gathered(  # noqa: PLR0917  (machine code takes its arguments by place)
    products: NDArray[np.float32],
    places: NDArray[np.int64],
    start: int,
    lengths: NDArray[np.float64],
    margin: NDArray[np.float64],
    queries: NDArray[np.uint8],
    coordinates: NDArray[np.float32],
    references: NDArray[np.uint8],
    rows: NDArray[np.float32],
    numbers: NDArray[np.int64],
    first: int,
    slack: NDArray[np.float64],
    factor: float,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
    own: NDArray[np.int16],
    others: NDArray[np.int16],
    layout: Layout,
    pair_queries: NDArray[np.int32],
    pair_references: NDArray[np.int32],
    totals: NDArray[np.float64],
    pairs: int,
) -> NDArray[np.int64]:
    """Write down the pairs that neither products nor rows nor bands exclude, and return how many of each query.

    See ``bounds.scanned`` for products and rows. A sum of T float32 terms is at most (1 + (T + 3)2⁻²⁴) times the true
    one. Of each query the pair that seems nearest is settled at once if it is likely to exclude others.
    """
    dimensions, last, terms = queries.shape[1], squares.shape[1] - 1, rows.shape[1]
    widened = layout[4] * (1 + 4 * (max(LOOK, layout[1]) + 8) * ROUNDING)
    found, lanes = np.zeros(len(places), np.int64), np.empty(products.shape[1], np.int64)
    for line in range(len(places)):
        query = places[line]
        distance = reach(squares[query, last], slack[query], factor, dimensions)
        threshold = np.float32(lengths[query] ** 2 - distance * distance - margin[query])
        limit = distance * distance * (1 + (terms + 8) * 2.0**-22)
        most = squares[query, last] * widened
        best = -1
        for place in range(kept(products[line], threshold, lanes)):
            row = start + lanes[place]
            if apart(coordinates[query], rows[row], limit):
                continue
            total = _bound(own[query], others[row], most)
            if total <= most:
                pair_queries[pairs], pair_references[pairs], totals[pairs] = query, row, total
                best = pairs if best < 0 or total < totals[best] else best
                pairs, found[line] = pairs + 1, found[line] + 1
        if best >= 0 and totals[best] < PROMISING * most:
            number = numbers[pair_references[best]]
            settled(queries, query, references, number, first + number, squares, nearest)
    return found


@compiled()
def refined(  # noqa: PLR0917  (machine code takes its arguments by place)
    queries: NDArray[np.uint8],
    references: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    first: int,
    own: NDArray[np.int16],
    others: NDArray[np.int16],
    layout: Layout,
    order: NDArray[np.int64],
    pair_queries: NDArray[np.int32],
    pair_references: NDArray[np.int32],
    totals: NDArray[np.float64],
    pairs: int,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Settle the pairs that remain when band after band its distance replaces its bound.

    All pairs take a band together, so that what is read stays in the processor's cache; most exceed the limit after
    some bands. With T the terms of one float32 sum, what was added for a band and what is subtracted in its turn are
    both within (T + 3)2⁻²⁴ of its true bound; all of them together are at most the total, which thus is right within
    2(T + 3)2⁻²⁴ of itself.
    """
    count, terms, most, plane, scale = layout
    dimensions, last, sums = queries.shape[1], squares.shape[1] - 1, count * terms
    widened = scale * (1 + 4 * (max(LOOK, layout[1]) + 8) * ROUNDING)
    down = count // (dimensions // plane)
    for step in range(-1, count):
        band = order[max(step, 0)]
        low = band // down * plane + band % down * most
        high = min(low + most, (band // down + 1) * plane)
        pooled, rest = band * terms, sums + band * terms
        left = 0
        for pair in range(pairs):
            query, row, total = pair_queries[pair], pair_references[pair], totals[pair]
            if step >= 0:
                one, other = own[query], others[row]
                total -= _sums(one[pooled : pooled + terms], other[pooled : pooled + terms])
                total -= _details(one[rest : rest + terms], other[rest : rest + terms])
                pixels = references[numbers[row], low:high]
                total += scale * squared_pixels(queries[query, low:high], pixels, np.inf)
            if total <= squares[query, last] * widened:
                pair_queries[left], pair_references[left], totals[left] = query, row, total
                left += 1
        pairs = left
    for pair in range(pairs):
        number = numbers[pair_references[pair]]
        settled(queries, pair_queries[pair], references, number, first + number, squares, nearest)


class Pairs:
    """Pairs of queries and references that are not excluded yet.

    Args:
        banded: The references' bands.
        own: The queries' (n, 2 · squares).
        state: What ``scanned`` and ``gathered`` both take: queries, coordinates, references, rows, numbers, first,
            slack, factor, squares, nearest.
    """

    def __init__(self, banded: Banded, own: NDArray[np.int16], state: State) -> None:
        self.layout, self.bands, self.state = banded.bands.layout, (own, banded.rows), state
        self.room: tuple[NDArray[Any], ...] = ()
        self.count = 0

    def gather(
        self, products: NDArray[np.float32], places: NDArray[np.int64], start: int, *given: Any
    ) -> NDArray[np.int64]:
        """Take in the pairs that a cell's products do not exclude, and return how many of each query these are."""
        self._make_room(products.size)
        data: State = (products, places, start, *given, *self.bands, self.layout, *self.room, self.count)
        found = gathered(*data)
        self.count += int(found.sum())
        if self.count > MOST:
            self.settle()
        return found

    def settle(self) -> None:
        """Settle those that no band excludes."""
        if self.count:
            queries, _, references, _, numbers, first, *_, squares, nearest = self.state
            most = max(1, min(self.count, SAMPLE, SAMPLED // self.bands[0].shape[1]))
            some = np.linspace(0, self.count - 1, most).astype(int)
            own, others = (bands[rows[some]] for bands, rows in zip(self.bands, self.room, strict=False))
            order = telling(own, others, self.layout)
            data: State = (queries, references, numbers, first, *self.bands, self.layout, order)
            data = (*data, *self.room, self.count, squares, nearest)
            refined(*data)
        self.count = 0

    def _make_room(self, more: int) -> None:
        wanted = self.count + more
        if not self.room or len(self.room[0]) < wanted:
            grown = tuple(np.empty(2 * wanted, kind) for kind in (np.int32, np.int32, np.float64))
            for old, new in zip(self.room, grown, strict=False):
                new[: self.count] = old[: self.count]
            self.room = grown
