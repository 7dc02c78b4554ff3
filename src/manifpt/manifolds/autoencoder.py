"""An autoencoder of the reals: what its decoder can make is the manifold."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import mse_loss

from manifpt.device import device
from manifpt.manifolds.bottleneck import Bottleneck
from manifpt.manifolds.counts import whole
from manifpt.manifolds.learning import Loss, crops
from manifpt.manifolds.stored import Stored
from manifpt.manifolds.tiles import Maps, Window, tiled
from manifpt.manifolds.trained import TrainedManifold
from manifpt.manifolds.unet import UNet

RATE = 0.1  # of the steps of the code, whose numbers differ by about 4 between reals
LONGEST_CODE = 256


class Autoencoder(TrainedManifold):
    """Projects a map onto what a decoder makes of a short code, both learned from reals.

    A network learns from references alone to give a crop back that passed through a code of a twelfth of its numbers
    (mean squared error). What its decoder can make is the manifold. The encoder gives a point on it; with
    ``refinements`` the code goes on by so many steps of gradient descent (Adam) towards the decoder's image that is
    nearest to the map, and the nearest of all steps is kept: projection onto the range of a generator (Bora et al.,
    ICML 2017; Samangouei et al., ICLR 2018). It assumes that generators leave their trace in what such a code cannot
    hold; what it cannot hold of reals is in the artifact too. Images of more than 256 px are refined tile by tile.

    Args:
        code: Channels of the code, at a quarter of the sides.
        refinements: Steps from the encoder's answer.
        steps: Of the training, each on 2¹⁵ pixels.
        width: Channels of the network at full size.
        seed: Of weights and crops.

    Raises:
        NumbersError: A number is not whole, or out of its range.

    Example:
        >>> from manifpt.embeddings.embedding import Points
        >>> grey = Points(np.full((4, 3, 8, 8), 128, np.uint8), scale=1 / 255)
        >>> Autoencoder(steps=1, width=4).fit([grey]).project(grey).points.values.shape
        (4, 3, 8, 8)
    """

    name = "autoencoder"
    told = False
    network_: Bottleneck

    def __init__(
        self, *, code: int = 4, refinements: int = 0, steps: int = 800, width: int = 16, seed: int = 0
    ) -> None:
        super().__init__(steps=steps, width=width, seed=seed)
        self.code = whole("code", code, least=1, most=LONGEST_CODE)
        self.refinements = whole("refinements", refinements, least=0)

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments, with the name."""
        return {**super().settings(), "code": self.code, "refinements": self.refinements}

    def learning(self) -> dict[str, Any]:
        """Return everything that decides the weights apart from the references."""
        return {**super().learning(), "code": self.code}

    def _built(self, channels: int) -> Bottleneck:
        return Bottleneck(channels, self.width, code=self.code)

    def _projected(self, maps: Maps) -> Maps:
        return tiled(Refined(self.network_, self.refinements), maps)

    def _loss(self, references: Stored) -> Loss:
        def loss(network: UNet, step: int) -> Tensor:
            clean = crops(references, np.random.default_rng([self.seed, 1, step])).to(device())
            return mse_loss(network(clean), clean)

        return loss


class Refined:
    """A trained autoencoder whose codes go on towards the nearest image.

    Args:
        network: In evaluation mode, its weights fixed.
        steps: Of each code.
    """

    def __init__(self, network: Bottleneck, steps: int) -> None:
        self.network, self.steps = network, steps

    def __call__(self, images: Tensor, kept: Window) -> Tensor:
        """Return the nearest images that were found, of the same shape; no image changes the answer to another.

        Args:
            images: (n, channels, height, width), in [0, 1].
            kept: The rows and columns that decide which is nearest: a tile's margin stands in its neighbour's answer.
        """
        if not self.steps:
            return self.network(images)  # type: ignore[no-any-return]
        with torch.inference_mode(mode=False), torch.enable_grad():
            wanted = images.clone()
            code = self.network.encoded(wanted).detach().requires_grad_()
            optimiser = torch.optim.Adam([code], RATE)
            nearest = wanted.new_full((len(wanted),), torch.inf)
            answer = torch.empty_like(wanted)
            for step in range(self.steps + 1):
                found = self.network.decoded(code, *wanted.shape[-2:])
                squares = (found - wanted).square()
                apart = squares.detach()[..., *kept].sum(dim=(1, 2, 3))
                closer = apart < nearest
                nearest, answer[closer] = torch.where(closer, apart, nearest), found.detach()[closer]
                if step < self.steps:
                    optimiser.zero_grad()
                    squares.sum().backward()  # type: ignore[no-untyped-call]  # torch's own annotation is missing
                    optimiser.step()
            return answer
