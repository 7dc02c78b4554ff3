"""Accuracy and balanced accuracy, with intervals, and the gain of one method on another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from sklearn.metrics import accuracy_score, recall_score

from manifpt.metrics.interval import Interval, percentile
from manifpt.metrics.labels import Labels, matched
from manifpt.metrics.resampling import multiplicities


def accuracy(*, truth: ArrayLike, answers: ArrayLike) -> float:
    """Return the share of right answers, between 0 and 1.

    Args:
        truth: True generators, (n,).
        answers: Answered generators, (n,).

    Raises:
        NumbersError: The labels are empty, of different lengths or kinds.

    Example:
        >>> accuracy(truth=["a", "a", "a", "b"], answers=["a", "a", "b", "b"])
        0.75
    """
    true, answered = matched(truth=truth, answers=answers)
    return float(accuracy_score(true, answered))


def balanced_accuracy(*, truth: ArrayLike, answers: ArrayLike) -> float:
    """Return the mean recall of the classes that occur in ``truth``, between 0 and 1.

    Arguments and errors as for `accuracy`.

    Example:
        >>> round(balanced_accuracy(truth=["a", "a", "a", "b"], answers=["a", "a", "b", "b"]), 4)
        0.8333
    """
    true, answered = matched(truth=truth, answers=answers)
    # balanced_accuracy_score warns about answers that never occur in truth; they are wrong answers, nothing
    # more.
    return float(recall_score(true, answered, labels=np.unique(true), average="macro", zero_division=0))


def accuracy_interval(
    *,
    truth: ArrayLike,
    answers: ArrayLike,
    clusters: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return accuracy with its bootstrap interval, clustered and stratified by class.

    Args:
        truth: True generators, (n,).
        answers: Answered generators, (n,). Several answers about one image are several rows of one cluster.
        clusters: (n,) the image, or the group of near-duplicates, of each answer; each row alone if None.
        runs: (n,) the training run of each answer; if given, the variance of retraining is included.
        level: Confidence, between 0 and 1.
        resamples: How many times to draw.
        seed: Decides the draw.

    Raises:
        NumbersError: The labels, clusters or settings are not as described.
    """
    true, answered = matched(truth=truth, answers=answers)
    right = (true == answered).astype(np.float64)
    blocks = multiplicities(len(true), clusters=clusters, stratify=true, runs=runs, resamples=resamples, seed=seed)
    draws = (block @ right / block.sum(axis=1) for block in map(_drawn, blocks))
    return percentile(accuracy(truth=true, answers=answered), draws, level=level)


def balanced_accuracy_interval(
    *,
    truth: ArrayLike,
    answers: ArrayLike,
    clusters: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return balanced accuracy with its bootstrap interval, clustered and stratified by class.

    Arguments and errors as for `accuracy_interval`. The same draws as ``bootstrap(balanced_accuracy, …)``,
    from weighted counts per class instead of copies of the data.
    """
    true, answered = matched(truth=truth, answers=answers)
    drawn = {"clusters": clusters, "runs": runs, "resamples": resamples, "seed": seed}
    return percentile(
        balanced_accuracy(truth=true, answers=answered), _mean_recalls(true, true == answered, **drawn), level=level
    )


def balanced_accuracy_gain(
    *,
    truth: ArrayLike,
    answers: ArrayLike,
    baseline: ArrayLike,
    clusters: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval:
    """Return by how much balanced accuracy exceeds that of other answers to the same rows, with its paired interval.

    Both are counted on the same resamples, so that what is hard for both does not widen the interval.

    Args:
        truth: True generators, (n,).
        answers: Answered generators, (n,).
        baseline: The other answers to the same rows, (n,).
        clusters: As for `accuracy_interval`; so are the others, and the errors.
        runs: (n,) the training run of each row, the same for both.
        level: Confidence, between 0 and 1.
        resamples: How many times to draw.
        seed: Decides the draw.

    Example:
        >>> print(balanced_accuracy_gain(truth=["a", "b"], answers=["a", "b"], baseline=["a", "a"]))
        0.500 [0.500, 0.500]
    """
    true, answered = matched(truth=truth, answers=answers)
    _, other = matched(truth=truth, answers=baseline)
    value = balanced_accuracy(truth=true, answers=answered) - balanced_accuracy(truth=true, answers=other)
    gains = (true == answered).astype(np.float64) - (true == other)
    drawn = {"clusters": clusters, "runs": runs, "resamples": resamples, "seed": seed}
    return percentile(value, _mean_recalls(true, gains, **drawn), level=level)


def _mean_recalls(true: Labels, right: NDArray[Any], **drawn: Any) -> Iterator[NDArray[np.float64]]:
    """Yield, for each block of resamples, the mean over the classes of the mean of ``right`` within each."""
    classes, class_of = np.unique(true, return_inverse=True)
    membership = csr_array((np.ones(len(true)), (np.arange(len(true)), class_of)), shape=(len(true), len(classes)))
    weighted = csr_array(membership.multiply(right[:, None]))
    for block in map(_drawn, multiplicities(len(true), stratify=true, **drawn)):
        yield _mean_recall(block @ weighted, block @ membership)


def _drawn(block: NDArray[np.int64]) -> NDArray[np.int64]:
    # Where images are few, drawing images and runs can leave no answer at all; such a resample says nothing.
    return block[block.any(axis=1)]


def _mean_recall(hits: NDArray[np.float64], totals: NDArray[np.float64]) -> NDArray[np.float64]:
    # Drawing runs can drop a class that only one run answered about.
    present = totals > 0
    recall = np.divide(hits, totals, out=np.zeros_like(hits), where=present)
    return np.asarray(recall.sum(axis=1) / present.sum(axis=1))
