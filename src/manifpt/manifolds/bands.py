"""Large images in bands: each band's distance is bounded by sums of its pixels until it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.pyramid import pyramid
from manifpt.manifolds.reduction import pooled
from manifpt.manifolds.threads import shared_out

WORTH = 2**15  # coordinates of an image, from which on its bands cost much less than its pixels
BAND = 4  # rows of squares
SIDES = (4, 8)  # pixels of a square's side: fewer take as much memory as the pixels; of more, 16 bits hold no sum
ROWS = 32  # images whose bands are computed at once, at most
BLOCK = 2**24  # pixels of so many, at most

Layout = tuple[int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Bands:
    """The layout of an image's sums: a band is a few rows of squares of one plane.

    A band has of each square the sum S of its pixels, and d, the whole part of the root of side² times the energy of
    what their mean leaves. Then side² times the squared distance of two images in a band is at least the sum of all
    (S − S′)² and max(|d − d′| − 1, 0)²: the pixels of a square are their mean S/side² and a rest that is orthogonal to
    it, and by the reverse triangle inequality two rests are no nearer than their lengths.

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
        """Where things lie: the bands, the squares of each, its pixels, the pixels of a plane, and side²."""
        down = -(-self.height // (self.side * BAND))
        squares, pixels = BAND * (self.width // self.side), BAND * self.side * self.width
        return self.planes * down, squares, pixels, self.height * self.width, self.side**2

    @property
    def size(self) -> int:
        """Bytes of an image's bands."""
        return 4 * self.layout[0] * self.layout[1]

    def rows(self, images: NDArray[np.uint8], numbers: NDArray[np.int64] | None = None) -> NDArray[np.int16]:
        """Return the sums of all bands and then their details, (n, 2 · squares), of images (n, d) or of some."""
        count, squares, *_ = self.layout
        chosen = len(images) if numbers is None else len(numbers)
        size = max(1, min(ROWS, BLOCK // images.shape[1]))
        found = np.zeros((chosen, 2, self.planes, count // self.planes * BAND, self.width // self.side), np.int16)

        def part(first: int, last: int) -> None:
            for start in range(first, last, size):
                block = slice(start, min(start + size, last))
                own = images[block if numbers is None else numbers[block]]
                sums, details = pyramid(own.reshape(len(own), self.planes, self.height, self.width), self.side, 1)
                # The last band of a plane may have fewer rows; what it lacks is zero in all images.
                found[block, 0, :, : sums.shape[2]] = sums
                # These roots are below 2¹³, so that float64 gives their whole part without error.
                found[block, 1, :, : sums.shape[2]] = np.sqrt(details)

        shared_out(part, chosen, least=ROWS)
        return found.reshape(chosen, 2 * count * squares)


@dataclass(frozen=True, slots=True)
class Banded:
    """The bands of references, in the order of their cells.

    Args:
        bands: How images are divided.
        rows: (m, 2 · squares) of the references.
    """

    bands: Bands
    rows: NDArray[np.int16]


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
