"""A small convolutional variational autoencoder (Kingma and Welling, 2014) with a weighted prior term."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, silu

# Squared, of pixels in [−1, 1]: a fifth of a grey level, below which nothing is left to explain.
SMALLEST_ERROR = (0.2 / 127.5) ** 2


class VAE(nn.Module):
    """Strided convolutions to a Gaussian code; nearest-neighbour upsampling and convolutions back.

    Args:
        width: Channels at 16 × 16; 8 × 8 and 4 × 4 have twice as many.
        beta: Weight of the divergence from the prior in the evidence bound. With 1 the codes of these few photographs
            fill so little of the prior that its samples decode to blobs; they look like the photographs from about 40.

    Example:
        >>> VAE(width=8).sampled(torch.zeros(2, 32)).shape
        torch.Size([2, 3, 32, 32])
    """

    latent_shape = (32,)

    def __init__(self, width: int = 32, beta: float = 40.0) -> None:
        super().__init__()
        self.beta = beta
        code = self.latent_shape[0]
        self.encoder = nn.Sequential(
            nn.Conv2d(3, width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.Conv2d(2 * width, 2 * width, 4, 2, 1),
            nn.SiLU(),
            nn.Flatten(),
            nn.Linear(2 * width * 16, 2 * code),
        )
        self.width = width
        self.stem = nn.Linear(code, 2 * width * 16)
        self.stages = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in ((2 * width, 2 * width), (2 * width, 2 * width), (2 * width, width))
        )
        self.to_image = nn.Conv2d(width, 3, 3, padding=1)

    def encoded(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and log-variance of the code, each ``(n, 32)``."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        return mean, log_variance.clamp(-12, 4)

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], ``(n, 3, 32, 32)``, of standard normal latents ``(n, 32)``."""
        hidden = silu(self.stem(latent).view(-1, 2 * self.width, 4, 4))
        for stage in self.stages:
            hidden = silu(stage(interpolate(hidden, scale_factor=2.0, mode="nearest")))
        return torch.tanh(self.to_image(hidden))

    def loss(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the negative evidence bound per image and dimension, in nats.

        Args:
            images: In [−1, 1], ``(n, 3, 32, 32)``.
            generator: Source of the code's noise.
        """
        mean, log_variance = self.encoded(images)
        noise = torch.randn(mean.shape, generator=generator)
        decoded = self.sampled(mean + (log_variance / 2).exp() * noise)
        # The pixels' noise level at its optimum balances the bound's two terms by itself (Rybkin et al., 2021).
        error = (images - decoded.float()).square().mean().clamp(min=SMALLEST_ERROR)
        reconstruction = (error.log() + 1 + math.log(2 * math.pi)) / 2
        divergence = (log_variance.exp() + mean.square() - 1 - log_variance) / 2
        return reconstruction + self.beta * divergence.sum(1).mean() / images[0].numel()
