"""Scales of the cosine coefficients of 8 by 8 blocks.

Giudice, Guarnera and Battiato, *Fighting Deepfakes by Detecting GAN DCT Anomalies*, Journal of Imaging 7(8), 2021; that
the coefficients follow a Laplacian: Lam and Goodman, *A Mathematical Analysis of the DCT Coefficient Distributions for
Images*, IEEE TIP 2000.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images
from manifpt.extractors.handmade import HandMade, luma

BLOCK = 8


class Giudice21(HandMade):
    """The scale β of a Laplacian fitted to each of the 63 AC coefficients over an image's 8 by 8 blocks of luma.

    The fit is that of maximum likelihood: β is the mean distance from the median, in grey levels. So what is alike in
    all blocks, a pattern whose period divides 8, cannot be seen. The transform (DCT-II) is orthonormal, the order
    JPEG's zigzag. Blocks begin at the upper left corner; what is left over at the right and below is left out.

    Example:
        >>> Giudice21().measured(np.full((1, 16, 16, 3), 90, np.uint8)).shape
        (1, 63)
    """

    name = "giudice21"
    smallest = 2 * BLOCK

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (63,)."""
        return (BLOCK**2 - 1,)

    def measured(self, images: Images) -> NDArray[np.float64]:
        """Return the scales of each of uint8 images (n, height, width, 3), (n, 63)."""
        coefficients = fft.dctn(blocks(luma(images)), axes=(2, 3), norm="ortho")
        alternating = coefficients.reshape(*coefficients.shape[:2], -1)[..., zigzag()[1:]]
        return scales(alternating)


def blocks(luma: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the whole 8 by 8 blocks of images (n, height, width), (n, blocks, 8, 8), row by row."""
    down, across = luma.shape[1] // BLOCK, luma.shape[2] // BLOCK
    whole = luma[:, : BLOCK * down, : BLOCK * across].reshape(-1, down, BLOCK, across, BLOCK)
    return whole.transpose(0, 1, 3, 2, 4).reshape(len(luma), down * across, BLOCK, BLOCK)


def zigzag() -> NDArray[np.int64]:
    """Return the flat indices of an 8 by 8 block in JPEG's order, the constant first.

    Example:
        >>> zigzag()[:6].tolist()
        [0, 1, 8, 16, 9, 2]
    """
    down, across = np.divmod(np.arange(BLOCK**2), BLOCK)
    diagonal = down + across
    return np.lexsort((np.where(diagonal % 2, down, across), diagonal))


def scales(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the scale of a Laplacian fitted over the second axis of values (n, m, …), (n, …).

    Example:
        >>> scales(np.array([[1.0, 2.0, 6.0]])).round(3).tolist()
        [1.667]
    """
    return np.asarray(np.abs(values - np.median(values, axis=1, keepdims=True)).mean(axis=1))
