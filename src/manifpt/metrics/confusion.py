"""The confusion matrix, and macro-averaged F1."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import confusion_matrix, f1_score

from manifpt.metrics.labels import matched, positions


def confusion(*, truth: ArrayLike, answers: ArrayLike, classes: ArrayLike) -> NDArray[np.int64]:
    """Return how many images of each class (row) got each answer (column), (classes, classes).

    Args:
        truth: True generators, (n,).
        answers: Answered generators, (n,).
        classes: All generators that can occur, in the order of rows and columns.

    Raises:
        NumbersError: The labels are not as described, or one is not among the classes.

    Example:
        >>> confusion(truth=["a", "a", "b"], answers=["a", "b", "b"], classes=["a", "b"]).tolist()
        [[1, 1], [0, 1]]
    """
    true, answered = matched(truth=truth, answers=answers)
    rows, columns = positions(true, classes, name="true labels"), positions(answered, classes, name="answers")
    return np.asarray(confusion_matrix(rows, columns, labels=np.arange(len(np.asarray(classes)))), dtype=np.int64)


def macro_f1(*, truth: ArrayLike, answers: ArrayLike) -> float:
    """Return the mean F1 of the classes that occur in ``truth``, between 0 and 1.

    A class that is never answered counts as 0.

    Raises:
        NumbersError: The labels are empty, of different lengths or kinds.

    Example:
        >>> round(macro_f1(truth=["a", "a", "b"], answers=["a", "b", "b"]), 4)
        0.6667
    """
    true, answered = matched(truth=truth, answers=answers)
    return float(f1_score(true, answered, labels=np.unique(true), average="macro", zero_division=0))
