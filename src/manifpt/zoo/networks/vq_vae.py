"""A VQ-VAE (van den Oord et al. 2017) with an autoregressive prior over its codes, trained in the same steps."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.beta_vae import HONOURED
from manifpt.zoo.networks.code_prior import CodePrior
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import convolution
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.pyramid import Decoder, Encoder, channels
from manifpt.zoo.networks.solitary import Solitary

CODES = 256
LENGTH = 8  # of a code; in few dimensions few codes stay unused
SIDE = 8  # of the grid of codes
COMMITMENT = 0.25
# Of photographs' pixels in [−1, 1]: in its unit the error compares with the codebook's terms (van den Oord et al.).
VARIANCE = 0.25


@dataclass(frozen=True, slots=True)
class Quantised:
    """Maps whose every position is a code.

    Args:
        maps: (n, LENGTH, side, side); their gradient goes straight through to the maps before (equation 3).
        codes: Which codes, (n, side, side).
        codebook: Mean squared distance from which the codebook learns, a scalar.
        commitment: The same distance, from which what is quantised learns.
    """

    maps: Tensor
    codes: Tensor
    codebook: Tensor
    commitment: Tensor


def quantised(maps: Tensor, codebook: Tensor) -> Quantised:
    """Return maps (n, length, h, w) with each position replaced by the nearest row of a codebook (codes, length).

    Example:
        >>> quantised(torch.tensor([0.2, 0.9]).view(1, 1, 1, 2), torch.tensor([[0.0], [1.0]])).codes
        tensor([[[0, 1]]])
    """
    rows = maps.movedim(1, -1)
    distances = codebook.square().sum(1) - 2 * rows.detach() @ codebook.T
    codes = distances.argmin(-1)
    nearest = functional.embedding(codes, codebook).movedim(-1, 1)
    return Quantised(
        maps + (nearest - maps).detach(),
        codes,
        functional.mse_loss(nearest, maps.detach()),
        functional.mse_loss(maps, nearest.detach()),
    )


class VQVAE(nn.Module):
    """A grid of 8 × 8 codes between an encoder and a decoder, and a prior that writes such grids; a ``Generator``.

    Args:
        design: Its choices.

    Example:
        >>> design = Design("a", "vae", "vq-vae", "nearest", "swish", "group", "strided", "residual", "vq", width=8)
        >>> VQVAE(design).sampled(torch.zeros(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        width = channels(design.width, SIDE)
        self.latent_shape: tuple[int, ...] = (SIDE**2,)
        self.encoder = Encoder(design, fine=design.size, coarse=SIDE, width=design.width)
        self.to_code = nn.Conv2d(design.width, LENGTH, 1)
        self.codebook = nn.Parameter(torch.randn(CODES, LENGTH))
        self.from_code = convolution(LENGTH, width)
        self.decoder = Decoder(design, SIDE)
        self.prior = CodePrior(CODES, SIDE**2)

    def encoded(self, images: Tensor) -> Tensor:
        """Return the maps before they are quantised, (n, 8, 8, 8), of images in [−1, 1]."""
        maps: Tensor = self.to_code(self.encoder(images))
        return maps

    def decoded(self, maps: Tensor) -> Tensor:
        """Return images in [−1, 1] of quantised maps (n, 8, 8, 8)."""
        images: Tensor = self.decoder(self.from_code(maps))
        return images

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, 64), one number a code."""
        codes = self.prior.sampled(torch.special.ndtr(latent.double())).reshape(-1, SIDE, SIDE)
        return self.decoded(functional.embedding(codes, self.codebook).movedim(-1, 1))

    @torch.no_grad()
    def prepare(self, images: Tensor) -> None:
        """Put the codes where the encoder's maps of images are, or most would never be the nearest one."""
        rows = self.encoded(images).movedim(1, -1).flatten(0, 2)
        chosen = torch.linspace(0, len(rows) - 1, CODES, device=rows.device).round().long()
        self.codebook.copy_(rows[chosen])

    def loss(self, images: Tensor) -> Tensor:
        """Return the VQ-VAE's loss (equation 3) and the prior's nats per code, added; they share no parameter.

        Args:
            images: In [−1, 1], (n, 3, size, size).
        """
        found = quantised(self.encoded(images), self.codebook)
        error = functional.mse_loss(self.decoded(found.maps), images) / VARIANCE
        return error + found.codebook + COMMITMENT * found.commitment + self.prior.nats(found.codes.flatten(1))


def objective(design: Design) -> Objective:
    """Return the VQ-VAE of a design, trained for ``vq``.

    Raises:
        ManifptError: The architecture cannot honour the design.
    """
    refuse_unhonoured(design, **HONOURED, loss=("vq",))
    with seeded(design.seed):
        network = VQVAE(design)
    return Solitary(network, Recipe(), lambda images, random, step: network.loss(images), network.prepare)
