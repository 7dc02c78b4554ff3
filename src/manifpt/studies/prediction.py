"""Design prediction: what choices made a generator that was never seen, read off its images.

Where choices are crossed on purpose, a predictor that names a choice of an unseen design better than shuffled labels
do has found what the choice leaves in images, and not who wrote the code or what else came with it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.linalg import cho_factor, cho_solve
from sklearn.covariance import shrunk_covariance

from manifpt.errors import DataError, NumbersError
from manifpt.metrics.interval import Interval, bootstrap
from manifpt.metrics.relabelling import least_p, p_value, shuffles

SHRINKAGE = 0.2
FEWEST_DESIGNS = 2  # of a level, so that one can be asked about while another is known
FEWEST_LEVELS = 2
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Prediction:
    """How well one choice of designs that were never seen is named from their images.

    Args:
        levels: Values of the choice that could be asked about, sorted.
        designs: How many designs were asked about.
        images: How many of their images.
        accuracy: Balanced accuracy over levels of single images, each design counting alike, with its interval over
            designs.
        majority: What always naming one level reaches, 1 / levels.
        shuffled: What predictors of shuffled labels reach on average.
        p_value: Share of shuffles of the choice among the designs that are named as well.
        least_p: The smallest that it could have been.
        confusion: Share of the images of each true level (row) that got each level, (levels, levels).
        dropped: Levels of too few designs.
    """

    levels: tuple[str, ...]
    designs: int
    images: int
    accuracy: Interval
    majority: float
    shuffled: float
    p_value: float
    least_p: float
    confusion: Matrix
    dropped: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What a predictor knows of designs: scores of images against the mean of each, before levels have names.

    Args:
        asked: Rows of the images that are asked about, (n,).
        known: Designs that it may know, (d,).
        scores: Whitened products of images and means of the known designs, (n, d).
        products: Whitened products of these means, (d, d).
    """

    asked: NDArray[np.int64]
    known: NDArray[np.int64]
    scores: Matrix
    products: Matrix

    def answers(self, levels: NDArray[np.int64], count: int) -> NDArray[np.int64]:
        """Return the level whose mean is nearest to each image, (n,), given the level of every design."""
        marks = np.eye(count)[levels[self.known]]
        marks /= np.maximum(marks.sum(axis=0), 1)
        lengths = np.einsum("dl,de,el->l", marks, self.products, marks)
        return np.asarray((self.scores @ marks - lengths / 2).argmax(axis=1))


def held_out(features: ArrayLike, designs: ArrayLike) -> Iterator[Known]:
    """Yield for each design what is known without it.

    Images are whitened by the covariance of all images of the known designs about their grand mean, shrunken by a fifth
    towards a multiple of the identity: what other choices and seeds change counts as noise, as in linear discriminant
    analysis, of which this is the form that asks for no label. So it serves every choice and every shuffle.

    Args:
        features: (n, …), flattened.
        designs: Index of the design of each, (n,); seeds of one design share it.
    """
    points, owners = _points(features), np.asarray(designs)
    for one in np.unique(owners):
        asked, rest = np.flatnonzero(owners == one), np.flatnonzero(owners != one)
        yield _known(points[rest], owners[rest], points[asked], asked)


def carried(features: ArrayLike, designs: ArrayLike, others: ArrayLike) -> Known:
    """Return what is known of other generators' images by all designs.

    Args:
        features: Of the designs' images, (n, …).
        designs: Index of the design of each, (n,).
        others: Features of the images that are asked about, (m, …).
    """
    asked = _points(others)
    return _known(_points(features), np.asarray(designs), asked, np.arange(len(asked)))


def predicted(
    known: Sequence[Known],
    levels: ArrayLike,
    designs: ArrayLike,
    truth: ArrayLike | None = None,
    *,
    permutations: int = 999,
    seed: int = 0,
) -> Prediction:
    """Return how well a choice is named.

    Args:
        known: From ``held_out``, or one from ``carried``.
        levels: Value of the choice of every known design, (d,), "" where it is unknown.
        designs: Index of what counts as one in the average: the design, or the other generator, of each image that
            is asked about, (n,).
        truth: Value of the choice of each of these images' generators, where they are others, (n,).
        permutations: Shuffles of the choice among the known designs.
        seed: Of the shuffles and the interval.

    Raises:
        DataError: Fewer than two levels can be asked about.
    """
    given, owners = np.asarray(levels, np.str_), np.asarray(designs)
    names, counts = np.unique(given[given != ""], return_counts=True)
    enough = counts >= (FEWEST_DESIGNS if truth is None else 1)
    asked = given[owners] if truth is None else np.asarray(truth, np.str_)
    # Of other generators only the levels that they have are asked about, and none else may be the answer.
    kept = names[enough & np.isin(names, asked)]
    if len(kept) < FEWEST_LEVELS:
        raise DataError(
            f"{len(kept)} levels can be asked about",
            expected=f"{FEWEST_LEVELS} or more, each of {FEWEST_DESIGNS} or more known designs",
            remedy="give more designs, or another choice",
        )
    usable = np.isin(given, kept)
    codes = np.where(usable, np.searchsorted(kept, given).clip(max=len(kept) - 1), -1)
    answered = np.isin(asked, kept)
    right = np.searchsorted(kept, asked).clip(max=len(kept) - 1)
    parts = [_without(one, usable) for one in known]

    def named(labels: NDArray[np.int64]) -> NDArray[np.int64]:
        answers = np.zeros(len(owners), np.int64)
        for part in parts:
            answers[part.asked] = part.answers(labels, len(kept))
        return answers

    rows = np.flatnonzero(answered)
    weights = 1 / np.bincount(owners[rows], minlength=int(owners.max()) + 1)[owners[rows]]

    def score(answers: NDArray[np.int64], true: NDArray[np.int64]) -> float:
        hits = weights * (answers[rows] == true[rows])
        totals = np.bincount(true[rows], weights, len(kept))
        shares = np.bincount(true[rows], hits, len(kept))[totals > 0] / totals[totals > 0]
        return float(shares.mean())

    moved = np.flatnonzero(usable)
    drawn = []
    for order in shuffles(len(moved), permutations=permutations, seed=seed):
        labels = codes.copy()
        labels[moved] = codes[moved][order]
        drawn.append(score(named(labels), labels[owners] if truth is None else right))
    answers = named(codes)
    observed = score(answers, right)
    interval = bootstrap(
        _mean_of_levels, right[rows], answers[rows], weights, clusters=owners[rows], stratify=right[rows], seed=seed
    )
    table = np.zeros((len(kept), len(kept)))
    np.add.at(table, (right[rows], answers[rows]), weights)
    return Prediction(
        levels=tuple(kept.tolist()),
        designs=len(np.unique(owners[rows])),
        images=len(rows),
        accuracy=Interval(observed, interval.low, interval.high, interval.level),
        majority=1 / len(kept),
        shuffled=float(np.mean(drawn)),
        p_value=p_value(observed, drawn),
        least_p=least_p(given[usable], permutations=permutations, named=truth is not None),
        confusion=table / np.maximum(table.sum(axis=1, keepdims=True), np.finfo(float).tiny),
        dropped=tuple(names[~enough].tolist()),
    )


def _mean_of_levels(truth: NDArray[np.int64], answers: NDArray[np.int64], weights: Matrix) -> float:
    totals, hits = np.bincount(truth, weights), np.bincount(truth, weights * (answers == truth))
    return float((hits[totals > 0] / totals[totals > 0]).mean())


def _points(features: ArrayLike) -> Matrix:
    points = np.asarray(features, np.float64)
    points = points.reshape(len(points), -1)
    if not points.size or not np.isfinite(points).all():
        raise NumbersError(
            f"features of shape {points.shape}, or some are not finite",
            expected="finite features of one image or more",
            remedy="look for broken features",
        )
    return points


def _known(points: Matrix, owners: NDArray[np.int64], others: Matrix, asked: NDArray[np.int64]) -> Known:
    designs, places = np.unique(owners, return_inverse=True)
    means = np.stack([points[places == place].mean(axis=0) for place in range(len(designs))])
    apart = points - means.mean(axis=0)
    # Every design counts alike, however many seeds it has.
    shares = 1 / (len(designs) * np.bincount(places)[places])
    covariance = apart.T @ (apart * shares[:, None])
    # Images that are all the same show no spread: all directions then count the same.
    shrunken = shrunk_covariance(covariance, SHRINKAGE) if covariance.any() else np.eye(len(covariance))
    whitened = cho_solve(cho_factor(shrunken), means.T)
    return Known(asked, designs, others @ whitened, means @ whitened)


def _without(known: Known, usable: NDArray[np.bool_]) -> Known:
    """Return what is known of the designs whose level is known."""
    kept = usable[known.known]
    return Known(known.asked, known.known[kept], known.scores[:, kept], known.products[np.ix_(kept, kept)])
