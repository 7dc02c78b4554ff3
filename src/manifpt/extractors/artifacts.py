"""Artifacts: what separates an image from its real counterpart. The only file that joins embeddings and manifolds."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding, Points
from manifpt.errors import DataError
from manifpt.extractors.extractor import Features
from manifpt.extractors.points import embedded
from manifpt.extractors.reference_points import reference_points, references
from manifpt.images import ImageSet
from manifpt.manifolds.learned import Learned, learned, signed, verified
from manifpt.manifolds.manifold import Manifold, Projection
from manifpt.registry import built
from manifpt.storage import allocated


@runtime_checkable
class Referenced(Protocol):
    """A manifold that keeps its references, from which it can be fitted again."""

    @property
    def references(self) -> int:
        """How many references there are."""
        ...

    def reference_points(self, numbers: NDArray[np.int64]) -> Points:
        """Return some references, by their indices (m,)."""
        ...


@runtime_checkable
class Indexed(Protocol):
    """A manifold whose projections can be had again from the neighbours' indices alone, so that these are cached.

    Where a projection depends on the point as well, a manifold has no ``counterparts``.
    """

    def counterparts(self, neighbors: NDArray[np.int64]) -> Points:
        """Return the projections that belong to these indices."""
        ...


@dataclass(frozen=True, slots=True)
class ArtifactSet:
    """The artifacts of n images and how far each image lies from the manifold.

    Args:
        artifacts: point − projection, float32 (n, *shape).
        distances: Euclidean length of each artifact, float64 (n,).
        neighbors: Indices of the nearest references (n, k); None where the manifold has none.
    """

    artifacts: Features
    distances: NDArray[np.float64]
    neighbors: NDArray[np.int64] | None


class Artifacts:
    """The difference of each image to its nearest point on the manifold of reals (Song et al. 2024, definition 2).

    Always point − projection, float32, never clipped. Only images of role ``reference`` are fitted.

    Args:
        space: A name of the registry or an embedding.
        manifold: A name of the registry or a manifold.
        cache: Where projections, costly points, references of more than 64 MiB and a manifold's weights are kept; None
            for nowhere.
    """

    learns = False

    def __init__(
        self, space: str | Embedding = "rgb", *, manifold: str | Manifold = "nearest", cache: Cache | None = None
    ) -> None:
        self.space = space
        self.manifold = manifold
        self.cache = cache
        self.embedding: Embedding = built("embeddings", space) if isinstance(space, str) else space
        self._manifold: Manifold = built("manifolds", manifold) if isinstance(manifold, str) else manifold

    def settings(self) -> dict[str, Any]:
        """Return the settings of the space and of the manifold."""
        return {
            "name": "artifacts",
            "space": self.embedding.settings(),
            "manifold": self._manifold.settings(),
        }

    def fit(self, images: ImageSet) -> Self:
        """Estimate the manifold from the images of role ``reference``.

        Raises:
            DataError: No image has that role.
        """
        reference = references(images)
        content = digest(reference)
        return self._fitted(content, reference_points(reference, self.embedding, digest=content, cache=self.cache))

    def _fitted(self, content: str, blocks: Iterable[Points]) -> Self:
        self.reference_digest_ = content
        self.manifold_: Manifold = self._manifold
        if isinstance(self._manifold, Learned):
            learned(self._manifold, blocks, space=self.embedding.settings(), reference=content, cache=self.cache)
        else:
            self.manifold_ = self._manifold.fit(blocks)
        return self

    def projected_by(self, manifold: Manifold) -> Self:
        """Hand the references over to another manifold of the same settings, which projects from now on.

        Args:
            manifold: Not fitted yet.

        Raises:
            DataError: Its settings differ, so that projections would.
        """
        present = self.manifold_
        if manifold.settings() != present.settings() or not isinstance(present, Referenced):
            raise DataError(
                f"a manifold of the settings {manifold.settings()}",
                expected=f"{present.settings()}, as it was fitted",
                remedy="fit anew with the other manifold",
            )
        self._manifold = manifold
        self.manifold_ = manifold.fit([_references(present)])
        return self

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return the weights of a manifold that learned some, or the reference points where they are costly.

        Others are made from the reference images again.
        """
        if isinstance(self.manifold_, Learned):
            return signed(self.manifold_.weights(), self.settings())
        if not self.embedding.costly or not isinstance(self.manifold_, Referenced):
            return {}
        return {"points": _references(self.manifold_).coordinates()}

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over what ``state`` returned, given the reference images.

        Raises:
            ModelError: A manifold's weights do not fit the settings.
        """
        if isinstance(self._manifold, Learned):
            self.reference_digest_ = digest(reference)
            self.manifold_ = self._manifold.weighted(verified(state, self.settings()))
            return self
        if "points" not in state:
            return self.fit(reference)
        return self._fitted(digest(reference), [Points(state["points"].astype(np.float32))])

    def extract(self, images: ImageSet) -> Features:
        """Return the artifact of each image, float32 (n, *shape)."""
        return self.measured(images).artifacts

    def measured(self, images: ImageSet) -> ArtifactSet:
        """Return the artifacts with their lengths and neighbours."""
        shape = self.embedding.shape(images.height, images.width)
        artifacts = allocated((len(images), *shape), np.float32)
        distances = np.empty(len(images), np.float64)
        neighbors: list[NDArray[np.int64]] = []
        for rows, points, projection in self.projected(images):
            artifacts[rows] = difference(points, projection.points)
            distances[rows] = projection.distances
            if projection.neighbors is not None:
                neighbors.append(projection.neighbors)
        return ArtifactSet(artifacts, distances, np.concatenate(neighbors) if neighbors else None)

    def projected(self, images: ImageSet) -> Iterator[tuple[slice, Points, Projection]]:
        """Yield the points of consecutive images and their projections."""
        for rows, points in embedded(images, self.embedding, cache=self.cache):
            yield rows, points, self._projection(points, images.digests[rows])

    def _projection(self, points: Points, contents: tuple[str, ...]) -> Projection:
        manifold = self.manifold_
        if self.cache is None or not isinstance(manifold, Indexed):
            return manifold.project(points)
        settings = {**self.settings(), "reference": self.reference_digest_}
        known = self.cache.stored(settings, contents)
        missing = [index for index in range(len(points)) if index not in known]
        if missing:
            new = manifold.project(Points(points.values[missing], points.scale))
            assert new.neighbors is not None
            # An index is exact in float64 up to 2⁵³, so that one array holds the distance and the neighbours.
            found = np.column_stack([new.distances, new.neighbors])
            self.cache.store(settings, [contents[index] for index in missing], list(found))
            known |= dict(zip(missing, found, strict=True))
        table = np.stack([known[index] for index in range(len(points))])
        neighbors = table[:, 1:].astype(np.int64)
        return Projection(manifold.counterparts(neighbors), table[:, 0].copy(), neighbors)


def _references(manifold: Referenced) -> Points:
    return manifold.reference_points(np.arange(manifold.references))


def difference(points: Points, projections: Points) -> NDArray[np.float32]:
    """Return point − projection in float32; pixels are subtracted as integers, so that equal ones give exactly 0.

    A projection between pixels is float32, in the space's own unit; its point is brought to that unit too.
    """
    if points.values.dtype == projections.values.dtype == np.uint8:
        steps = points.values.astype(np.int16) - projections.values
        return steps.astype(np.float32) * np.float32(points.scale)
    return points.coordinates() - projections.coordinates()


def digest(images: ImageSet) -> str:
    """Return the digest of the content of a set of images in their order, 64 hexadecimal digits."""
    return hashlib.sha256("".join(images.digests).encode()).hexdigest()
