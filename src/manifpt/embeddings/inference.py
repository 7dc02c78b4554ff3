"""What every network embedding does alike: batches, float32, a digest of its weights."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from manifpt.embeddings.embedding import Images, Points


class NetworkEmbedding(ABC):
    """An embedding whose points are the features of a network, the same within 1e-5 whatever the batch.

    Weights are looked for when a point, a shape or the settings are first asked for; an instance is cheap.
    """

    name: str
    costly = True
    mirrors = False
    batch = 32

    @abstractmethod
    def options(self) -> dict[str, Any]:
        """Return the constructor arguments that decide a point, JSON-able."""

    @abstractmethod
    def files(self) -> tuple[Path, ...]:
        """Return the files that hold the weights and what else decides a point.

        Raises:
            WeightsError: They are absent.
        """

    @abstractmethod
    def loaded(self) -> nn.Module:
        """Return the network with its weights, from ``files``, without touching a global random state."""

    @abstractmethod
    def features(self, images: Images) -> Tensor:
        """Return the features of one small batch of images, float32 (n, *shape)."""

    @cached_property
    def network(self) -> nn.Module:
        """The network, in evaluation mode and float32."""
        return self.loaded().float().eval().requires_grad_(False)

    def settings(self) -> dict[str, Any]:
        """Return name, options and the SHA-256 of each file of weights.

        Raises:
            WeightsError: The weights are absent.
        """
        digests = {path.name: _digest(path, path.stat().st_mtime_ns) for path in self.files()}
        return {"name": self.name, **self.options(), "sha256": digests}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return the shape of the point of an image of this size.

        Raises:
            WeightsError: The weights are absent.
        """
        return self._shape

    def __call__(self, images: Images) -> Points:
        """Return the points of uint8 images (n, height, width, 3), float32 (n, *shape).

        Raises:
            WeightsError: The weights are absent.
        """
        points = np.empty((len(images), *self._shape), np.float32)
        for start in range(0, len(images), self.batch):
            points[start : start + self.batch] = self._inferred(images[start : start + self.batch])
        return Points(points)

    @cached_property
    def _shape(self) -> tuple[int, ...]:
        # Every image is brought to the network's own size, so one blank image answers for all.
        return self._inferred(np.zeros((1, 32, 32, 3), np.uint8)).shape[1:]

    def _inferred(self, images: Images) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
        with torch.inference_mode():
            return self.features(images).numpy()


@lru_cache(maxsize=256)
def _digest(path: Path, changed: int) -> str:
    # ``changed`` is part of the cache's key, so that a rewritten file is read again.
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
