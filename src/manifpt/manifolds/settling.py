"""Machine code that decides which references are nearest: explicit float64 differences over the stored points."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit
from numpy.typing import NDArray

Kernel = TypeVar("Kernel", bound=Callable[..., Any])

# What may be reordered where only a bound is wanted; values may still be infinite.
BOUNDS = frozenset({"contract", "nnan", "nsz", "reassoc", "arcp"})
UNIT = 2.0**-53  # unit roundoff of float64
INTEGERS = 2**13  # squares of 8 bits between two looks at a limit; 32 bits can add up 2¹⁵


def compiled(*, bounds: bool = False, inline: bool = False) -> Callable[[Kernel], Kernel]:
    """Return a decorator that makes machine code of a function, kept on disk where there is a place for it.

    Args:
        bounds: Whether sums may be reordered, so that bits depend on the processor.
        inline: Whether the code is pasted where it is called, so that arrays are not counted at every call.
    """
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
    if bounds:
        settings["fastmath"] = set(BOUNDS)
    if inline:
        settings["inline"] = "always"

    def made(function: Kernel) -> Kernel:
        try:
            return cast("Kernel", njit(cache=True, **settings)(function))
        except RuntimeError:  # Neither the package's folder nor a home can be written.
            return cast("Kernel", njit(**settings)(function))

    return made


@compiled()
def _whole(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> int:
    total = np.int32(0)
    for coordinate in range(one.shape[0]):
        # 16 bits hold the difference, and processors multiply and add pairs of them in one step.
        # Unless it is said to be of 32 bits, a sum of such has 64, which takes twice as long.
        difference = np.int16(np.int16(one[coordinate]) - np.int16(other[coordinate]))
        total = np.int32(total + np.int32(np.int32(difference) * np.int32(difference)))
    return int(total)


@compiled()
def squared_pixels(one: NDArray[np.uint8], other: NDArray[np.uint8], limit: float) -> float:
    """Return the exact squared distance of two uint8 points, or a part of it that exceeds a limit already."""
    total = np.int64(0)
    for start in range(0, one.shape[0], INTEGERS):
        total += _whole(one[start : start + INTEGERS], other[start : start + INTEGERS])
        if total > limit:
            break
    return np.float64(total)


@compiled()
def squared(one: NDArray[Any], other: NDArray[Any]) -> float:
    """Return a squared distance in float64, added coordinate by coordinate."""
    total = 0.0
    for coordinate in range(one.shape[0]):
        difference = np.float64(one[coordinate]) - np.float64(other[coordinate])
        total += difference * difference
    return total


# Written out again: of one function compiled in two ways, the cache on disk gives either.
@compiled(bounds=True)
def _estimate(one: NDArray[Any], other: NDArray[Any]) -> float:
    # Eight times as fast as the sum in order, and within the same bound of the true value.
    total = 0.0
    for coordinate in range(one.shape[0]):
        difference = np.float64(one[coordinate]) - np.float64(other[coordinate])
        total += difference * difference
    return total


@compiled()
def settled(  # noqa: PLR0917  (machine code takes its arguments by place)
    queries: NDArray[Any],
    query: int,
    references: NDArray[Any],
    reference: int,
    index: int,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> bool:
    """Take a reference among the k nearest of a query if it belongs there, and return whether it did.

    With u = 2⁻⁵³, a sum of d non-negative float64 terms in any order, each of a rounded difference, has a relative
    error of at most (d + 4)u / (1 − (d + 4)u) (Higham 2002, section 4.2). What is longer than the k-th nearest by more
    than both sums' errors cannot belong; the rest is added in order, so that the bits depend on the points alone.

    Args:
        queries: (n, d), uint8 or float32.
        query: Which one.
        references: (m, d), of the same type.
        reference: Which one.
        index: Its number among all references, by which ties are broken.
        squares: (n, k), the squared distances of the nearest so far, ascending.
        nearest: (n, k), their numbers.
    """
    last = squares.shape[1] - 1
    if queries.itemsize == 1:
        square = squared_pixels(queries[query], references[reference], squares[query, last])
    else:
        terms = queries.shape[1] + 4.0
        square = _estimate(queries[query], references[reference])
        if square * (1 - 4 * terms * UNIT) <= squares[query, last]:
            square = squared(queries[query], references[reference])
    if square > squares[query, last]:
        return False
    for place in range(last + 1):
        if nearest[query, place] == index:
            return False
    if square == squares[query, last] and index > nearest[query, last]:
        return False
    place = last
    while place > 0 and (
        square < squares[query, place - 1]
        or (square == squares[query, place - 1] and index < nearest[query, place - 1])
    ):
        squares[query, place], nearest[query, place] = squares[query, place - 1], nearest[query, place - 1]
        place -= 1
    squares[query, place], nearest[query, place] = square, index
    return True


@compiled()
def settled_all(  # noqa: PLR0917  (machine code takes its arguments by place)
    queries: NDArray[Any],
    places: NDArray[np.int64],
    references: NDArray[Any],
    first: int,
    squares: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Settle every reference for some queries: what a few queries cost less by than an index."""
    for query in places:
        for reference in range(len(references)):
            settled(queries, query, references, reference, first + reference, squares, nearest)
