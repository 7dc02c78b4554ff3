"""The outermost rows and columns beside those further inside: frames, cut-out grids, padding."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SIDES = ("top", "right", "bottom", "left")
INSIDE = 3  # row that the outermost is compared with
SMALLEST = 2 * (INSIDE + 1)
FLOOR = 1.0  # grey levels: keeps quotients of flat rows finite


def borders(pixels: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return how the outermost row of each side differs from the fourth, (12,).

    For top, right, bottom and left: difference of the means, grey levels; logarithm of the quotient of the standard
    deviations; logarithm of the quotient of the step from the outermost row to the next and the step two rows inside.

    Args:
        pixels: uint8 (height, width, 3).

    Returns:
        NaN where a side is shorter than 8 pixels.
    """
    if min(pixels.shape[:2]) < SMALLEST:
        return np.full(3 * len(SIDES), np.nan)
    grey = pixels.mean(axis=2)
    return np.concatenate([_side(np.rot90(grey, turn)[: INSIDE + 1]) for turn in range(len(SIDES))])


def _side(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    means, spreads = rows.mean(axis=1), rows.std(axis=1) + FLOOR
    steps = np.abs(np.diff(rows, axis=0)).mean(axis=1) + FLOOR
    return np.array([means[0] - means[-1], np.log(spreads[0] / spreads[-1]), np.log(steps[0] / steps[-1])])
