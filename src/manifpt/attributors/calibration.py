"""Temperature scaling by cross-fitting: probabilities that mean what they say.

Guo et al., *On Calibration of Modern Neural Networks*, ICML 2017: one number T, by which logits are divided, chosen so
that the log-loss of logits which the model did not train on is least.
"""

from __future__ import annotations

import logging
import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from manifpt.errors import ModelError, NumbersError

COLDEST, HOTTEST = 0.01, 1000.0
logger = logging.getLogger("manifpt")
FOLDS_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Fold:
    """One inner fold: rows to train on, and rows to answer for."""

    train: NDArray[np.int64]
    held_out: NDArray[np.int64]


def balanced_weights(labels: NDArray[np.int64], classes: int) -> NDArray[np.float64]:
    """Return the weight of each class that makes all classes count the same: n / (classes present · count).

    Example:
        >>> balanced_weights(np.array([0, 0, 0, 1]), 2)
        array([0.66666667, 2.        ])
    """
    counts = np.bincount(labels, minlength=classes)
    present = counts > 0
    return np.where(present, len(labels) / (present.sum() * np.maximum(counts, 1)), 0.0)


def log_loss(
    logits: ArrayLike, labels: NDArray[np.int64], *, weights: ArrayLike | None = None, smoothing: float = 0.0
) -> float:
    """Return the mean negative log-probability of the labels, in nats.

    Args:
        logits: (n, classes).
        labels: (n,).
        weights: Of each row, (n,); equal when omitted.
        smoothing: Share of each label that is spread evenly over all classes.
    """
    logs = log_softmax(np.asarray(logits, np.float64), axis=1)
    gains = (1 - smoothing) * logs[np.arange(len(labels)), labels] + smoothing * logs.mean(axis=1)
    return float(-np.average(gains, weights=None if weights is None else np.asarray(weights)))


def temperature(
    logits: ArrayLike, labels: ArrayLike, *, weights: ArrayLike | None = None, smoothing: float = 0.0
) -> float:
    """Return the temperature in [0.01, 1000] that makes the log-loss of ``logits / T`` least.

    Args:
        logits: (n, classes), of examples that the model did not train on.
        labels: Class indices, (n,).
        weights: Of each row, (n,); equal when omitted.
        smoothing: Share of each label that is spread evenly over all classes.

    Example:
        >>> sure, labels = np.array([[4.0, 0.0]] * 4), np.array([0, 0, 0, 1])
        >>> round(temperature(sure, labels), 2)  # right in 3 of 4: the logit should be ln 3
        3.64
    """
    values, truth = np.asarray(logits, np.float64), np.asarray(labels, np.int64)
    best = minimize_scalar(
        lambda log: log_loss(values / np.exp(log), truth, weights=weights, smoothing=smoothing),
        bounds=(np.log(COLDEST), np.log(HOTTEST)),
        method="bounded",
        options={"xatol": 1e-6},
    )
    return float(np.exp(best.x))


def temperature_read(value: ArrayLike) -> float:
    """Return a temperature, as an attributor's state holds it.

    Raises:
        ModelError: It is no number that ``temperature`` returns.
    """
    heat = np.asarray(value)
    if heat.dtype != np.float64 or heat.shape != () or not COLDEST <= heat <= HOTTEST:
        raise ModelError(
            "the temperature of the attributor cannot be read",
            expected=f"one number from {COLDEST} to {HOTTEST}",
            remedy="fit the model again",
        )
    return float(heat)


@dataclass(frozen=True, slots=True)
class Tempered:
    """The best temperature of some logits, and their log-loss at it."""

    heat: float
    loss: float


def tempered(logits: ArrayLike, labels: NDArray[np.int64], classes: int) -> Tempered:
    """Return the temperature, and the log-loss at it, where every class counts the same.

    Attributors train with balanced classes, so their probabilities hold for a world in which each generator is
    equally likely; their calibration must be of that world too. Of n labels 1 in n + 2 is taken to be chance (Platt,
    *Probabilistic Outputs for Support Vector Machines*, 1999): where all n answers are right, nothing else would keep
    the probabilities from 1.
    """
    weights, doubt = balanced_weights(labels, classes)[labels], 1 / (len(labels) + 2)
    heat = temperature(logits, labels, weights=weights, smoothing=doubt)
    return Tempered(heat, log_loss(np.asarray(logits) / heat, labels, weights=weights, smoothing=doubt))


def probabilities(logits: ArrayLike, heat: float) -> NDArray[np.float64]:
    """Return softmax(logits / heat), (n, classes).

    Raises:
        NumbersError: A logit is NaN or infinite.

    Example:
        >>> probabilities([[0.0, 0.0]], 2.0)
        array([[0.5, 0.5]])
    """
    values = np.asarray(logits, np.float64)
    if not np.isfinite(values).all():
        raise NumbersError(
            "the attributor's logits are NaN or infinite",
            expected="finite logits",
            remedy="fit the model again, or leave out images that are unlike any it was fitted on",
        )
    return np.asarray(softmax(values / heat, axis=1), np.float64)


def inner_folds(labels: NDArray[np.int64], groups: NDArray[np.int64] | None, folds: int, *, seed: int) -> list[Fold]:
    """Return inner folds, stratified by class and keeping groups whole, that train on every class.

    A class is never without a training example: what a fold would hold out of its last ones is trained on instead (a
    class with a single image is therefore never held out). Fewer folds than asked come back where no class is large
    enough, and none where nothing can be held out.

    Args:
        labels: Class indices, (n,).
        groups: What must stay together, (n,), or None.
        folds: How many folds to make; 0 or 1 makes none.
        seed: Of the shuffle.
    """
    tied = np.arange(len(labels)) if groups is None else groups
    pairs = np.unique(np.stack([labels, tied], axis=1), axis=0)
    possible = min(folds, int(np.bincount(pairs[:, 0]).max()))
    if possible < FOLDS_NEEDED:
        if folds >= FOLDS_NEEDED:
            logger.warning("no generator has two images that can be told apart: probabilities are not calibrated")
        return []
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    with warnings.catch_warnings():
        # Scikit-learn warns of classes smaller than the number of folds; `_with_every_class` answers for them.
        warnings.simplefilter("ignore", UserWarning)
        # Scikit-learn's seeds have 32 bits.
        splits = list(kind(possible, shuffle=True, random_state=seed % 2**32).split(labels, labels, tied))
    made = (_with_every_class(train, held_out, labels, tied) for train, held_out in splits)
    return [fold for fold in made if len(fold.held_out)]


def _with_every_class(
    train: NDArray[np.int64], held_out: NDArray[np.int64], labels: NDArray[np.int64], tied: NDArray[np.int64]
) -> Fold:
    missing = np.setdiff1d(labels[held_out], labels[train])
    needed = np.isin(tied[held_out], tied[held_out][np.isin(labels[held_out], missing)])
    return Fold(np.sort(np.concatenate([train, held_out[needed]])), held_out[~needed])
