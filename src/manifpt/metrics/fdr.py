"""FDR: how far apart the classes lie, in units of how far a class lies from itself.

Song et al., ManiFPT, CVPR 2024. The paper gives the ratio only in words; what is computed here is inferred
from them. The bias of a Fréchet distance grows as the sets shrink, so numerator and denominator use sets of
one size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student
from sklearn.decomposition import PCA

from manifpt.errors import DataError, NumbersError
from manifpt.metrics.frechet import Gaussian, frechet_distances
from manifpt.metrics.interval import Interval
from manifpt.metrics.labels import labels

FEWEST_IMAGES = 200
FEWEST_SPLITS = 10
MOST_DIMENSIONS = 50
SUBSAMPLES = 40
SPLITS_PER_SUBSAMPLE = 2

ByClass = list[NDArray[np.float64]]


@dataclass(frozen=True, slots=True)
class FDR:
    """The ratio of the distance between classes to the distance within them.

    Args:
        interval: The ratio and its bounds. Equal distributions give 1. It grows with ``images``: compare only
            at equal ones.
        between: Mean Fréchet distance of sets of two classes.
        within: Mean Fréchet distance of two sets of one class.
        images: How many images each set holds: half of the smallest class.
        dimensions: To how many principal components the features were reduced.
        splits: Over how many random splits the means were taken.
    """

    interval: Interval
    between: float
    within: float
    images: int
    dimensions: int
    splits: int


def fdr(
    *,
    features: ArrayLike,
    generators: ArrayLike,
    splits: int = FEWEST_SPLITS,
    dimensions: int = MOST_DIMENSIONS,
    level: float = 0.95,
    seed: int = 0,
) -> FDR:
    """Return the FDR of penultimate features of test images.

    With h = half of the smallest class: the mean over pairs of classes of FD(h of one, h of the other),
    divided by the mean over classes of FD(h, the other h), each over random splits, after a PCA fitted on the
    pooled features to at most h/4 dimensions. The interval comes from random halves of each class (drawn
    without replacement, since repeated rows would lower the rank of the covariances): at half the size, the
    spread of ln FDR over subsamples is that of ln FDR over data sets.

    Args:
        features: (n, d), one row per image.
        generators: (n,) class of each image, 200 images or more in each.
        splits: How many random splits, 10 or more.
        dimensions: Upper limit of the dimensions, beside h/4 and d.
        level: Confidence of the interval, between 0 and 1.
        seed: Decides the splits.

    Raises:
        DataError: There are fewer than two classes, or fewer than 200 images in one.
        NumbersError: The features are not as described, or all alike.
    """
    points, classes = _points(features, generators)
    if splits < FEWEST_SPLITS or dimensions < 1 or not 0 < level < 1:
        raise NumbersError(
            f"splits={splits}, dimensions={dimensions}, level={level}",
            expected=f"splits ≥ {FEWEST_SPLITS}, dimensions ≥ 1, 0 < level < 1",
            remedy="leave them out",
        )
    smallest = _smallest(classes)
    if not np.ptp(points, axis=0).any():
        raise _unvarying()
    half = smallest // 2
    kept = min(half // 4, dimensions, points.shape[1])
    reduced = PCA(kept, random_state=seed).fit_transform(points)
    by_class = [reduced[classes == name] for name in np.unique(classes)]
    rng = np.random.default_rng(seed)
    between, within = _between_and_within(by_class, half, splits, rng)
    if not within > 0:
        raise _unvarying()
    # Halves of halves: sets of h/2 images, still twice as many as dimensions.
    subsamples = [
        _between_and_within(by_class, half // 2, SPLITS_PER_SUBSAMPLE, rng, of=half) for _ in range(SUBSAMPLES)
    ]
    if not all(far > 0 and near > 0 for far, near in subsamples):
        raise _unvarying()
    spread = float(np.std([np.log(far / near) for far, near in subsamples], ddof=1))
    reach = float(np.exp(spread * student.ppf((1 + level) / 2, SUBSAMPLES - 1)))
    ratio = between / within
    if not np.isfinite([ratio * reach, ratio]).all():
        raise _unvarying()
    return FDR(Interval(ratio, ratio / reach, ratio * reach, level), between, within, half, kept, splits)


def _points(features: ArrayLike, generators: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    points, classes = (
        np.asarray(features, dtype=np.float64),
        labels(generators, name="generators").astype(np.str_),
    )
    if points.ndim != 2 or len(points) != len(classes) or not points.shape[1]:  # noqa: PLR2004
        raise NumbersError(
            f"the features have shape {points.shape} for {len(classes)} generators",
            expected="(images, dimensions)",
            remedy="pass one row of features per generator label",
        )
    if not np.isfinite(points).all():
        raise NumbersError(
            "a feature is NaN or infinite",
            expected="finite features",
            remedy="look for a diverged attributor",
        )
    return points, classes


def _unvarying() -> NumbersError:
    return NumbersError(
        "the features do not vary within a class",
        expected="features that vary",
        remedy="look for a collapsed attributor",
    )


def _smallest(classes: NDArray[np.str_]) -> int:
    names, counts = np.unique(classes, return_counts=True)
    if len(names) == 1:
        raise DataError(
            f"all features are of {str(names[0])!r}", expected="two classes or more", remedy="leave FDR out"
        )
    least = int(counts.argmin())
    if counts[least] < FEWEST_IMAGES:
        raise DataError(
            f"class {str(names[least])!r} has {counts[least]} test images",
            expected=f"{FEWEST_IMAGES} or more in each class, below which FDR means little",
            remedy="add images, or leave FDR out",
        )
    return int(counts[least])


def _between_and_within(
    by_class: ByClass, half: int, splits: int, rng: np.random.Generator, *, of: int | None = None
) -> tuple[float, float]:
    """Mean distances over random splits into sets of ``half``, after drawing ``of`` of each class."""
    drawn = by_class if of is None else [rng.permutation(points)[:of] for points in by_class]
    distances = np.mean([_distances_of_halves(drawn, half, rng) for _ in range(splits)], axis=0)
    off_diagonal = ~np.eye(len(by_class), dtype=bool)
    return float(distances[off_diagonal].mean()), float(np.diag(distances).mean())


def _distances_of_halves(by_class: ByClass, half: int, rng: np.random.Generator) -> NDArray[np.float64]:
    shuffled = [rng.permutation(points)[: 2 * half] for points in by_class]
    return frechet_distances(
        [Gaussian.of(points[:half]) for points in shuffled],
        [Gaussian.of(points[half:]) for points in shuffled],
    )
