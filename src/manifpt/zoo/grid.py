"""A picture of many samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.writing import replaced_file

GAP = 2


def grid(images: NDArray[np.uint8], *, columns: int = 8) -> NDArray[np.uint8]:
    """Return images side by side on white, uint8 (height, width, 3).

    Args:
        images: uint8 (n, h, w, 3); the last row may be short.
        columns: Images in a row.

    Example:
        >>> grid(np.zeros((3, 4, 4, 3), np.uint8), columns=2).shape
        (14, 14, 3)
    """
    rows = -(-len(images) // columns)
    height, width = images.shape[1] + GAP, images.shape[2] + GAP
    sheet = np.full((rows * height + GAP, columns * width + GAP, 3), 255, np.uint8)
    for index, image in enumerate(images):
        top, left = GAP + index // columns * height, GAP + index % columns * width
        sheet[top : top + image.shape[0], left : left + image.shape[1]] = image
    return sheet


def drawn(images: NDArray[np.uint8], path: Path) -> None:
    """Write a grid as PNG, whole or not at all."""
    with replaced_file(path) as beside:
        Image.fromarray(grid(images)).save(beside, "PNG")
