"""Sums of pixels over squares, and how much they leave in tiles of them: integers, so without any rounding."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled


def pyramid(images: NDArray[np.uint8], side: int, tile: int) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """Return the sums of squares of side × side pixels, and side² times the energy of what they leave in each tile.

    With S the sums of a tile and x its pixels, the energy of the details is Σx² − ΣS²/side².

    Args:
        images: (n, planes, height, width) uint8.
        side: Divides height and width.
        tile: Squares along a side of a tile.

    Returns:
        (n, planes, height/side, width/side), (n, planes, tiles down, tiles across), where tiles may stand out over the
        border.
    """
    count, planes, height, width = images.shape
    rows, columns = height // side, width // side
    sums = np.empty((count, planes, rows, columns), np.int32)
    details = np.empty((count, planes, -(-rows // tile), -(-columns // tile)), np.int64)
    _added(images, side, tile, sums, details)
    return sums, details


@compiled()
def _added(images: NDArray[Any], side: int, tile: int, sums: NDArray[np.int32], details: NDArray[np.int64]) -> None:
    count, planes, _, width = images.shape
    single, squared = np.empty(width, np.uint32), np.empty(width, np.uint32)
    for image in range(count):
        for plane in range(planes):
            for tall in range(details.shape[2]):
                for wide in range(details.shape[3]):
                    details[image, plane, tall, wide] = 0
                for line in range(tall * tile, min((tall + 1) * tile, sums.shape[2])):
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
                        details[image, plane, tall, place // tile] += side * side * energy - total * total
