"""The points of a space themselves, without a manifold: what every gain from artifacts is measured against."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding, Points
from manifpt.errors import NumbersError
from manifpt.extractors.extractor import Features
from manifpt.images import ImageSet
from manifpt.progress import tracked
from manifpt.registry import built
from manifpt.storage import allocated

BATCH = 256


def embedded(images: ImageSet, embedding: Embedding, *, cache: Cache | None = None) -> Iterator[tuple[slice, Points]]:
    """Yield the points of consecutive images, reading costly ones from the cache where it holds them.

    Args:
        images: The images.
        embedding: The space.
        cache: Where costly points are kept; None for nowhere.

    Raises:
        NumbersError: A point holds NaN or infinity; nothing of its batch is kept.
    """
    batches = range(-(-len(images) // BATCH))
    if cache is None or not embedding.costly:
        decoded = tracked(images.batches(BATCH), f"points ({embedding.name})", total=len(batches))
        yield from ((rows, _finite(embedding(pixels), embedding.name, images, rows)) for rows, pixels in decoded)
        return
    for batch in tracked(batches, f"points ({embedding.name})"):
        rows = slice(batch * BATCH, min((batch + 1) * BATCH, len(images)))
        yield rows, _remembered(images.subset(np.arange(rows.start, rows.stop)), embedding, cache)


def _remembered(images: ImageSet, embedding: Embedding, cache: Cache) -> Points:
    settings = {"points": embedding.settings(), "size": [images.height, images.width]}
    known = cache.stored(settings, images.digests)
    missing = [index for index in range(len(images)) if index not in known]
    if missing:
        unknown = images.subset(missing)
        new = _finite(embedding(unknown.pixels()), embedding.name, unknown, slice(None)).coordinates()
        cache.store(settings, [images.digests[index] for index in missing], list(new))
        known |= dict(zip(missing, new, strict=True))
    return Points(np.stack([known[index] for index in range(len(images))]).astype(np.float32))


def _finite(points: Points, space: str, images: ImageSet, rows: slice) -> Points:
    """Return points of some rows of a set, or name the first image whose point is not finite."""
    if points.values.dtype == np.uint8:
        return points
    finite = np.isfinite(points.values).reshape(len(points), -1).all(axis=1)
    if finite.all():
        return points
    path = images.paths[rows][int(np.argmin(finite))]
    raise NumbersError(
        f"the point of {path} in {space} holds NaN or infinity",
        expected="finite coordinates",
        remedy="leave the image out, or check the space's weights",
    )


class EmbeddedPoints:
    """The points of a space as features: with ``rgb``, raw pixels through the same attributor.

    Args:
        space: A name of the registry or an embedding.
        cache: Where costly points are kept; None for nowhere.
    """

    learns = False

    def __init__(self, space: str | Embedding = "rgb", *, cache: Cache | None = None) -> None:
        self.space = space
        self.cache = cache
        self.embedding: Embedding = built("embeddings", space) if isinstance(space, str) else space

    def settings(self) -> dict[str, Any]:
        """Return the settings of the space."""
        return {"name": "points", "space": self.embedding.settings()}

    def fit(self, images: ImageSet) -> Self:
        """Learn nothing: points need no reference."""
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the coordinates of each image, float32 (n, *shape)."""
        shape = self.embedding.shape(images.height, images.width)
        features = allocated((len(images), *shape), np.float32)
        for rows, points in embedded(images, self.embedding, cache=self.cache):
            features[rows] = points.coordinates()
        return features

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return nothing: nothing was learned."""
        return {}

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over nothing."""
        return self
