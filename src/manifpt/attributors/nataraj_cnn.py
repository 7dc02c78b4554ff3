"""The small convolutional network of Nataraj et al. on co-occurrence maps.

Nataraj et al., *Detecting GAN Generated Fake Images Using Co-occurrence Matrices*, Media Watermarking, Security, and
Forensics 2019.
"""

from __future__ import annotations

import math
from typing import Any

from torch import Tensor, nn

from manifpt.attributors.architectures import Classifier
from manifpt.attributors.recipe import Recipe
from manifpt.attributors.trained_network import TrainedNetwork, refuse_vectors
from manifpt.errors import NumbersError

STAGES = 3
DENSE = 8
LEAST_WIDTH, MOST_WIDTH = 16, 2**10


class CooccurrenceBody(nn.Module):
    """Three stages of a 3 by 3 and a 5 by 5 convolution and a maximum of 2 by 2, then a dense layer.

    Args:
        shape: Of one map, (c, h, w).
        width: Channels of the first stage; each later one doubles them.
    """

    def __init__(self, shape: tuple[int, ...], *, width: int) -> None:
        super().__init__()
        entering, *sides = shape
        stages: list[nn.Module] = []
        for stage in range(STAGES):
            leaving, stride = width * 2**stage, 1 if stage else 2
            stages.append(nn.Sequential(
                nn.Conv2d(entering, leaving, 3, stride, 1), nn.ReLU(),
                nn.Conv2d(leaving, leaving, 5, 1, 2), nn.ReLU(), nn.MaxPool2d(2, ceil_mode=True),
            ))  # fmt: skip
            entering, sides = leaving, [math.ceil(math.ceil(side / stride) / 2) for side in sides]
        self.stages = nn.Sequential(*stages)
        self.dense = nn.Linear(entering * math.prod(sides), DENSE * width)

    def forward(self, inputs: Tensor) -> Tensor:
        """Return features (n, 8 · width)."""
        return self.dense(self.stages(inputs).flatten(1)).relu()  # type: ignore[no-any-return]


class NatarajCNN(TrainedNetwork):
    """The network of Nataraj et al. (2019), for maps (c, h, w) such as the extractor ``nataraj19`` gives.

    Convolutions of 32 channels (3 by 3 with stride 2, then 5 by 5), of 64 and of 128, a maximum of 2 by 2 after each
    pair, and 256 dense features; Adam. What differs: the classes are generators, by cross-entropy, where the authors
    tell fake from real; the maps are smaller (32 by 32 levels) and their channels are normalised; one dense layer
    stands before the logits; the rate rises and falls, gradients are clipped and weights averaged as for all networks
    here.

    Args:
        width: Channels of the first stage, a multiple of 16; 2, 4 and 8 times as many follow.
        epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of ``SmallResNet``.
    """

    name = "nataraj-cnn"

    def __init__(
        self,
        *,
        epochs: int = 30,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 1e-4,
        width: int = 32,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            Recipe(
                epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate, weight_decay=0.0,
                smoothing=0.0, precision=precision, device=device, seed=seed,
            ),
            calibration_folds,
        )  # fmt: skip
        if not LEAST_WIDTH <= width <= MOST_WIDTH or width % LEAST_WIDTH:
            raise NumbersError(
                f"a width of {width}",
                expected=f"a multiple of {LEAST_WIDTH} up to {MOST_WIDTH:,}",
                remedy="use 32",
            )
        self.width = width

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "width": self.width}

    def _checked(self, shape: tuple[int, ...]) -> None:
        refuse_vectors(self.name, shape)

    def _built(self, shape: tuple[int, ...], classes: int) -> Classifier:
        body = CooccurrenceBody(shape, width=self.width)
        return Classifier(
            body, width=DENSE * self.width, classes=classes, channels=shape[0], axes=len(shape), dropout=0.0
        )
