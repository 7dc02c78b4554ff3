"""Probabilities of the classes, checked before anything is measured on them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError

# Rows of float32 or bfloat16 softmax add up to 1 only this closely.
SUM_TOLERANCE = 1e-2


def probabilities(values: ArrayLike, *, images: int, classes: int) -> NDArray[np.float64]:
    """Return probabilities (images, classes) in float64, each row scaled to add up to exactly 1.

    Raises:
        NumbersError: The shape is another, a value is negative or not finite, or a row does not add up to 1.

    Example:
        >>> probabilities([[0.25, 0.75]], images=1, classes=2).tolist()
        [[0.25, 0.75]]
    """
    array = np.asarray(values, dtype=np.float64)
    if array.shape != (images, classes):
        raise NumbersError(
            f"the probabilities have shape {array.shape}",
            expected=f"({images}, {classes}): images, classes",
            remedy="pass what predict_proba returned for these images",
        )
    sums = array.sum(axis=1, keepdims=True)
    if not (np.isfinite(array).all() and (array >= 0).all() and (np.abs(sums - 1) < SUM_TOLERANCE).all()):
        raise NumbersError(
            "the probabilities are negative, not finite, or do not add up to 1 in each row",
            expected="rows of probabilities",
            remedy="pass what predict_proba returned, not scores or logits",
        )
    return np.asarray(array / sums)
