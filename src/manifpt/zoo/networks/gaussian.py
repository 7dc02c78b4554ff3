"""Gaussians with a diagonal covariance, and the terms of the evidence bound that they make."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from manifpt.zoo.networks.drawing import normal

# A fifth of a grey level squared, of pixels in [−1, 1], below which nothing is left to explain.
SMALLEST_ERROR = (0.2 / 127.5) ** 2
_LOG_VARIANCES = (-12.0, 4.0)


@dataclass(frozen=True, slots=True)
class Gaussian:
    """Independent normal distributions, one per entry.

    Args:
        mean: (n, …).
        log_variance: (n, …).

    Example:
        >>> Gaussian(torch.ones(1, 2), torch.zeros(1, 2)).divergence()
        tensor([1.])
    """

    mean: Tensor
    log_variance: Tensor

    @classmethod
    def halves(cls, numbers: Tensor) -> Self:
        """Return the distribution whose mean and log-variance, kept in [−12, 4], are the halves of axis 1."""
        mean, log_variance = numbers.chunk(2, dim=1)
        return cls(mean, log_variance.clamp(*_LOG_VARIANCES))

    def at(self, noise: Tensor) -> Tensor:
        """Return the sample that standard normal noise (n, …) stands for."""
        return self.mean + (self.log_variance / 2).exp() * noise

    def drawn(self, random: torch.Generator) -> Tensor:
        """Return a sample, differentiable by mean and log-variance."""
        return self.at(normal(self.mean.shape, random, self.mean))

    def divergence(self, prior: Gaussian | None = None) -> Tensor:
        """Return KL(self ‖ prior) in nats, (n,), summed over entries.

        Args:
            prior: Another Gaussian of this shape; the standard normal without.
        """
        mean = self.mean if prior is None else self.mean - prior.mean
        log_ratio = self.log_variance if prior is None else self.log_variance - prior.log_variance
        square = mean.square() if prior is None else mean.square() * (-prior.log_variance).exp()
        return ((log_ratio.exp() + square - 1 - log_ratio) / 2).flatten(1).sum(1)


def nats(error: Tensor) -> Tensor:
    """Return the negative log-likelihood per dimension of normal errors whose variance is their mean square.

    The noise level at its optimum balances the bound's two terms by itself (Rybkin et al. 2021, sigma-VAE).

    Args:
        error: Mean squares, any shape.

    Example:
        >>> round(float(nats(torch.tensor(1.0))), 6)
        1.418939
    """
    return (error.clamp(min=SMALLEST_ERROR).log() + 1 + math.log(2 * math.pi)) / 2
