"""ResNet-50 trained on blurred and recompressed images.

Wang et al., *CNN-generated Images are Surprisingly Easy to Spot... for Now*, CVPR 2020.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from manifpt.attributors.attributor import Features
from manifpt.attributors.augmentation import cropped, flipped
from manifpt.attributors.examples import blocks
from manifpt.attributors.network import ResNet50
from manifpt.errors import NumbersError

WIDEST_BLUR = 3.0
LOWEST_QUALITY, HIGHEST_QUALITY = 30, 100
WHITE = 255
CHANNELS = 3


def blurred(image: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Return an image (3, h, w) in [0, 1] after a Gaussian blur of each channel, in whole levels of 1/255.

    Args:
        image: Mirrored at its borders.
        sigma: Deviation of the Gaussian, pixels.

    Example:
        >>> step = np.zeros((1, 1, 8), np.float32)
        >>> step[..., 4:] = 1
        >>> (blurred(step, 1.0) * 255).round().astype(int).tolist()
        [[[0, 1, 15, 77, 178, 240, 254, 255]]]
    """
    levels: NDArray[np.float32] = ndimage.gaussian_filter(WHITE * image, sigma, axes=(1, 2))
    return (np.rint(levels) / WHITE).astype(np.float32)


def compressed(image: NDArray[np.float32], quality: int) -> NDArray[np.float32]:
    """Return an image (3, h, w) in [0, 1] after JPEG of this quality (1 to 100; chroma halved), as Pillow writes it."""
    levels = np.rint(WHITE * image).clip(0, WHITE).astype(np.uint8)
    file = BytesIO()
    Image.fromarray(np.ascontiguousarray(levels.transpose(1, 2, 0))).save(file, "JPEG", quality=quality)
    with Image.open(file) as decoded:
        found: NDArray[np.float32] = np.asarray(decoded, np.float32).transpose(2, 0, 1) / np.float32(WHITE)
    return found


@dataclass(frozen=True, slots=True)
class Degraded:
    """Blur some images and compress some, each with the same probability, then crop and mirror at random.

    Args:
        probability: Of a blur (deviation from 0 to 3 pixels), and apart from that of JPEG (quality 30 to 100).
        crops: Whether to crop all of them.
        flips: Whether to mirror half of them.
    """

    probability: float
    crops: bool
    flips: bool

    def __call__(self, images: Features, rng: np.random.Generator) -> Features:
        """Return images (n, 3, h, w) in [0, 1], in whole levels of 1/255 where they were degraded."""
        count = len(images)
        blurs, sigmas = rng.random(count) < self.probability, rng.uniform(0, WIDEST_BLUR, count)
        losses = rng.random(count) < self.probability
        qualities = rng.integers(LOWEST_QUALITY, HIGHEST_QUALITY, count, endpoint=True)
        made = np.array(images)
        for row in np.flatnonzero(blurs):
            made[row] = blurred(made[row], sigmas[row])
        for row in np.flatnonzero(losses):
            made[row] = compressed(made[row], int(qualities[row]))
        made = cropped(made, rng) if self.crops else made
        return flipped(made, rng) if self.flips else made


class Wang20(ResNet50):
    """ResNet-50 on images that training blurs, compresses, crops and mirrors at random (Wang et al., CVPR 2020).

    It takes pixels in [0, 1], (3, h, w), such as the points of the space ``rgb``; predictions see them as they are.
    Adam. What differs: the classes are generators, by cross-entropy, where the authors tell fake from real; images
    keep their size, cropped out of themselves with a mirrored border of 1/8 of the side, where the authors crop 224 of
    256 px; JPEG is Pillow's alone; ImageNet weights are used only where they are at hand (``initialised_``); the rate
    rises and falls where the authors divide it by 10 on plateaus; gradients are clipped and weights averaged as for
    all networks here.

    Args:
        augmented: Probability of a blur (deviation from 0 to 3 pixels), and apart from that of JPEG (quality 30 to
            100); the authors use 0.5, 0.1 and 0. With 0, maps of other kinds are taken too.
        crops: Whether to crop all images at random.
        flips: Whether to mirror half of the images.
        sizes, epochs, least_steps, batch, learning_rate, precision, calibration_folds, device, seed: As of
            ``ResNet50``.
    """

    name = "wang20"

    def __init__(
        self,
        *,
        epochs: int = 20,
        least_steps: int = 600,
        batch: int = 64,
        learning_rate: float = 1e-4,
        augmented: float = 0.5,
        crops: bool = True,
        flips: bool = True,
        sizes: dict[str, Any] | None = None,
        precision: str = "auto",
        calibration_folds: int = 2,
        device: str = "auto",
        seed: int = 0,
    ) -> None:
        super().__init__(
            epochs=epochs, least_steps=least_steps, batch=batch, learning_rate=learning_rate, sizes=sizes, flips=flips,
            precision=precision, calibration_folds=calibration_folds, device=device, seed=seed,
        )  # fmt: skip
        if not 0 <= augmented <= 1:
            raise NumbersError(
                f"images are augmented with probability {augmented}",
                expected="a probability",
                remedy="use 0.5 or 0.1, or 0 for neither blur nor JPEG",
            )
        self.augmented, self.crops = augmented, crops
        degraded = Degraded(augmented, crops=crops, flips=flips)
        self.recipe = replace(self.recipe, augmentation=degraded, weight_decay=0.0, smoothing=0.0)

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments."""
        return {**super().settings(), "augmented": self.augmented, "crops": self.crops}

    def _checked(self, shape: tuple[int, ...]) -> None:
        super()._checked(shape)
        if self.augmented and shape[0] != CHANNELS:
            raise self._unsuited(f"the features have the shape {shape}")

    def _refuse_values(self, features: Features) -> None:
        for block in blocks(features) if self.augmented else ():
            values = features[block].reshape(block.stop - block.start, -1)
            outside = (values.min(axis=1) < 0) | (values.max(axis=1) > 1)
            if outside.any():
                raise self._unsuited(f"the features of example {block.start + int(np.argmax(outside))} leave [0, 1]")

    def _unsuited(self, happened: str) -> NumbersError:
        return NumbersError(
            happened,
            expected=f"pixels in [0, 1], (3, h, w): {self.name} compresses them as JPEG",
            remedy="use the points of rgb, or augmented 0, or resnet50",
        )
