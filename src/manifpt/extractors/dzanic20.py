"""How the spectrum decays at high frequencies.

Dzanic, Shah and Witherden, *Fourier Spectrum Discrepancies in Deep Network Generated Images*, NeurIPS 2020.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import fft
from scipy.ndimage import uniform_filter1d

from manifpt.embeddings.embedding import Images
from manifpt.extractors.handmade import HandMade
from manifpt.extractors.rings import Rings, rings
from manifpt.extractors.spectra import magnitudes

LOWEST = 0.5  # of the radius of the corner
LAST = 0.85  # where the fit ends
WINDOW = 5
FLOOR = 1e-8


class Dzanic20(HandMade):
    """Exponent c and start y_i of y = y_i (x / x_1)^c, fitted to the high frequencies of the luma, and their end y_f.

    y is the mean of |F| / |F(0)| over each of some bins of the frequency x, from half that of the corner (the largest,
    x = 1) on, averaged over 5 neighbouring bins. The line is fitted to ln y by least squares, for x up to 0.85, where
    x_1 is the first bin; y_f is y in the last bin, where generated spectra leave the line. There are 1.5 √side bins:
    8 at 32 px, 12 at 64, 24 at 256. 1e-8 is added to y, so that a flat image has c = 0 and y_i = y_f = 1e-8; |F(0)| is
    taken to be at least 1, one grey level in one pixel, so that a black image has a y.

    Example:
        >>> pixels = np.zeros((1, 32, 32, 3), np.uint8)
        >>> pixels[0, 3, 4] = 200  # a point has the same magnitude at all frequencies
        >>> Dzanic20().measured(pixels).round(6).tolist()
        [[0.0, 1.0, 1.0]]
    """

    name = "dzanic20"
    smallest = 16

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3,)."""
        return (3,)

    def measured(self, images: Images) -> NDArray[np.float64]:
        """Return c, y_i and y_f of each of uint8 images (n, height, width, 3), (n, 3)."""
        spectra = magnitudes(images)
        height, width = spectra.shape[1:]
        zero = np.maximum(spectra[:, height // 2, width // 2], 1)
        bins = _bins(height, width)
        reduced = uniform_filter1d(bins.rings.means(spectra) / zero[:, None], WINDOW, axis=1, mode="nearest")
        # A running sum may fall below zero by its rounding.
        values = np.maximum(reduced, 0) + FLOOR
        exponents, starts = decays(values[:, bins.middles <= LAST], bins.middles[bins.middles <= LAST])
        return np.stack([exponents, starts, values[:, -1]], axis=1)


def decays(values: NDArray[np.float64], places: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return c and y_i, (n,) each, of the line through ln y over ln(x / x_1) by least squares.

    Args:
        values: y, (n, bins), positive.
        places: x, (bins,), positive, at least two.

    Example:
        >>> x = np.array([1.0, 2.0, 4.0])
        >>> exponent, start = decays(3 * x[None] ** -2, x)
        >>> round(float(exponent[0]), 6), round(float(start[0]), 6)
        (-2.0, 3.0)
    """
    across, logs = np.log(places / places[0]), np.log(values)
    offsets = across - across.mean()
    slopes = (logs * offsets).sum(axis=1) / (offsets**2).sum()
    return slopes, np.exp(logs.mean(axis=1) - slopes * across.mean())


@dataclass(frozen=True, eq=False, slots=True)
class _Bins:
    rings: Rings
    middles: NDArray[np.float64]


@lru_cache(maxsize=8)
def _bins(height: int, width: int) -> _Bins:
    down, across = (fft.fftshift(fft.fftfreq(side)) for side in (height, width))
    radii = np.hypot(down[:, None], across) / np.hypot(0.5, 0.5)
    count = bins(height, width)
    # The corner itself, at 1, belongs to the last bin.
    numbers = np.floor((np.minimum(radii, np.nextafter(1, 0)) - LOWEST) / (1 - LOWEST) * count)
    return _Bins(rings(numbers.astype(np.int64), count), LOWEST + (np.arange(count) + 0.5) * (1 - LOWEST) / count)


def bins(height: int, width: int) -> int:
    """Return how many bins there are.

    Example:
        >>> [bins(side, side) for side in (32, 64, 128, 256)]
        [8, 12, 17, 24]
    """
    return round(1.5 * math.sqrt(min(height, width)))
