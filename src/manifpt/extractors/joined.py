"""The features of several extractors in one vector, for an attributor that knows where each begins."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import NumbersError
from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import ImageSet
from manifpt.registry import built
from manifpt.storage import allocated

BLOCK = 256


class Joined:
    """Several extractors side by side: their features, each flattened, one after the other.

    The attributor ``late`` takes them apart again by ``shapes_``.

    Args:
        parts: Extractors, or rows of the registry.

    Attributes:
        shapes_: Shape of the features of each part, as the fitted images have them.

    Raises:
        NumbersError: There is no part.

    Example:
        >>> images = ImageSet.from_arrays(np.zeros((2, 32, 32, 3), np.uint8), ["gan"] * 2)
        >>> joined = Joined(["points", "durall20"]).fit(images)
        >>> joined.shapes_, joined.extract(images).shape
        (((3, 32, 32), (20,)), (2, 3092))
    """

    name = "joined"

    shapes_: tuple[tuple[int, ...], ...]

    def __init__(self, parts: Sequence[Extractor | str] = ("points", "patch-statistics")) -> None:
        if not parts:
            raise NumbersError("no extractor to join", expected="at least one", remedy="name the parts")
        self.parts: tuple[Extractor, ...] = tuple(
            built("extractors", part) if isinstance(part, str) else part for part in parts
        )
        self.learns = any(part.learns for part in self.parts)

    def settings(self) -> dict[str, Any]:
        """Return the settings of all parts."""
        return {"name": self.name, "parts": [part.settings() for part in self.parts]}

    def fit(self, images: ImageSet) -> Self:
        """Fit each part.

        Raises:
            ManifptError: A part cannot be fitted on these images.
        """
        for part in self.parts:
            part.fit(images)
        self.shapes_ = self._measured(images)
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the features of all parts, float32 (n, sum of their lengths)."""
        lengths = [math.prod(shape) for shape in self.shapes_]
        features = allocated((len(images), sum(lengths)), np.float32)
        end = 0
        for part, length in zip(self.parts, lengths, strict=True):
            start, end = end, end + length
            found = part.extract(images).reshape(len(images), length)
            # Large features lie in files: a copy of all at once would be in memory.
            for row in range(0, len(images), BLOCK):
                features[row : row + BLOCK, start:end] = found[row : row + BLOCK]
        return features

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return what the parts learned."""
        return {
            f"{number}.{name}": value for number, part in enumerate(self.parts) for name, value in part.state().items()
        }

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over what ``state`` returned, given the reference images."""
        for number, part in enumerate(self.parts):
            begin = f"{number}."
            part.restore(
                {name.removeprefix(begin): value for name, value in state.items() if name.startswith(begin)}, reference
            )
        self.shapes_ = self._measured(reference)
        return self

    def _measured(self, images: ImageSet) -> tuple[tuple[int, ...], ...]:
        first = images.subset([0])
        return tuple(tuple(part.extract(first).shape[1:]) for part in self.parts)
