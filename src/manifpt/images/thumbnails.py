"""Small versions of images, from which near-duplicates are found."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

SIDE = 16


def thumbnail(pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the area-averaged 16 × 16 thumbnail of an image, uint8 (768,)."""
    small = Image.fromarray(pixels).resize((SIDE, SIDE), Image.Resampling.BOX)
    return np.asarray(small, np.uint8).ravel()
