"""Tan et al. 2024: neighbouring pixel relationships, what upsampling makes of the cells of two by two pixels."""

from __future__ import annotations

import numpy as np

from manifpt.embeddings.embedding import Images
from manifpt.extractors.extractor import Features
from manifpt.extractors.handmade import HandMade

CELL = 2


class NPR(HandMade):
    """Each pixel less the top left one of its cell of 2 by 2, (3, height, width) in [−1, 1], for ``resnet-small``.

    Tan et al., *Rethinking the Up-Sampling Operations in CNN-based Generative Network for Generalizable Deepfake
    Detection*, CVPR 2024, section 3. Of odd sides the last cells hold one row or column; no pixel is left out.

    Example:
        >>> image = np.array([[9, 7], [8, 9]], np.uint8)[None, :, :, None].repeat(3, axis=3)
        >>> (NPR().measured(image)[0, 0] * 255).round().astype(int).tolist()
        [[0, -2], [-1, 0]]
    """

    name = "npr"
    smallest = 16

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def measured(self, images: Images) -> Features:
        """Return the features of uint8 images (n, height, width, 3)."""
        pixels = images.transpose(0, 3, 1, 2).astype(np.int16)
        rows, columns = (np.arange(side) // CELL * CELL for side in pixels.shape[-2:])
        steps = pixels - pixels[..., rows[:, None], columns]
        return np.ascontiguousarray(steps).astype(np.float32) / np.float32(255)
