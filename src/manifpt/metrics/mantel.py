"""The Mantel test: whether items that lie near each other in one way do so in another.

Mantel, The detection of disease clustering and a generalized regression approach, Cancer Research 27(2), 1967.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.permanova import centred
from manifpt.metrics.relabelling import Shuffles, p_value

FEWEST = 3
BLOCK = 2**21  # pairs at a time


@dataclass(frozen=True, slots=True)
class Mantel:
    """How two distances between the same items go together.

    Args:
        correlation: Pearson's, over all pairs of items, −1 to 1.
        p_value: Share of orders of the items, the true one among them, in which it is at least as large.
        items: How many there are.
    """

    correlation: float
    p_value: float
    items: int


def mantel(one: ArrayLike, other: ArrayLike, shuffled: Shuffles) -> Mantel:
    """Return the correlation of two distances and its one-sided p-value.

    Args:
        one: (n, n), n at least 3.
        other: (n, n).
        shuffled: Orders of the items, (permutations, n).

    Raises:
        NumbersError: They are no distances between the same items, or all of one are equal.

    Example:
        >>> from manifpt.metrics.relabelling import shuffles
        >>> points = np.array([0.0, 1.0, 5.0, 7.0])
        >>> apart = abs(points[:, None] - points)
        >>> round(mantel(apart, apart, shuffles(4, permutations=9)).correlation, 12)
        1.0
    """
    first, second = np.asarray(one, np.float64), np.asarray(other, np.float64)
    for matrix in (first, second):
        centred(matrix)
    if first.shape != second.shape or len(first) < FEWEST:
        raise NumbersError(
            f"distances of shapes {first.shape} and {second.shape}",
            expected=f"two of the same {FEWEST} items or more",
            remedy="pass both in one order",
        )
    rows, columns = np.triu_indices(len(first), 1)
    left, right = np.zeros(first.shape), _standardised(second[rows, columns])
    # Whatever the order of the items, their pairs have one mean and one spread.
    left[rows, columns] = left[columns, rows] = _standardised(first[rows, columns])
    observed = float(left[rows, columns] @ right)
    block = max(1, BLOCK // len(rows))
    drawn = [
        left[part[:, rows], part[:, columns]] @ right
        for part in (shuffled[start : start + block] for start in range(0, len(shuffled), block))
    ]
    return Mantel(observed, p_value(observed, np.concatenate(drawn)), len(first))


def _standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = values - values.mean()
    length = float(np.linalg.norm(middle))
    if length <= 1e-12 * max(1.0, float(np.abs(values).max())):
        raise NumbersError(
            "all distances are equal", expected="items of which some are nearer", remedy="look for broken features"
        )
    return np.asarray(middle / length)
