"""Precision, recall and support of each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from manifpt.metrics.confusion import confusion
from manifpt.metrics.labels import labels


@dataclass(frozen=True, slots=True)
class ClassScore:
    """How well one class is attributed.

    Args:
        name: The class.
        precision: Share of right ones among the answers that name it, or None if none does.
        recall: Share of its images that are answered right, or None if it has none.
        support: How many of its images were scored.
    """

    name: str
    precision: float | None
    recall: float | None
    support: int


def per_class(*, truth: ArrayLike, answers: ArrayLike, classes: ArrayLike) -> tuple[ClassScore, ...]:
    """Return the scores of each class, in the order of ``classes``.

    Args:
        truth: True generators, (n,).
        answers: Answered generators, (n,).
        classes: All generators that can occur.

    Raises:
        NumbersError: The labels are not as described, or one is not among the classes.

    Example:
        >>> per_class(truth=["a", "a"], answers=["a", "b"], classes=["a", "b"])[0]
        ClassScore(name='a', precision=1.0, recall=0.5, support=2)
    """
    matrix = confusion(truth=truth, answers=answers, classes=classes)
    scores = zip(labels(classes), np.diag(matrix), matrix.sum(axis=0), matrix.sum(axis=1), strict=True)
    return tuple(
        ClassScore(str(name), _share(right, answered), _share(right, support), int(support))
        for name, right, answered, support in scores
    )


def _share(part: int, whole: int) -> float | None:
    return float(part / whole) if whole else None
