"""Images of a trained generator: an endless sequence for every seed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from manifpt.errors import ImageError
from manifpt.zoo.networks.objective import Generator
from manifpt.zoo.returned import refuse_negative
from manifpt.zoo.source import Images, Source
from manifpt.zoo.threads import one_thread
from manifpt.zoo.trained import Trained

BATCH = 50


def source(made: Trained) -> Source:
    """Return a trained generator as a source of images."""
    return Source(made.design.name, made.design.family, made.digest, partial(sampled, made))


def sampled(made: Trained, count: int, *, seed: int = 0, start: int = 0) -> Iterator[Images]:
    """Yield images of a generator's sequence for a seed in blocks, uint8 (n, size, size, 3).

    Image i depends on the generator, the seed and i alone: its noise is drawn for itself, and networks answer each
    image alone, within rounding. Blocks begin at multiples of 50, so that on one machine the bits are the same too.

    Args:
        made: A trained generator.
        count: How many images.
        seed: Of the sequence.
        start: The first image's place in the sequence.

    Raises:
        NumbersError: A number is negative.
        ImageError: The generator returns NaN, or another shape than its design's.
    """
    refuse_negative(count, seed, start)
    for block in range(start // BATCH, -(-(start + count) // BATCH)):
        images = _block(made, seed, block)
        first = max(start - block * BATCH, 0)
        yield images[first : start + count - block * BATCH]


def noise(made: Trained, seed: int, index: int) -> NDArray[np.float32]:
    """Return the noise of one image, float32 (*latent_shape).

    Args:
        made: The generator; its name too decides, so that two with latents of one shape share no noise.
        seed: Of the sequence.
        index: The image's place in it.
    """
    random = np.random.default_rng([seed, index, *made.design.name.encode()])
    return random.standard_normal(cast("Generator", made.network).latent_shape, np.float32)


def _block(made: Trained, seed: int, block: int) -> Images:
    latent = np.stack([noise(made, seed, index) for index in range(block * BATCH, (block + 1) * BATCH)])
    with torch.inference_mode(), one_thread():
        found = cast("Generator", made.network).sampled(torch.from_numpy(latent)).float()
    wanted = (BATCH, 3, made.design.size, made.design.size)
    odd = int((~found.isfinite()).sum())
    if tuple(found.shape) != wanted or odd:
        raise ImageError(
            f"{made.design.name} returned values of shape {tuple(found.shape)}, {odd} of them not finite",
            expected=f"finite values of shape {wanted}",
            remedy="train the generator again",
        )
    return pixels(found)


def pixels(images: Tensor) -> Images:
    """Return images in [−1, 1] (n, 3, h, w) as uint8 (n, h, w, 3)."""
    grey = (images.numpy().transpose(0, 2, 3, 1) + 1) * 127.5
    return np.asarray(np.clip(np.rint(grey), 0, 255), np.uint8)
