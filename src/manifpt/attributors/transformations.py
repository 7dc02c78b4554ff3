"""The transformations of images that a network learns to tell apart before it sees the first generator."""

from __future__ import annotations

import io
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from scipy import ndimage

from manifpt.attributors.attributor import Features
from manifpt.attributors.examples import blocks

Pixels = NDArray[np.uint8]  # (height, width, 3)
LARGEST = 255
# The last of the numbers that seed a generator, so that none is that of another use.
CHOICE, NOISE = 1, 2


@dataclass(frozen=True, slots=True)
class Transformation:
    """One way to change an image a little, a class of the pre-training.

    Args:
        name: Family and level, for people.
        changed: Takes uint8 pixels (height, width, 3) and a generator of random numbers, and returns new pixels.
    """

    name: str
    changed: Callable[[Pixels, np.random.Generator], Pixels]


def compressed(*qualities: int) -> Transformation:
    """Return JPEG compression at one quality (0 to 100) after the other, colours at half the resolution."""

    def changed(pixels: Pixels, _: np.random.Generator) -> Pixels:
        for quality in qualities:
            with io.BytesIO() as file:
                Image.fromarray(pixels).save(file, "JPEG", quality=quality)
                pixels = np.asarray(Image.open(file).convert("RGB"))
        return pixels

    return Transformation(f"jpeg {' '.join(map(str, qualities))}", changed)


def blurred(sigma: float) -> Transformation:
    """Return a Gaussian blur, its deviation in pixels."""

    def changed(pixels: Pixels, _: np.random.Generator) -> Pixels:
        return _rounded(ndimage.gaussian_filter(pixels.astype(np.float32), (sigma, sigma, 0), mode="nearest"))

    return Transformation(f"blur {sigma}", changed)


def median(side: int) -> Transformation:
    """Return the median of each square of ``side`` pixels, odd."""

    def changed(pixels: Pixels, _: np.random.Generator) -> Pixels:
        return np.asarray(Image.fromarray(pixels).filter(ImageFilter.MedianFilter(side)))

    return Transformation(f"median {side}", changed)


def resampled(scale: float, filtered: Image.Resampling) -> Transformation:
    """Return scaling down to this share of the sides, and up again."""

    def changed(pixels: Pixels, _: np.random.Generator) -> Pixels:
        width, height = (max(1, min(side - 1, round(scale * side))) for side in (pixels.shape[1], pixels.shape[0]))
        small = Image.fromarray(pixels).resize((width, height), filtered)
        return np.asarray(small.resize((pixels.shape[1], pixels.shape[0]), filtered))

    return Transformation(f"{filtered.name.lower()} {scale}", changed)


def noisy(sigma: float) -> Transformation:
    """Return Gaussian noise of this deviation, in grey levels."""

    def changed(pixels: Pixels, rng: np.random.Generator) -> Pixels:
        return _rounded(pixels + sigma * rng.standard_normal(pixels.shape, np.float32))

    return Transformation(f"noise {sigma}", changed)


def _rounded(values: NDArray[np.float32]) -> Pixels:
    return np.clip(np.rint(values), 0, LARGEST).astype(np.uint8)


QUALITIES = (30, 40, 50, 60, 70, 80, 90, 95)
# Each quality once as the first and once as the second, and no pair of equal ones.
PAIRS = tuple(zip(QUALITIES, (60, 95, 30, 80, 40, 90, 50, 70), strict=True))
SCALES = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
FILTERS = (Image.Resampling.NEAREST, Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS)
TRANSFORMATIONS: tuple[Transformation, ...] = (
    *(compressed(quality) for quality in QUALITIES),
    *(compressed(*pair) for pair in PAIRS),
    *(blurred(sigma) for sigma in (0.5, 0.6, 0.7, 0.8, 1.0, 1.3, 1.7, 2.2)),
    *(median(side) for side in (3, 5, 7)),
    *(resampled(scale, filtered) for filtered, scale in itertools.product(FILTERS, SCALES)),
    *(noisy(sigma) for sigma in (2.0, 3.0, 4.0, 5.0, 6.0, 8.0)),
)


class Transformed:
    """Images of a training set, each changed by a transformation, made when they are read.

    Which image an example shows, which transformation changed it and with which noise depends on the seed and the
    example's number alone, in whatever order they are read. Pixels are what lies between 0 and 1; where features go
    beyond, as artifacts do, the least and the largest of them are black and white.

    Args:
        features: Maps (n, 3, h, w).
        rows: The images to take; no other is read.
        length: How many examples there are.
        seed: Of the choice of images and transformations, and of noise.
    """

    labels: NDArray[np.int64]
    """Which of ``TRANSFORMATIONS`` changed each example, (length,), all equally often."""

    def __init__(self, features: Features, rows: NDArray[np.int64], *, length: int, seed: int) -> None:
        self._features, self._seed = features, seed
        self._least, self._largest = _range(features, rows)
        rng = np.random.default_rng((seed, CHOICE))
        self.labels = rng.permutation(np.arange(length) % len(TRANSFORMATIONS))
        self._images = rng.choice(rows, length)

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, chosen: NDArray[np.int64], /) -> Features:
        """Return the features of these examples, (len(chosen), 3, h, w)."""
        return np.stack([self._made(int(number)) for number in chosen])

    def _made(self, number: int) -> Features:
        span = self._largest - self._least
        shades = (self._features[self._images[number]].transpose(1, 2, 0) - self._least) / span
        rng = np.random.default_rng((self._seed, number, NOISE))
        pixels = TRANSFORMATIONS[self.labels[number]].changed(_rounded(LARGEST * shades), rng)
        changed: Features = pixels.transpose(2, 0, 1).astype(np.float32) * (span / LARGEST) + self._least
        return changed


def _range(features: Features, rows: NDArray[np.int64]) -> tuple[np.float32, np.float32]:
    """Return what is black and what is white: 0 and 1, or the least and the largest value beyond them."""
    least, largest = np.float32(0), np.float32(1)
    for block in blocks(features):
        chosen = features[rows[(rows >= block.start) & (rows < block.stop)]]
        least, largest = min(least, chosen.min(initial=0)), max(largest, chosen.max(initial=1))
    return least, largest
