"""A denoiser of the reals: the posterior mean of a clean image, and with it the score of the reals' density."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from manifpt.device import device
from manifpt.errors import NumbersError
from manifpt.manifolds.learning import Loss, crops
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.tiles import Maps
from manifpt.manifolds.trained import TrainedManifold
from manifpt.manifolds.unet import UNet

LEAST, MOST = 0.01, 0.1  # deviations that it learns to take away, in units of the range of pixels


class Denoiser(TrainedManifold):
    """Projects a map onto the mean of the reals that may lie behind it, if noise of a small deviation s hid them.

    A network learns from references alone to tell noise of every deviation from 0.01 to 0.1 (mean squared error of the
    noise, deviations drawn evenly on a logarithmic scale). Its best answer D(x) is the posterior mean, and
    x − D(x) = −s² ∇ log p(x), where p is the density of the reals blurred by that noise (Robbins 1956; Miyasawa 1961):
    the artifact is the direction in which x becomes less real.

    Args:
        noise: s of the projection, in units of the range of pixels.
        steps: Of the training, each on 2¹⁵ pixels.
        width: Channels of the network at full size; 16 makes 231,843 weights for three channels.
        seed: Of weights, crops and noise.

    Raises:
        NumbersError: s is not between 0.01 and 0.1, or a number is not whole or out of its range.

    Example:
        >>> from manifpt.embeddings.embedding import Points
        >>> grey = Points(np.full((4, 3, 8, 8), 128, np.uint8), scale=1 / 255)
        >>> Denoiser(steps=1, width=4).fit([grey]).project(grey).points.values.shape
        (4, 3, 8, 8)
    """

    name = "denoiser"
    told = True

    def __init__(self, *, noise: float = 0.01, steps: int = 800, width: int = 16, seed: int = 0) -> None:
        super().__init__(steps=steps, width=width, seed=seed)
        self.noise = deviation(noise)

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments, with the name."""
        return {**super().settings(), "noise": self.noise}

    def residual(self, maps: Maps, noise: float) -> Maps:
        """Return x − D(x) of maps (n, channels, height, width) in [0, 1], where noise of this deviation is assumed."""
        return self.applied(maps, noise) * np.float32(noise)

    def _projected(self, maps: Maps) -> Maps:
        return maps - self.residual(maps, self.noise)

    def _loss(self, references: Stored) -> Loss:
        def loss(network: UNet, step: int) -> Tensor:
            rng = np.random.default_rng([self.seed, 1, step])
            clean = crops(references, rng).to(device())
            drawn = rng.uniform(math.log(LEAST), math.log(MOST), len(clean)).astype(np.float32)
            told = torch.from_numpy(np.exp(drawn)).to(device())
            noise = torch.from_numpy(rng.standard_normal(clean.shape, np.float32)).to(device())
            return mse_loss(network(clean + told[:, None, None, None] * noise, told), noise)

        return loss


def deviation(noise: Any) -> float:
    """Return a deviation that the network has learned to take away, as Python's own type.

    Raises:
        NumbersError: It is not between 0.01 and 0.1.

    Example:
        >>> deviation(0.05)
        0.05
    """
    try:
        found = float(noise)
    except (TypeError, ValueError):
        found = math.nan
    if not LEAST <= found <= MOST:
        raise NumbersError(
            f"noise = {noise!r}",
            expected=f"a deviation from {LEAST} to {MOST}, in units of the range of pixels",
            remedy="give a number in this range",
        )
    return found
