"""The contract of a generator in training, and of a trained one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from torch import Tensor, nn


@runtime_checkable
class Generator(Protocol):
    """A network that turns standard normal noise into images.

    Laws: the same noise gives the same image, within 1e-5, whatever else is in the batch; gradients reach every
    parameter that samples depend on.
    """

    latent_shape: tuple[int, ...]
    """Shape of the noise of one image. All randomness of an image is in it, also of samplers with many steps."""

    def sampled(self, latent: Tensor) -> Tensor:
        """Return images in [−1, 1], (n, 3, size, size), of standard normal noise (n, *latent_shape)."""
        ...


@dataclass(frozen=True, slots=True)
class Recipe:
    """How an architecture is trained; chosen by the time of a step.

    Args:
        batch: Images in a step.
        rate: Learning rate after the warm-up.
        betas: Of Adam.
        falling: Whether the rate falls to zero by half a cosine; an adversary has no end to settle down to.
        bf16: Whether steps run in mixed precision where the processor has it.
        average: Decay of the averaged weights.
    """

    batch: int = 64
    rate: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    falling: bool = True
    bf16: bool = False
    average: float = 0.999


@runtime_checkable
class Staged(Protocol):
    """An objective whose networks are trained one after the other, as an autoencoder before what works in its codes."""

    stage: int
    """Steps of the first stage. The trainer sets it to a share of all steps, once it knows how many there will be."""


@runtime_checkable
class Conditioned(Protocol):
    """An objective that can be told the classes of its images."""

    labels: Tensor | None
    """Classes of the images of the step, (n,), where the design has classes. The trainer sets them."""


@runtime_checkable
class Objective(Protocol):
    """A generator with what it is trained for.

    The trainer owns the optimisers (one per name in ``networks``), the schedule, the averaged weights and checkpoints.
    In each step it calls ``loss`` for one name after the other, and moves only that network's parameters.
    """

    generator: nn.Module
    """The network that is kept; a ``Generator``."""
    networks: Mapping[str, nn.Module]
    """What is trained, in the order in which it is trained in a step; ``generator`` is in it."""
    recipe: Recipe

    def prepared(self, images: Tensor) -> None:
        """Set what depends on data before the first step, from images in [−1, 1] (n, 3, size, size)."""
        ...

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the loss by which one of ``networks`` moves, a scalar.

        Args:
            name: Which one.
            images: Reals in [−1, 1], (n, 3, size, size).
            random: Source of all noise.
            step: How many steps are done, for what happens only in some of them.
        """
        ...
