"""Manifolds that learn a network from the references: their contract, and how a network is learned only once."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load, save

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Points
from manifpt.errors import ModelError
from manifpt.manifolds.manifold import Manifold

KEPT = "networks"  # the folder in the cache's, with the progress of each training that is not over
SETTINGS = "settings"  # the array that holds the digest of the settings
Arrays = dict[str, NDArray[np.generic]]
logger = logging.getLogger("manifpt")


@runtime_checkable
class Learned(Manifold, Protocol):
    """A manifold that keeps weights instead of references, and is saved with them."""

    def learning(self) -> dict[str, Any]:
        """Return everything that decides the weights apart from the references, JSON-able."""
        ...

    def fit(self, blocks: Iterable[Points], *, checkpoint: Path | None = None) -> Self:
        """Learn from reference points, going on from a file of an earlier attempt where there is one."""
        ...

    def weights(self) -> Arrays:
        """Return what was learned, as named arrays."""
        ...

    def weighted(self, weights: Arrays) -> Self:
        """Take over what ``weights`` returned."""
        ...


def learned(
    manifold: Learned, blocks: Iterable[Points], *, space: dict[str, Any], reference: str, cache: Cache | None
) -> None:
    """Let a manifold learn, or take over what the cache holds of the same learning from the same references.

    A training that was killed goes on from its last checkpoint in the cache's folder, to the same bits.

    Args:
        manifold: Not fitted yet.
        blocks: The reference points; they are not read where the cache holds the weights.
        space: Settings of the space of these points.
        reference: Digest of the reference images, 64 hexadecimal digits.
        cache: Where weights are kept; None for nowhere.
    """
    if cache is None:
        manifold.fit(blocks)
        return
    settings = {"network": manifold.learning(), "space": space}
    known = cache.stored(settings, [reference])
    if known:
        manifold.weighted(load(known[0].tobytes()))
        return
    name = hashlib.sha256(json.dumps([settings, reference], sort_keys=True).encode()).hexdigest()
    checkpoint = cache.folder / KEPT / f"{name[:32]}.safetensors"
    manifold.fit(blocks, checkpoint=checkpoint)
    cache.store(settings, [reference], [np.frombuffer(save(manifold.weights()), np.uint8)])
    _over(checkpoint)


def signed(weights: Arrays, settings: Mapping[str, Any]) -> Arrays:
    """Return weights with the digest of the settings that they belong to, to be saved with a method."""
    return {**weights, SETTINGS: _digest(settings)}


def verified(state: Arrays, settings: Mapping[str, Any]) -> Arrays:
    """Return the weights that were saved with these settings.

    Raises:
        ModelError: They were saved with others.
    """
    if not np.array_equal(state.get(SETTINGS, np.empty(0, np.uint8)), _digest(settings)):
        raise ModelError(
            f"the weights of {settings['name']} were learned or are used with other settings",
            expected="the settings that they were saved with",
            remedy="fit the model again",
        )
    return {name: value for name, value in state.items() if name != SETTINGS}


def _digest(settings: Mapping[str, Any]) -> NDArray[np.uint8]:
    return np.frombuffer(hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).digest(), np.uint8).copy()


def _over(checkpoint: Path) -> None:
    try:
        checkpoint.unlink(missing_ok=True)
    except OSError as error:
        logger.warning("the checkpoint %s cannot be removed (%s)", checkpoint, error.strerror)
