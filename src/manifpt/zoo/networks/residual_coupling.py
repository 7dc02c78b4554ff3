"""A flow of additive couplings whose networks are residual (after NICE and RealNVP), channels reversed in between."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.glow import DEPTHS, HONOURED
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.invertible import ActNorm, Flow, Likelihood, silenced
from manifpt.zoo.networks.layers import convolution, nonlinearity
from manifpt.zoo.networks.objective import Objective, Recipe


class Reversal(nn.Module):
    """Puts the channels in the opposite order, so that the next coupling changes the other half."""

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return the reversed maps (n, channels, h, w) and log-determinants of 0, (n,)."""
        return maps.flip(1), maps.new_zeros(len(maps))

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps before."""
        return maps.flip(1)


class ShiftNetwork(nn.Module):
    """What is added to half of the channels: (n, channels / 2, h, w) → the same shape, 0 at the start.

    Args:
        design: Width, non-linearity, and whether the inner layers are added to their input (skip ``residual``).
        channels: Channels of both halves together.
    """

    def __init__(self, design: Design, channels: int) -> None:
        super().__init__()
        self.residual = design.skip == "residual"
        self.stem = convolution(channels // 2, design.width)
        self.inner = nn.Sequential(
            nonlinearity(design.nonlinearity),
            convolution(design.width, design.width),
            nonlinearity(design.nonlinearity),
            nn.Conv2d(design.width, design.width, 1),
        )
        self.last = nn.Sequential(nonlinearity(design.nonlinearity), silenced(convolution(design.width, channels // 2)))

    def forward(self, kept: Tensor) -> Tensor:
        """Return the shifts."""
        maps = self.stem(kept)
        inner = self.inner(maps)
        shifts: Tensor = self.last(maps + inner if self.residual else inner)
        return shifts


class AdditiveCoupling(nn.Module):
    """Shifts half of the channels by what a network reads in the other half; volumes stay.

    Args:
        design: Of the network.
        channels: Channels of the maps, an even number.
    """

    def __init__(self, design: Design, channels: int) -> None:
        super().__init__()
        self.shift = ShiftNetwork(design, channels)

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return coupled maps (n, channels, h, w) and log-determinants of 0, (n,)."""
        kept, changed = maps.chunk(2, dim=1)
        return torch.cat([kept, changed + self.shift(kept)], 1), maps.new_zeros(len(maps))

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps before."""
        kept, changed = maps.chunk(2, dim=1)
        return torch.cat([kept, changed - self.shift(kept)], 1)


def steps(design: Design, repeats: int, channels: int) -> list[nn.Module]:
    """Return the invertible steps of a level, (n, channels, h, w) each.

    Args:
        design: Of the couplings.
        repeats: How often the three layers are repeated.
        channels: Channels of the level.
    """
    return [
        layer for _ in range(repeats) for layer in (ActNorm(channels), Reversal(), AdditiveCoupling(design, channels))
    ]


def objective(design: Design) -> Objective:
    """Return the flow of a design, trained for ``likelihood``: bits per dimension.

    Raises:
        ManifptError: The architecture cannot honour the design.

    Example:
        >>> design = Design(
        ...     "a", "flow", "residual-coupling", "unsqueeze", "gelu", "actnorm", "squeeze", "residual", "likelihood",
        ...     width=8,
        ... )
        >>> objective(design).generator.latent_shape
        (3072,)
    """
    refuse_unhonoured(design, **HONOURED, skip=("residual", "coupling"))
    levels, repeats = DEPTHS[design.size]
    with seeded(design.seed):
        flow = Flow(design.size, levels, partial(steps, design, repeats), classes=design.classes)
    return Likelihood(flow, Recipe(rate=5e-4))
