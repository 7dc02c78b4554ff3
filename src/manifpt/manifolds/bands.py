"""Large images in bands: each band's distance is bounded by sums of its pixels until it is computed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.manifolds.pyramid import TILES, pyramid
from manifpt.manifolds.reduction import pooled

WORTH = 2**15  # coordinates of an image, from which on its bands cost much less than its pixels
SIDE = 8  # pixels of a square's side, at most: 16 bits hold its sum
ROWS = 256  # images whose bands are computed at once

Layout = tuple[int, int, int, int, int, int]


@dataclass(frozen=True, slots=True)
class Bands:
    """The layout of an image's sums: a band is as many rows of one plane as a tile is high.

    A band has the sums S of its squares and, d, the whole part of the root of side² times the energy of what they leave
    in each of its tiles. Then side² times the squared distance of two images in a band is at least the sum of all
    (S − S′)² and max(|d − d′| − 1, 0)²: the pixels of a square are their mean S/side² and a rest that is orthogonal to
    it, and by the reverse triangle inequality the rests in a tile are no nearer than their lengths.

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
        """Where things lie: the bands, the sums and tiles of each, its pixels, the pixels of a plane, and side²."""
        down, across = (-(-length // (self.side * TILES)) for length in (self.height, self.width))
        squares = TILES * (self.width // self.side)
        pixels = TILES * self.side * self.width
        return self.planes * down, squares, across, pixels, self.height * self.width, self.side**2

    def rows(self, images: NDArray[np.uint8], numbers: NDArray[np.int64] | None = None) -> NDArray[np.int16]:
        """Return the sums of all bands and then their tiles, (n, sums + tiles), of images (n, d) or of some."""
        numbers = np.arange(len(images)) if numbers is None else numbers
        shape = (self.planes, self.height, self.width)
        count, squares, across, *_ = self.layout
        found = np.zeros((len(numbers), count * (squares + across)), np.int16)
        for start in range(0, len(numbers), ROWS):
            wanted = numbers[start : start + ROWS]
            sums, details = pyramid(images[wanted].reshape(len(wanted), *shape), self.side)
            own = found[start : start + ROWS]
            # The last band may have fewer; what it lacks is zero in all images.
            whole = own[:, : count * squares].reshape(len(wanted), self.planes, -1, sums.shape[3])
            whole[:, :, : sums.shape[2]] = sums
            # These roots are below 2¹⁴, so that float64 gives their whole part without error.
            own[:, count * squares :] = np.floor(np.sqrt(details)).reshape(len(wanted), -1)
        return found


@dataclass(frozen=True, slots=True)
class Banded:
    """The bands of references, in the order of their cells.

    Args:
        bands: How images are divided.
        rows: (m, sums + tiles) of the references.
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
    if pooling is None:
        return None
    return Bands(pooling.planes, pooling.height, pooling.width, min(pooling.side, SIDE))


def strongest(own: NDArray[np.int16], layout: Layout) -> NDArray[np.int64]:
    """Return the bands of some images, those with the strongest details first: their bounds say least."""
    count, squares, *_ = layout
    details = own[:, count * squares :].reshape(len(own), count, -1)
    return np.argsort(-np.einsum("nbt,nbt->b", details, details, dtype=np.float64), kind="stable")
