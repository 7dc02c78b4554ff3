"""The references of a manifold, and their points, kept on disk where they are many and there is a cache."""

from __future__ import annotations

import hashlib
import json
import logging
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding, Points
from manifpt.errors import DataError
from manifpt.extractors.points import embedded
from manifpt.images import ImageSet
from manifpt.manifolds.folders import KEPT, discarded
from manifpt.manifolds.references import References
from manifpt.manifolds.shards import DamageError, ReferencesError
from manifpt.storage import IN_MEMORY_BYTES

logger = logging.getLogger("manifpt")


def references(images: ImageSet, *, to: str = "estimate the manifold") -> ImageSet:
    """Return the images of role ``reference``.

    Args:
        images: All images.
        to: What they are needed for, in words.

    Raises:
        DataError: No image has that role.
    """
    reference = images.reference
    if not len(reference):
        raise DataError(
            "no image is a reference",
            expected=f"real images that {to}",
            remedy="give a folder of reals with --reference (reference= in Python)",
        )
    return reference


def reference_points(
    images: ImageSet, embedding: Embedding, *, digest: str, cache: Cache | None = None
) -> Iterable[Points]:
    """Return the points of the reference images in blocks.

    Where they are larger than 64 MiB and there is a cache, they are kept in its folder ``references/`` and mapped from
    there; a build that was killed goes on. Every digest is compared, and what is damaged is made again. A folder that
    cannot be used (a full disk, another writer) is reported, and points are made without it.

    Args:
        images: The reference images.
        embedding: The space.
        digest: The digest of the images' content in their order.
        cache: Where points are kept; None for nowhere.
    """
    if cache is not None and _size(images, embedding) > IN_MEMORY_BYTES:
        settings = {"space": embedding.settings(), "size": [images.height, images.width], "reference": digest}
        folder = _folder(cache, settings)
        try:
            return [shard.points for shard in _complete(folder, settings, images, embedding, cache).shards]
        except ReferencesError as error:
            logger.warning("the references are not kept on disk, going on without (%s)", error)
    return (points for _, points in embedded(images, embedding, cache=cache))


def _complete(
    folder: Path, settings: dict[str, Any], images: ImageSet, embedding: Embedding, cache: Cache
) -> References:
    """Return the references of a folder after adding those that it lacks; a damaged folder is made anew, once."""
    try:
        return _continued(folder, settings, images, embedding, cache)
    except DamageError as error:
        logger.warning("damaged references are made again (%s)", error)
        discarded(folder)
        return _continued(folder, settings, images, embedding, cache)


def _continued(
    folder: Path, settings: dict[str, Any], images: ImageSet, embedding: Embedding, cache: Cache
) -> References:
    references = References(folder, settings)
    for shard in references.shards:
        references.check(np.arange(shard.first, shard.first + len(shard)))
    if len(references) < len(images):
        missing = images.subset(np.arange(len(references), len(images)))
        references.append(points for _, points in embedded(missing, embedding, cache=cache))
    if len(references) != len(images):
        raise DamageError(
            f"{folder} holds {len(references)} references",
            expected=f"{len(images)}, one for each image",
            remedy="delete the folder",
        )
    return references


def _size(images: ImageSet, embedding: Embedding) -> int:
    each = math.prod(embedding.shape(images.height, images.width))
    kind: np.dtype[Any] = np.dtype(np.float32)
    if not embedding.costly:  # Costly points are always float32, and no network is loaded to say so.
        kind = embedding(np.empty((0, images.height, images.width, 3), np.uint8)).values.dtype
    return len(images) * each * kind.itemsize


def _folder(cache: Cache, settings: dict[str, Any]) -> Path:
    name = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return cache.folder / KEPT / name[:32]
