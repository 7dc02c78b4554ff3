"""Correction of p-values for their number.

Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6(2), 1979.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError


def holm(p_values: ArrayLike) -> NDArray[np.float64]:
    """Return p-values corrected for their number, (n,), in the order given.

    If those of at most 0.05 count as found, the probability that any of them is false is at most 0.05, however the
    tests depend on each other.

    Args:
        p_values: (n,) in [0, 1].

    Raises:
        NumbersError: They are not one row of numbers in [0, 1].

    Example:
        >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
        [0.03, 0.06, 0.06]
    """
    found = np.asarray(p_values, np.float64)
    if found.ndim != 1 or not np.all((found >= 0) & (found <= 1)):
        raise NumbersError(
            f"p-values of shape {found.shape} are not all in [0, 1]",
            expected="one row of probabilities",
            remedy="pass one per test",
        )
    order = np.argsort(found, kind="stable")
    stepped = np.maximum.accumulate(found[order] * np.arange(len(found), 0, -1))
    corrected = np.empty(len(found))
    corrected[order] = np.minimum(stepped, 1)
    return corrected
