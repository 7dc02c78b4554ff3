"""A hierarchical VAE of two levels, after the very deep VAE (Child 2021): a coarse code, and a finer one given it."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.beta_vae import HONOURED
from manifpt.zoo.networks.gaussian import Gaussian, nats
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import convolution, nonlinearity
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.pyramid import COARSEST, Decoder, Encoder, Refinement, channels, growing, sides
from manifpt.zoo.networks.solitary import Solitary

COARSE = 16  # channels of the coarse code, at 4 × 4
FINE = 4  # channels of the fine code, at a quarter of the image's side


class HierarchicalVAE(nn.Module):
    """Two levels of codes on the way down from a learnt constant; a ``Generator``.

    The coarse code's prior is standard normal, the fine code's a Gaussian that the network reads off the maps so far.
    The noise of an image is both levels' in one row, the coarse one's first.

    Args:
        design: Its choices.
        beta: Weight of the divergences from the priors.

    Example:
        >>> design = Design(
        ...     "a", "vae", "hierarchical-vae", "nearest", "gelu", "none", "average", "residual", "elbo", width=8
        ... )
        >>> network = HierarchicalVAE(design)
        >>> network.latent_shape, network.sampled(torch.zeros(2, *network.latent_shape)).shape
        ((512,), torch.Size([2, 3, 32, 32]))
    """

    def __init__(self, design: Design, beta: float = 2.0) -> None:
        super().__init__()
        width, middle = design.width, design.size // 4
        maps = channels(width, COARSEST)
        self.beta = beta
        self.shapes = ((COARSE, COARSEST, COARSEST), (FINE, middle, middle))
        self.latent_shape: tuple[int, ...] = (sum(math.prod(shape) for shape in self.shapes),)
        self.fine_encoder = Encoder(design, fine=design.size, coarse=middle, width=width)
        self.coarse_encoder = Encoder(design, fine=middle, coarse=COARSEST, width=width, before=width)
        self.coarse_posterior = nn.Conv2d(width, 2 * COARSE, 1)
        self.constant = nn.Parameter(torch.randn(1, maps, COARSEST, COARSEST))
        self.from_coarse = nn.Conv2d(COARSE, maps, 1)
        self.refined = Refinement(design, maps)
        self.grown = nn.Sequential(*(growing(design, maps, maps) for _ in sides(COARSEST, middle)[1:]))
        self.fine_prior = nn.Sequential(nonlinearity(design.nonlinearity), convolution(maps, 2 * FINE))
        self.fine_posterior = nn.Sequential(nonlinearity(design.nonlinearity), convolution(maps + width, 2 * FINE))
        self.from_fine = nn.Conv2d(FINE, maps, 1)
        self.decoder = Decoder(design, middle)

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, *latent_shape)."""
        coarse, fine = self.shapes
        maps = self._coarse_maps(latent[:, : math.prod(coarse)].reshape(-1, *coarse))
        return self._decoded(maps, self._prior(maps).at(latent[:, math.prod(coarse) :].reshape(-1, *fine)))

    def terms(self, images: Tensor, random: torch.Generator) -> tuple[Tensor, Tensor, Tensor]:
        """Return the reconstructions and both levels' divergences from their priors in nats, (n,).

        Args:
            images: In [−1, 1], (n, 3, size, size).
            random: Source of the codes' noise.
        """
        seen = self.fine_encoder(images)
        coarse = Gaussian.halves(self.coarse_posterior(self.coarse_encoder(seen)))
        maps = self._coarse_maps(coarse.drawn(random))
        prior = self._prior(maps)
        moved = Gaussian.halves(self.fine_posterior(torch.cat([maps, seen], 1)))
        # The posterior starts from the prior, so that it needs to learn only what the image adds.
        fine = Gaussian(prior.mean + moved.mean, prior.log_variance + moved.log_variance)
        return self._decoded(maps, fine.drawn(random)), coarse.divergence(), fine.divergence(prior)

    def bound(self, images: Tensor, random: torch.Generator) -> Tensor:
        """Return the negative evidence bound per dimension of an image, in nats, the divergences times β."""
        decoded, coarse, fine = self.terms(images, random)
        error = (decoded - images).square().mean()
        return nats(error) + self.beta * (coarse + fine).mean() / images[0].numel()

    def _coarse_maps(self, coarse: Tensor) -> Tensor:
        maps: Tensor = self.grown(self.refined(self.constant + self.from_coarse(coarse)))
        return maps

    def _prior(self, maps: Tensor) -> Gaussian:
        return Gaussian.halves(self.fine_prior(maps))

    def _decoded(self, maps: Tensor, fine: Tensor) -> Tensor:
        images: Tensor = self.decoder(maps + self.from_fine(fine))
        return images


def objective(design: Design) -> Objective:
    """Return the hierarchical VAE of a design, trained for ``elbo``.

    Raises:
        ManifptError: The architecture cannot honour the design.
    """
    refuse_unhonoured(design, **HONOURED, loss=("elbo",))
    with seeded(design.seed):
        network = HierarchicalVAE(design)
    return Solitary(network, Recipe(), lambda images, random, step: network.bound(images, random))
