"""The small residual network for 32-pixel images (He et al. 2016, section 4.2)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional

STAGES = 3


class Block(nn.Module):
    """Two 3x3 convolutions beside a shortcut without parameters (option A: subsample, pad with zeros).

    Args:
        width_in: Channels of the input.
        width: Channels of the output.
        stride: Stride of the first convolution and of the shortcut.
    """

    def __init__(self, width_in: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width_in, width, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.conv2 = nn.Conv2d(width, width, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(width)
        self.stride = stride
        self.missing = width - width_in

    def forward(self, maps: Tensor) -> Tensor:
        """Return the block's feature maps, (n, width, height / stride, width / stride)."""
        residual = self.bn2(self.conv2(functional.relu(self.bn1(self.conv1(maps)))))
        return functional.relu(residual + self._shortcut(maps))

    def _shortcut(self, maps: Tensor) -> Tensor:
        if self.stride == 1 and not self.missing:
            return maps
        before = self.missing // 2
        padding = (0, 0, 0, 0, before, self.missing - before)
        return functional.pad(maps[:, :, :: self.stride, :: self.stride], padding)


class SmallResNet(nn.Module):
    """A residual network of three stages whose parameter names are those of the public CIFAR-10 checkpoints.

    Args:
        blocks: Blocks of each of the three stages: (3, 3, 3) is ResNet-20, (9, 9, 9) is ResNet-56.
        widths: Channels of each stage.
        classes: Rows of the linear classifier; 0 leaves it out.

    Example:
        >>> import torch
        >>> SmallResNet((1, 1, 1), (8, 16, 32)).maps(torch.zeros(2, 3, 32, 32), 3).shape
        torch.Size([2, 32, 8, 8])
    """

    def __init__(self, blocks: Sequence[int], widths: Sequence[int], classes: int = 0) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, widths[0], 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(widths[0])
        self.layer1 = _stage(widths[0], widths[0], blocks[0], 1)
        self.layer2 = _stage(widths[0], widths[1], blocks[1], 2)
        self.layer3 = _stage(widths[1], widths[2], blocks[2], 2)
        self.linear = nn.Linear(widths[2], classes) if classes else nn.Identity()

    def maps(self, pixels: Tensor, stage: int) -> Tensor:
        """Return the feature maps after ``stage`` (1, 2 or 3) of normalised pixels (n, 3, 32, 32)."""
        maps = functional.relu(self.bn1(self.conv1(pixels)))
        for layer in itertools.islice((self.layer1, self.layer2, self.layer3), stage):
            maps = layer(maps)
        return maps

    def penultimate(self, pixels: Tensor) -> Tensor:
        """Return the spatial means of the last maps, (n, widths[2])."""
        return self.maps(pixels, STAGES).mean(dim=(2, 3))

    def forward(self, pixels: Tensor) -> Tensor:
        """Return the classifier's logits, (n, classes), or the penultimate features without a classifier."""
        logits: Tensor = self.linear(self.penultimate(pixels))
        return logits


def _stage(width_in: int, width: int, blocks: int, stride: int) -> nn.Sequential:
    first = Block(width_in, width, stride)
    return nn.Sequential(first, *(Block(width, width, 1) for _ in range(blocks - 1)))
