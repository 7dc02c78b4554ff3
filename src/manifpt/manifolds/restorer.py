"""A restorer of the reals: it undoes what cheap decoders do to an image."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from manifpt.device import device
from manifpt.manifolds.degradations import degraded, designs
from manifpt.manifolds.learning import Loss, crops
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.tiles import Maps
from manifpt.manifolds.trained import TrainedManifold
from manifpt.manifolds.unet import UNet

# What a degradation changes, in units of the range of pixels: so that the network's answers are near 1.
SCALE = 0.05
# Reals are to stay where they are.
UNCHANGED = 0.2


class Restorer(TrainedManifold):
    """Projects a map onto the real that it would be if a cheap decoder had made it.

    A network learns from references alone, of pairs of a crop and what one of 20 codings leaves of it
    (``manifpt.manifolds.degradations``), to give the crop back: mean squared error, a fifth of the crops unchanged. It
    assumes that generators err as decoders do, by what growing a small map leaves out and puts in.

    Args:
        steps: Of the training, each on 2¹⁵ pixels.
        width: Channels of the network at full size; 16 makes 215,939 weights for three channels.
        seed: Of weights, crops and codings.

    Raises:
        NumbersError: A number is not whole, or out of its range.

    Example:
        >>> from manifpt.embeddings.embedding import Points
        >>> grey = Points(np.full((4, 3, 8, 8), 128, np.uint8), scale=1 / 255)
        >>> Restorer(steps=1, width=4).fit([grey]).project(grey).points.values.shape
        (4, 3, 8, 8)
    """

    name = "restorer"
    told = False

    def __init__(self, *, steps: int = 800, width: int = 16, seed: int = 0) -> None:
        super().__init__(steps=steps, width=width, seed=seed)

    def _projected(self, maps: Maps) -> Maps:
        return maps + self.applied(maps) * np.float32(SCALE)

    def _loss(self, references: Stored) -> Loss:
        seen, _ = designs()

        def loss(network: UNet, step: int) -> Tensor:
            rng = np.random.default_rng([self.seed, 1, step])
            clean = crops(references, rng)
            chosen = rng.integers(len(seen), size=len(clean))
            chosen[rng.random(len(clean)) < UNCHANGED] = -1
            coded = torch.stack(
                [
                    one if design < 0 else degraded(one[None], seen[design], rng)[0]
                    for one, design in zip(clean, chosen.tolist(), strict=True)
                ]
            )
            target = (clean - coded) / SCALE
            return mse_loss(network(coded.to(device())), target.to(device()))

        return loss
