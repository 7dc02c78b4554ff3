"""The nearest reference in RGB, shown with every answer, whatever the method's own space."""

from __future__ import annotations

from typing import Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.pixels import RGB
from manifpt.images import ImageSet
from manifpt.manifolds.nearest import Nearest
from manifpt.methods.attribution import NearestReal, rounded
from manifpt.storage import allocated


class Evidence:
    """Finds the nearest reference of an image in RGB.

    Attributes:
        pixels_: The references, uint8 (n, height, width, 3).
        paths_: Their paths, as given.
        digests_: Digests of their content.
    """

    def fit(self, reference: ImageSet) -> Self:
        """Keep the pixels, paths and digests of the references."""
        pixels = allocated((len(reference), reference.height, reference.width, 3), np.uint8)
        for rows, batch in reference.batches():
            pixels[rows] = batch
        return self.restore(pixels, list(reference.paths), tuple(reference.digests))

    def restore(self, pixels: NDArray[np.uint8], paths: list[str], digests: tuple[str, ...]) -> Self:
        """Take over what ``fit`` learned."""
        self.pixels_, self.paths_, self.digests_ = pixels, paths, digests
        self.manifold_ = Nearest().fit([RGB()(pixels)])
        return self

    def nearest(self, images: NDArray[np.uint8]) -> list[NearestReal]:
        """Return the nearest reference of each image (n, height, width, 3)."""
        projection = self.manifold_.project(RGB()(images))
        assert projection.neighbors is not None
        return [
            NearestReal(self.paths_[index], self.digests_[index], rounded(distance))
            for index, distance in zip(projection.neighbors[:, 0], projection.distances, strict=True)
        ]
