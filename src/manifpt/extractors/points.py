"""The points of a space themselves, without a manifold: what every gain from artifacts is measured against."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import closing
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding, Points
from manifpt.embeddings.spread import Spread
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
    places = [slice(start, min(start + BATCH, len(images))) for start in range(0, len(images), BATCH)]
    what = f"points ({embedding.name})"
    if cache is not None and embedding.costly:
        new = _ahead(images, places, embedding, cache) if isinstance(embedding, Spread) else ({} for _ in places)
        with closing(new):
            for place in tracked(places, what):
                yield place, _remembered(_part(images, place), embedding, cache, next(new))
        return
    made = (
        embedding.sets(_part(images, place) for place in places)
        if isinstance(embedding, Spread)
        else (embedding(pixels) for _, pixels in images.batches(BATCH))
    )
    # Closed also after an error, which would keep a pipeline of a cluster alive as long as anybody looks at it.
    with closing(made):
        for place, points in zip(places, tracked(made, what, total=len(places)), strict=True):
            yield place, _finite(points, embedding.name, images, place)


def _part(images: ImageSet, place: slice) -> ImageSet:
    return images.subset(np.arange(place.start, place.stop))


def _shelf(images: ImageSet, embedding: Embedding) -> dict[str, Any]:
    return {"points": embedding.settings(), "size": [images.height, images.width]}


def _remembered(images: ImageSet, embedding: Embedding, cache: Cache, new: dict[int, NDArray[np.float32]]) -> Points:
    """Return points out of the cache, and make and keep those that are neither there nor new."""
    known = cache.stored(_shelf(images, embedding), images.digests) | new
    missing = [index for index in range(len(images)) if index not in known]
    if missing:
        known |= _kept(images, missing, embedding(images.subset(missing).pixels()), embedding, cache)
    return Points(np.stack([known[index] for index in range(len(images))]).astype(np.float32))


def _ahead(
    images: ImageSet, places: list[slice], embedding: Spread, cache: Cache
) -> Generator[dict[int, NDArray[np.float32]]]:
    """Yield, for each place, the points that the cache lacked before any was made; they are kept there."""
    digests, met, plan = images.digests, set[str](), list[list[int]]()
    for place in places:
        known = cache.stored(_shelf(images, embedding), digests[place])
        # By its turn, a copy of an earlier image will be in the cache.
        plan.append([row for row, one in enumerate(digests[place]) if row not in known and one not in met])
        met.update(digests[place.start + row] for row in plan[-1])
    lacking = (_part(images, place).subset(rows) for place, rows in zip(places, plan, strict=True) if rows)
    with closing(embedding.sets(lacking)) as made:
        for place, rows in zip(places, plan, strict=True):
            yield _kept(_part(images, place), rows, next(made), embedding, cache) if rows else {}


def _kept(
    images: ImageSet, rows: list[int], points: Points, embedding: Embedding, cache: Cache
) -> dict[int, NDArray[np.float32]]:
    """Keep new points of some rows in the cache, and return them by row."""
    made = images.subset(rows)
    new = _finite(points, embedding.name, made, slice(None)).coordinates()
    cache.store(_shelf(images, embedding), made.digests, list(new))
    return dict(zip(rows, new, strict=True))


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
