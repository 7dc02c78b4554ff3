"""A compact U-Net that knows how noisy its input is (Ronneberger et al. 2015; Ho et al. 2020)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from manifpt.errors import UnknownNameError
from manifpt.zoo.design import Design
from manifpt.zoo.networks.layers import GROUPS, convolution, downsampling, nonlinearity, normalisation, upsampling

HONOURED = {
    "upsampling": ("transposed", "nearest", "bilinear", "shuffle", "fir"),
    # Statistics of a training batch mix all noise levels; a sampler's batch has but one.
    "normalisation": ("group", "instance", "none"),
    "downsampling": ("strided", "average", "fir"),
    "skip": ("unet",),
}
FREQUENCIES = 16
FASTEST = 1000.0
"""Of the sines and cosines that tell the time, in radians per unit of time."""
QUIET = 0.1
"""Factor of a residual's and an output's first weights, so that blocks start near the identity."""


def refuse_others(design: Design, loss: str) -> None:
    """Refuse a design that a U-Net in training for ``loss`` cannot honour.

    Raises:
        UnknownNameError: A field has a choice beyond this architecture.
    """
    for field, choices in {**HONOURED, "loss": (loss,)}.items():
        value = getattr(design, field)
        if value not in choices:
            raise UnknownNameError(
                f"{design.architecture} of {design.name!r} cannot honour {field} {value!r}",
                expected=f"{field} {' or '.join(choices)}",
                remedy=f"choose another {field} or another architecture",
            )


def in_groups(channels: float) -> int:
    """Return the nearest number of channels that can be normalised in groups, at least one a group.

    Example:
        >>> in_groups(4), in_groups(21)
        (8, 24)
    """
    return max(GROUPS, GROUPS * round(channels / GROUPS))


def image_channels(design: Design) -> tuple[int, ...]:
    """Return the channels of each level for images, from full resolution down to 8 × 8.

    Example:
        >>> from manifpt.zoo.networks import unet
        >>> d = Design("a", "score", "ddpm", "nearest", "swish", "group", "strided", "unet", "epsilon")
        >>> unet.image_channels(d), unet.image_channels(d.but(size=64))
        ((16, 32, 64), (16, 32, 32, 64))
    """
    shares = (0.5, *[1.0] * (int(math.log2(design.size)) - 4), 2.0)
    return tuple(in_groups(share * design.width) for share in shares)


class Block(nn.Module):
    """Two convolutions, scaled and shifted by an embedding, beside a shortcut.

    Args:
        design: Its non-linearity and normalisation.
        before: Channels of the input.
        after: Channels of the output.
        embedding: Length of the embedding.
    """

    def __init__(self, design: Design, before: int, after: int, embedding: int) -> None:
        super().__init__()
        self.bend = nonlinearity(design.nonlinearity)
        self.first_norm = normalisation(design.normalisation, before)
        self.first = convolution(before, after)
        self.second_norm = normalisation(design.normalisation, after)
        self.modulation = nn.Linear(embedding, 2 * after)
        self.second = quiet(convolution(after, after))
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()

    def forward(self, maps: Tensor, embedding: Tensor) -> Tensor:
        """Return (n, after, h, w) of maps (n, before, h, w) and embeddings (n, embedding)."""
        hidden = self.second_norm(self.first(self.bend(self.first_norm(maps))))
        scale, shift = self.modulation(embedding)[:, :, None, None].chunk(2, 1)
        refined: Tensor = self.second(self.bend(hidden * (1 + scale) + shift))
        shortcut: Tensor = self.shortcut(maps)
        return refined + shortcut


class Attention(nn.Module):
    """Every pixel looks at every other one, beside a shortcut (Vaswani et al. 2017).

    Args:
        design: Its normalisation.
        channels: Of the maps.
    """

    def __init__(self, design: Design, channels: int) -> None:
        super().__init__()
        self.norm = normalisation(design.normalisation, channels)
        self.looks = nn.Conv2d(channels, 3 * channels, 1)
        self.seen = quiet(nn.Conv2d(channels, channels, 1))

    def forward(self, maps: Tensor) -> Tensor:
        """Return maps of the same shape, (n, channels, h, w)."""
        query, key, value = self.looks(self.norm(maps)).flatten(2).transpose(1, 2).chunk(3, 2)
        seen = scaled_dot_product_attention(query, key, value)
        gathered: Tensor = self.seen(seen.transpose(1, 2).reshape(maps.shape))
        return maps + gathered


class UNet(nn.Module):
    """Maps of a noisy image to maps of the same size, by way of smaller ones.

    Args:
        design: Its upsampling, downsampling, non-linearity and normalisation.
        before: Channels of the input.
        after: Channels of the output.
        channels: Of each level, from full resolution down; multiples of 8.
        style: Length of a further vector that steers all blocks; 0 for none.

    Example:
        >>> d = Design("a", "score", "ddpm", "nearest", "swish", "group", "strided", "unet", "epsilon")
        >>> UNet(d, before=3, after=3, channels=(8, 16))(torch.zeros(2, 3, 8, 8), torch.zeros(2)).shape
        torch.Size([2, 3, 8, 8])
    """

    frequencies: Tensor

    def __init__(self, design: Design, *, before: int, after: int, channels: Sequence[int], style: int = 0) -> None:
        super().__init__()
        length = channels[-1]
        frequencies = torch.exp(torch.linspace(0, math.log(FASTEST), FREQUENCIES))
        self.register_buffer("frequencies", frequencies, persistent=False)
        self.level = _embedding(design, 2 * FREQUENCIES, length)
        self.style = _embedding(design, style, length) if style else None
        self.stem = convolution(before, channels[0])
        self.down = nn.ModuleList(Block(design, width, width, length) for width in channels)
        self.smaller = nn.ModuleList(
            downsampling(design.downsampling, above, below) for above, below in pairwise(channels)
        )
        self.middle = nn.ModuleList(Block(design, length, length, length) for _ in range(2))
        self.attention = Attention(design, length)
        self.up = nn.ModuleList(Block(design, 2 * width, width, length) for width in channels)
        self.larger = nn.ModuleList(upsampling(design.upsampling, below, above) for above, below in pairwise(channels))
        self.last = nn.Sequential(
            normalisation(design.normalisation, channels[0]),
            nonlinearity(design.nonlinearity),
            quiet(convolution(channels[0], after)),
        )

    def forward(self, maps: Tensor, time: Tensor, style: Tensor | None = None) -> Tensor:
        """Return (n, after, h, w).

        Args:
            maps: (n, before, h, w); sides divide by 2 once per level but the first.
            time: How noisy they are, in [0, 1], (n,).
            style: (n, style), where there is one.
        """
        embedding = self.embedded(time, style)
        hidden, bridges = self.stem(maps), []
        for level, block in enumerate(self.down):
            hidden = block(hidden, embedding)
            bridges.append(hidden)
            if level < len(self.smaller):
                hidden = self.smaller[level](hidden)
        hidden = self.middle[1](self.attention(self.middle[0](hidden, embedding)), embedding)
        for level in reversed(range(len(self.up))):
            hidden = self.up[level](torch.cat([hidden, bridges[level]], 1), embedding)
            if level:
                hidden = self.larger[level - 1](hidden)
        refined: Tensor = self.last(hidden)
        return refined

    def embedded(self, time: Tensor, style: Tensor | None) -> Tensor:
        """Return the vectors that steer the blocks, (n, channels of the lowest level)."""
        phases = time[:, None] * self.frequencies
        embedding: Tensor = self.level(torch.cat([phases.sin(), phases.cos()], 1))
        return embedding if self.style is None else embedding + self.style(style)


def quiet(layer: nn.Conv2d) -> nn.Conv2d:
    """Return the layer with small first weights and without a first bias."""
    with torch.no_grad():
        layer.weight.mul_(QUIET)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)
    return layer


def _embedding(design: Design, before: int, after: int) -> nn.Sequential:
    bend = nonlinearity(design.nonlinearity)
    return nn.Sequential(nn.Linear(before, after), bend, nn.Linear(after, after), bend)
