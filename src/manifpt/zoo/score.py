"""A small denoising diffusion model (Ho et al., 2020), cosine schedule, sampled by DDIM (Song et al., 2021)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, pixel_unshuffle, silu


class Residual(nn.Module):
    """Two convolutions, modulated by the noise level, beside a shortcut.

    Args:
        before: Channels of the input.
        after: Channels of the output.
        embedding: Length of the noise level's embedding.

    Example:
        >>> Residual(8, 16, 4)(torch.zeros(1, 8, 4, 4), torch.zeros(1, 4)).shape
        torch.Size([1, 16, 4, 4])
    """

    def __init__(self, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.first_norm = nn.GroupNorm(8, before)
        self.first = nn.Conv2d(before, after, 3, padding=1)
        self.modulation = nn.Linear(embedding, after)
        self.second_norm = nn.GroupNorm(8, after)
        self.second = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        nn.init.zeros_(self.second.weight)

    def forward(self, images: Tensor, embedding: Tensor) -> Tensor:
        """Return ``(n, after, h, w)`` of images ``(n, before, h, w)`` and embeddings ``(n, embedding)``."""
        hidden = self.first(silu(self.first_norm(images))) + self.modulation(embedding)[:, :, None, None]
        refined: Tensor = self.second(silu(self.second_norm(hidden)))
        shortcut: Tensor = self.shortcut(images)
        return refined + shortcut


class UNet(nn.Module):
    """Predicts the noise in an image, at half and quarter resolution.

    Args:
        width: Channels at half resolution.
        deep: Channels at quarter resolution.
        embedding: Length of the noise level's embedding.

    Example:
        >>> UNet(width=8, deep=8)(torch.zeros(2, 3, 8, 8), torch.zeros(2)).shape
        torch.Size([2, 3, 8, 8])
    """

    frequencies: Tensor

    def __init__(self, width: int = 40, deep: int = 64, embedding: int = 64) -> None:
        super().__init__()
        self.register_buffer("frequencies", torch.exp(torch.linspace(0, math.log(1000), 16)), persistent=False)
        self.level = nn.Sequential(nn.Linear(32, embedding), nn.SiLU(), nn.Linear(embedding, embedding), nn.SiLU())
        self.stem = nn.Conv2d(12, width, 3, padding=1)
        self.down = nn.ModuleList(Residual(width, width, embedding) for _ in range(2))
        self.reduced = nn.Conv2d(width, deep, 3, stride=2, padding=1)
        self.middle = nn.ModuleList(Residual(deep, deep, embedding) for _ in range(3))
        self.up = nn.ModuleList([Residual(deep + width, width, embedding), Residual(2 * width, width, embedding)])
        self.norm = nn.GroupNorm(8, width)
        self.to_noise = nn.Conv2d(width, 12, 3, padding=1)
        nn.init.zeros_(self.to_noise.weight)

    def forward(self, images: Tensor, time: Tensor) -> Tensor:
        """Return the predicted noise, ``(n, 3, h, w)``, of noisy images at times ``(n,)`` in [0, 1]."""
        phases = time[:, None] * self.frequencies
        embedding = self.level(torch.cat([phases.sin(), phases.cos()], 1))
        first = self.down[0](self.stem(pixel_unshuffle(images, 2)), embedding)
        second = self.down[1](first, embedding)
        hidden = self.reduced(second)
        for block in self.middle:
            hidden = block(hidden, embedding)
        hidden = torch.cat([interpolate(hidden, scale_factor=2.0, mode="nearest"), second], 1)
        hidden = torch.cat([self.up[0](hidden, embedding), first], 1)
        hidden = self.up[1](hidden, embedding)
        return pixel_shuffle(self.to_noise(silu(self.norm(hidden))), 2)


class Diffusion(nn.Module):
    """A noise predictor with its schedule.

    The noisy image at time t in [0, 1] is ``signal(t) x + √(1 − signal(t)²) ε`` with ε standard normal and
    ``signal(t) = cos(π (t + 0.008) / 2.016)`` (Nichol and Dhariwal, 2021).

    Args:
        steps: Steps of the sampler.
        settings: Constructor arguments of the `UNet`.

    Example:
        >>> Diffusion(steps=2, width=8, deep=8).sampled(torch.zeros(2, 3, 3, 32, 32)).shape
        torch.Size([2, 3, 32, 32])
    """

    # η of DDIM: some fresh noise in every step corrects the colour casts of a small network's first steps.
    freshness = 0.6

    def __init__(self, steps: int = 24, **settings: int) -> None:
        super().__init__()
        self.steps = steps
        self.latent_shape = (steps + 1, 3, 32, 32)
        self.network = UNet(**settings)

    def noisy(self, images: Tensor, noise: Tensor, time: Tensor) -> Tensor:
        """Return the images at times ``(n,)`` of the forward process."""
        level = signal(time)[:, None, None, None]
        return level * images + (1 - level.square()).sqrt() * noise

    def loss(self, images: Tensor, generator: torch.Generator) -> Tensor:
        """Return the mean squared error of the predicted noise at random times.

        Args:
            images: In [−1, 1], ``(n, 3, 32, 32)``.
            generator: Source of times and noise.
        """
        # One time per stratum of [0, 1]: the loss's variance falls, its mean does not change.
        offsets = torch.rand(len(images), generator=generator)
        time = (torch.arange(len(images)) + offsets) / len(images)
        noise = torch.randn(images.shape, generator=generator)
        predicted: Tensor = self.network(self.noisy(images, noise, time), time)
        return (predicted.float() - noise).square().mean()

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], ``(n, 3, 32, 32)``, of standard normal latents ``(n, steps + 1, 3, 32, 32)``.

        The first part of a latent is where the sampler starts, each other one the fresh noise of a step.
        """
        images = latent[:, 0]
        for step, (now, then) in enumerate(pairwise(self.times)):
            level, onward = signal(now), signal(then)
            noise = self.network(images, now.expand(len(images)))
            clean: Tensor = ((images - (1 - level.square()).sqrt() * noise) / level).clamp(-1, 1)
            noise = (images - level * clean) / (1 - level.square()).sqrt()
            variance = (1 - onward.square()) / (1 - level.square()) * (1 - (level / onward).square())
            kept = (1 - onward.square() - self.freshness**2 * variance).sqrt()
            images = onward * clean + kept * noise + self.freshness * variance.sqrt() * latent[:, step + 1]
        return clean

    @property
    def times(self) -> Tensor:
        """The sampler's times, ``(steps + 1,)``, falling from 0.99 to 0, denser where there is most noise."""
        return 0.99 * (1 - torch.linspace(0, 1, self.steps + 1) ** 1.3)


def signal(time: Tensor) -> Tensor:
    """Return the share of the clean image that is left at times in [0, 1]."""
    return torch.cos((time + 0.008) / 1.008 * (math.pi / 2))
