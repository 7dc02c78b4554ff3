"""Artifacts with the faults of the code that the paper's authors released, each on purpose, to measure what it does."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding
from manifpt.extractors.artifacts import Artifacts, Indexed, difference
from manifpt.extractors.extractor import Features
from manifpt.extractors.points import BATCH, embedded
from manifpt.images import REAL, ImageSet
from manifpt.registry import built
from manifpt.storage import allocated

LEVELS = 255


class Released:
    """The artifact as the released code of Song et al. 2024 makes it, for studies of its faults; never for results.

    Without a fault it is that of ``Artifacts`` with the manifold ``nearest``, to the bit.

    Args:
        space: A name of the registry or an embedding.
        reals_in_reference: Every image labelled ``real`` that ``fit`` is given becomes a reference, test images too:
            it is its own nearest point, so that its artifact is 0. That ``learns`` is False nevertheless, and studies
            so fit it once on all images, is the fault.
        neighbors_in_rgb: The nearest reference is searched in RGB; the artifact is the image's point minus that
            reference's point in the space.
        clipped: Artifacts pass through 8 bits, as in a PNG file; see ``eight_bits``.
        cache: Where projections, costly points and references of more than 64 MiB are kept; None for nowhere.

    Example:
        >>> black, white, grey = (np.full((1, 8, 8, 3), level, np.uint8) for level in (0, 255, 100))
        >>> pixels, roles = np.concatenate([black, white, grey]), ["reference", "reference", ""]
        >>> images = ImageSet.from_arrays(pixels, ["real"] * 3, roles=roles)
        >>> [abs(Released(reals_in_reference=fault).fit(images).extract(images.scored)).max() > 0
        ...  for fault in (False, True)]
        [np.True_, np.False_]
    """

    learns = False

    def __init__(
        self,
        space: str | Embedding = "rgb",
        *,
        reals_in_reference: bool = False,
        neighbors_in_rgb: bool = False,
        clipped: bool = False,
        cache: Cache | None = None,
    ) -> None:
        self.space = space
        self.reals_in_reference = reals_in_reference
        self.neighbors_in_rgb = neighbors_in_rgb
        self.clipped = clipped
        self.cache = cache
        self.embedding: Embedding = built("embeddings", space) if isinstance(space, str) else space
        self._artifacts, self._pixels = Artifacts(self.embedding, cache=cache), Artifacts("rgb", cache=cache)

    def settings(self) -> dict[str, Any]:
        """Return the settings of the space, and the faults."""
        return {
            "name": "released",
            "space": self.embedding.settings(),
            "reals_in_reference": self.reals_in_reference,
            "neighbors_in_rgb": self.neighbors_in_rgb,
            "clipped": self.clipped,
        }

    def fit(self, images: ImageSet) -> Self:
        """Estimate the manifold from the images of role ``reference``, and from all other reals if that fault is on.

        Raises:
            DataError: No image is a reference.
        """
        reference = images.reference
        if self.reals_in_reference and len(reference):
            scored = images.roles != "reference"
            reals = np.flatnonzero(scored & (images.generators == REAL))
            rows = np.concatenate([np.flatnonzero(~scored), reals])
            self._reals = images.subset(reals).pixels()
            reference = images.subset(rows).with_roles(["reference"] * len(rows))
        return self._fitted(reference, {})

    def _fitted(self, reference: ImageSet, state: dict[str, NDArray[np.generic]]) -> Self:
        self._artifacts.restore(state, reference)
        if self.neighbors_in_rgb:
            self._pixels.fit(reference)
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the artifact of each image with the faults, float32 (n, *shape)."""
        artifacts = self._by_rgb(images) if self.neighbors_in_rgb else self._artifacts.extract(images)
        if self.clipped:
            for start in range(0, len(artifacts), BATCH):
                artifacts[start : start + BATCH] = eight_bits(artifacts[start : start + BATCH])
        return artifacts

    def _by_rgb(self, images: ImageSet) -> Features:
        references = self._artifacts.manifold_
        artifacts = allocated((len(images), *self.embedding.shape(images.height, images.width)), np.float32)
        found = zip(embedded(images, self.embedding, cache=self.cache), self._pixels.projected(images), strict=True)
        for (rows, points), (_, _, projection) in found:
            assert isinstance(references, Indexed) and projection.neighbors is not None
            artifacts[rows] = difference(points, references.counterparts(projection.neighbors))
        return artifacts

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return the reference points where they are costly, and the reals that ``fit`` added to the references."""
        return self._artifacts.state() | ({"reals": self._reals} if self.reals_in_reference else {})

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over what ``state`` returned, given the reference images."""
        if self.reals_in_reference:
            self._reals = np.asarray(state["reals"], np.uint8)
            pixels = np.concatenate([reference.pixels(), self._reals])
            reference = ImageSet.from_arrays(pixels, [REAL] * len(pixels), roles=["reference"] * len(pixels))
        return self._fitted(reference, state)


def eight_bits(artifacts: Features) -> Features:
    """Return artifacts as they come back from an 8-bit image that they were saved to without an offset or a scale.

    Round 255 a, clip it to 0 … 255, divide by 255: what is negative is lost, and so is what exceeds 1. In RGB the
    other values keep their bits. How the released code scales is not stated (inferred): this is what common libraries
    do to a float image in [0, 1], and every space is treated alike, whatever its unit.

    Args:
        artifacts: float32, any shape, in the space's own unit.

    Example:
        >>> eight_bits(np.array([-0.5, 0.0, 0.2, 1.5], np.float32)).astype(float).round(3).tolist()
        [0.0, 0.0, 0.2, 1.0]
    """
    levels = np.rint(artifacts * np.float32(LEVELS)).clip(0, LEVELS)
    return np.asarray(levels * np.float32(1 / LEVELS), np.float32)
