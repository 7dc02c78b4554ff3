"""Glow (Kingma and Dhariwal 2018): activation norm, invertible 1 × 1 convolution, affine coupling."""

from __future__ import annotations

from functools import partial

import torch
from torch import Tensor, nn

from manifpt.attributors.randomness import seeded
from manifpt.zoo.design import Design
from manifpt.zoo.networks.honouring import refuse_unhonoured
from manifpt.zoo.networks.invertible import ActNorm, Flow, Likelihood, bounded, silenced
from manifpt.zoo.networks.layers import convolution, nonlinearity
from manifpt.zoo.networks.objective import Objective, Recipe

# Per size of image: levels, and steps of a level, that keep the weights within what is shipped.
DEPTHS = {32: (3, 8), 64: (4, 6)}
HONOURED = {
    "upsampling": ("unsqueeze",),
    "downsampling": ("squeeze",),
    "normalisation": ("actnorm",),
    "loss": ("likelihood",),
}


class Rotation(nn.Module):
    """An invertible 1 × 1 convolution P L (U + diagonal), which starts as a rotation (section 3.2).

    Args:
        channels: Channels of the maps.
    """

    permutation: Tensor
    sign: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        permutation, lower, upper = torch.linalg.lu(torch.linalg.qr(torch.randn(channels, channels)).Q)
        self.register_buffer("permutation", permutation)
        self.register_buffer("sign", upper.diagonal().sign())
        self.log_diagonal = nn.Parameter(upper.diagonal().abs().log())
        self.lower = nn.Parameter(lower.tril(-1))
        self.upper = nn.Parameter(upper.triu(1))

    @property
    def matrix(self) -> Tensor:
        """The matrix, (channels, channels)."""
        lower = self.lower.tril(-1) + torch.eye(len(self.lower)).to(self.lower)
        upper = self.upper.triu(1) + torch.diag(self.sign * self.log_diagonal.exp())
        return self.permutation @ lower @ upper

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return rotated maps (n, channels, h, w) and their log-determinants, (n,)."""
        total = self.log_diagonal.sum() * maps[0, 0].numel()
        return nn.functional.conv2d(maps, self.matrix[..., None, None]), total.expand(len(maps))

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps before."""
        return nn.functional.conv2d(maps, torch.linalg.inv(self.matrix)[..., None, None])


class AffineCoupling(nn.Module):
    """Shifts and scales half of the channels by what a network reads in the other half.

    Args:
        design: Width and non-linearity of the network.
        channels: Channels of the maps, an even number.
    """

    def __init__(self, design: Design, channels: int) -> None:
        super().__init__()
        self.moments = nn.Sequential(
            convolution(channels // 2, design.width),
            nonlinearity(design.nonlinearity),
            nn.Conv2d(design.width, design.width, 1),
            nonlinearity(design.nonlinearity),
            silenced(convolution(design.width, channels)),
        )

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Return coupled maps (n, channels, h, w) and their log-determinants, (n,)."""
        kept, changed = maps.chunk(2, dim=1)
        log_scale, shift = bounded(self.moments(kept))
        return torch.cat([kept, changed * log_scale.exp() + shift], 1), log_scale.flatten(1).sum(1)

    def inverse(self, maps: Tensor) -> Tensor:
        """Return the maps before."""
        kept, changed = maps.chunk(2, dim=1)
        log_scale, shift = bounded(self.moments(kept))
        return torch.cat([kept, (changed - shift) * (-log_scale).exp()], 1)


def steps(design: Design, repeats: int, channels: int) -> list[nn.Module]:
    """Return the invertible steps of a level of Glow, (n, channels, h, w) each.

    Args:
        design: Width and non-linearity of the couplings.
        repeats: How often the three layers are repeated.
        channels: Channels of the level.
    """
    return [
        layer
        for _ in range(repeats)
        for layer in (ActNorm(channels), Rotation(channels), AffineCoupling(design, channels))
    ]


def objective(design: Design) -> Objective:
    """Return the Glow of a design, trained for ``likelihood``: bits per dimension.

    Raises:
        ManifptError: The architecture cannot honour the design.

    Example:
        >>> design = Design(
        ...     "a", "flow", "glow", "unsqueeze", "relu", "actnorm", "squeeze", "coupling", "likelihood", width=8
        ... )
        >>> objective(design).generator.latent_shape
        (3072,)
    """
    refuse_unhonoured(design, **HONOURED, skip=("coupling",))
    levels, repeats = DEPTHS[design.size]
    with seeded(design.seed):
        flow = Flow(design.size, levels, partial(steps, design, repeats), classes=design.classes)
    return Likelihood(flow, Recipe(rate=5e-4))
