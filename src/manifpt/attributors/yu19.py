"""The classifier of Yu et al.: a progressive GAN's discriminator that names generators.

Yu et al., *Attributing Fake Images to GANs: Learning and Analyzing GAN Fingerprints*, ICCV 2019, with the equalised
learning rate of Karras et al., *Progressive Growing of GANs*, ICLR 2018, section 4.1.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from manifpt.attributors.architectures import Classifier
from manifpt.attributors.augmentation import flipped
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.trained_network import TrainedNetwork, refuse_vectors
from manifpt.errors import NumbersError

LAST_SIDE = 4
LEAK = 0.2
MOST_CHANNELS = 2**14


class EqualisedConvolution(nn.Conv2d):
    """A 3 by 3 convolution over reflected borders whose weights are standard normal and scaled by √(2 / fan-in).

    Adam moves every weight by about the learning rate; scaled at use, all layers change by a like share of themselves.
    """

    def __init__(self, entering: int, leaving: int) -> None:
        super().__init__(entering, leaving, 3)
        self.scale = math.sqrt(2 / (9 * entering))
        _standard(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return maps of the same sides, (n, leaving, h, w)."""
        padded = functional.pad(inputs, (1, 1, 1, 1), mode="reflect")
        return functional.conv2d(padded, self.weight * self.scale, self.bias)


class EqualisedLinear(nn.Linear):
    """A dense layer whose weights are standard normal and scaled by gain / √fan-in."""

    def __init__(self, entering: int, leaving: int, *, gain: float) -> None:
        super().__init__(entering, leaving)
        self.scale = gain / math.sqrt(entering)
        _standard(self)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return (n, leaving)."""
        return functional.linear(inputs, self.weight * self.scale, self.bias)


def _standard(layer: EqualisedConvolution | EqualisedLinear) -> None:
    nn.init.normal_(layer.weight)
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


def channels(side: int, *, width: int = 1024, widest: int = 512) -> list[tuple[int, int]]:
    """Return the channels of both convolutions at each resolution 2^s, from the image's down to 8.

    With f(k) = min(width / 2^k, widest), they are f(s − 1) and f(s − 2).

    Args:
        side: Of the image, the shorter one; s starts at ⌊log₂ side⌋.
        width: Numerator of f.
        widest: Most channels.

    Example:
        >>> channels(32)
        [(64, 128), (128, 256), (256, 512)]
    """

    def at(stage: int) -> int:
        return max(1, min(width >> stage, widest))

    return [(at(s - 1), at(s - 2)) for s in range(side.bit_length() - 1, LAST_SIDE.bit_length() - 1, -1)]


class Discriminator(nn.Module):
    """Two convolutions at each resolution and averages of 2 by 2 between them; at 4 by 4 one more and a dense layer.

    Args:
        entering: Channels of the map.
        side: Of the map, the shorter one, at least 4. Where it is no power of two, halves are rounded down, and what
            is left at the end (up to 7 places) is averaged down to 4.
        width: Of ``channels``.
        widest: Of ``channels``, and of the last convolution and the dense layer.
    """

    def __init__(self, entering: int, *, side: int, width: int, widest: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for first, second in channels(side, width=width, widest=widest):
            stages.append(nn.Sequential(
                EqualisedConvolution(entering, first), nn.LeakyReLU(LEAK),
                EqualisedConvolution(first, second), nn.LeakyReLU(LEAK), nn.AvgPool2d(2),
            ))  # fmt: skip
            entering = second
        self.stages = nn.Sequential(*stages)
        self.last = EqualisedConvolution(entering, widest)
        self.dense = EqualisedLinear(widest * LAST_SIDE**2, widest, gain=math.sqrt(2))

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features (n, widest)."""
        coarse = functional.adaptive_avg_pool2d(self.stages(inputs), LAST_SIDE)
        last = functional.leaky_relu(self.last(coarse), LEAK)
        return functional.leaky_relu(self.dense(last.flatten(1)), LEAK)


class Yu19(TrainedNetwork):
    """The classifier of Yu et al. (ICCV 2019), for images (c, h, w) of any size from 4 px on.

    As in the original: no normalisation between layers, LReLU of slope 0.2, average pooling, equalised learning rate,
    Adam with the decays 0 and 0.99. What differs: images of any size, one network for each; the rate rises and falls
    (the authors keep it), gradients are clipped and weights averaged as for all networks here; each channel is
    normalised by its mean and deviation instead of to [−1, 1].

    Args:
        width: Numerator of the number of channels, min(width / 2^k, widest).
        widest: Most channels, also of the penultimate features.
        flips: Whether to mirror half of the images in training.
        epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of ``SmallResNet``.
    """

    name = "yu19"

    def __init__(
        self,
        *,
        epochs: int = 20,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 1e-3,
        width: int = 1024,
        widest: int = 512,
        flips: bool = False,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate, betas=(0.0, 0.99),
                weight_decay=0.0, smoothing=0.0, augmentation=flipped if flips else None, precision=precision,
                device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        if not 0 < width <= MOST_CHANNELS or not 0 < widest <= MOST_CHANNELS:
            raise NumbersError(
                f"a width of {width} and at most {widest} channels",
                expected=f"both from 1 to {MOST_CHANNELS:,}",
                remedy="use 1024 and 512",
            )
        self.width, self.widest, self.flips = width, widest, flips

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "width": self.width, "widest": self.widest, "flips": self.flips}

    def _checked(self, shape: tuple[int, ...]) -> None:
        refuse_vectors(self.name, shape)
        if min(shape[1:]) < LAST_SIDE:
            raise NumbersError(
                f"the features have the shape {shape}",
                expected=f"maps of at least {LAST_SIDE} × {LAST_SIDE} for {self.name}",
                remedy="use linear or resnet-small",
            )

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        body = Discriminator(shape[0], side=min(shape[1:]), width=self.width, widest=self.widest)
        network = Classifier(body, width=self.widest, classes=classes, channels=shape[0], axes=len(shape), dropout=0.0)
        network.head = EqualisedLinear(self.widest, classes, gain=1.0)
        return network
