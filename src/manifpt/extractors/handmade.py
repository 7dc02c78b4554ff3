"""What hand-made features have in common: they are computed from the pixels of one image, and nothing is learned."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Images
from manifpt.embeddings.spectrum import LUMA
from manifpt.errors import ImageError
from manifpt.extractors.extractor import Features
from manifpt.images import ImageSet
from manifpt.progress import tracked
from manifpt.storage import allocated

BATCH = 256
# What lies between pixels and features (float64, complex) of these many pixels stays near 100 MiB.
PART = 2**18
# Of the weights of ITU-R BT.601, which have three decimals.
THOUSANDTHS = 1000


class HandMade(ABC):
    """An extractor that learns nothing: features of each image by itself, whatever else is in its set.

    Attributes:
        name: The row of the registry.
        smallest: Shortest side that the features are defined for, pixels.
    """

    learns = False
    name: ClassVar[str]
    smallest: ClassVar[int]

    @abstractmethod
    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of the features of an image of this size."""

    @abstractmethod
    def measured(self, images: Images) -> NDArray[np.floating[Any]]:
        """Return the features of uint8 images (n, height, width, 3), (n, *shape)."""

    def settings(self) -> dict[str, Any]:
        """Return the name; there is nothing else to set."""
        return {"name": self.name}

    def fit(self, images: ImageSet) -> Self:
        """Learn nothing: the features need no reference."""
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the features of each image, float32 (n, *shape).

        Raises:
            ImageError: The images are too small.
        """
        if min(images.height, images.width) < self.smallest:
            raise ImageError(
                f"images of {images.width} by {images.height} px",
                expected=f"at least {self.smallest} px on each side for {self.name}",
                remedy="use larger images, or another method",
            )
        features = allocated((len(images), *self.shape(images.height, images.width)), np.float32)
        size = max(1, min(BATCH, PART // (images.height * images.width)))
        batches = tracked(images.batches(size), f"features ({self.name})", total=-(-len(images) // size))
        for rows, pixels in batches:
            features[rows] = self.measured(pixels)
        return features

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return nothing: nothing was learned."""
        return {}

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over nothing."""
        return self


def luma_in_thousandths(images: Images) -> NDArray[np.int32]:
    """Return a thousand times the luma (ITU-R BT.601) of uint8 images (n, height, width, 3), exactly: 0 to 255,000.

    Example:
        >>> int(luma_in_thousandths(np.full((1, 1, 1, 3), 255, np.uint8))[0, 0, 0])
        255000
    """
    red, green, blue = (
        round(THOUSANDTHS * weight) * images[..., place].astype(np.int32) for place, weight in enumerate(LUMA)
    )
    return np.asarray(red + green + blue)


def luma(images: Images) -> NDArray[np.float64]:
    """Return the luma (ITU-R BT.601) of uint8 images (n, height, width, 3), (n, height, width), from 0 to 255."""
    return luma_in_thousandths(images) / THOUSANDTHS
