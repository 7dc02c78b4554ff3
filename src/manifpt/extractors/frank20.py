"""Frank et al. 2020: the logarithm of the discrete cosine transform of each colour channel."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images
from manifpt.extractors.extractor import Features
from manifpt.extractors.handmade import HandMade

FLOOR = 1e-12


def planes(images: Images) -> NDArray[np.float64]:
    """Return the colour channels of uint8 images (n, height, width, 3), (n, 3, height, width) in [0, 1].

    Example:
        >>> planes(np.full((1, 2, 4, 3), 255, np.uint8)).max()
        np.float64(1.0)
    """
    return np.ascontiguousarray(images.transpose(0, 3, 1, 2)) / 255


def cosine_coefficients(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the orthonormal two-dimensional DCT-II of real values (..., height, width), mean first.

    Example:
        >>> cosine_coefficients(np.ones((4, 4)))[0, 0].round(6)  # the square root of 16 values of 1
        np.float64(4.0)
    """
    return np.asarray(fft.dctn(values, axes=(-2, -1), norm="ortho"), np.float64)


def log_scaled(coefficients: NDArray[np.float64]) -> NDArray[np.float32]:
    """Return ln(|c| + 1e-12) of coefficients of any shape, float32.

    Example:
        >>> log_scaled(np.array([-1.0, 1.0])).round(6).tolist()
        [0.0, 0.0]
    """
    return np.asarray(np.log(np.abs(coefficients) + FLOOR), np.float32)


class Frank20(HandMade):
    """Log-scaled cosine coefficients of the pixels in [0, 1], (3, height, width), for ``linear``.

    Frank et al., *Leveraging Frequency Analysis for Deep Fake Image Recognition*, ICML 2020, section 3: periodic traces
    of upsampling stand out in single coefficients.

    Example:
        >>> Frank20().measured(np.zeros((2, 16, 20, 3), np.uint8)).shape
        (2, 3, 16, 20)
    """

    name = "frank20"
    smallest = 16

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def measured(self, images: Images) -> Features:
        """Return the features of uint8 images (n, height, width, 3)."""
        return log_scaled(cosine_coefficients(planes(images)))
