"""Convolutional encoders and decoders, built from a design's choices."""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

from manifpt.zoo.design import Design
from manifpt.zoo.networks.layers import convolution, downsampling, enlarged, nonlinearity, normalisation, upsampling

COARSEST = 4
_DOUBLED_UNTIL = 16  # pixels; finer maps, which cost most time, have half of the channels


def channels(width: int, side: int) -> int:
    """Return the channels of a decoder's maps at this side, in pixels.

    Example:
        >>> [channels(32, side) for side in (4, 8, 16, 32, 64)]
        [64, 64, 64, 32, 32]
    """
    return 2 * width if side <= _DOUBLED_UNTIL else width


def sides(coarse: int, fine: int) -> list[int]:
    """Return the sides between two, each twice the one before.

    Example:
        >>> sides(4, 32)
        [4, 8, 16, 32]
    """
    return [coarse << power for power in range((fine // coarse).bit_length())]


class Refinement(nn.Module):
    """Normalisation, non-linearity and convolution, added to their input: (n, c, h, w) → (n, c, h, w).

    Args:
        design: Normalisation and non-linearity.
        width: Channels.
    """

    def __init__(self, design: Design, width: int) -> None:
        super().__init__()
        self.added = nn.Sequential(
            normalisation(design.normalisation, width), nonlinearity(design.nonlinearity), convolution(width, width)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return the refined maps."""
        added: Tensor = self.added(maps)
        return maps + added


class Growth(nn.Module):
    """Maps at twice their size, beside a shortcut: (n, before, h, w) → (n, after, 2h, 2w).

    Args:
        design: Upsampling, normalisation and non-linearity.
        before: Channels of the input.
        after: Channels of the output.
    """

    def __init__(self, design: Design, before: int, after: int) -> None:
        super().__init__()
        self.grown = nn.Sequential(
            normalisation(design.normalisation, before),
            nonlinearity(design.nonlinearity),
            upsampling(design.upsampling, before, after),
            normalisation(design.normalisation, after),
            nonlinearity(design.nonlinearity),
            convolution(after, after),
        )
        self.shortcut = nn.Sequential(
            nn.Conv2d(before, after, 1) if before != after else nn.Identity(), enlarged(design.upsampling)
        )

    def forward(self, maps: Tensor) -> Tensor:
        """Return the maps at their new size."""
        grown: Tensor = self.grown(maps)
        shortcut: Tensor = self.shortcut(maps)
        return grown + shortcut


def growing(design: Design, before: int, after: int) -> nn.Module:
    """Return the layers that double maps, with a shortcut where the design's skip is ``residual``."""
    if design.skip == "residual":
        return Growth(design, before, after)
    return nn.Sequential(
        upsampling(design.upsampling, before, after),
        normalisation(design.normalisation, after),
        nonlinearity(design.nonlinearity),
    )


class Encoder(nn.Module):
    """Images or maps → maps, halved until they have a side: (n, before, fine, fine) → (n, width, coarse, coarse).

    Args:
        design: Downsampling, normalisation, non-linearity; with the skip ``residual`` each stage is refined.
        fine: Side of the input.
        coarse: Side of the output.
        before: Channels of the input.
        width: Channels of the output and of all between.
    """

    def __init__(self, design: Design, *, fine: int, coarse: int, width: int, before: int = 3) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for _ in sides(coarse, fine)[1:]:
            stages += [
                downsampling(design.downsampling, before, width),
                normalisation(design.normalisation, width),
                nonlinearity(design.nonlinearity),
            ]
            if design.skip == "residual":
                stages.append(Refinement(design, width))
            before = width
        self.stages = nn.Sequential(*stages)

    def forward(self, images: Tensor) -> Tensor:
        """Return the maps."""
        maps: Tensor = self.stages(images)
        return maps


class Decoder(nn.Module):
    """Maps → images in [−1, 1]: (n, 2 width, coarse, coarse) → (n, 3, size, size).

    With the skip ``output`` each stage adds its own image to the enlarged one of the stage before.

    Args:
        design: Size, width, upsampling, normalisation, non-linearity and skip.
        coarse: Side of the input.

    Example:
        >>> design = Design("a", "vae", "beta-vae", "fir", "gelu", "group", "fir", "output", "elbo", width=8)
        >>> Decoder(design)(torch.zeros(2, 16, 4, 4)).shape
        torch.Size([2, 3, 32, 32])
    """

    def __init__(self, design: Design, coarse: int = COARSEST) -> None:
        super().__init__()
        widths = [channels(design.width, side) for side in sides(coarse, design.size)]
        self.stages = nn.ModuleList(growing(design, *pair) for pair in itertools.pairwise(widths))
        self.finish = nn.Identity()
        if design.skip == "residual":
            last = normalisation(design.normalisation, widths[-1])
            self.finish = nn.Sequential(last, nonlinearity(design.nonlinearity))  # type: ignore[assignment]
        pictured = widths[1:] if design.skip == "output" else widths[-1:]
        self.to_images = nn.ModuleList(convolution(width, 3) for width in pictured)
        self.enlarged = enlarged(design.upsampling)

    def forward(self, maps: Tensor) -> Tensor:
        """Return the images."""
        image = maps.new_zeros(())
        unpictured = len(self.stages) - len(self.to_images)
        for index, stage in enumerate(self.stages):
            maps = stage(maps)
            if index > unpictured:
                image = self.enlarged(image)
            if index >= unpictured:
                image = image + self.to_images[index - unpictured](self.finish(maps))
        return torch.tanh(image)
