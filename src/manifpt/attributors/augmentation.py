"""What training does to its maps before it shows them, drawn from the epoch's random numbers alone."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from manifpt.attributors.attributor import Features

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
