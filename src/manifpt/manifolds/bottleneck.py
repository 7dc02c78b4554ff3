"""The small U-Net without its skips: all that it knows of an image passes through a short code."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, silu

from manifpt.manifolds.unet import STEP, UNet


class Bottleneck(UNet):
    """An autoencoder whose code is a map of a quarter of the image's sides.

    It is the U-Net of the other networks, less the skips, so that its answer looks no farther either and fits images
    of every size.

    Args:
        channels: Of the images.
        width: Channels at full size; 2 and 4 times as many at a half and a quarter of it.
        code: Channels of the code: code / (16 · channels) numbers for each one of the image.

    Example:
        >>> network = Bottleneck(3, 8, code=4)
        >>> network.encoded(torch.zeros(2, 3, 7, 9)).shape, network(torch.zeros(2, 3, 7, 9)).shape
        (torch.Size([2, 4, 2, 3]), torch.Size([2, 3, 7, 9]))
    """

    def __init__(self, channels: int, width: int, *, code: int) -> None:
        super().__init__(channels, width, told=False)
        self.into = nn.Conv2d(STEP * width, code, 1)
        self.out = nn.Conv2d(code, STEP * width, 1)

    def encoded(self, images: Tensor) -> Tensor:
        """Return the code of images (n, channels, height, width) in [0, 1], (n, code, ⌈height / 4⌉, ⌈width / 4⌉)."""
        height, width = images.shape[-2:]
        filled = pad(2 * images - 1, (0, -width % STEP, 0, -height % STEP), mode="replicate")
        maps = self.first(filled.contiguous(memory_format=torch.channels_last))
        for block, shrink in zip(self.down, self.shrink, strict=True):
            maps = shrink(block(maps, None))
        code: Tensor = self.into(self.middle[0](maps, None))
        return code

    def decoded(self, code: Tensor, height: int, width: int) -> Tensor:
        """Return the images of codes, (n, channels, height, width), about in [0, 1]."""
        maps = self.middle[1](self.out(code), None)
        for grow, block in reversed(list(zip(self.grow, self.up, strict=True))):
            maps = block(grow(maps), None)
        answer: Tensor = (self.last(silu(maps)) + 1) / 2
        return answer[..., :height, :width]

    def forward(self, images: Tensor, noise: Tensor | None = None) -> Tensor:
        """Return what is left of images (n, channels, height, width) by their code, the same shape.

        Args:
            images: Of any size, in [0, 1].
            noise: Not looked at.
        """
        return self.decoded(self.encoded(images), *images.shape[-2:])
