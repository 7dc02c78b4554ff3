"""Shares of over- and under-exposed pixels.

McCloskey and Albright, *Detecting GAN-Generated Imagery Using Saturation Cues*, ICIP 2019 (arXiv 1812.08247): the
normalisation inside a generator keeps its images from being exposed as a camera's are.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Images
from manifpt.extractors.handmade import THOUSANDTHS, HandMade, luma_in_thousandths

BRIGHT = (240, 245, 250, 255)
DARK = (0, 5, 10, 15)
BINS = 32


class McCloskey18(HandMade):
    """Share of pixels whose luma is at least 240, 245, 250 and 255, and at most 0, 5, 10 and 15.

    Args:
        chromaticity: Whether a histogram of r = R / (R + G + B) and g, alike, follows, in 32 by 32 cells, also as
            shares; a black pixel counts as grey.

    Example:
        >>> McCloskey18().measured(np.full((1, 16, 16, 3), 252, np.uint8))[0].tolist()
        [1.0, 1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0]
    """

    name = "mccloskey18"
    smallest = 1

    def __init__(self, *, chromaticity: bool = False) -> None:
        self.chromaticity = chromaticity

    def settings(self) -> dict[str, Any]:
        """Return the name and whether there is a histogram."""
        return {"name": self.name, "chromaticity": self.chromaticity}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (8,), or (1032,) with the histogram."""
        return (len(BRIGHT) + len(DARK) + (BINS**2 if self.chromaticity else 0),)

    def measured(self, images: Images) -> NDArray[np.float64]:
        """Return the shares of each of uint8 images (n, height, width, 3), (n, 8 or 1032)."""
        luma = luma_in_thousandths(images).reshape(len(images), -1)
        bright = [(luma >= THOUSANDTHS * limit).mean(axis=1) for limit in BRIGHT]
        dark = [(luma <= THOUSANDTHS * limit).mean(axis=1) for limit in DARK]
        shares = np.stack([*bright, *dark], axis=1)
        return np.concatenate([shares, chromaticities(images)], axis=1) if self.chromaticity else shares


def chromaticities(images: Images) -> NDArray[np.float64]:
    """Return the share of pixels in each cell of r and g, r first, of uint8 images (n, height, width, 3), (n, 1024)."""
    pixels = images.reshape(len(images), -1, 3).astype(np.int64)
    pixels[pixels.sum(axis=2) == 0] = 1
    # Whole numbers, so that a border between cells is no matter of rounding.
    cells = np.minimum(BINS * pixels[..., :2] // pixels.sum(axis=2, keepdims=True), BINS - 1)
    places = cells @ np.array([BINS, 1]) + BINS**2 * np.arange(len(images))[:, None]
    counts = np.bincount(places.reshape(-1), minlength=BINS**2 * len(images)).reshape(len(images), BINS**2)
    return np.asarray(counts / pixels.shape[1])
