"""The azimuthal average of the log-spectrum.

Durall et al., *Watch Your Up-Convolution: CNN Based Generative Deep Neural Networks Are Failing to Reproduce Spectral
Distributions*, CVPR 2020.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Images
from manifpt.extractors.handmade import HandMade
from manifpt.extractors.rings import Rings, distances, rings
from manifpt.extractors.spectra import magnitudes

FLOOR = 1e-8
SCALE = 20.0


class Durall20(HandMade):
    """Mean of 20 ln(|F| + 1e-8) of the luma over each ring of frequencies, divided by the first.

    A ring is an integer distance k from the zero frequency (k to k + 1), from 1 up to two short of the corner: 20
    values at 32 px, 43 at 64, 88 at 128 and 179 at 256. Where the first ring's mean is between −1 and 1 (|F| near
    1: almost flat images), ±1 divides instead, so that no value is beyond 400. A flat image has the value 1 everywhere.

    The authors' rings are centred half a coefficient beside the zero frequency; these are centred on it.

    Example:
        >>> profile = Durall20().measured(np.zeros((1, 32, 32, 3), np.uint8))
        >>> profile.shape, round(float(profile.max()), 6)
        ((1, 20), 1.0)
    """

    name = "durall20"
    smallest = 8

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (rings,)."""
        return (radii(height, width),)

    def measured(self, images: Images) -> NDArray[np.float64]:
        """Return the profile of each of uint8 images (n, height, width, 3), (n, rings)."""
        spectra = SCALE * np.log(magnitudes(images) + FLOOR)
        profiles = _rings(*spectra.shape[1:]).means(spectra)
        first = profiles[:, :1]
        return np.asarray(profiles / np.where(first < 0, np.minimum(first, -1), np.maximum(first, 1)))


def radii(height: int, width: int) -> int:
    """Return how many rings the profile of a spectrum has.

    Example:
        >>> [radii(side, side) for side in (32, 64, 128, 256)]
        [20, 43, 88, 179]
    """
    return int(np.hypot((height - 1) / 2, (width - 1) / 2)) - 1


@lru_cache(maxsize=8)
def _rings(height: int, width: int) -> Rings:
    return rings(distances(height, width).astype(np.int64) - 1, radii(height, width))
