"""Steps at every eighth pixel, as JPEG leaves them, and whatever else works in such tiles."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PERIOD = 8  # pixels of a JPEG block's side
HALF = PERIOD // 2
MARGIN = 3  # steps left out on each side: borders have a check of their own
SMALLEST = 2 * PERIOD
GREY = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601, as in JPEG


def grid(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how much steeper steps are than those half a block of 8 pixels away, (8,).

    Four numbers for steps from column to column, then four for rows: number i compares the step after pixel i of a
    block with that after pixel i + 4. So the border of JPEG's blocks, after pixel 7, makes numbers 3 and 7 negative,
    and what repeats every 2 or 4 pixels, as the layers of many generators do, cancels. In parts of the mean step, so
    that contrast does not count; 0 for a constant image.

    Args:
        pixels: uint8 (height, width, 3).

    Returns:
        NaN where a side is shorter than 16 pixels.
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return np.full(PERIOD, np.nan)
    grey = pixels @ GREY
    return np.concatenate([_profile(grey), _profile(grey.T)])


def _profile(grey: NDArray[np.float64]) -> NDArray[np.float64]:
    steps = np.abs(np.diff(grey, axis=1)).mean(axis=0)
    inside = np.arange(MARGIN, len(steps) - MARGIN)
    level = steps[inside].mean()
    if level == 0:
        return np.zeros(HALF)
    places = inside % PERIOD
    profile = np.bincount(places, steps[inside], PERIOD) / np.bincount(places, minlength=PERIOD) / level
    return np.asarray(profile[:HALF] - profile[HALF:])
