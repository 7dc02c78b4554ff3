"""Autoencoders whose encoder is always the same and whose decoder is a design: x and decoder(encoder(x)) are a pair."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.beta_vae import HONOURED
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.layers import convolution
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.perceptual import Distance, reconstruction
from manifpt.zoo.networks.pyramid import COARSEST, Decoder, Encoder, channels
from manifpt.zoo.networks.solitary import Solitary

# Channels of the 4 × 4 code per size of image, and of the encoder per width of the design: what fits what is shipped.
CODES = {32: 16, 64: 24}
ENCODERS = {32: 2, 64: 1}
# Share of the newest batch in the codes' moments, once there are enough of them for a mean.
NEWEST = 0.005
# For some hundred steps, of which there are about fifty a second.
RECIPE = Recipe(batch=32, rate=8e-3, average=0.99)


class Autoencoder(nn.Module):
    """An encoder of fixed form, a decoder of a design, and the moments of its codes; a ``Generator``.

    Args:
        design: Choices of the decoder. The encoder has strided convolutions, group normalisation and leaky rectifiers
            whatever they are, so that decoders differ in the decoder alone.

    Example:
        >>> design = Design("a", "decoder", "autoencoder", "fir", "gelu", "none", "strided", "output", "l1", width=8)
        >>> network = Autoencoder(design)
        >>> network.latent_shape, network.reconstructed(torch.zeros(2, 3, 32, 32)).shape
        ((256,), torch.Size([2, 3, 32, 32]))
    """

    mean: Tensor
    square: Tensor

    def __init__(self, design: Design) -> None:
        super().__init__()
        code, width = CODES[design.size], ENCODERS[design.size] * design.width
        self.latent_shape: tuple[int, ...] = (code * COARSEST**2,)
        fixed = design.but(downsampling="strided", normalisation="group", nonlinearity="lrelu", skip="none")
        self.encoder = nn.Sequential(
            Encoder(fixed, fine=design.size, coarse=COARSEST, width=width), convolution(width, code)
        )
        self.from_code = convolution(code, channels(design.width, COARSEST))
        self.decoder = Decoder(design)
        self.register_buffer("mean", torch.zeros(self.latent_shape))
        self.register_buffer("square", torch.ones(self.latent_shape))

    def encoded(self, images: Tensor) -> Tensor:
        """Return the codes of images in [−1, 1], (n, *latent_shape)."""
        codes: Tensor = self.encoder(images).flatten(1)
        return codes

    def decoded(self, codes: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of codes (n, *latent_shape)."""
        images: Tensor = self.decoder(self.from_code(codes.reshape(len(codes), -1, COARSEST, COARSEST)))
        return images

    def reconstructed(self, images: Tensor) -> Tensor:
        """Return what decoder(encoder(x)) makes of images x in [−1, 1], the same shape."""
        return self.decoded(self.encoded(images))

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1] of standard normal noise (n, *latent_shape), through the codes' mean and spread.

        Their correlations are left out: kept, they would weigh more than the network.
        """
        spread = (self.square - self.mean.square()).clamp(min=0).sqrt()
        return self.decoded(self.mean + latent * spread)

    @torch.no_grad()
    def remember(self, codes: Tensor, step: int) -> None:
        """Move the moments of the codes towards those of these, (n, *latent_shape).

        Args:
            codes: Of a batch.
            step: How many batches there were before; their moments are averaged until that moves too slowly.
        """
        share = max(1 / (step + 1), NEWEST)
        codes = codes.detach().float()
        self.mean.lerp_(codes.mean(0), share)
        self.square.lerp_(codes.square().mean(0), share)

    def loss(self, images: Tensor, step: int, distance: Distance) -> Tensor:
        """Return the distance of the reconstructions from the images, a scalar; in training the codes are remembered.

        Args:
            images: In [−1, 1], (n, 3, size, size).
            step: How many steps are done.
            distance: What is to become small.
        """
        codes = self.encoded(images)
        if self.training:
            self.remember(codes, step)
        return distance(self.decoded(codes), images)


def generator(design: Design) -> Autoencoder:
    """Return the network of a design alone: samples need no weights of ``sl-cifar``."""
    with seeded(design.seed):
        return Autoencoder(design)


def objective(design: Design) -> Objective:
    """Return the autoencoder of a design, trained for ``l2``, ``l1``, ``ssim`` or ``perceptual``.

    Raises:
        ManifptError: The architecture cannot honour the design.
        WeightsError: ``perceptual`` without the weights of ``sl-cifar``.
    """
    downsampling = ("strided",)
    refuse_unhonoured(design, **{**HONOURED, "downsampling": downsampling}, loss=("l2", "l1", "ssim", "perceptual"))
    distance = reconstruction(design.loss)
    network = generator(design)
    return Solitary(network, RECIPE, lambda images, random, step: network.loss(images, step, distance))
