"""Patches of maps, and the reference patches that are nearest to them at about the same place."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled
from manifpt.manifolds.stored import Stored

BLOCK = 2**22  # float32 coordinates of reference patches at once
SCORES = 2**22  # of pairs of patches at once
SPARE = 16  # settled beyond those that are wanted, where float32 rounds
WHOLE = 256  # coordinates of 8 bits, of which float32 adds up every square exactly
MIDDLE = 128
FARTHEST = 2.0**50  # float32 squares of so many reaches do not overflow


@dataclass(frozen=True, slots=True)
class Place:
    """The upper left corner of a patch.

    Args:
        top: Row.
        left: Column.
        side: Of the patch, which is square.
    """

    top: int
    left: int
    side: int

    def of(self, maps: NDArray[Any]) -> NDArray[Any]:
        """Return a view of the patches of maps (…, height, width) at this place, (…, side, side)."""
        return maps[..., self.top : self.top + self.side, self.left : self.left + self.side]


class Patches:
    """The patches of reference maps; they are made when they are searched, and not kept.

    Every patch of the references within ``shift`` of a place is compared, by products in float32 after the mean patch
    is taken off, and the nearest by these are settled by float64 differences; ties go to the smaller shift, then to the
    lower reference. Of pixels with at most 256 coordinates a patch (8 × 8 of RGB have 192), all sums are whole numbers
    up to 2²⁴, which float32 holds, so that the neighbours are the exact ones. Elsewhere 16 more are settled than are
    wanted: a neighbour is missed only where more than 16 others are as near to within the rounding of float32.

    Args:
        stored: The references.
        shape: Of their maps: channels, height, width.
        side: Of a patch, not above height and width.
        stride: From one place to the next; the last one is at the border.
        shift: How far, in rows and in columns, reference patches may lie from a place.
    """

    def __init__(self, stored: Stored, shape: tuple[int, ...], *, side: int, stride: int, shift: int) -> None:
        self.maps = [flat.reshape(len(flat), *shape) for flat in stored.flat]
        self.firsts, self.references, self.shape = stored.firsts, len(stored), shape
        self.side, self.shift = side, shift
        corners = [[*range(0, length - side, stride), length - side] for length in shape[1:]]
        self.places = [Place(top, left, side) for top, left in product(*corners)]
        self.exact = stored.flat[0].dtype == np.uint8 and shape[0] * side**2 <= WHOLE
        if stored.flat[0].dtype == np.uint8:
            self._center, self._factor = np.full(shape, MIDDLE, np.float64), 1.0
            return
        self._center = np.sum([piece.sum(0, np.float64) for piece in stored.pieces()], axis=0).reshape(shape) / len(
            stored
        )
        # A power of two keeps float32 squares from overflowing and rounds nothing.
        reach = max(float(np.abs(piece).max()) for piece in stored.pieces())
        self._factor = 2.0 ** -math.ceil(math.log2(reach)) if reach > 0 else 1.0

    @property
    def covered(self) -> NDArray[np.int64]:
        """How many patches each pixel is in, (height, width)."""
        counts = np.zeros(self.shape[1:], np.int64)
        for place in self.places:
            place.of(counts)[...] += 1
        return counts

    def proposed(self, maps: NDArray[Any], place: Place, neighbors: int) -> NDArray[np.int64]:
        """Return the reference patches that may be the nearest to those of maps, (n, neighbors or a few more).

        A number is the reference's index plus that of the shift times the number of references.

        Args:
            maps: (n, channels, height, width).
            place: Where the patches lie.
            neighbors: How many are wanted; there are as many references at least.
        """
        around, queries = self._around(place), self._centred(maps, place, place)
        count = min(neighbors + (0 if self.exact else SPARE), len(around) * self.references)
        scores = np.full((len(maps), count), np.inf, np.float32)
        numbers = np.full((len(maps), count), -1, np.int64)
        for turn, other in enumerate(around):
            for first, rows in self._rows(other, place):
                lengths, size = np.einsum("md,md->m", rows, rows), max(1, SCORES // len(rows))
                for start in range(0, len(maps), size):
                    part = slice(start, start + size)
                    # Squared distances without the query's own square, which changes no order.
                    found = lengths - 2 * (queries[part] @ rows.T)
                    least(found, turn * self.references + first, scores[part], numbers[part])
        return numbers

    def settled(self, own: NDArray[Any], place: Place, proposed: NDArray[np.int64], neighbors: int) -> NDArray[Any]:
        """Return the nearest of the proposed reference patches, the nearest first: their values, (n, neighbors, d).

        Args:
            own: The patches, (n, channels, side, side).
            place: Where they lie.
            proposed: As ``proposed`` returned them.
            neighbors: How many are wanted.
        """
        found = np.empty((*proposed.shape, *own.shape[1:]), own.dtype)
        turns, references = np.divmod(proposed, self.references)
        for turn, other in enumerate(self._around(place)):
            for first, maps in zip(self.firsts, self.maps, strict=True):
                here = (turns == turn) & (references >= first) & (references < first + len(maps))
                found[here] = other.of(maps)[references[here] - first]
        found = found.reshape(*proposed.shape, -1)
        steps = np.subtract(found, own.reshape(len(own), 1, -1), dtype=np.float64)
        squares = np.einsum("nkd,nkd->nk", steps, steps)
        order = np.lexsort((proposed, squares), axis=1)[:, :neighbors]
        return np.take_along_axis(found, order[:, :, None], axis=1)

    def _around(self, place: Place) -> list[Place]:
        """Return the places within the shift, the nearest first."""
        tops, lefts = (
            range(max(0, at - self.shift), min(length - self.side, at + self.shift) + 1)
            for at, length in zip((place.top, place.left), self.shape[1:], strict=True)
        )
        found = [Place(top, left, self.side) for top, left in product(tops, lefts)]
        return sorted(found, key=lambda other: (other.top - place.top) ** 2 + (other.left - place.left) ** 2)

    def _rows(self, other: Place, place: Place) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield the reference patches of one place for comparison with those of another, and the first one's index."""
        size = max(1, BLOCK // (self.shape[0] * self.side**2))
        for first, maps in zip(self.firsts, self.maps, strict=True):
            for start in range(0, len(maps), size):
                yield first + start, self._centred(maps[start : start + size], other, place)

    def _centred(self, maps: NDArray[Any], at: Place, place: Place) -> NDArray[np.float32]:
        rows = np.empty((len(maps), self.shape[0] * self.side**2), np.float32)
        cut(maps, at.top, at.left, np.ascontiguousarray(place.of(self._center)), self._factor, rows)
        return rows


@compiled()
def cut(  # noqa: PLR0917  (machine code takes its arguments by place)
    maps: NDArray[Any], top: int, left: int, center: NDArray[np.float64], factor: float, rows: NDArray[np.float32]
) -> None:
    """Write down (patch − center) · factor for the patches of maps at one place.

    Args:
        maps: (n, channels, height, width).
        top: Row of the patches' corner.
        left: Column of it.
        center: (channels, side, side).
        factor: What brings coordinates to about 1.
        rows: (n, channels · side²).
    """
    for image in range(maps.shape[0]):
        place = 0
        for channel in range(center.shape[0]):
            for row in range(center.shape[1]):
                for column in range(center.shape[2]):
                    value = np.float64(maps[image, channel, top + row, left + column])
                    scaled = (value - center[channel, row, column]) * factor
                    rows[image, place] = np.float32(min(max(scaled, -FARTHEST), FARTHEST))
                    place += 1


@compiled()
def least(found: NDArray[np.float32], first: int, scores: NDArray[np.float32], numbers: NDArray[np.int64]) -> None:
    """Take the least of some scores among the k least of each query; of equal ones those that were there before.

    Args:
        found: (n, m).
        first: The number of the first column.
        scores: (n, k), ascending.
        numbers: (n, k), those of their columns.
    """
    last = scores.shape[1] - 1
    for query in range(found.shape[0]):
        for column in range(found.shape[1]):
            score = found[query, column]
            if not score < scores[query, last]:
                continue
            place = last
            while place > 0 and score < scores[query, place - 1]:
                scores[query, place], numbers[query, place] = scores[query, place - 1], numbers[query, place - 1]
                place -= 1
            scores[query, place], numbers[query, place] = score, first + column
