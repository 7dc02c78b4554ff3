"""The contract of an extractor: images → features."""

from __future__ import annotations

from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manifpt.images import ImageSet

Features = NDArray[np.float32]  # (n, *feature_shape)


@runtime_checkable
class Extractor(Protocol):
    """Turns images into features for an attributor. Artifacts are one extractor, every baseline is another."""

    learns: bool
    """Whether ``fit`` looks at training images, so that it has to be fitted anew in every fold."""

    def settings(self) -> dict[str, Any]:
        """Return everything that decides a feature apart from what ``fit`` learned, JSON-able."""
        ...

    def fit(self, images: ImageSet) -> Self:
        """Learn what the extractor needs; an artifact extractor uses the images of role ``reference`` only."""
        ...

    def extract(self, images: ImageSet) -> Features:
        """Return the features of each image, float32 (n, *feature_shape)."""
        ...

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what ``fit`` learned and cannot be had quickly from the references, as named arrays."""
        ...

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over what ``state`` returned, given the reference images."""
        ...
