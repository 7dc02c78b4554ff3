"""Xception, as Marra et al. attribute with it.

Chollet, *Xception: Deep Learning with Depthwise Separable Convolutions*, CVPR 2017; Marra et al., *Detection of
GAN-Generated Fake Images over Social Networks*, MIPR 2018.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from torch import Tensor, nn

from manifpt.attributors.architectures import Classifier
from manifpt.attributors.augmentation import flipped
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.trained_network import TrainedNetwork, refuse_vectors
from manifpt.errors import NumbersError

MIDDLE_WIDTH = 728
LEAST_CHANNELS, STEP = 16, 8
MOST_BLOCKS, MOST_WIDTH = 100, 2**13
# From this side on, the stem has its stride, and the exit flow at least 3 by 3 places.
STRIDDEN_STEM = 96
LEAST_PLACES = 2
STRIDES = 4


class Separable(nn.Sequential):
    """A 3 by 3 convolution of each channel, one of 1 by 1 across channels, and batch normalisation."""

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(
            nn.Conv2d(entering, entering, 3, 1, 1, groups=entering, bias=False),
            nn.Conv2d(entering, leaving, 1, bias=False),
            nn.BatchNorm2d(leaving),
        )


class Block(nn.Module):
    """Separable convolutions, each after a ReLU, and a way around them.

    Args:
        widths: Channels that enter the first, and leave each.
        stride: 2 for a maximum of 3 by 3 after the last, at every second place.
        activated: Whether the first has its ReLU too.
    """

    def __init__(self, *widths: int, stride: int = 1, activated: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for entering, leaving in pairwise(widths):
            layers += [nn.ReLU(), Separable(entering, leaving)]
        pool = [nn.MaxPool2d(3, 2, 1)] if stride > 1 else []
        self.convolutions = nn.Sequential(*layers[0 if activated else 1 :], *pool)
        self.around: nn.Module = nn.Identity()
        if stride > 1 or widths[0] != widths[-1]:
            self.around = nn.Sequential(
                nn.Conv2d(widths[0], widths[-1], 1, stride, bias=False), nn.BatchNorm2d(widths[-1])
            )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return convolutions + way around."""
        summed: Tensor = self.convolutions(inputs) + self.around(inputs)
        return summed


def strides(side: int) -> list[int]:
    """Return the strides of the stem, of the three blocks of the entry flow and of the first one of the exit flow.

    All are 2 from 96 px on, as in the original. Below, the stem has none; below 32 px, nor has the first block, and so
    on, until at least 2 by 2 places reach the exit flow's end.

    Example:
        >>> strides(299), strides(64), strides(32), strides(16)
        ([2, 2, 2, 2, 2], [1, 2, 2, 2, 2], [1, 2, 2, 2, 2], [1, 1, 2, 2, 2])
    """
    halved = min(STRIDES, max(0, (side // LEAST_PLACES).bit_length() - 1))
    return [2 if side >= STRIDDEN_STEM else 1, *[1] * (STRIDES - halved), *[2] * halved]


def scaled(channels: int, width: int) -> int:
    """Return the channels of a layer when the middle flow has ``width`` of them: a multiple of 8, at least 16.

    With fewer than 16, oneDNN's gradients of strided 1 by 1 convolutions write past their memory.

    Example:
        >>> scaled(1024, 728), scaled(1024, 364), scaled(32, 16)
        (1024, 512, 16)
    """
    return max(LEAST_CHANNELS, STEP * round(channels * width / MIDDLE_WIDTH / STEP))


class XceptionBody(nn.Module):
    """Entry, middle and exit flow, and the mean over all places.

    Args:
        entering: Channels of the map.
        side: Of the map, the shorter one.
        width: Channels of the middle flow; all other layers have as many more or fewer.
        middle: Blocks of the middle flow.
    """

    def __init__(self, entering: int, *, side: int, width: int, middle: int) -> None:
        super().__init__()
        first, second, low, mid, high, out, wide, self.width = (
            scaled(channels, width) for channels in (32, 64, 128, 256, MIDDLE_WIDTH, 1024, 1536, 2048)
        )
        stem, one, two, three, last = strides(side)
        self.entry = nn.Sequential(
            nn.Conv2d(entering, first, 3, stem, 1, bias=False), nn.BatchNorm2d(first), nn.ReLU(),
            nn.Conv2d(first, second, 3, 1, 1, bias=False), nn.BatchNorm2d(second), nn.ReLU(),
            Block(second, low, low, stride=one, activated=False),
            Block(low, mid, mid, stride=two),
            Block(mid, high, high, stride=three),
        )  # fmt: skip
        self.middle = nn.Sequential(*(Block(high, high, high, high) for _ in range(middle)))
        self.exit = nn.Sequential(
            Block(high, high, out, stride=last), Separable(out, wide), nn.ReLU(), Separable(wide, self.width), nn.ReLU()
        )

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features (n, width), the mean over all places."""
        features: Tensor = self.exit(self.middle(self.entry(inputs))).mean(dim=(2, 3))
        return features


class Xception(TrainedNetwork):
    """Xception for images (c, h, w), the network that Marra et al. (MIPR 2018) found to stand compression best.

    What differs from Chollet's: random initial weights instead of ImageNet's; padded convolutions in the stem; below
    96 px no stride in the stem (and below 32 px fewer in the blocks, ``strides``), so that at least 2 by 2 places are
    left where the original has 10 by 10 of 299 px; no dropout. Adam; the rate rises and falls, gradients are clipped
    and weights averaged as for all networks here.

    Args:
        width: Channels of the middle flow; all other layers have as many more or fewer.
        middle: Blocks of the middle flow.
        flips: Whether to mirror half of the images in training.
        epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of ``SmallResNet``.
    """

    name = "xception"

    def __init__(
        self,
        *,
        epochs: int = 20,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 1e-4,
        width: int = MIDDLE_WIDTH,
        middle: int = 8,
        flips: bool = False,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate, weight_decay=0.0,
                smoothing=0.0, augmentation=flipped if flips else None, precision=precision, device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        if not LEAST_CHANNELS <= width <= MOST_WIDTH or not 0 <= middle <= MOST_BLOCKS:
            raise NumbersError(
                f"a width of {width} and {middle} blocks in the middle",
                expected=f"a width from {LEAST_CHANNELS} to {MOST_WIDTH:,} and at most {MOST_BLOCKS} blocks",
                remedy=f"use {MIDDLE_WIDTH} and 8",
            )
        self.width, self.middle, self.flips = width, middle, flips

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "width": self.width, "middle": self.middle, "flips": self.flips}

    def _checked(self, shape: tuple[int, ...]) -> None:
        refuse_vectors(self.name, shape)

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        body = XceptionBody(shape[0], side=min(shape[1:]), width=self.width, middle=self.middle)
        return Classifier(body, width=body.width, classes=classes, channels=shape[0], axes=len(shape), dropout=0.0)
