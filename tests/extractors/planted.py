"""Images in which each generator leaves a weak periodic pattern, as upsampling does."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from manifpt.images import ImageSet

SIDE = 32
# Cycles per pixel down and across: a checkerboard of each kind that upsampling by two or four leaves.
FREQUENCIES = {"gan-a": (0.0, 0.5), "gan-b": (0.5, 0.25), "gan-c": (0.25, 0.25), "real": None}
STRENGTH = 4.0  # grey levels


def photographs(count: int, *, seed: int, side: int = SIDE) -> NDArray[np.float64]:
    """Smooth colour fields with sensor noise, float (count, side, side, 3), around 128."""
    rng = np.random.default_rng(seed)
    fields = gaussian_filter(rng.normal(size=(count, side, side, 3)), (0, 3, 3, 0), mode="wrap")
    fields *= 40 / fields.std(axis=(1, 2, 3), keepdims=True)
    return 128 + fields + rng.normal(size=fields.shape) * 4


def pattern(down: float, across: float, side: int = SIDE) -> NDArray[np.float64]:
    places = np.arange(side)
    return np.asarray(np.cos(2 * np.pi * down * places)[:, None] * np.cos(2 * np.pi * across * places))


def planted(each: int = 60, *, strength: float = STRENGTH, seed: int = 0) -> ImageSet:
    generators = np.repeat(sorted(FREQUENCIES), each)
    pixels = photographs(len(generators) + 4, seed=seed)
    for row, generator in enumerate(generators):
        frequency = FREQUENCIES[str(generator)]
        if frequency is not None:
            pixels[row] += strength * pattern(*frequency)[..., None]
    return ImageSet.from_arrays(
        np.clip(np.rint(pixels), 0, 255).astype(np.uint8),
        [*generators, *["real"] * 4],
        roles=[""] * len(generators) + ["reference"] * 4,
    )
