"""Sums of pixels over squares, and how much they leave of each: integers, so without any rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled
from manifpt.manifolds.threads import shared_out

LEAST = 2**20  # pixels of a thread
WORD = 4  # bytes of a word, at most
LOWEST = np.uint32(255)


@dataclass(frozen=True, slots=True)
class Pyramid:
    """The coarse level of images, and side² times the energy of what it leaves in each square.

    With S the sum of a square's pixels x, the energy of its details is Σx² − S²/side².

    Args:
        side: Pixels of a square's side.
        sums: (n, planes, height/side, width/side) int32.
        details: The same shape, int64.
    """

    side: int
    sums: NDArray[np.int32]
    details: NDArray[np.int64]

    def __len__(self) -> int:
        """Return how many images there are."""
        return len(self.sums)

    def __getitem__(self, rows: slice) -> Pyramid:
        """Return that of some images."""
        return Pyramid(self.side, self.sums[rows], self.details[rows])

    def tiled(self, tile: int) -> NDArray[np.int64]:
        """Return the details of tile × tile squares together; the last ones may stand out over the border."""
        count, planes, rows, columns = self.details.shape
        found = np.zeros((count, planes, -(-rows // tile), -(-columns // tile)), np.int64)
        _tiled(self.details, tile, found)
        return found


def pyramid(images: NDArray[np.uint8], side: int, *, shared: bool = False) -> Pyramid:
    """Return sums and details of squares of side × side pixels.

    Args:
        images: (n, planes, height, width) uint8, whose lines are contiguous.
        side: Divides height and width.
        shared: Whether several threads do it.
    """
    count, planes, height, width = images.shape
    sums = np.empty((count, planes, height // side, width // side), np.int32)
    details = np.empty(sums.shape, np.int64)
    # As many neighbours as fit in a word are taken together.
    bytes_of_word = min(side, WORD)
    words = images.view(f"u{bytes_of_word}")

    def part(start: int, stop: int) -> None:
        _added(words[start:stop], bytes_of_word, side, sums[start:stop], details[start:stop])

    if shared:
        shared_out(part, count, least=max(1, LEAST // (planes * height * width)))
    else:
        part(0, count)
    return Pyramid(side, sums, details)


@compiled()
def _tiled(details: NDArray[np.int64], tile: int, found: NDArray[np.int64]) -> None:
    count, planes, rows, columns = details.shape
    for image in range(count):
        for plane in range(planes):
            for row in range(rows):
                line, tiles = details[image, plane, row], found[image, plane, row // tile]
                for column in range(columns):
                    tiles[column // tile] += line[column]


@compiled()
def _lines(words: NDArray[Any], single: NDArray[np.uint32], squared: NDArray[np.uint32]) -> None:
    """Add up lines of pixels, and their squares, to as many numbers as a line has words."""
    single[:] = 0
    squared[:] = 0
    for line in range(len(words)):
        row = words[line]
        for place in range(len(single)):
            word = np.uint32(row[place])
            first, second = word & LOWEST, (word >> np.uint32(8)) & LOWEST
            third, fourth = (word >> np.uint32(16)) & LOWEST, word >> np.uint32(24)
            single[place] += np.uint32(np.uint32(first + second) + np.uint32(third + fourth))
            squares = np.uint32(first * first + second * second)
            squared[place] += np.uint32(squares + np.uint32(third * third + fourth * fourth))


@compiled()
def _added(
    words: NDArray[Any], bytes_of_word: int, side: int, sums: NDArray[np.int32], details: NDArray[np.int64]
) -> None:
    count, planes, _, width = words.shape
    single, squared, across = np.empty(width, np.uint32), np.empty(width, np.uint32), side // bytes_of_word
    for image in range(count):
        for plane in range(planes):
            for line in range(sums.shape[2]):
                _lines(words[image, plane, line * side : (line + 1) * side], single, squared)
                for place in range(sums.shape[3]):
                    total, energy = np.int64(0), np.int64(0)
                    for word in range(place * across, (place + 1) * across):
                        total += single[word]
                        energy += squared[word]
                    sums[image, plane, line, place] = total
                    details[image, plane, line, place] = side * side * energy - total * total
