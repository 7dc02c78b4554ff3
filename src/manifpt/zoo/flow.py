"""A small Glow (Kingma and Dhariwal, 2018): activation norm, invertible 1 × 1 convolution, affine coupling."""

from __future__ import annotations

import math
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, pixel_unshuffle


class Step(nn.Module):
    """One invertible step of the flow.

    Args:
        channels: Channels of the input, an even number.
        width: Hidden channels of the coupling network.
        seed: Draws the rotation that the 1 × 1 convolution starts from.

    Example:
        >>> step = Step(4, 8, seed=0)
        >>> image = torch.ones(1, 4, 2, 2)
        >>> torch.allclose(step.inverse(step(image)[0]), image, atol=1e-5)
        True
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int, width: int, *, seed: int) -> None:
        super().__init__()
        self.log_scale = nn.Parameter(torch.zeros(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        noise = torch.randn(channels, channels, generator=torch.Generator().manual_seed(seed))
        permutation, lower, upper = torch.linalg.lu(torch.linalg.qr(noise).Q)
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", upper.diagonal().sign())
        self.log_diagonal = nn.Parameter(upper.diagonal().abs().log())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))
        self.coupling = nn.Sequential(
            nn.Conv2d(channels // 2, width, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(width, width, 1),
            nn.ReLU(),
            nn.Conv2d(width, channels, 3, padding=1),
        )
        last = self.coupling[-1]
        # A coupling that starts as the identity lets a deep flow start as one.
        nn.init.zeros_(last.weight)  # type: ignore[arg-type]  # Sequential's items are typed as modules
        nn.init.zeros_(last.bias)  # type: ignore[arg-type]

    @property
    def rotation(self) -> Tensor:
        """The matrix P L (U + diagonal) of the 1 × 1 convolution, ``(channels, channels)``."""
        lower = self.lower.tril(-1) + torch.eye(len(self.lower))
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return self.permutation @ lower @ upper

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mapped images and each one's log-determinant, ``(n,)``."""
        pixels = images[0, 0].numel()
        scaled = (images + self.shift[:, None, None]) * self.log_scale.exp()[:, None, None]
        rotated = torch.einsum("ij,njhw->nihw", self.rotation, scaled)
        kept, changed = rotated.chunk(2, dim=1)
        log_scale, shift = self._affine(kept)
        fixed = pixels * (self.log_scale.sum() + self.log_diagonal.sum())
        return torch.cat([kept, changed * log_scale.exp() + shift], 1), log_scale.flatten(1).sum(1) + fixed

    def inverse(self, images: Tensor) -> Tensor:
        """Return the images that `forward` maps to ``images``."""
        kept, changed = images.chunk(2, dim=1)
        log_scale, shift = self._affine(kept)
        rotated = torch.cat([kept, (changed - shift) * (-log_scale).exp()], 1)
        scaled = torch.einsum("ij,njhw->nihw", torch.linalg.inv(self.rotation), rotated)
        return scaled * (-self.log_scale).exp()[:, None, None] - self.shift[:, None, None]

    def _affine(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = self.coupling(kept).float().chunk(2, dim=1)
        # Bounded, so that no pixel of an unusual sample is stretched without limit.
        return 1.5 * torch.tanh(log_scale / 1.5), shift


class Glow(nn.Module):
    """Levels of squeeze, steps, and a split that hands half of the channels to the latent.

    Args:
        size: Edge of the images in pixels, divisible by 2 to the power ``levels``.
        levels: How often the image is squeezed to half its edge.
        steps: Invertible steps per level.
        width: Hidden channels of each coupling network.

    Example:
        >>> Glow(size=8, levels=2, steps=1, width=4).sampled(torch.zeros(2, 3, 8, 8)).shape
        torch.Size([2, 3, 8, 8])
    """

    # Softer than 1: a flow puts mass on unlikely images (Kingma and Dhariwal, 2018, section 6.2).
    temperature = 0.8

    def __init__(self, size: int = 32, levels: int = 3, steps: int = 8, width: int = 40) -> None:
        super().__init__()
        self.latent_shape = (3, size, size)
        self.levels = nn.ModuleList(
            nn.ModuleList(Step(3 * 2 ** (level + 2), width, seed=level * steps + step) for step in range(steps))
            for level in range(levels)
        )

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return latents of the images' shape and each image's log-determinant, ``(n,)``."""
        return self._encoded(images, 0)

    def start(self, images: Tensor) -> None:
        """Set every activation norm so that its output on ``images`` has mean 0 and deviation 1 per channel.

        To be called once, before training (Kingma and Dhariwal, 2018, section 3.1).
        """
        steps = [step for level in range(len(self.levels)) for step in self._steps(level)]
        hooks = [step.register_forward_pre_hook(_standardise) for step in steps]
        with torch.no_grad():
            self(images)
        for hook in hooks:
            hook.remove()

    def inverse(self, latent: Tensor) -> Tensor:
        """Return the images that `forward` maps to ``latent``."""
        return self._decoded(latent, 0)

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1] of standard normal latents ``(n, 3, size, size)``."""
        return self.inverse(self.temperature * latent).clamp(-1, 1)

    def loss(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the negative log-likelihood per dimension, in nats, of uniformly dequantised images.

        Args:
            images: In [−1, 1], ``(n, 3, size, size)``.
            generator: Source of the dequantisation noise.
        """
        noise = torch.rand(images.shape, generator=generator) - 0.5
        latent, log_determinant = self(images + noise * (2 / 255))
        density = (latent.square() + math.log(2 * math.pi)).flatten(1).sum(1) / 2
        mean: Tensor = (density - log_determinant).mean()
        return mean / images[0].numel()

    def _steps(self, level: int) -> list[Step]:
        return list(cast("nn.ModuleList", self.levels[level]))  # type: ignore[arg-type]  # its items are steps

    def _encoded(self, images: Tensor, level: int) -> tuple[Tensor, Tensor]:
        hidden = pixel_unshuffle(images, 2)
        total = images.new_zeros(len(images))
        for step in self._steps(level):
            hidden, log_determinant = step(hidden)
            total = total + log_determinant
        if level + 1 < len(self.levels):
            onward, finished = hidden.chunk(2, dim=1)
            onward, log_determinant = self._encoded(onward, level + 1)
            hidden, total = torch.cat([onward, finished], 1), total + log_determinant
        return pixel_shuffle(hidden, 2), total

    def _decoded(self, latent: Tensor, level: int) -> Tensor:
        hidden = pixel_unshuffle(latent, 2)
        if level + 1 < len(self.levels):
            onward, finished = hidden.chunk(2, dim=1)
            hidden = torch.cat([self._decoded(onward, level + 1), finished], 1)
        for step in reversed(self._steps(level)):
            hidden = step.inverse(hidden)
        return pixel_shuffle(hidden, 2)


def _standardise(step: nn.Module, inputs: tuple[Tensor, ...]) -> None:
    deviation, mean = torch.std_mean(inputs[0], dim=(0, 2, 3))
    step.shift.copy_(-mean)  # type: ignore[operator]  # a module's attributes are typed as module or tensor
    step.log_scale.copy_(-(deviation + 1e-6).log())  # type: ignore[operator]
