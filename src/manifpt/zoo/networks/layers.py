"""The layers that designs choose from: upsampling, downsampling, normalisation, non-linearity."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

# The binomial filter of StyleGAN2 (Karras et al. 2020), by which maps are smoothed where they change their size.
FILTER = (1.0, 3.0, 3.0, 1.0)
GROUPS = 8
SLOPE = 0.2


class Smoothed(nn.Module):
    """Doubles or halves maps with a low-pass filter, (n, c, h, w) → (n, c, 2h, 2w) or (n, c, h/2, w/2).

    Args:
        up: Whether to double.

    Example:
        >>> Smoothed(up=True)(torch.ones(1, 2, 4, 4)).shape, Smoothed(up=False)(torch.ones(1, 2, 4, 4)).shape
        (torch.Size([1, 2, 8, 8]), torch.Size([1, 2, 2, 2]))
    """

    kernel: Tensor

    def __init__(self, *, up: bool) -> None:
        super().__init__()
        self.up = up
        line = torch.tensor(FILTER) / sum(FILTER)
        # Three of four pixels are zeros before the filter, so that a doubled map needs four times its weight.
        self.register_buffer("kernel", torch.outer(line, line)[None, None] * (4 if up else 1), persistent=False)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps at their new size."""
        channels = maps.shape[1]
        kernel = self.kernel.to(maps.dtype).expand(channels, 1, -1, -1)
        if self.up:
            return functional.conv_transpose2d(maps, kernel, stride=2, padding=1, groups=channels)
        return functional.conv2d(maps, kernel, stride=2, padding=1, groups=channels)


def upsampling(choice: str, before: int, after: int) -> nn.Module:
    """Return a layer that doubles maps and has weights: (n, before, h, w) → (n, after, 2h, 2w).

    Args:
        choice: ``transposed``, ``nearest``, ``bilinear``, ``shuffle`` or ``fir``.
        before: Channels of the input.
        after: Channels of the output.

    Example:
        >>> upsampling("shuffle", 4, 2)(torch.ones(1, 4, 8, 8)).shape
        torch.Size([1, 2, 16, 16])
    """
    made: dict[str, Callable[[], nn.Module]] = {
        "transposed": lambda: nn.ConvTranspose2d(before, after, 4, 2, 1),
        "nearest": lambda: nn.Sequential(nn.Upsample(scale_factor=2, mode="nearest"), convolution(before, after)),
        "bilinear": lambda: nn.Sequential(nn.Upsample(scale_factor=2, mode="bilinear"), convolution(before, after)),
        "shuffle": lambda: nn.Sequential(convolution(before, 4 * after), nn.PixelShuffle(2)),
        "fir": lambda: nn.Sequential(Smoothed(up=True), convolution(before, after)),
    }
    return made[choice]()


def enlarged(choice: str) -> nn.Module:
    """Return a layer without weights that doubles maps, for the skip beside ``upsampling(choice, …)``.

    Args:
        choice: As of ``upsampling``; ``transposed`` and ``shuffle``, which have no form without weights, repeat pixels.
    """
    if choice == "fir":
        return Smoothed(up=True)
    return nn.Upsample(scale_factor=2, mode="bilinear" if choice == "bilinear" else "nearest")


def downsampling(choice: str, before: int, after: int) -> nn.Module:
    """Return a layer that halves maps and has weights: (n, before, h, w) → (n, after, h/2, w/2).

    Args:
        choice: ``strided``, ``average`` or ``fir``.
        before: Channels of the input.
        after: Channels of the output.

    Example:
        >>> downsampling("fir", 4, 2)(torch.ones(1, 4, 8, 8)).shape
        torch.Size([1, 2, 4, 4])
    """
    made: dict[str, Callable[[], nn.Module]] = {
        "strided": lambda: nn.Conv2d(before, after, 4, 2, 1),
        "average": lambda: nn.Sequential(convolution(before, after), nn.AvgPool2d(2)),
        "fir": lambda: nn.Sequential(Smoothed(up=False), convolution(before, after)),
    }
    return made[choice]()


def normalisation(choice: str, channels: int) -> nn.Module:
    """Return a layer that normalises maps (n, channels, h, w).

    Args:
        choice: ``batch``, ``group``, ``instance`` or ``none``.
        channels: A multiple of 8 where there are groups.

    Example:
        >>> normalisation("none", 8)
        Identity()
    """
    made: dict[str, Callable[[], nn.Module]] = {
        "batch": lambda: nn.BatchNorm2d(channels),
        "group": lambda: nn.GroupNorm(GROUPS, channels),
        "instance": lambda: nn.InstanceNorm2d(channels, affine=True),
        "none": nn.Identity,
    }
    return made[choice]()


def nonlinearity(choice: str) -> nn.Module:
    """Return ``relu``, ``lrelu`` (slope 0.2), ``swish`` or ``gelu``.

    Example:
        >>> float(nonlinearity("lrelu")(torch.tensor(-1.0)))
        -0.20000000298023224
    """
    made: dict[str, Callable[[], nn.Module]] = {
        "relu": nn.ReLU,
        "lrelu": lambda: nn.LeakyReLU(SLOPE),
        "swish": nn.SiLU,
        "gelu": nn.GELU,
    }
    return made[choice]()


def convolution(before: int, after: int) -> nn.Conv2d:
    """Return a 3 × 3 convolution that keeps the size."""
    return nn.Conv2d(before, after, 3, padding=1)
