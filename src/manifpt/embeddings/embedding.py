"""The contract of an embedding: image → point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.uint8]  # (n, height, width, 3), sRGB


@dataclass(frozen=True, slots=True)
class Points:
    """Points of a space, either float32 coordinates or exact uint8 coordinates with their scale.

    Args:
        values: (n, *shape), float32 or uint8.
        scale: What one unit of ``values`` is worth: 1 for float32, 1/255 for pixels.
    """

    values: NDArray[np.float32] | NDArray[np.uint8]
    scale: float = 1.0

    def __len__(self) -> int:
        return len(self.values)

    def coordinates(self) -> NDArray[np.float32]:
        """Return float32 coordinates, (n, *shape), in the space's own unit."""
        if self.values.dtype == np.uint8:
            return self.values.astype(np.float32) * np.float32(self.scale)
        return np.asarray(self.values, dtype=np.float32)


@runtime_checkable
class Embedding(Protocol):
    """Maps uint8 images to points of one space.

    Laws, held by the tests for every row of the registry: the same point alone as in a batch (bitwise for pixels and
    spectra, within 1e-5 for networks), deterministic, an empty batch gives no points of the right shape.
    """

    name: str
    """How the registry and the user call this space."""
    costly: bool
    """Whether a point costs more to make than to read back from the cache."""
    mirrors: bool
    """Whether the mirrored map is the map of the mirrored image, so that an attributor may flip maps in training."""

    def settings(self) -> dict[str, Any]:
        """Return everything that decides the value of a point, JSON-able: name, options, digest of the weights."""
        ...

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of the point of an image of this size."""
        ...

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3)."""
        ...
