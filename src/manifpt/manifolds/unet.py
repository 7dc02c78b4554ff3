"""A small U-Net whose answer at a pixel depends on what is near it alone, so that it fits images of every size."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn.functional import layer_norm, pad, silu

LEVELS = 3
STEP = 2 ** (LEVELS - 1)  # pixels: sides are filled up to multiples of it
REACH = 36  # pixels, a multiple of STEP: no farther does the answer look
EMBEDDED = 32
# What a deviation's logarithm is measured from, and in: 0.01 … 0.1 of the range of pixels becomes −1 … 1.
CENTRE, SPAN = math.log(0.01 * math.sqrt(10)), math.log(10) / 2


class UNet(nn.Module):
    """Three scales of residual blocks, joined by strided and transposed convolutions (Ronneberger et al. 2015).

    Skips are added, as in DRUNet (Zhang et al. 2021). Normalisation is over the channels of each pixel, never over
    places: group normalisation would let every pixel of an image change all others. The deviation of the noise, where
    the network is told one, scales and shifts the maps of each block (FiLM, Perez et al. 2018).

    Args:
        channels: Of the images.
        width: Channels at full size; 2 and 4 times as many at a half and a quarter of it. 16 makes 231,843 weights.
        told: Whether it is told the deviation of the noise.

    Example:
        >>> UNet(3, 8, told=True)(torch.zeros(2, 3, 7, 9), torch.tensor([0.01, 0.1])).shape
        torch.Size([2, 3, 7, 9])
    """

    def __init__(self, channels: int, width: int, *, told: bool) -> None:
        super().__init__()
        widths = [width * 2**level for level in range(LEVELS)]
        self.told = nn.Sequential(nn.Linear(1, EMBEDDED), nn.SiLU(), nn.Linear(EMBEDDED, EMBEDDED)) if told else None
        embedded = EMBEDDED if told else 0
        self.first = nn.Conv2d(channels, width, 3, padding=1)
        self.down = nn.ModuleList(Block(each, embedded) for each in widths[:-1])
        self.shrink = nn.ModuleList(nn.Conv2d(each, 2 * each, 2, 2) for each in widths[:-1])
        self.middle = nn.ModuleList(Block(widths[-1], embedded) for _ in range(2))
        self.grow = nn.ModuleList(nn.ConvTranspose2d(2 * each, each, 2, 2) for each in widths[:-1])
        self.up = nn.ModuleList(Block(each, embedded) for each in widths[:-1])
        self.last = nn.Conv2d(width, channels, 3, padding=1)
        # So that a training starts from the image itself.
        for weight in self.last.parameters():
            nn.init.zeros_(weight)

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return one map for each channel of images (n, channels, height, width), the same shape.

        Args:
            images: Of any size, in [0, 1].
            noise: Deviation of each image's noise, (n,), where the network is told it.
        """
        height, width = images.shape[-2:]
        filled = pad(2 * images - 1, (0, -width % STEP, 0, -height % STEP), mode="replicate")
        about = self._embedded(noise)
        maps, skipped = self.first(filled.contiguous(memory_format=torch.channels_last)), []
        for block, shrink in zip(self.down, self.shrink, strict=True):
            maps = block(maps, about)
            skipped.append(maps)
            maps = shrink(maps)
        for block in self.middle:
            maps = block(maps, about)
        for grow, block, skip in reversed(list(zip(self.grow, self.up, skipped, strict=True))):
            maps = block(grow(maps) + skip, about)
        answer: Tensor = self.last(silu(maps))
        return answer[..., :height, :width]

    def _embedded(self, noise: Tensor | None) -> Tensor | None:
        if self.told is None or noise is None:
            return None
        about: Tensor = silu(self.told((noise.log()[:, None] - CENTRE) / SPAN))
        return about


class Block(nn.Module):
    """Two convolutions beside a shortcut, normalised and told between them.

    Args:
        width: Channels.
        embedded: Length of what it is told; 0 for nothing.
    """

    def __init__(self, width: int, embedded: int) -> None:
        super().__init__()
        self.one = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.LayerNorm(width)
        self.film = nn.Linear(embedded, 2 * width) if embedded else None
        self.two = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, maps: Tensor, about: Tensor | None) -> Tensor:
        """Return maps of the same shape."""
        inner = self.one(silu(maps)).permute(0, 2, 3, 1)
        inner = layer_norm(inner, inner.shape[-1:], self.norm.weight, self.norm.bias)
        if self.film is not None and about is not None:
            scale, shift = self.film(about)[:, None, None].chunk(2, dim=-1)
            inner = inner * (1 + scale) + shift
        answer: Tensor = maps + self.two(silu(inner).permute(0, 3, 1, 2))
        return answer
