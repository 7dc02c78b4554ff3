"""What training does to its maps before it shows them, drawn from the epoch's random numbers alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from manifpt.attributors.attributor import Features

SHARE = 8

Augmentation = Callable[[Features, np.random.Generator], Features]
"""A batch (n, c, h, w) and the epoch's generator → the batch that is trained on, of the same shape.

It draws from nothing else, so that a training resumed at any step sees the same maps again.
"""


def flipped(maps: Features, rng: np.random.Generator) -> Features:
    """Return maps (n, c, h, w) of which about half are mirrored left to right.

    Example:
        >>> maps = np.array([[[[1, 2]]]] * 4, np.float32)
        >>> flipped(maps, np.random.default_rng(0)).reshape(4, 2).astype(int).tolist()
        [[1, 2], [2, 1], [2, 1], [2, 1]]
    """
    mirrored = rng.random(len(maps)) < 0.5  # noqa: PLR2004  (half of them)
    return np.where(mirrored.reshape(-1, *[1] * (maps.ndim - 1)), maps[..., ::-1], maps)


def cropped(maps: Features, rng: np.random.Generator) -> Features:
    """Return maps (n, c, h, w), each a random crop of its own size out of itself with a mirrored border.

    The border is 1/8 of the side, rounded down, on each side; what lies on the edge is not repeated.

    Example:
        >>> maps = np.arange(8, dtype=np.float32).reshape(1, 1, 1, 8)
        >>> np.unique(cropped(np.repeat(maps, 20, axis=0), np.random.default_rng(0)), axis=0).reshape(3, 8).astype(int)
        array([[0, 1, 2, 3, 4, 5, 6, 7],
               [1, 0, 1, 2, 3, 4, 5, 6],
               [1, 2, 3, 4, 5, 6, 7, 6]])
    """
    height, width = maps.shape[2:]
    down, across = height // SHARE, width // SHARE
    bordered = np.pad(maps, ((0, 0), (0, 0), (down, down), (across, across)), mode="reflect")
    tops = rng.integers(0, 2 * down, len(maps), endpoint=True)
    lefts = rng.integers(0, 2 * across, len(maps), endpoint=True)
    crops = [
        image[:, top : top + height, left : left + width]
        for image, top, left in zip(bordered, tops, lefts, strict=True)
    ]
    return np.stack(crops)
