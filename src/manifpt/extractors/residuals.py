"""Marra et al. 2019: the residual that a denoiser leaves, whose mean over a generator's images is its fingerprint."""

from __future__ import annotations

from typing import Any

import numpy as np

from manifpt.embeddings.embedding import Images
from manifpt.extractors.denoising import Denoiser
from manifpt.extractors.extractor import Features
from manifpt.extractors.handmade import HandMade


class Residuals(HandMade):
    """Image − denoised image, (3, height, width) in units of 255, for the attributor ``fingerprints``.

    Marra et al., *Do GANs Leave Artificial Fingerprints?*, MIPR 2019, section 2.

    Args:
        denoiser: ``wavelet`` or ``nl-means``, as of ``Denoiser``.
        noise: Deviation of the noise that it assumes, grey levels.

    Raises:
        UnknownNameError: The denoiser is neither.
        NumbersError: The deviation is not between 0.1 and 100.

    Example:
        >>> Residuals().measured(np.full((2, 16, 20, 3), 9, np.uint8)).shape
        (2, 3, 16, 20)
    """

    name = "residuals"
    smallest = 16

    def __init__(self, *, denoiser: str = "wavelet", noise: float = 5.0) -> None:
        self.denoiser = Denoiser(denoiser, noise=noise)

    def settings(self) -> dict[str, Any]:
        """Return the name, the denoiser and the noise."""
        return {"name": self.name, **self.denoiser.settings()}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def measured(self, images: Images) -> Features:
        """Return the features of uint8 images (n, height, width, 3)."""
        return self.denoiser.residuals(images).astype(np.float32)
