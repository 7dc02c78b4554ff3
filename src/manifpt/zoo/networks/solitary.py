"""The objective of a generator that is trained alone, without an adversary."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from manifpt.zoo.networks.objective import Recipe

Criterion = Callable[[Tensor, torch.Generator, int], Tensor]


class Solitary:
    """One network and the loss of its images; an ``Objective``.

    Args:
        generator: The network, a ``Generator``.
        recipe: How it is trained.
        criterion: Returns the loss of images with a source of noise after some steps.
        preparation: Sets what depends on data before the first step.

    Example:
        >>> network = nn.Conv2d(3, 3, 1)
        >>> objective = Solitary(network, Recipe(), lambda images, random, step: network(images).square().mean())
        >>> objective.loss("generator", torch.zeros(1, 3, 2, 2), torch.Generator(), 0).shape
        torch.Size([])
    """

    def __init__(
        self,
        generator: nn.Module,
        recipe: Recipe,
        criterion: Criterion,
        preparation: Callable[[Tensor], None] | None = None,
    ) -> None:
        self.generator = generator
        self.networks: Mapping[str, nn.Module] = {"generator": generator}
        self.recipe = recipe
        self.criterion = criterion
        self.preparation = preparation

    def prepared(self, images: Tensor) -> None:
        """Set what depends on data before the first step, from images in [−1, 1] (n, 3, size, size)."""
        if self.preparation is not None:
            self.preparation(images)

    def loss(self, name: str, images: Tensor, random: torch.Generator, step: int) -> Tensor:
        """Return the loss by which the network moves, a scalar.

        Args:
            name: ``generator``, the only one.
            images: Reals in [−1, 1], (n, 3, size, size).
            random: Source of all noise.
            step: How many steps are done.
        """
        return self.criterion(images, random, step)
