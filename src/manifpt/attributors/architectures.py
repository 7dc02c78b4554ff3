"""Networks that attribute: a small residual network for maps and a perceptron for vectors.

Each normalises its input itself, maps it to penultimate features, and those to logits.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

SMALL_SIDE = 32
PATCH = 3
# With more channels than this, channels are made white among themselves alone: patches would be too long.
MANY_CHANNELS = 12


class Classifier(nn.Module):
    """Normalise, body, dropout, head.

    Args:
        body: Maps normalised inputs (n, *shape) to penultimate features (n, width).
        width: Length of the penultimate features.
        classes: How many logits there are.
        channels: Of the input's first axis, each normalised by its own mean and deviation.
        axes: How many axes one input has.
        dropout: Share of the penultimate features that training drops.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, body: nn.Module, *, width: int, classes: int, channels: int, axes: int, dropout: float) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self.register_buffer("mean", torch.zeros(channels, *[1] * (axes - 1)))
        self.register_buffer("deviation", torch.ones(channels, *[1] * (axes - 1)))

    def normalised_by(self, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> None:
        """Take over the mean and deviation of each channel, (channels,)."""
        self.mean.copy_(torch.from_numpy(mean).view_as(self.mean))
        self.deviation.copy_(torch.from_numpy(deviation).view_as(self.deviation))

    def features(self, inputs: Tensor) -> Tensor:
        """Return the penultimate features, (n, width)."""
        features: Tensor = self.body((inputs - self.mean) / self.deviation)
        return features

    def forward(self, inputs: Tensor) -> Tensor:
        """Return logits, (n, classes)."""
        logits: Tensor = self.head(self.dropout(self.features(inputs)))
        return logits

    def loss(self, inputs: Tensor, labels: Tensor, smoothing: float) -> tuple[Tensor, Tensor]:
        """Return what a training step makes smaller, and the logits (n, classes) in float32.

        Args:
            inputs: (n, *shape).
            labels: Class indices, (n,).
            smoothing: Share of each label that is spread over all classes.
        """
        logits = self(inputs).float()
        return functional.cross_entropy(logits, labels, label_smoothing=smoothing), logits


class ResidualBlock(nn.Module):
    """Two 3 by 3 convolutions and a way around them (He et al., CVPR 2016)."""

    def __init__(self, entering: int, leaving: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(entering, leaving, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(leaving)
        self.second = nn.Conv2d(leaving, leaving, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(leaving)
        # Each block starts as the identity: deep gradients are tame while the learning rate rises.
        nn.init.zeros_(self.second_norm.weight)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or entering != leaving:
            self.around = nn.Sequential(nn.Conv2d(entering, leaving, 1, stride, bias=False), nn.BatchNorm2d(leaving))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return relu(convolutions + way around)."""
        inner = functional.relu(self.first_norm(self.first(inputs)))
        return functional.relu(self.second_norm(self.second(inner)) + self.around(inputs))


class Whitened(nn.Module):
    """A fixed first layer under which patches are uncorrelated, each direction as large as any other.

    Args:
        channels: Of the map.
        side: Of a patch, odd.
    """

    filters: Tensor

    def __init__(self, channels: int, side: int) -> None:
        super().__init__()
        self.side = side
        self.register_buffer("filters", torch.zeros(side**2 * channels, channels, side, side))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return maps (n, side² · channels, h, w), in float32: bf16 rounds away what differs between neighbours."""
        padded = functional.pad(inputs, [self.side // 2] * 4, mode="replicate")
        with torch.autocast(inputs.device.type, enabled=False):
            return functional.conv2d(padded, self.filters)


class SmallBody(nn.Module):
    """A residual network with a CIFAR stem: whitened patches, one 3 by 3 convolution, three stages.

    Maps of 48 px and more are halved by the stem, and averaged down to about 32 px after it, so that the stages cost
    about the same at every size.

    Args:
        channels: Of the map.
        side: Of the map, its larger one.
        width: Channels of the first of three stages; each later one doubles them and halves the sides.
        depth: Blocks in a stage.
    """

    def __init__(self, channels: int, *, side: int, width: int, depth: int) -> None:
        super().__init__()
        stride = 1 if side < 1.5 * SMALL_SIDE else 2
        self.pool = max(1, round(side / stride / SMALL_SIDE))
        self.whitened = Whitened(channels, PATCH if channels <= MANY_CHANNELS else 1)
        self.stem = nn.Conv2d(len(self.whitened.filters), width, 3, stride, 1, bias=False)
        self.stem_norm = nn.BatchNorm2d(width)
        widths = [width, *(width * 2**stage for stage in range(3))]
        self.stages = nn.Sequential(*(
            ResidualBlock(widths[stage] if block == 0 else widths[stage + 1], widths[stage + 1],
                          2 if block == 0 and stage else 1)
            for stage in range(3)
            for block in range(depth)
        ))  # fmt: skip

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features (n, 4 · width), the mean over all places."""
        entering = functional.relu(self.stem_norm(self.stem(self.whitened(inputs))))
        if self.pool > 1:
            entering = functional.avg_pool2d(entering, self.pool, ceil_mode=True)
        features: Tensor = self.stages(entering).mean(dim=(2, 3))
        return features


def small_resnet(shape: tuple[int, ...], classes: int, *, width: int, depth: int, dropout: float) -> Classifier:
    """Return a small residual network for maps of shape (c, h, w)."""
    channels, height, across = shape
    body = SmallBody(channels, side=max(height, across), width=width, depth=depth)
    return Classifier(body, width=4 * width, classes=classes, channels=channels, axes=len(shape), dropout=dropout)


def perceptron(shape: tuple[int, ...], classes: int, *, width: int, dropout: float) -> Classifier:
    """Return a perceptron with two hidden layers for vectors, or for maps, which it flattens."""
    length = math.prod(shape)
    body = nn.Sequential(
        nn.Flatten(), nn.Linear(length, width), nn.LayerNorm(width), nn.GELU(), nn.Dropout(dropout),
        nn.Linear(width, width), nn.LayerNorm(width), nn.GELU(),
    )  # fmt: skip
    return Classifier(body, width=width, classes=classes, channels=shape[0], axes=len(shape), dropout=dropout)
