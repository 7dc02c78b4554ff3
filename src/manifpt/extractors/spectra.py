"""The magnitudes of the Fourier transform of the luma, which several methods to compare with begin with."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images
from manifpt.extractors.handmade import luma


def magnitudes(images: Images) -> NDArray[np.float64]:
    """Return |F| of the luma (0 to 255) of uint8 images (n, height, width, 3), the zero frequency in the middle.

    Example:
        >>> magnitudes(np.full((1, 2, 2, 3), 10, np.uint8))[0].tolist()
        [[0.0, 0.0], [0.0, 40.0]]
    """
    return np.asarray(np.abs(fft.fftshift(fft.fft2(luma(images)), axes=(1, 2))))
