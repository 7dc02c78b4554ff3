"""The FREQ spaces: log-magnitude of the centred two-dimensional Fourier transform.

Song et al. 2024, section 3, "FREQ": ln(|F| + 1e-12) per channel, zero frequency in the middle.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images, Points
from manifpt.embeddings.pixels import RGB

FLOOR = 1e-12
LUMA = (0.299, 0.587, 0.114)  # ITU-R BT.601


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
    height, width = channels.shape[-2:]
    half = np.log(np.abs(fft.rfft2(channels)) + FLOOR).astype(np.float32)
    rows, columns = -np.arange(height) % height, -np.arange(half.shape[-1], width) % width
    whole = np.concatenate([half, half[..., rows, :][..., columns]], axis=-1)
    return np.asarray(fft.fftshift(whole, axes=(-2, -1)))


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
        return Points(log_spectrum(images.transpose(0, 3, 1, 2) / 255))


class GreyFrequency(Frequency):
    """Log-spectrum of the luma (ITU-R BT.601) of the pixels in [0, 1]."""

    name = "freq-grey"

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (1, height, width)."""
        return (1, height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        red, green, blue = (images[..., channel] / 255 for channel in range(3))
        # Written out instead of a matrix product, whose rounding depends on the size of the batch.
        return Points(log_spectrum(LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None])


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
