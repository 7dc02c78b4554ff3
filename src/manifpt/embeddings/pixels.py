"""The RGB space: the pixels themselves."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifpt.embeddings.embedding import Images, Points


class RGB:
    """Pixels in [0, 1], channels first, kept as exact uint8 with the scale 1/255.

    Song et al. 2024, section 3, "RGB".

    Example:
        >>> RGB()(np.full((1, 2, 2, 3), 255, np.uint8)).coordinates().shape
        (1, 3, 2, 2)
    """

    name = "rgb"
    costly = False
    mirrors = True

    def settings(self) -> dict[str, Any]:
        """Return the name; there is nothing else to set."""
        return {"name": self.name}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        return Points(np.ascontiguousarray(images.transpose(0, 3, 1, 2)), scale=1 / 255)
