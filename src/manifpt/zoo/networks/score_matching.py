"""Denoising score matching under exploding noise (Song et al. 2021), preconditioned (Karras et al. 2022)."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.conditioning import one_hot, parted, with_class
from manifpt.zoo.networks.diffusion import (
    Exploding,
    beside,
    falling_spreads,
    noise_like,
    noised,
    probability_flow,
    strata,
)
from manifpt.zoo.networks.objective import Objective, Recipe
from manifpt.zoo.networks.unet import UNet, image_channels, refuse_others

STEPS = 24
DEVIATION = 0.5
"""Standard deviation of photographs' pixels in [−1, 1]."""
MIDDLE, SCATTER = -1.2, 1.2
"""Mean and standard deviation of the logarithm of the noise in training (Karras et al. 2022, table 1)."""


class Score(nn.Module):
    """Knows the gradient of noisy images' log density, and follows it from noise to images.

    Args:
        design: Of its U-Net.
        steps: Of the sampler.
    """

    schedule = Exploding()

    def __init__(self, design: Design, *, steps: int = STEPS) -> None:
        super().__init__()
        self.shape = (3, design.size, design.size)
        self.classes = design.classes
        self.latent_shape: tuple[int, ...] = with_class(self.shape, design.classes)
        self.steps = steps
        self.unet = UNet(design, before=3, after=3, channels=image_channels(design), style=design.classes)

    def clean(self, noisy: Tensor, spread: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return the expected clean images of noisy ones, by their noise's standard deviations (n,) and classes (n,).

        The network sees unit variance and predicts unit variance (Karras et al. 2022, table 1).
        """
        total = (spread.square() + DEVIATION**2).sqrt()
        style = one_hot(labels, self.classes)
        refined: Tensor = self.unet(noisy / beside(total, noisy), self.schedule.time(spread), style)
        kept: Tensor = beside((DEVIATION / total).square(), noisy) * noisy
        return kept + beside(spread * DEVIATION / total, noisy) * refined

    def score(self, noisy: Tensor, spread: Tensor) -> Tensor:
        """Return the gradient of the log density of noisy images (n, 3, h, w), by their noise's spread (n,)."""
        return (self.clean(noisy, spread) - noisy) / beside(spread, noisy).square()

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, *latent_shape)."""
        noise, labels = parted(latent, self.shape, self.classes)
        spreads = falling_spreads(self.schedule, self.steps).to(latent)
        return probability_flow(partial(self.clean, labels=labels), noise, spreads, bound=1.0)


class ScoreMatching:
    """What a score is trained for.

    Args:
        model: In training.
    """

    labels: Tensor | None = None

    def __init__(self, model: Score) -> None:
        self.score = model
        self.generator: nn.Module = model
        self.networks: Mapping[str, nn.Module] = {"generator": model}
        self.recipe = Recipe(batch=64, rate=1e-3)

    def prepared(self, images: Tensor) -> None:
        """Nothing depends on data."""

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the mean of λ(s) ‖score + ε / s‖² per pixel, for spreads s of a log-normal distribution.

        The weight λ(s) = s² (s² + d²) / d², d being the deviation of data, asks for the same precision of the network
        at every spread.
        """
        schedule = self.score.schedule
        spread = (MIDDLE + SCATTER * torch.special.ndtri(strata(images, random).clamp(1e-6, 1 - 1e-6))).exp()
        spread = spread.clamp(schedule.smallest, schedule.largest)
        noise = noise_like(images, random)
        noisy = noised(schedule, images, noise, schedule.time(spread))
        # s (score + ε / s) is (clean − x_0) / s: said in this way, nothing is divided by a small spread twice.
        error = (self.score.clean(noisy, spread, self.labels).float() - images) / beside(spread, images)
        weight = (spread.square() + DEVIATION**2) / DEVIATION**2
        return (beside(weight, images) * error.square()).mean()


def objective(design: Design) -> Objective:
    """Return the score-matching model of a design.

    Raises:
        UnknownNameError: The design has a choice that a U-Net cannot honour.

    Example:
        >>> d = Design("a", "score", "score-matching", "fir", "swish", "group", "fir", "unet",
        ...     "score-matching", width=8)
        >>> objective(d).generator.latent_shape
        (3, 32, 32)
    """
    refuse_others(design, "score-matching")
    with seeded(design.seed):
        return ScoreMatching(Score(design))
