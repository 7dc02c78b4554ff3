"""The FREQ spaces: log-magnitude of the centred two-dimensional Fourier transform.

Song et al. 2024, section 3, "FREQ": ln(|F| + 1e-12) per channel, zero frequency in the middle.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images, Points
from manifpt.embeddings.pixels import RGB

FLOOR = 1e-12
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601
PART = 2**17  # values transformed at a time
THREADS = 4


def log_spectrum(channels: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return ln(|F| + 1e-12) with the zero frequency at [height // 2, width // 2].

    The transform runs in float64: on flat images every other coefficient is rounding noise, and in float32 that noise
    would rule the distance. Only half of the plane is computed and the other half mirrors it, so that the spectrum of a
    real image is exactly symmetric.

    Args:
        channels: Real images, (..., height, width).

    Returns:
        float32 array of the same shape.

    Example:
        >>> round(float(log_spectrum(np.ones((4, 4)))[2, 2]), 3)  # ln 16
        2.773
    """
    magnitude = np.abs(fft.rfft2(channels))
    magnitude += FLOOR
    return _mirrored(np.log(magnitude, out=magnitude), channels.shape[-1])


def _mirrored(half: NDArray[np.float64], width: int) -> NDArray[np.float32]:
    """Return the whole plane, zero frequency in the middle, of the columns of frequencies from zero up."""
    height = half.shape[-2]
    down, across = height // 2, width // 2
    whole = np.empty((*half.shape[:-1], width), np.float32)
    right, left = whole[..., across:], whole[..., :across]
    right[..., down:, :] = half[..., : height - down, : width - across]
    right[..., :down, :] = half[..., height - down :, : width - across]
    # The point opposite: rows and columns in falling order, each beginning with the frequency of half the side.
    left[..., : down + 1, :] = half[..., down::-1, across:0:-1]
    left[..., down + 1 :, :] = half[..., :down:-1, across:0:-1]
    if width % 2 == 0:
        # Of an even side the highest frequency is computed itself.
        left[..., down:, 0] = half[..., : height - down, across]
        left[..., :down, 0] = half[..., height - down :, across]
    return whole


def _spectra(images: Images, channels: Callable[[Images], NDArray[np.float64]]) -> Points:
    """Return the log-spectra of what ``channels`` makes of images, (n, channels, height, width), by threads.

    A few images at a time, so that what lies between pixels and spectrum stays in the processor's cache.
    """
    rows = max(1, PART // max(1, images[:1].size))
    parts = [images[start : start + rows] for start in range(0, len(images), rows)] or [images]
    if len(parts) == 1:
        return Points(log_spectrum(channels(images)))
    first = log_spectrum(channels(parts[0]))
    values = np.empty((len(images), *first.shape[1:]), np.float32)
    values[:rows] = first

    def fill(part: int) -> None:
        values[part * rows : (part + 1) * rows] = log_spectrum(channels(parts[part]))

    with ThreadPoolExecutor(THREADS) as pool:
        for _ in pool.map(fill, range(1, len(parts))):
            pass
    return Points(values)


class Frequency:
    """Log-spectrum of each colour channel of the pixels in [0, 1].

    Example:
        >>> Frequency()(np.zeros((2, 8, 8, 3), np.uint8)).values.shape
        (2, 3, 8, 8)
    """

    name = "freq"
    costly = False
    mirrors = False

    def settings(self) -> dict[str, Any]:
        """Return the name; there is nothing else to set."""
        return {"name": self.name}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        return _spectra(images, lambda part: part.transpose(0, 3, 1, 2) / 255)


class GreyFrequency(Frequency):
    """Log-spectrum of the luma (ITU-R BT.601) of the pixels in [0, 1]."""

    name = "freq-grey"

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (1, height, width)."""
        return (1, height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        return _spectra(images, _luma)


def _luma(images: Images) -> NDArray[np.float64]:
    red, green, blue = (images[..., channel] / 255 for channel in range(3))
    # Written out instead of a matrix product, whose rounding depends on the size of the batch.
    return np.asarray(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


class PixelsAndFrequency(Frequency):
    """Pixels in [0, 1] and their log-spectrum, stacked: the paper's RGB+FREQ variant.

    The space is one: its metric is the Euclidean distance of the stack, in which the spectrum outweighs the pixels.
    """

    name = "rgb+freq"

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (6, height, width)."""
        return (6, height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        spaces = (RGB(), Frequency())
        return Points(np.concatenate([space(images).coordinates() for space in spaces], axis=1))
