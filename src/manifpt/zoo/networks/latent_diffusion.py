"""Diffusion over the codes of an autoencoder (Rombach et al. 2022)."""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.ddpm import Denoiser
from manifpt.zoo.networks.diffusion import noise_like
from manifpt.zoo.networks.layers import convolution, downsampling, nonlinearity, normalisation, upsampling
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.unet import in_groups, quiet, refuse_others

CODES = 4
"""Channels of a code; its sides are a quarter of the image's."""
AUTOENCODING = 3000
"""Steps in which the autoencoder is trained, before the denoiser is."""
DIVERGENCE = 1e-3
"""Weight of a code number's divergence from the prior, beside a pixel's error."""
MOMENTUM = 0.02
"""Share of a batch in the running statistics of codes."""
WIDEST_LOGARITHM = 10.0


class Refined(nn.Module):
    """Two convolutions beside a shortcut.

    Args:
        design: Its non-linearity and normalisation.
        channels: Of input and output.
    """

    def __init__(self, design: Design, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            normalisation(design.normalisation, channels),
            nonlinearity(design.nonlinearity),
            convolution(channels, channels),
            normalisation(design.normalisation, channels),
            nonlinearity(design.nonlinearity),
            quiet(convolution(channels, channels)),
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape."""
        refined: Tensor = self.layers(maps)
        return maps + refined


class Autoencoder(nn.Module):
    """Images to normal distributions over small maps, and back (Kingma and Welling 2014).

    Args:
        design: Its upsampling, downsampling, non-linearity, normalisation and width.
    """

    def __init__(self, design: Design) -> None:
        super().__init__()
        wide, narrow = in_groups(design.width), in_groups(design.width / 2)
        self.encoder = nn.Sequential(
            convolution(3, narrow),
            downsampling(design.downsampling, narrow, wide),
            Refined(design, wide),
            downsampling(design.downsampling, wide, wide),
            Refined(design, wide),
            *self._closing(design, wide, 2 * CODES),
        )
        self.decoder = nn.Sequential(
            convolution(CODES, wide),
            Refined(design, wide),
            upsampling(design.upsampling, wide, wide),
            Refined(design, wide),
            upsampling(design.upsampling, wide, narrow),
            Refined(design, narrow),
            *self._closing(design, narrow, 3),
        )

    @staticmethod
    def _closing(design: Design, before: int, after: int) -> tuple[nn.Module, ...]:
        return (
            normalisation(design.normalisation, before),
            nonlinearity(design.nonlinearity),
            convolution(before, after),
        )

    def encoded(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log variance of the codes, each (n, 4, h/4, w/4), of images (n, 3, h, w)."""
        mean, logarithm = self.encoder(images).chunk(2, 1)
        return mean, logarithm.clamp(-WIDEST_LOGARITHM, WIDEST_LOGARITHM)

    def loss(self, images: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Return the loss, and the codes (n, 4, h/4, w/4) that were drawn for it by standard normal noise."""
        mean, logarithm = self.encoded(images)
        codes = mean + (logarithm / 2).exp() * noise
        return (self.decoder(codes) - images).abs().mean() + DIVERGENCE * divergence(mean, logarithm).mean(), codes


class LatentDiffusion(nn.Module):
    """A denoiser of standardised codes with the decoder that turns codes into images.

    Args:
        design: Of its U-Net.
        decoder: Codes (n, 4, size/4, size/4) to images; copied, so that no two networks share a weight.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, design: Design, decoder: nn.Module) -> None:
        super().__init__()
        side = design.size // 4
        channels = (in_groups(1.25 * design.width), in_groups(2 * design.width))
        self.denoiser = Denoiser(design, (CODES, side, side), channels, bound=None)
        self.decoder = copy.deepcopy(decoder).requires_grad_(False)
        self.latent_shape: tuple[int, ...] = self.denoiser.latent_shape
        self.register_buffer("mean", torch.zeros(1, CODES, 1, 1))
        self.register_buffer("deviation", torch.ones(1, CODES, 1, 1))

    @torch.no_grad()
    def observe(self, codes: Tensor) -> None:
        """Move the statistics by which codes are standardised towards those of a batch."""
        self.mean.lerp_(codes.mean((0, 2, 3), keepdim=True), MOMENTUM)
        self.deviation.lerp_(codes.std((0, 2, 3), keepdim=True), MOMENTUM)

    def follow(self, decoder: nn.Module) -> None:
        """Take over the weights of the decoder that is trained."""
        self.decoder.load_state_dict(decoder.state_dict())

    def standardised(self, codes: Tensor) -> Tensor:
        """Return codes with about mean 0 and deviation 1 in each channel."""
        return (codes - self.mean) / self.deviation

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, *latent_shape)."""
        images: Tensor = self.decoder(self.denoiser.sampled(latent) * self.deviation + self.mean)
        return images.clamp(-1, 1)


class LatentDenoising:
    """What an autoencoder, and then a denoiser of its codes, are trained for.

    Args:
        autoencoder: Trained first.
        model: With a copy of the autoencoder's decoder, which follows it.
        stage: Steps of the autoencoder before the denoiser's begin.
    """

    labels: Tensor | None = None

    def __init__(self, autoencoder: Autoencoder, model: LatentDiffusion, stage: int = AUTOENCODING) -> None:
        self.autoencoder = autoencoder
        self.model = model
        self.stage = stage
        self.generator: nn.Module = model
        self.networks: Mapping[str, nn.Module] = {"autoencoder": autoencoder, "generator": model}
        self.recipe = Recipe(batch=64, rate=1e-3)

    def prepared(self, images: Tensor) -> None:
        """Nothing depends on data before the autoencoder does."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the loss of the network whose stage it is; the other's is 0 and moves nothing.

        The autoencoder's is the pixels' absolute error with the codes' divergence from the prior, the denoiser's the
        mean squared error of the noise in detached, standardised codes.
        """
        if name == "generator" and step <= self.stage:
            self.model.follow(self.autoencoder.decoder)
        if (name == "autoencoder") != (step < self.stage):
            # Without a graph, gradients stay absent, and Adam leaves alone what has none; zeros it would move.
            return torch.zeros((), device=images.device, requires_grad=True)
        if name == "autoencoder":
            loss, codes = self.autoencoder.loss(images, self._noise(images, random))
            self.model.observe(codes.detach())
            return loss
        with torch.no_grad():
            mean, logarithm = self.autoencoder.encoded(images)
            codes = mean + (logarithm / 2).exp() * self._noise(images, random)
        return self.model.denoiser.loss(self.model.standardised(codes), random, self.labels)

    def _noise(self, images: Tensor, random: torch.Generator) -> Tensor:
        return noise_like(images.new_empty(len(images), *self.model.denoiser.shape), random)


def divergence(mean: Tensor, logarithm: Tensor) -> Tensor:
    """Return KL(N(mean, exp(logarithm)) ‖ N(0, 1)), elementwise.

    Example:
        >>> divergence(torch.tensor([0.0, 1.0]), torch.zeros(2))
        tensor([0.0000, 0.5000])
    """
    return (mean.square() + logarithm.exp() - 1 - logarithm) / 2


def objective(design: Design) -> Objective:
    """Return the latent diffusion of a design.

    Raises:
        UnknownNameError: The design has a choice that a U-Net cannot honour.

    Example:
        >>> d = Design("a", "score", "latent-diffusion", "nearest", "swish", "group", "strided", "unet",
        ...     "latent-epsilon", width=8)
        >>> objective(d).generator.latent_shape
        (4, 8, 8)
    """
    refuse_others(design, "latent-epsilon")
    with seeded(design.seed):
        autoencoder = Autoencoder(design)
        return LatentDenoising(autoencoder, LatentDiffusion(design, autoencoder.decoder))
