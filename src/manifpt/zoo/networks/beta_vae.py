"""A convolutional β-VAE (Higgins et al. 2017) that reconstructs pixels, or features too (DFC: Hou et al. 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.gaussian import Gaussian, nats
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.perceptual import FeatureDistance
from manifpt.zoo.networks.pyramid import COARSEST, Decoder, Encoder, channels
from manifpt.zoo.networks.solitary import Solitary

CODE = 64
HONOURED = {
    "upsampling": ("transposed", "nearest", "bilinear", "shuffle", "fir"),
    "normalisation": ("batch", "group", "instance", "none"),
    "downsampling": ("strided", "average", "fir"),
    "skip": ("none", "residual", "output"),
}


class BetaVAE(nn.Module):
    """A Gaussian code of 64 numbers between an encoder and a decoder; a ``Generator``.

    Args:
        design: Its choices.
        beta: Weight of the divergence from the prior. Above 1, codes of images fill more of the prior, whence samples
            come, and hold less detail.

    Example:
        >>> design = Design("a", "vae", "beta-vae", "nearest", "relu", "none", "strided", "none", "elbo", width=8)
        >>> BetaVAE(design).sampled(torch.zeros(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, design: Design, beta: float = 4.0) -> None:
        super().__init__()
        self.latent_shape: tuple[int, ...] = (CODE,)
        self.beta = beta
        self.encoder = Encoder(design, fine=design.size, coarse=COARSEST, width=design.width)
        self.to_code = nn.Linear(design.width * COARSEST**2, 2 * CODE)
        self.from_code = nn.Linear(CODE, channels(design.width, COARSEST) * COARSEST**2)
        self.decoder = Decoder(design)

    def encoded(self, images: Tensor) -> Gaussian:
        """Return the distribution of the code of images in [−1, 1], each (n, 64)."""
        return Gaussian.halves(self.to_code(self.encoder(images).flatten(1)))

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, 64)."""
        maps: Tensor = self.decoder(self.from_code(latent).reshape(len(latent), -1, COARSEST, COARSEST))
        return maps

    def bound(self, images: Tensor, random: torch.Generator, features: FeatureDistance | None = None) -> Tensor:
        """Return the negative evidence bound per dimension of an image, in nats, the divergence times β.

        Args:
            images: In [−1, 1], (n, 3, size, size).
            random: Source of the code's noise.
            features: Where given, they are reconstructed like the pixels; each stage has its own noise level.
        """
        code = self.encoded(images)
        decoded = self.sampled(code.drawn(random))
        error = (decoded - images).square().mean() if features is None else features(decoded, images)
        return nats(error).mean() + self.beta * code.divergence().mean() / images[0].numel()


def generator(design: Design) -> BetaVAE:
    """Return the network of a design alone: samples need no weights of ``sl-cifar``."""
    with seeded(design.seed):
        return BetaVAE(design)


def objective(design: Design) -> Objective:
    """Return the β-VAE of a design, trained for ``elbo`` or ``elbo-perceptual``.

    Raises:
        ManifptError: The architecture cannot honour the design.
        WeightsError: ``elbo-perceptual`` without the weights of ``sl-cifar``.
    """
    refuse_unhonoured(design, **HONOURED, loss=("elbo", "elbo-perceptual"))
    features = FeatureDistance() if design.loss == "elbo-perceptual" else None
    network = generator(design)
    return Solitary(network, Recipe(), lambda images, random, step: network.bound(images, random, features))
