"""A denoising diffusion model (Ho et al. 2020) on the cosine schedule, sampled by DDIM (Song et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.diffusion import Cosine, beside, ddim, noise_like, noised, strata
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.unet import UNet, image_channels, refuse_others

STEPS = 50


class Denoiser(nn.Module):
    """Tells noise from signal in noisy maps, and makes maps out of noise.

    Its network predicts v = signal ε − spread x_0 (Salimans and Ho 2022), from which both the noise and the clean maps
    follow without a division: what a small network gets wrong where there is most noise is not blown up by a sampler.

    Args:
        design: Of its U-Net.
        latent_shape: Shape of the maps, (channels, height, width).
        channels: Of the U-Net's levels.
        bound: Largest absolute value of clean maps, where it is known.
        steps: Of the sampler.
    """

    schedule = Cosine()

    def __init__(
        self,
        design: Design,
        latent_shape: tuple[int, int, int],
        channels: Sequence[int],
        *,
        bound: float | None,
        steps: int = STEPS,
    ) -> None:
        super().__init__()
        self.latent_shape: tuple[int, ...] = latent_shape
        self.bound = bound
        self.steps = steps
        self.unet = UNet(design, before=latent_shape[0], after=latent_shape[0], channels=channels)

    def noise(self, noisy: Tensor, time: Tensor) -> Tensor:
        """Return the expected noise in maps (n, *latent_shape) at times (n,)."""
        velocity: Tensor = self.unet(noisy, time)
        return beside(self.schedule.spread(time), noisy) * noisy + beside(self.schedule.signal(time), noisy) * velocity

    def clean(self, noisy: Tensor, time: Tensor) -> Tensor:
        """Return the expected clean maps of noisy ones (n, *latent_shape) at times (n,)."""
        velocity: Tensor = self.unet(noisy, time)
        return beside(self.schedule.signal(time), noisy) * noisy - beside(self.schedule.spread(time), noisy) * velocity

    def loss(self, maps: Tensor, random: torch.Generator) -> Tensor:
        """Return the mean squared error of the predicted noise at random times (Ho et al. 2020, eq. 14)."""
        time, noise = strata(maps, random), noise_like(maps, random)
        predicted = self.noise(noised(self.schedule, maps, noise, time), time)
        return (predicted.float() - noise).square().mean()

    def sampled(self, latent: Tensor) -> Tensor:
        """Return maps of standard normal noise, both (n, *latent_shape)."""
        return ddim(self.clean, latent, self.schedule, self.steps, bound=self.bound)


class Denoising:
    """What a denoiser of images is trained for.

    Args:
        denoiser: In training.
    """

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.generator: nn.Module = denoiser
        self.networks: Mapping[str, nn.Module] = {"generator": denoiser}
        self.recipe = Recipe(batch=64, rate=1e-3)

    def prepared(self, images: Tensor) -> None:
        """Nothing depends on data."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the mean squared error of the predicted noise."""
        return self.denoiser.loss(images, random)


def objective(design: Design) -> Objective:
    """Return the denoising diffusion model of a design.

    Raises:
        UnknownNameError: The design has a choice that a U-Net cannot honour.

    Example:
        >>> d = Design("a", "score", "ddpm", "nearest", "swish", "group", "strided", "unet", "epsilon", width=8)
        >>> objective(d).generator.latent_shape
        (3, 32, 32)
    """
    refuse_others(design, "epsilon")
    with seeded(design.seed):
        return Denoising(Denoiser(design, (3, design.size, design.size), image_channels(design), bound=1.0))
