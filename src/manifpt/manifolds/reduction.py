"""Orthonormal maps that cost one operation a coordinate: pixels pooled, a symmetric spectrum folded."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.pyramid import Pyramid, pyramid
from manifpt.manifolds.threads import shared_out

LEAST = 2**20  # pixels of a thread
SMALL = 64  # pixels of the shorter side of an image, up to which few sums suffice
SIDES = (16, 32)  # sums along the shorter side, at least: of small images, of others
TILES = 2  # sums along a side of a tile, whose details one length stands for
PLANE = 2  # axes of an image

Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class Reduction(Protocol):
    """Maps points by a matrix of orthonormal rows."""

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return the reduced rows of factor · points − centre, squared lengths, and the lengths of the points.

        Args:
            points: (n, d) uint8 or float32.
            factor: Power of two.
            center: (d,).

        Returns:
            (n, reduced), (n,) squared lengths of the rows and of what distances may count beside them, (n,) of the
            points times the factor.
        """
        ...

    def held(self, dimensions: int) -> int:
        """Return how many coordinates ``rows`` holds of a point at once, in 64 bits."""
        ...


@dataclass(frozen=True, slots=True)
class Whole:
    """Every coordinate, as it is."""

    def rows(self, points: NDArray[Any], factor: float, center: NDArray[np.float64]) -> Rows:
        """Return the rows themselves; see ``Reduction``."""
        return _centred(points, factor, center)

    def held(self, dimensions: int) -> int:
        """Return all of them; see ``Reduction``."""
        return dimensions


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
        """Return (n, planes · height/side · width/side + tiles); see ``Reduction``. Details have no centre."""
        images = points.reshape(len(points), self.planes, self.height, self.width)
        return self._rows(lambda own: pyramid(images[own], self.side), len(images), factor, center)

    def of(self, known: Pyramid, factor: float, center: NDArray[np.float64]) -> Rows:
        """Return ``rows`` of images whose sums and details are known."""
        return self._rows(lambda own: known[own], len(known), factor, center)

    def _rows(self, known: Callable[[slice], Pyramid], images: int, factor: float, center: NDArray[np.float64]) -> Rows:
        middle = center.reshape(self.planes, self.height // self.side, self.side, -1, self.side).sum((2, 4)).ravel()
        scale, count = factor / self.side, len(middle)
        width = count + self.planes * math.prod(-(-side // (self.side * TILES)) for side in (self.height, self.width))
        reduced, squares, norms = np.empty((images, width)), np.empty(images), np.empty(images)

        def part(start: int, stop: int) -> None:
            own = slice(start, stop)
            found = known(own)
            sums, details = found.sums.reshape(stop - start, -1), found.tiled(TILES).reshape(stop - start, -1)
            reduced[own, :count] = sums * scale - middle / self.side
            reduced[own, count:] = np.sqrt(details) * scale
            squares[own] = np.einsum("ij,ij->i", reduced[own], reduced[own])
            norms[own] = np.sqrt(np.einsum("ij,ij->i", sums, sums, dtype=np.float64) + details.sum(1)) * scale

        shared_out(part, images, least=max(1, LEAST // (self.planes * self.height * self.width)))
        return reduced, squares, norms

    def held(self, dimensions: int) -> int:
        """Return about twice the sums and details, which are integers before they are reduced."""
        return 4 * dimensions // self.side**2


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

    def held(self, dimensions: int) -> int:
        """Return all of them; see ``Reduction``."""
        return dimensions


def whole() -> Reduction:
    """Return the reduction that keeps everything."""
    return Whole()


def pooled(shape: tuple[int, ...]) -> Pooled | None:
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
