"""Real against generated: the area under the ROC curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import roc_auc_score

from manifpt.errors import DataError
from manifpt.metrics.interval import Interval, percentile
from manifpt.metrics.labels import Labels, labels
from manifpt.metrics.probabilities import probabilities as checked
from manifpt.metrics.resampling import multiplicities

REAL = "real"


def detection_auc(*, truth: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, real: str = REAL) -> float | None:
    """Return the area under the ROC curve of the score 1 - P(real), or None without a real class.

    It is the chance that a generated image gets a higher score than a real one, ties counting half.

    Args:
        truth: True generators, (n,). Names that are not among the classes count as generated.
        probabilities: (n, classes).
        classes: Names of the columns.
        real: Which class holds camera images.

    Raises:
        DataError: There is a real class, but no real or no generated image among the truth.
        NumbersError: The labels or probabilities are not as described.

    Example:
        >>> given = [[0.1, 0.9], [0.8, 0.2]]
        >>> detection_auc(truth=["real", "gan"], probabilities=given, classes=["gan", "real"])
        1.0
    """
    if real not in labels(classes, name="classes"):
        return None
    generated, score = _scored(truth, probabilities, classes, real)
    return float(roc_auc_score(generated, score))


def detection_interval(
    *,
    truth: ArrayLike,
    probabilities: ArrayLike,
    classes: ArrayLike,
    real: str = REAL,
    clusters: ArrayLike | None = None,
    runs: ArrayLike | None = None,
    level: float = 0.95,
    resamples: int = 1000,
    seed: int = 0,
) -> Interval | None:
    """Return `detection_auc` with its bootstrap interval, clustered and stratified by generator.

    Arguments and errors as for `detection_auc` and `manifpt.metrics.interval.bootstrap`.
    """
    if real not in labels(classes, name="classes"):
        return None
    generated, score = _scored(truth, probabilities, classes, real)
    drawn = {"clusters": clusters, "stratify": labels(truth, name="true labels"), "runs": runs}
    blocks = multiplicities(len(generated), **drawn, resamples=resamples, seed=seed)
    draws = (_areas(generated, score, block) for block in blocks)
    return percentile(float(roc_auc_score(generated, score)), draws, level=level)


def _areas(generated: Labels, score: Labels, block: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the area of each resample that holds both sides; drawing runs can drop the few images of one.

    The Mann-Whitney form of the area: the share of pairs of a generated and a real image in which the generated one
    has the higher score, ties counting half.
    """
    _, places = np.unique(score, return_inverse=True)
    order = np.argsort(places, kind="stable")
    starts = np.flatnonzero(np.diff(places[order], prepend=-1))
    weights = block[:, order].astype(np.float64)
    # Counts of each side at each distinct score, and how many reals lie below it.
    sides = (np.add.reduceat(weights * side, starts, axis=1) for side in (generated[order], ~generated[order]))
    of_generated, of_real = sides
    below = np.cumsum(of_real, axis=1) - of_real
    won = (of_generated * (below + of_real / 2)).sum(axis=1)
    pairs = of_generated.sum(axis=1) * of_real.sum(axis=1)
    return np.asarray(won[pairs > 0] / pairs[pairs > 0], np.float64)


def _scored(truth: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, real: str) -> tuple[Labels, Labels]:
    true, names = labels(truth, name="true labels"), labels(classes, name="classes")
    generated = true != real
    if generated.all() or not generated.any():
        raise DataError(
            f"the scored images hold no {'real' if generated.all() else 'generated'} image",
            expected="both real and generated ones",
            remedy="add some, or leave detection out",
        )
    of_real = checked(probabilities, images=len(true), classes=len(names))[:, np.flatnonzero(names == real)[0]]
    # The same order as 1 - P(real), without rounding small probabilities to ties.
    return generated, -of_real
