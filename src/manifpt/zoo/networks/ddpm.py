"""A denoising diffusion model (Ho et al. 2020) on the cosine schedule, sampled by DDIM (Song et al. 2021)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.conditioning import one_hot, parted, with_class
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
        latent_shape: Shape of the maps and, but for the class, of the noise, (channels, height, width).
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
        self.shape = latent_shape
        self.classes = design.classes
        self.latent_shape: tuple[int, ...] = with_class(latent_shape, design.classes)
        self.bound = bound
        self.steps = steps
        before = after = latent_shape[0]
        self.unet = UNet(design, before=before, after=after, channels=channels, style=design.classes)

    def noise(self, noisy: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the expected noise in maps (n, channels, height, width) at times (n,), of classes (n,) if any."""
        velocity: Tensor = self.unet(noisy, time, one_hot(labels, self.classes))
        return beside(self.schedule.spread(time), noisy) * noisy + beside(self.schedule.signal(time), noisy) * velocity

    def clean(self, noisy: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the expected clean maps of noisy ones (n, channels, height, width) at times (n,)."""
        velocity: Tensor = self.unet(noisy, time, one_hot(labels, self.classes))
        return beside(self.schedule.signal(time), noisy) * noisy - beside(self.schedule.spread(time), noisy) * velocity

    def loss(self, maps: Tensor, random: torch.Generator, labels: Tensor | None = None) -> Tensor:
        """Return the mean squared error of the predicted noise at random times (Ho et al. 2020, eq. 14)."""
        time, noise = strata(maps, random), noise_like(maps, random)
        predicted = self.noise(noised(self.schedule, maps, noise, time), time, labels)
        return (predicted.float() - noise).square().mean()

    def sampled(self, latent: Tensor) -> Tensor:
        """Return maps (n, channels, height, width) of standard normal noise (n, *latent_shape)."""
        noise, labels = parted(latent, self.shape, self.classes)
        return ddim(partial(self.clean, labels=labels), noise, self.schedule, self.steps, bound=self.bound)


class Denoising:
    """What a denoiser of images is trained for.

    Args:
        denoiser: In training.
    """

    labels: Tensor | None = None

    def __init__(self, denoiser: Denoiser) -> None:
        self.denoiser = denoiser
        self.generator: nn.Module = denoiser
        self.networks: Mapping[str, nn.Module] = {"generator": denoiser}
        self.recipe = Recipe(batch=64, rate=1e-3)

    def prepared(self, images: Tensor) -> None:
        """Nothing depends on data."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the mean squared error of the predicted noise."""
        return self.denoiser.loss(images, random, self.labels)


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
