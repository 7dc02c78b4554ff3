"""Pairs of large images that their bands do not exclude, and what the pixels say of them, band after band."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.bands import Banded, Layout, Rows, telling
from manifpt.manifolds.bounds import apart, kept, reach
from manifpt.manifolds.settling import compiled, settled, squared_pixels

PROMISING = 0.95  # share of the limit, below which a bound is likely to belong to a nearer reference
LOOK = 512  # squares between two looks at a limit, of which 32 bits hold the sum
ROUNDING = 2.0**-48  # more than the float64 rounding of a limit
TOGETHER = 16  # references whose bands stay in the processor's cache
SAMPLE, SAMPLED = 64, 2**20  # pairs by which the order of the bands is chosen, and what they have of it, at most
MOST = 2**20  # pairs that are kept until all cells were looked at

State = tuple[Any, ...]


@compiled()
def _squared(one: NDArray[np.int16], other: NDArray[np.int16]) -> Any:
    total = np.int32(0)
    for place in range(len(one)):
        # 16 bits hold the difference, and processors multiply and add pairs of them in one step.
        difference = np.int16(one[place] - other[place])
        total = np.int32(total + np.int32(np.int32(difference) * np.int32(difference)))
    return total


@compiled()
def between(one: NDArray[np.int16], other: NDArray[np.int16], limit: float) -> np.int64:
    """Return the squared distance of two rows, or a part of it that exceeds the limit already."""
    total = np.int64(0)
    for first in range(0, len(one), LOOK):
        total += _squared(one[first : first + LOOK], other[first : first + LOOK])
        if total > limit:
            break
    return total


@compiled(inline=True)
def _allowed(square: float, scale: float, slack: float) -> float:
    """Return what the squared distance of two rows is at most, where that of the images is at most a square."""
    return float((np.sqrt(max(square, 0.0) / scale) + slack) ** 2 * (1 + ROUNDING))


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
    rounding: NDArray[np.float64],
    layout: Layout,
    pair_queries: NDArray[np.int32],
    pair_references: NDArray[np.int32],
    bounds: NDArray[np.int64],
    pairs: int,
) -> NDArray[np.int64]:
    """Write down the pairs that neither products nor rows nor bands exclude, and return how many of each query.

    See ``bounds.scanned`` for products, rows and their slack. ``rounding`` (n,) is what the rows of bands of a query
    and a reference are off by together, in fine steps. Of each query the pair that seems nearest is settled at once if
    it is likely to exclude others.
    """
    dimensions, last, terms = queries.shape[1], squares.shape[1] - 1, rows.shape[1]
    width = products.shape[1]
    found, limits, most = np.zeros(len(places), np.int64), np.empty(len(places)), np.empty(len(places))
    lanes, counts = np.empty((len(places), width), np.int32), np.empty(len(places), np.int64)
    for line in range(len(places)):
        query = places[line]
        distance = reach(squares[query, last], slack[query], factor, dimensions)
        threshold = np.float32(lengths[query] ** 2 - distance * distance - margin[query])
        limits[line] = distance * distance * (1 + (terms + 8) * 2.0**-22)
        most[line] = _allowed(squares[query, last], layout[4], rounding[query])
        counts[line] = kept(products[line], threshold, lanes[line])
    best, looked = np.full(len(places), -1), np.zeros(len(places), np.int64)
    for stop in range(TOGETHER, width + TOGETHER, TOGETHER):
        for line in range(len(places)):
            query, place = places[line], looked[line]
            while place < counts[line] and lanes[line, place] < stop:
                row = start + lanes[line, place]
                place += 1
                if apart(coordinates[query], rows[row], limits[line]):
                    continue
                bound = between(own[query], others[row], most[line])
                if bound <= most[line]:
                    pair_queries[pairs], pair_references[pairs], bounds[pairs] = query, row, bound
                    best[line] = pairs if best[line] < 0 or bound < bounds[best[line]] else best[line]
                    pairs, found[line] = pairs + 1, found[line] + 1
            looked[line] = place
    for line in range(len(places)):
        if best[line] >= 0 and bounds[best[line]] < PROMISING * most[line]:
            number = numbers[pair_references[best[line]]]
            settled(queries, places[line], references, number, first + number, squares, nearest)
    return found


@compiled()
def refined(  # noqa: PLR0917  (machine code takes its arguments by place)
    queries: NDArray[np.uint8],
    references: NDArray[np.uint8],
    numbers: NDArray[np.int64],
    first: int,
    own: NDArray[np.int16],
    others: NDArray[np.int16],
    rounding: NDArray[np.float64],
    layout: Layout,
    order: NDArray[np.int64],
    pair_queries: NDArray[np.int32],
    pair_references: NDArray[np.int32],
    bounds: NDArray[np.int64],
    pairs: int,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Settle the pairs that remain when band after band its distance replaces its bound.

    All pairs take a band together, so that what is read stays in the processor's cache; most exceed the limit after
    some bands. What is known of a pair are integers: the squared distance in the bands that were read, and that of the
    rows in the others, which may be off by ``rounding``, as in ``gathered``.
    """
    count, terms, pixels, plane, scale = layout
    dimensions, last, half = queries.shape[1], squares.shape[1] - 1, own.shape[1] // 2
    down = count // (dimensions // plane)
    known = np.zeros(pairs)
    for step in range(-1, count):
        band = order[max(step, 0)]
        low = band // down * plane + band % down * pixels
        high = min(low + pixels, (band // down + 1) * plane)
        left = 0
        for pair in range(pairs):
            query, row, bound, square = pair_queries[pair], pair_references[pair], bounds[pair], known[pair]
            if step >= 0:
                one, other = own[query], others[row]
                for start in range(band * terms, (band + 1) * terms, LOOK):
                    stop = min(start + LOOK, (band + 1) * terms)
                    bound -= _squared(one[start:stop], other[start:stop])
                    bound -= _squared(one[half + start : half + stop], other[half + start : half + stop])
                square += squared_pixels(queries[query, low:high], references[numbers[row], low:high], np.inf)
            limit = squares[query, last] - square
            if limit >= 0 and bound <= _allowed(limit, scale, rounding[query]):
                pair_queries[left], pair_references[left], bounds[left], known[left] = query, row, bound, square
                left += 1
        pairs = left
    for pair in range(pairs):
        number = numbers[pair_references[pair]]
        settled(queries, pair_queries[pair], references, number, first + number, squares, nearest)


class Pairs:
    """Pairs of queries and references that are not excluded yet.

    Args:
        banded: The references' bands.
        own: The queries'.
        state: What ``scanned`` and ``gathered`` both take: queries, coordinates, references, rows, numbers, first,
            slack, factor, squares, nearest.
    """

    def __init__(self, banded: Banded, own: Rows, state: State) -> None:
        self.bands = (own.values, banded.rows, own.errors + banded.error, banded.bands.layout)
        self.state = state
        self.room: tuple[NDArray[Any], ...] = ()
        self.count = 0

    def gather(
        self, products: NDArray[np.float32], places: NDArray[np.int64], start: int, *given: Any
    ) -> NDArray[np.int64]:
        """Take in the pairs that a cell's products do not exclude, and return how many of each query these are."""
        self._make_room(products.size)
        data: State = (products, places, start, *given, *self.bands, *self.room, self.count)
        found = gathered(*data)
        self.count += int(found.sum())
        if self.count > MOST:
            self.settle()
        return found

    def settle(self) -> None:
        """Settle those that no band excludes."""
        if self.count:
            queries, _, references, _, numbers, first, *_, squares, nearest = self.state
            own, others, _, layout = self.bands
            most = max(1, min(self.count, SAMPLE, SAMPLED // own.shape[1]))
            some = np.linspace(0, self.count - 1, most).astype(int)
            order = telling(own[self.room[0][some]], others[self.room[1][some]], layout)
            data: State = (queries, references, numbers, first, *self.bands, order)
            data = (*data, *self.room, self.count, squares, nearest)
            refined(*data)
        self.count = 0

    def _make_room(self, more: int) -> None:
        wanted = self.count + more
        if not self.room or len(self.room[0]) < wanted:
            grown = tuple(np.empty(2 * wanted, kind) for kind in (np.int32, np.int32, np.int64))
            for old, new in zip(self.room, grown, strict=False):
                new[: self.count] = old[: self.count]
            self.room = grown
