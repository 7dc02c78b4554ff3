"""Co-occurrences of neighbouring pixels.

Nataraj et al., *Detecting GAN Generated Fake Images Using Co-occurrence Matrices*, Media Watermarking, Security, and
Forensics 2019.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Images
from manifpt.errors import NumbersError
from manifpt.extractors.handmade import HandMade

LEVELS = 32
FEWEST, ALL = 2, 256


class Nataraj19(HandMade):
    """ln(1 + n) of how often each pair of levels stands side by side, in each channel, the left one down.

    Args:
        levels: How many levels the 256 of a channel are divided into, from 2 to 256; all of equal width where it
            divides 256. The authors keep 256, which leaves nearly all pairs of a small image unseen.

    Example:
        >>> found = Nataraj19().measured(np.zeros((1, 16, 16, 3), np.uint8))
        >>> found.shape, round(float(np.expm1(found[0, 0, 0, 0])))  # 16 rows of 15 pairs
        ((1, 3, 32, 32), 240)
    """

    name = "nataraj19"
    smallest = 2

    def __init__(self, *, levels: int = LEVELS) -> None:
        if not FEWEST <= levels <= ALL:
            raise NumbersError(f"{levels} levels", expected=f"from {FEWEST} to {ALL}", remedy=f"use {LEVELS}")
        self.levels = levels

    def settings(self) -> dict[str, Any]:
        """Return the name and the levels."""
        return {"name": self.name, "levels": self.levels}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, levels, levels)."""
        return (3, self.levels, self.levels)

    def measured(self, images: Images) -> NDArray[np.float64]:
        """Return the matrices of each of uint8 images (n, height, width, 3), (n, 3, levels, levels)."""
        found = np.empty((len(images), 3, self.levels, self.levels))
        for row, image in enumerate(images):
            level = image.astype(np.int64) * self.levels // ALL
            pairs = self.levels * level[:, :-1] + level[:, 1:]
            for channel in range(3):
                counts = np.bincount(pairs[..., channel].reshape(-1), minlength=self.levels**2)
                found[row, channel] = np.log1p(counts).reshape(self.levels, self.levels)
        return found
