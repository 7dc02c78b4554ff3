"""Sums of pixels over squares, and how much they leave in tiles of four of them: integers, so without any rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled
from manifpt.manifolds.threads import shared_out

LEAST = 2**20  # pixels of a thread
TILES = 2  # sums along a side of a tile


def pyramid(images: NDArray[np.uint8], side: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the sums of squares of side × side pixels, and side² times the energy of what they leave in each tile.

    With S the sums of a tile and x its pixels, the energy of the details is Σx² − ΣS²/side².

    Args:
        images: (n, planes, height, width) uint8.
        side: Divides height and width.

    Returns:
        (n, planes, height/side, width/side), (n, planes, tiles down, tiles across), where tiles of 2 × 2 sums may stand
        out over the border.
    """
    count, planes, height, width = images.shape
    rows, columns = height // side, width // side
    sums = np.empty((count, planes, rows, columns), np.int32)
    details = np.empty((count, planes, -(-rows // TILES), -(-columns // TILES)), np.int64)

    def part(start: int, stop: int) -> None:
        _added(images[start:stop], side, sums[start:stop], details[start:stop])

    shared_out(part, count, least=max(1, LEAST // (planes * height * width)))
    return sums, details


@compiled()
def _added(images: NDArray[Any], side: int, sums: NDArray[np.int32], details: NDArray[np.int64]) -> None:
    count, planes, _, width = images.shape
    single, squared = np.empty(width, np.uint32), np.empty(width, np.uint32)
    for image in range(count):
        for plane in range(planes):
            for tall in range(details.shape[2]):
                for wide in range(details.shape[3]):
                    details[image, plane, tall, wide] = 0
                for line in range(tall * TILES, min((tall + 1) * TILES, sums.shape[2])):
                    single[:] = 0
                    squared[:] = 0
                    for row in range(line * side, (line + 1) * side):
                        pixels = images[image, plane, row]
                        for column in range(width):
                            value = np.uint32(pixels[column])
                            single[column] += value
                            squared[column] += value * value
                    for place in range(sums.shape[3]):
                        total, energy = np.int64(0), np.int64(0)
                        for column in range(place * side, (place + 1) * side):
                            total += single[column]
                            energy += squared[column]
                        sums[image, plane, line, place] = total
                        details[image, plane, tall, place // TILES] += side * side * energy - total * total
