"""How a network is trained."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from manifpt.attributors.augmentation import Augmentation


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a network is trained.

    Args:
        epochs: Passes over the examples.
        least_steps: Few examples get more passes, until there are as many steps as this.
        batch: Examples in a step.
        learning_rate: The highest one, after the warm-up.
        weight_decay: Of weights of two and more axes.
        betas: Decay of the moving averages of gradients and of their squares (Adam).
        warm_up: Share of the steps in which the learning rate rises.
        smoothing: Share of each label that is spread over all classes.
        averaged: Share of the steps over which the weights are averaged, exponentially.
        clip: Greatest norm of a step's gradient.
        augmentation: What is done to each batch; None for nothing.
        precision: ``bf16``, ``fp32``, or ``auto``: float32 on a processor, bf16 on a GPU that multiplies it natively.
        device: ``cpu``, ``cuda``, or ``auto``.
        seed: Of initial weights, order, augmentation and dropout.
    """

    epochs: int = 30
    least_steps: int = 600
    batch: int = 64
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: float = 0.1
    smoothing: float = 0.05
    averaged: float = 0.05
    clip: float = 1.0
    augmentation: Augmentation | None = None
    precision: str = "auto"
    device: str = "auto"
    seed: int = 0

    def fitted_to(self, examples: int) -> Recipe:
        """Return the recipe with its epochs raised until there are at least ``least_steps`` steps."""
        return replace(self, epochs=max(self.epochs, math.ceil(self.least_steps / self.steps(examples))))

    def steps(self, examples: int) -> int:
        """Return the steps of one epoch."""
        return max(1, round(examples / self.batch))
