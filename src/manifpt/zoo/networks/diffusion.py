"""What diffusion models share: noise schedules, the forward process, its posterior, deterministic samplers."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Protocol

import torch
from torch import Tensor

Clean = Callable[[Tensor, Tensor], Tensor]
"""Of noisy images (n, …) and, per image, where in the process they are (n,): the expected clean images (n, …)."""


class Schedule(Protocol):
    """How signal turns into noise: ``x_t = signal(t) x_0 + spread(t) ε`` with ε standard normal and t in [0, 1]."""

    def signal(self, time: Tensor) -> Tensor:
        """Return the factor of the clean image."""
        ...

    def spread(self, time: Tensor) -> Tensor:
        """Return the standard deviation of the noise."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """The schedule that keeps the variance, with a linear rate of noise (Ho et al. 2020; Song et al. 2021, eq. 33).

    Args:
        slowest: Rate at time 0.
        fastest: Rate at time 1.

    Example:
        >>> round(float(Linear().signal(torch.tensor(1.0))), 4)
        0.0066
    """

    slowest: float = 0.1
    fastest: float = 20.0

    def signal(self, time: Tensor) -> Tensor:
        """Return the factor of the clean image, from 1 down to about 0."""
        return torch.exp(-time.square() * (self.fastest - self.slowest) / 4 - time * self.slowest / 2)

    def spread(self, time: Tensor) -> Tensor:
        """Return the standard deviation of the noise, from 0 up to about 1."""
        return (1 - self.signal(time).square()).clamp(min=0).sqrt()


@dataclass(frozen=True, slots=True)
class Cosine:
    """The schedule that keeps the variance, with half a cosine of signal (Nichol and Dhariwal 2021, eq. 17).

    Args:
        offset: Of the time, so that noise does not start too slowly.

    Example:
        >>> float(Cosine().signal(torch.tensor(0.0)))
        1.0
    """

    offset: float = 0.008

    def signal(self, time: Tensor) -> Tensor:
        """Return the factor of the clean image, from 1 down to 0."""
        quarter = math.pi / 2 / (1 + self.offset)
        return torch.cos((time + self.offset) * quarter).clamp(min=0) / math.cos(self.offset * quarter)

    def spread(self, time: Tensor) -> Tensor:
        """Return the standard deviation of the noise, from 0 up to 1."""
        return (1 - self.signal(time).square()).clamp(min=0).sqrt()


@dataclass(frozen=True, slots=True)
class Exploding:
    """The schedule that keeps the signal, with geometrically growing noise (Song et al. 2021, eq. 30).

    Args:
        smallest: Standard deviation at time 0.
        largest: Standard deviation at time 1.

    Example:
        >>> float(Exploding(0.1, 10.0).spread(torch.tensor(0.5)))
        1.0
    """

    smallest: float = 0.01
    largest: float = 40.0

    def signal(self, time: Tensor) -> Tensor:
        """Return the factor of the clean image, which is 1."""
        return torch.ones_like(time)

    def spread(self, time: Tensor) -> Tensor:
        """Return the standard deviation of the noise."""
        return self.smallest * (self.largest / self.smallest) ** time

    def time(self, spread: Tensor) -> Tensor:
        """Return when the noise has this standard deviation."""
        return (spread / self.smallest).log() / math.log(self.largest / self.smallest)


@dataclass(frozen=True, slots=True)
class Posterior:
    """The normal distribution of an earlier image of the process, given a later and the clean one.

    Args:
        of_noisy: Factor of the later image in the mean, (n,).
        of_clean: Factor of the clean image in the mean, (n,).
        spread: Standard deviation, (n,).
    """

    of_noisy: Tensor
    of_clean: Tensor
    spread: Tensor

    def drawn(self, noisy: Tensor, clean: Tensor, noise: Tensor) -> Tensor:
        """Return images of the distribution, all arguments (n, …), by standard normal noise."""
        mean = beside(self.of_noisy, noisy) * noisy + beside(self.of_clean, clean) * clean
        return mean + beside(self.spread, noise) * noise


def noised(schedule: Schedule, images: Tensor, noise: Tensor, time: Tensor) -> Tensor:
    """Return the forward process's images (n, …) at times (n,), by standard normal noise (n, …).

    Example:
        >>> noised(Linear(), torch.ones(1, 1), torch.ones(1, 1), torch.zeros(1))
        tensor([[1.]])
    """
    return beside(schedule.signal(time), images) * images + beside(schedule.spread(time), noise) * noise


def transition(schedule: Schedule, earlier: Tensor, later: Tensor) -> tuple[Tensor, Tensor]:
    """Return the factor and the standard deviation of x_later given x_earlier, for times (n,) before 1."""
    factor = schedule.signal(later) / schedule.signal(earlier)
    variance = schedule.spread(later).square() - (factor * schedule.spread(earlier)).square()
    return factor, variance.clamp(min=0).sqrt()


def posterior(schedule: Schedule, earlier: Tensor, later: Tensor) -> Posterior:
    """Return q(x_earlier | x_later, x_0) for times (n,); ``later`` is above 0 (Ho et al. 2020, eq. 7)."""
    factor, spread = transition(schedule, earlier, later)
    before, after = schedule.spread(earlier).square(), schedule.spread(later).square()
    return Posterior(
        of_noisy=factor * before / after,
        of_clean=schedule.signal(earlier) * spread.square() / after,
        spread=spread * (before / after).sqrt(),
    )


def ddim(clean: Clean, noise: Tensor, schedule: Schedule, steps: int, *, bound: float | None = None) -> Tensor:
    """Return images (n, …) of standard normal noise (n, …), a function of it alone (Song et al. 2021, eq. 12, η = 0).

    Args:
        clean: Expected clean images of noisy ones and their times.
        noise: Where the sampler starts.
        schedule: Of the forward process; keeps the variance.
        steps: Calls of ``clean``, at even times from 1 down.
        bound: Largest absolute value of clean images, where it is known.
    """
    images = guess = noise
    times = torch.linspace(1, 0, steps + 1, device=noise.device)
    for now, then in pairwise(times):
        guess = _bounded(clean(images, now.expand(len(images))), bound)
        rest = (images - schedule.signal(now) * guess) / schedule.spread(now)
        images = schedule.signal(then) * guess + schedule.spread(then) * rest
    return guess


def probability_flow(clean: Clean, noise: Tensor, spreads: Tensor, *, bound: float | None = None) -> Tensor:
    """Return images (n, …) of standard normal noise (n, …), by Heun's method on the exploding process's flow.

    Along it, an image changes by (image − clean) / spread per unit of spread (Karras et al. 2022, algorithm 1).

    Args:
        clean: Expected clean images of noisy ones and their noise's standard deviations.
        noise: Where the sampler starts, before it is scaled by ``spreads[0]``.
        spreads: Falling standard deviations, (steps + 1,), all above 0 but the last, which is 0.
        bound: Largest absolute value of clean images, where it is known.
    """
    images = noise * spreads[0]
    for now, then in pairwise(spreads):
        slope = (images - _bounded(clean(images, now.expand(len(images))), bound)) / now
        ahead = images + (then - now) * slope
        if then > 0:
            onward = (ahead - _bounded(clean(ahead, then.expand(len(images))), bound)) / then
            ahead = images + (then - now) * (slope + onward) / 2
        images = ahead
    return images


def falling_spreads(schedule: Exploding, steps: int, curvature: float = 7.0) -> Tensor:
    """Return ``steps`` standard deviations from the largest to the smallest, then 0 (Karras et al. 2022, eq. 5).

    Example:
        >>> falling_spreads(Exploding(1.0, 4.0), 2)
        tensor([4., 1., 0.])
    """
    ends = torch.tensor([schedule.largest, schedule.smallest], dtype=torch.float64) ** (1 / curvature)
    inner = torch.linspace(float(ends[0]), float(ends[1]), steps, dtype=torch.float64) ** curvature
    return torch.cat([inner, torch.zeros(1, dtype=torch.float64)]).float()


def noise_like(images: Tensor, random: torch.Generator) -> Tensor:
    """Return standard normal noise of the images' shape, drawn where ``random`` lives."""
    return torch.randn(images.shape, generator=random, device=random.device).to(images)


def strata(images: Tensor, random: torch.Generator) -> Tensor:
    """Return a number in (0, 1) per image, one of each of n equal parts: uniform, with less variance in their mean."""
    offsets = torch.rand(len(images), generator=random, device=random.device).to(images)
    return (torch.arange(len(images), device=images.device) + offsets) / len(images)


def beside(values: Tensor, images: Tensor) -> Tensor:
    """Return values (n,) as (n, 1, …), to be multiplied with images (n, …)."""
    return values.view(-1, *[1] * (images.ndim - 1))


def _bounded(images: Tensor, bound: float | None) -> Tensor:
    return images if bound is None else images.clamp(-bound, bound)
