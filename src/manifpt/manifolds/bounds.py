"""Machine code that excludes references by bounds on their distance and settles the others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import UNIT, compiled, settled

LANES = 64  # products looked at together
LOOK = 128  # coordinates between two looks at a limit


@compiled(bounds=True)
def boxes(rows: NDArray[np.float32], low: NDArray[np.float32], high: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return the squared distance of rows (n, s) to boxes (m, s), (n, m)."""
    found = np.empty((len(rows), len(low)), np.float32)
    for row in range(len(rows)):
        for box in range(len(low)):
            total = np.float32(0)
            for column in range(rows.shape[1]):
                below, above = low[box, column] - rows[row, column], rows[row, column] - high[box, column]
                outside = max(below, above, np.float32(0))
                total += outside * outside
            found[row, box] = total
    return found


@compiled(inline=True)
def reach(square: float, slack: float, factor: float, dimensions: int) -> float:
    """Return the k-th distance with the error of its own sum, and the errors of both rows."""
    return float(np.sqrt(square)) * factor * (1 + 8 * (dimensions + 8) * UNIT) + slack


@compiled(bounds=True)
def apart(one: NDArray[np.float32], other: NDArray[np.float32], limit: float) -> bool:
    """Return whether two rows are farther apart than the root of a limit."""
    total = np.float32(0)
    for start in range(0, len(other), LOOK):
        own, others = one[start : start + LOOK], other[start : start + LOOK]
        for column in range(len(others)):
            difference = own[column] - others[column]
            total += difference * difference
        if total > limit:
            return True
    return False


@compiled(bounds=True)
def kept(products: NDArray[np.float32], threshold: np.float32, lanes: NDArray[np.int64]) -> int:
    """Write down where products reach a threshold, and return how many they are."""
    count = 0
    whole = len(products) // LANES * LANES
    for start in range(0, whole, LANES):
        inside = np.float32(0)
        for lane in range(LANES):
            inside += np.float32(products[start + lane] >= threshold)
        if inside > 0:
            for lane in range(start, start + LANES):
                lanes[count] = lane
                count += products[lane] >= threshold
    for lane in range(whole, len(products)):
        lanes[count] = lane
        count += products[lane] >= threshold
    return count


@compiled()
def begun(  # noqa: PLR0917  (machine code takes its arguments by place)
    products: NDArray[np.float32],
    places: NDArray[np.int64],
    start: int,
    queries: NDArray[Any],
    coordinates: NDArray[np.float32],
    references: NDArray[Any],
    rows: NDArray[np.float32],
    numbers: NDArray[np.int64],
    first: int,
    slack: NDArray[np.float64],
    factor: float,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Settle, for each query, the k references of its own cell that seem nearest, so that later limits are tight."""
    best = np.empty(min(squares.shape[1], products.shape[1]), np.int64)
    for line in range(len(places)):
        query = places[line]
        for place in range(len(best)):
            best[place] = -1
        for lane in range(products.shape[1]):
            place = len(best)
            while place > 0 and (best[place - 1] < 0 or products[line, lane] > products[line, best[place - 1]]):
                place -= 1
            if place < len(best):
                for later in range(len(best) - 1, place, -1):
                    best[later] = best[later - 1]
                best[place] = lane
        for lane in best:
            number = numbers[start + lane]
            settled(queries, query, references, number, first + number, squares, nearest)


@compiled()
def scanned(  # noqa: PLR0917  (machine code takes its arguments by place)
    products: NDArray[np.float32],
    places: NDArray[np.int64],
    start: int,
    lengths: NDArray[np.float64],
    margin: NDArray[np.float64],
    queries: NDArray[Any],
    coordinates: NDArray[np.float32],
    references: NDArray[Any],
    rows: NDArray[np.float32],
    numbers: NDArray[np.int64],
    first: int,
    slack: NDArray[np.float64],
    factor: float,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Settle what a product cannot exclude, and return how many pairs of each query that were.

    With x and y short rows, the product is P = 2⟨x, y⟩ − ‖y‖², and ‖x − y‖² = ‖x‖² − P. Of K float32 terms its error,
    with that of the rounded ‖y‖², is at most 2(K + 8)2⁻²⁴(‖x‖ + ‖y‖)², the margin. With D the k-th distance so far and
    e the errors of both rows, a reference with P < ‖x‖² − (D + e)² − margin is farther than D, and is left out. What is
    left has its whole rows compared: the float32 sum S of T squares is at least (1 − (T + 3)2⁻²⁴) times the true one.
    """
    found = np.zeros(len(places), np.int64)
    dimensions, last, terms = queries.shape[1], squares.shape[1] - 1, rows.shape[1]
    lanes = np.empty(products.shape[1], np.int64)
    for line in range(len(places)):
        query = places[line]
        distance = reach(squares[query, last], slack[query], factor, dimensions)
        threshold = np.float32(lengths[query] ** 2 - distance * distance - margin[query])
        limit = distance * distance * (1 + (terms + 8) * 2.0**-22)
        for place in range(kept(products[line], threshold, lanes)):
            lane = lanes[place]
            if products[line, lane] < threshold or apart(coordinates[query], rows[start + lane], limit):
                continue
            found[line] += 1
            number = numbers[start + lane]
            if settled(queries, query, references, number, first + number, squares, nearest):
                distance = reach(squares[query, last], slack[query], factor, dimensions)
                threshold = np.float32(lengths[query] ** 2 - distance * distance - margin[query])
                limit = distance * distance * (1 + (terms + 8) * 2.0**-22)
    return found
