"""A small deep-convolutional GAN (Radford et al., 2016) with the R1 penalty (Mescheder et al., 2018)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu, softplus


class Generator(nn.Module):
    """Transposed convolutions under batch norm, from a vector to an image.

    Args:
        width: Channels at 8 × 8; 4 × 4 has twice and 16 × 16 half as many.

    Example:
        >>> Generator(width=8).sampled(torch.zeros(2, 64)).shape
        torch.Size([2, 3, 32, 32])
    """

    latent_shape = (64,)

    def __init__(self, width: int = 88) -> None:
        super().__init__()
        self.width = width
        # A bias before a batch norm would be subtracted again.
        self.stem = nn.Linear(self.latent_shape[0], 2 * width * 16, bias=False)
        self.to_8 = nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False)
        self.to_16 = nn.ConvTranspose2d(width, width // 2, 4, 2, 1, bias=False)
        self.to_32 = nn.ConvTranspose2d(width // 2, 3, 4, 2, 1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(channels) for channels in (2 * width, width, width // 2))

    def forward(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], ``(n, 3, 32, 32)``, of latents ``(n, 64)``."""
        hidden = relu(self.norms[0](self.stem(latent).view(-1, 2 * self.width, 4, 4)))
        hidden = relu(self.norms[1](self.to_8(hidden)))
        hidden = relu(self.norms[2](self.to_16(hidden)))
        image: Tensor = torch.tanh(self.to_32(hidden))
        return image

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], ``(n, 3, 32, 32)``, of standard normal latents ``(n, 64)``."""
        return self(latent)  # type: ignore[no-any-return]  # nn.Module.__call__ is untyped


class Discriminator(nn.Module):
    """Strided convolutions from an image to one score.

    Args:
        width: Channels at 32 × 32.

    Example:
        >>> Discriminator(width=8)(torch.zeros(2, 3, 32, 32)).shape
        torch.Size([2])
    """

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        channels = (3, width, 2 * width, 4 * width, 4 * width)
        self.convolutions = nn.ModuleList(
            nn.Conv2d(before, after, 2 + stride, stride, 1)
            for before, after, stride in zip(channels[:-1], channels[1:], (1, 2, 2, 2), strict=True)
        )
        self.score = nn.Linear((4 * width + 1) * 16, 1)

    def forward(self, images: Tensor) -> Tensor:
        """Return one score per image, ``(n,)``, higher where it looks real."""
        hidden = images
        for convolution in self.convolutions:
            hidden = leaky_relu(convolution(hidden), 0.2)
        # How much the batch varies, as one more channel: a collapsed batch gives itself away (Karras et al., 2018).
        spread = (hidden.float().var(0, correction=0) + 1e-8).sqrt().mean().expand(len(hidden), 1, 4, 4)
        score: Tensor = self.score(torch.cat([hidden, spread], 1).flatten(1))
        return score[:, 0].float()


def discriminator_loss(real: Tensor, generated: Tensor) -> Tensor:
    """Return the logistic loss of the discriminator from its scores of real and generated images."""
    return softplus(-real).mean() + softplus(generated).mean()


def generator_loss(generated: Tensor) -> Tensor:
    """Return the non-saturating loss of the generator from the discriminator's scores of its images."""
    return softplus(-generated).mean()


def gradient_penalty(discriminator: nn.Module, images: Tensor) -> Tensor:
    """Return R1: half the mean squared gradient of the discriminator's score with respect to real images."""
    inputs = images.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(inputs).sum(), inputs, create_graph=True)
    return gradient.square().flatten(1).sum(1).mean() / 2
