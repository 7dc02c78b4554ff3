"""Orthonormal maps that cost one operation a coordinate: pixels pooled, a symmetric spectrum folded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.settling import compiled
from manifpt.manifolds.threads import shared_out

LEAST = 32  # images of a thread
SMALL = 64  # pixels of the shorter side of an image, up to which few sums suffice
SIDES = (16, 32)  # sums along the shorter side, at least: of small images, of others
TILES = 2  # sums along a side of a tile, whose detail one length stands for
PLANE = 2  # axes of an image

Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class Reduction(Protocol):
    """Maps points by a matrix of orthonormal rows."""

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return the reduced rows of factor · points − centre, their squared lengths, and the lengths of the points.

        Args:
            points: (n, d) uint8 or float32.
            factor: Power of two.
            center: (d,).

        Returns:
            (n, reduced), (n,) of the rows before the reduction, (n,) of the points times the factor.
        """
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Every coordinate, as it is."""

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return the rows themselves; see ``Reduction``."""
        return _centred(points, factor, center)


@dataclass(frozen=True, slots=True)
class Pooled:
    """Sums over squares of side × side pixels, divided by the side, and the length of what they leave in each tile.

    The sums are the coarse level of a Haar pyramid. Its details are not kept but for their length in tiles of 2 × 2
    sums, a channel each: that is no linear map, but by the reverse triangle inequality in each tile it never lengthens
    a distance either, and tells textures apart of which one length would only say how strong they are on the whole.

    Args:
        planes: Channels.
        height: Pixels.
        width: Pixels.
        side: Power of two that divides both.
    """

    planes: int
    height: int
    width: int
    side: int

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return (n, planes · height/side · width/side + tiles); see ``Reduction``."""
        rows, columns = self.height // self.side, self.width // self.side
        reduced, squares = np.zeros((len(points), self.planes, rows, columns)), np.empty(len(points))
        tall, wide = -(-rows // TILES), -(-columns // TILES)
        details, norms = np.zeros((len(points), self.planes, tall, wide)), np.empty(len(points))
        images = points.reshape(len(points), self.planes, self.height, self.width)
        middle = center.reshape(self.planes, self.height, self.width)

        def part(start: int, stop: int) -> None:
            own = slice(start, stop)
            _pool(images[own], factor, middle, self.side, reduced[own], details[own], squares[own], norms[own])

        shared_out(part, len(points), least=LEAST)
        flat = [part.reshape(len(points), math.prod(part.shape[1:])) for part in (reduced, details)]
        return np.concatenate(flat, axis=1), squares, norms


@dataclass(frozen=True, slots=True)
class Folded:
    """Pairs of coordinates that are always equal become one, (x + y)/√2; their difference goes to the remainder.

    Args:
        first: (pairs,) places.
        second: (pairs,) their partners.
        single: Places without a partner.
    """

    first: NDArray[np.int64]
    second: NDArray[np.int64]
    single: NDArray[np.int64]

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return (n, single + pairs); see ``Reduction``."""
        rows, squares, norms = _centred(points, factor, center)
        pairs = (rows[:, self.first] + rows[:, self.second]) * math.sqrt(0.5)
        return np.concatenate([rows[:, self.single], pairs], axis=1), squares, norms


def whole() -> Reduction:
    """Return the reduction that keeps everything."""
    return Whole()


def pooled(shape: tuple[int, ...]) -> Reduction | None:
    """Return the pooling of images, channels first, to 16 or 32 sums a side or more; None where there is none.

    Example:
        >>> pooled((3, 256, 192))
        Pooled(planes=3, height=256, width=192, side=4)
    """
    if len(shape) != PLANE + 1:
        return None
    planes, height, width = shape
    side, least = 1, SIDES[min(height, width) > SMALL]
    while not (height % (2 * side) or width % (2 * side)) and min(height, width) // (2 * side) >= least:
        side *= 2
    return Pooled(planes, height, width, side) if side > 1 else None


def folded(points: NDArray[Any], shape: tuple[int, ...]) -> Reduction | None:
    """Return the folding of centred spectra, whose plane holds each value twice; None where points are none.

    A channel counts as a spectrum if each value of the sample equals the one at the mirrored frequency.

    Args:
        points: (n, d), a sample.
        shape: (channels, height, width) of one point.
    """
    if len(shape) != PLANE + 1:
        return None
    planes, height, width = shape
    rows, columns = ((2 * (side // 2) - np.arange(side)) % side for side in (height, width))
    plane = rows[:, None] * width + columns
    partners = np.arange(math.prod(shape)).reshape(shape)
    for channel in range(planes):
        mirrored = channel * height * width + plane
        own = partners[channel]
        if np.array_equal(points[:, own.ravel()], points[:, mirrored.ravel()]):
            partners[channel] = mirrored
    flat, places = partners.ravel(), np.arange(math.prod(shape))
    first = places[places < flat]
    return Folded(first, flat[first], places[places == flat]) if len(first) else None


def _centred(points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
    exact = points * np.float64(factor)
    norms = np.sqrt(np.einsum("ij,ij->i", exact, exact))
    exact -= center
    return exact, np.einsum("ij,ij->i", exact, exact), norms


@compiled(bounds=True)
def _pool(  # noqa: PLR0917  (machine code takes its arguments by place)
    images: NDArray[Any],
    factor: float,
    center: NDArray[np.float64],
    side: int,
    reduced: NDArray[np.float64],
    details: NDArray[np.float64],
    squares: NDArray[np.float64],
    norms: NDArray[np.float64],
) -> None:
    # First the energy of each tile; less that of its sums it is that of its details.
    count, planes, height, width = images.shape
    line, tile = np.empty(width), side * TILES
    for image in range(count):
        square, norm = 0.0, 0.0
        for plane in range(planes):
            for row in range(height):
                for column in range(width):
                    value = np.float64(images[image, plane, row, column]) * factor
                    norm += value * value
                    value -= center[plane, row, column]
                    square += value * value
                    line[column] = value
                for column in range(width):
                    reduced[image, plane, row // side, column // side] += line[column]
                    details[image, plane, row // tile, column // tile] += line[column] * line[column]
            for row in range(height // side):
                for column in range(width // side):
                    value = reduced[image, plane, row, column] / side
                    reduced[image, plane, row, column] = value
                    details[image, plane, row // TILES, column // TILES] -= value * value
            for row in range(details.shape[2]):
                for column in range(details.shape[3]):
                    details[image, plane, row, column] = np.sqrt(max(details[image, plane, row, column], 0.0))
        squares[image], norms[image] = square, np.sqrt(norm)
