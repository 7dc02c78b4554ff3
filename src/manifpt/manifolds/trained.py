"""What manifolds that are networks share: learning from maps of pixels, projecting maps of any size, being saved."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from manifpt.device import device
from manifpt.embeddings.embedding import Points
from manifpt.errors import ModelError, NumbersError
from manifpt.manifolds import learned
from manifpt.manifolds.counts import whole
from manifpt.manifolds.learning import Loss, initialised, trained
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.stored import Stored, refuse_non_finite
from manifpt.manifolds.tiles import Maps, applied
from manifpt.manifolds.unet import UNet

AXES = 3  # of a map: channels, height, width
WIDEST = 256
# Pixels are in [0, 1]; what a filter adds to them may leave it a little.
LOWEST, HIGHEST = -1.0, 2.0
# Raised when a training changes, so that no weights of the old one are taken up.
VERSION = 1


class TrainedManifold(ABC):
    """A manifold whose projection is what a network, trained on the references, makes of the point.

    It is trained on crops of at most 64 px, and applied to maps of any size: in tiles where they are large, and to
    the same bits whatever the batch. Weights are the same bits for the same seed on one machine with as many threads.

    Args:
        steps: Of the training, each on 2¹⁵ pixels.
        width: Channels of the network at full size.
        seed: Of weights, crops, and what is done to them.

    Raises:
        NumbersError: A number is not whole, or out of its range.
    """

    name: ClassVar[str]
    told: ClassVar[bool]
    """Whether the network is told the deviation of the noise."""

    def __init__(self, *, steps: int, width: int, seed: int) -> None:
        self.steps = whole("steps", steps, least=1)
        self.width = whole("width", width, least=2, most=WIDEST)
        self.seed = whole("seed", seed, least=0, most=2**63)

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments that all share, with the name."""
        return {"name": self.name, "steps": self.steps, "width": self.width, "seed": self.seed}

    def learning(self) -> dict[str, Any]:
        """Return everything that decides the weights apart from the references."""
        return {**TrainedManifold.settings(self), "version": VERSION}

    def _built(self, channels: int) -> UNet:
        """Return the network for maps of so many channels, with any weights."""
        return UNet(channels, self.width, told=self.told)

    @abstractmethod
    def _loss(self, references: Stored) -> Loss:
        """Return what each step of the training makes smaller."""

    @abstractmethod
    def _projected(self, maps: Maps) -> Maps:
        """Return the counterparts of maps."""

    def fit(self, blocks: Iterable[Points], *, checkpoint: Path | None = None) -> Self:
        """Train on reference points, maps (channels, height, width) of pixels in [0, 1].

        Args:
            blocks: Read once, and kept until the training is over.
            checkpoint: File from which a training that was killed goes on; for this manifold and references alone.

        Raises:
            DataError: There is no reference.
            NumbersError: A coordinate is not finite, points are no maps of pixels, or the loss became NaN.
        """
        references = Stored.of(blocks, least=1)
        _refuse_other_than_pixels(references)
        self.channels_ = references.blocks[0].values.shape[1]
        start = initialised(lambda: self._built(self.channels_), seed=self.seed)
        loss, what = self._loss(references), f"training {self.name}"
        self.network_ = trained(start, loss, steps=self.steps, description=what, checkpoint=checkpoint)
        return self

    def project(self, points: Points) -> Projection:
        """Return the counterpart of each map, float32, in the space's own unit; there are no neighbours.

        Raises:
            NumbersError: A coordinate is NaN or infinite, or the channels are not those of the references.
        """
        maps = self._maps(points)
        counterparts = self._projected(maps)
        apart = (maps - counterparts).astype(np.float64).reshape(len(maps), maps[:1].size)
        return Projection(Points(counterparts), np.linalg.norm(apart, axis=1), None)

    def applied(self, maps: Maps, noise: float | None = None) -> Maps:
        """Return what the trained network answers to maps in [0, 1], the same shape."""
        return applied(self.network_, maps, noise)

    def _maps(self, points: Points) -> Maps:
        shape = points.values.shape[1:]
        if len(shape) != AXES or shape[0] != self.channels_:
            raise NumbersError(
                f"points of shape {shape}",
                expected=f"maps of {self.channels_} channels, as the references are",
                remedy="embed both with the same space",
            )
        flat = points.values.reshape(len(points), points.values[:1].size)
        refuse_non_finite((flat,), "points")
        return points.coordinates()

    def weights(self) -> learned.Arrays:
        """Return the weights of the network in one vector, and the number of channels."""
        vector = torch.cat([weight.reshape(-1) for weight in self.network_.parameters()])
        return {"weights": vector.cpu().numpy(), "channels": np.array([self.channels_], np.int64)}

    def weighted(self, weights: learned.Arrays) -> Self:
        """Take over what ``weights`` returned.

        Raises:
            ModelError: They do not fit the settings.
        """
        channels = weights.get("channels", np.empty(0))
        count = int(channels[0]) if channels.shape == (1,) and channels.dtype == np.int64 else 0
        vector = weights.get("weights", np.empty(0))
        if not 0 < count <= WIDEST or vector.dtype != np.float32 or vector.shape != (self._size(count),):
            raise ModelError(
                f"the weights do not fit the settings of {self.name}",
                expected=f"one vector for {self.width} channels at full size",
                remedy="fit the model again",
            )
        self.channels_ = count
        network = initialised(lambda: self._built(count), seed=self.seed).eval().requires_grad_(False)
        ends = np.cumsum([weight.numel() for weight in network.parameters()])
        # Into their places in memory, which decide how a convolution is computed.
        for weight, part in zip(network.parameters(), np.split(vector, ends[:-1]), strict=True):
            weight.copy_(torch.from_numpy(part.copy()).reshape(weight.shape))
        self.network_ = network.to(device())
        return self

    def _size(self, channels: int) -> int:
        # Its outline takes no memory, whatever the settings ask for.
        with torch.device("meta"):
            return sum(weight.numel() for weight in self._built(channels).parameters())


def _refuse_other_than_pixels(references: Stored) -> None:
    shape = references.blocks[0].values.shape[1:]
    if len(shape) != AXES:
        raise _no_pixels(f"points of shape {shape}")
    low, high = _extent(references.flat)
    if references.blocks[0].values.dtype != np.uint8 and not LOWEST <= low <= high <= HIGHEST:
        raise _no_pixels(f"coordinates from {low:g} to {high:g}")


def _extent(parts: tuple[NDArray[Any], ...]) -> tuple[float, float]:
    return min(float(part.min()) for part in parts), max(float(part.max()) for part in parts)


def _no_pixels(found: str) -> NumbersError:
    return NumbersError(
        found,
        expected="maps (channels, height, width) of pixels in [0, 1]",
        remedy="use the space rgb, or another manifold",
    )
