"""Large images in bands: each band's distance is bounded by means of its pixels until it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.pyramid import Pyramid, pyramid
from manifpt.manifolds.reduction import pooled
from manifpt.manifolds.settling import compiled
from manifpt.manifolds.threads import shared_out

WORTH = 2**15  # coordinates of an image, from which on its bands cost much less than its pixels
BAND = 4  # rows of squares
SIDES = (4, 8)  # pixels of a square's side: fewer take too much memory, more tell too little
ROWS = 32  # images whose bands are computed at once, at most
BLOCK = 2**24  # pixels of so many, at most
FINE = 8  # steps of a grey level: of 2040, 32 bits can add up 512 squares
CUSHION = 1e-4  # of an error, more than float64 rounds it by

Layout = tuple[int, int, int, int, float]


@dataclass(frozen=True, slots=True)
class Rows:
    """The bands of some images.

    Args:
        values: (n, 2 · squares), the means of all bands and then their details: int16.
        errors: (n,) how far each row, in fine steps, may lie from the exact one.
    """

    values: NDArray[np.int16]
    errors: NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bands:
    """The layout of an image's means: a band is a few rows of squares of one plane.

    A band has of each square the mean m of its pixels, and d, the root of the mean square of what m leaves. Then the
    squared distance of two images in a band is at least side² times the sum of all (m − m′)² and (d − d′)²: the pixels
    of a square are their mean and a rest that is orthogonal to it, and by the reverse triangle inequality two rests
    are no nearer than their lengths.

    Rounding. Both are kept in steps of an eighth of a grey level, as integers. With x and y the exact rows, q and r the
    kept ones, ‖x − y‖ ≥ ‖q − r‖ − ‖q − x‖ − ‖r − y‖; the last two are computed with the rows, and ‖q − r‖² is exact.

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

    @property
    def layout(self) -> Layout:
        """Where things lie: bands, squares of each, its pixels, those of a plane, the square of a fine step's worth."""
        down = -(-self.height // (self.side * BAND))
        squares, pixels = BAND * (self.width // self.side), BAND * self.side * self.width
        return self.planes * down, squares, pixels, self.height * self.width, (self.side / FINE) ** 2

    @property
    def size(self) -> int:
        """Bytes of an image's bands."""
        return 4 * self.layout[0] * self.layout[1]

    def pyramid(self, images: NDArray[np.uint8], *, shared: bool = True) -> Pyramid:
        """Return sums and details of images (n, d), made by several threads or by this one alone."""
        planes = images.reshape(len(images), self.planes, self.height, self.width)
        return pyramid(planes, self.side, shared=shared)

    def rows(self, known: Pyramid) -> Rows:
        """Return the bands of images whose sums and details are known."""
        rows = self._room(len(known))

        def part(start: int, stop: int) -> None:
            self._keep(known[start:stop], rows, start)

        shared_out(part, len(known), least=ROWS)
        return rows

    def rows_of(self, images: NDArray[np.uint8], numbers: NDArray[np.int64]) -> Rows:
        """Return the bands of some of the images (n, d)."""
        rows = self._room(len(numbers))
        size = max(1, min(ROWS, BLOCK // images.shape[1]))

        def part(start: int, stop: int) -> None:
            for first in range(start, stop, size):
                own = images[numbers[first : min(first + size, stop)]]
                self._keep(self.pyramid(own, shared=False), rows, first)

        shared_out(part, len(numbers), least=ROWS)
        return rows

    def _room(self, images: int) -> Rows:
        # The last band of a plane may have fewer rows; what it lacks is zero in all images.
        count, squares, *_ = self.layout
        return Rows(np.zeros((images, 2 * count * squares), np.int16), np.empty(images))

    def _keep(self, known: Pyramid, rows: Rows, first: int) -> None:
        own = slice(first, first + len(known))
        count, terms, *_ = self.layout
        squares = self.height // self.side * (self.width // self.side)
        shape = (len(known), self.planes, squares)
        kept = rows.values[own].reshape(len(known), 2, self.planes, count // self.planes * terms)[..., :squares]
        sums, details = known.sums.reshape(shape), known.details.reshape(shape)
        _rounded(sums, details, FINE / self.side**2, kept, rows.errors[own])


@compiled(bounds=True)
def _rounded(
    sums: NDArray[np.int32],
    details: NDArray[np.int64],
    factor: float,
    kept: NDArray[np.int16],
    errors: NDArray[np.float64],
) -> None:
    """Write down sums and roots of details times a factor as integers, and how far that is from them."""
    for image in range(len(sums)):
        lost = 0.0
        for plane in range(sums.shape[1]):
            means, lengths = kept[image, 0, plane], kept[image, 1, plane]
            of_sums, of_details = sums[image, plane], details[image, plane]
            for place in range(len(of_sums)):
                exact = np.float64(of_sums[place]) * factor
                whole = np.floor(exact + 0.5)
                means[place] = np.int32(whole)
                lost += (exact - whole) ** 2
            for place in range(len(of_details)):
                exact = np.sqrt(np.float64(of_details[place])) * factor
                whole = np.floor(exact + 0.5)
                lengths[place] = np.int32(whole)
                lost += (exact - whole) ** 2
        errors[image] = np.sqrt(lost) + CUSHION


@dataclass(frozen=True, slots=True)
class Banded:
    """The bands of references, in the order of their cells.

    Args:
        bands: How images are divided.
        rows: (m, 2 · squares) int16 of the references.
        error: How far a row may lie from the exact one, at most.
    """

    bands: Bands
    rows: NDArray[np.int16]
    error: float


def bands(shape: tuple[int, ...], kind: np.dtype[Any]) -> Bands | None:
    """Return the bands of images, channels first, that can be pooled and are large enough to be worth it; else None.

    Example:
        >>> bands((3, 256, 192), np.dtype(np.uint8))
        Bands(planes=3, height=256, width=192, side=4)
    """
    pooling = pooled(shape) if kind == np.uint8 and math.prod(shape) >= WORTH else None
    if pooling is None or pooling.side < SIDES[0]:
        return None
    return Bands(pooling.planes, pooling.height, pooling.width, min(pooling.side, SIDES[1]))


def telling(own: NDArray[np.int16], others: NDArray[np.int16], layout: Layout) -> NDArray[np.int64]:
    """Return the bands of some pairs, those first whose pixels are likely to add most to the bound.

    Two rests of lengths d and d′ that have nothing to do with each other are by about 2dd′ farther apart than the
    bound says.
    """
    squares = layout[0] * layout[1]
    gaps = own[:, squares:].astype(np.float64) * others[:, squares:]
    return np.argsort(-gaps.sum(axis=0).reshape(layout[0], -1).sum(axis=1), kind="stable")
