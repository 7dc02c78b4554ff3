"""What a fitted method remembers of the images that it was fitted on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifpt.images import Preparation


@dataclass(frozen=True, slots=True)
class Training:
    """Size, content and distances of the training images.

    Args:
        height: Height of the images, pixels.
        width: Width of the images, pixels.
        preparation: How they were resized or cropped.
        digests: Content of every image that trained the attributor.
        reference_digest: Content of the reference set.
        real_distances: Distances of the held-out reals to the manifold, sorted; empty without a real class.
    """

    height: int
    width: int
    preparation: Preparation
    digests: tuple[str, ...]
    reference_digest: str
    real_distances: NDArray[np.float64]
