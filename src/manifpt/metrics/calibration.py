"""How far probabilities can be believed: log-loss and expected calibration error."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import log_loss as mean_log_loss

from manifpt.errors import NumbersError
from manifpt.metrics.labels import labels, positions
from manifpt.metrics.probabilities import probabilities as checked


def log_loss(*, truth: ArrayLike, probabilities: ArrayLike, classes: ArrayLike) -> float:
    """Return the mean of -ln P(true class), in nats; P is held above the smallest step of float64.

    Args:
        truth: True generators, (n,).
        probabilities: (n, classes).
        classes: Names of the columns, two or more.

    Raises:
        NumbersError: The labels or probabilities are not as described.

    Example:
        >>> round(log_loss(truth=["a"], probabilities=[[0.5, 0.5]], classes=["a", "b"]), 4)
        0.6931
    """
    true, given = _aligned(truth, probabilities, classes)
    return float(mean_log_loss(true, given, labels=np.arange(given.shape[1])))


def calibration_error(*, truth: ArrayLike, probabilities: ArrayLike, classes: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error of the top label, between 0 and 1.

    ECE = Σ_m |B_m|/n · |accuracy(B_m) - mean confidence(B_m)|, where confidence is the largest probability of
    an image and bin m holds the confidences in ((m-1)/bins, m/bins]. Guo et al., On Calibration of Modern
    Neural Networks, ICML 2017, equation 3.

    Args:
        truth: True generators, (n,).
        probabilities: (n, classes).
        classes: Names of the columns.
        bins: Into how many equal bins the confidences fall.

    Raises:
        NumbersError: The labels, probabilities or bins are not as described.

    Example:
        >>> given = [[0.75, 0.25], [0.75, 0.25]]
        >>> calibration_error(truth=["a", "b"], probabilities=given, classes=["a", "b"])
        0.25
    """
    true, given = _aligned(truth, probabilities, classes)
    return expected_error(right=given.argmax(axis=1) == true, confidence=given.max(axis=1), bins=bins)


def expected_error(*, right: ArrayLike, confidence: ArrayLike, bins: int = 15) -> float:
    """Return the expected calibration error, as of `calibration_error`, of answers whose confidence is known.

    Args:
        right: Whether each answer is right, (n,).
        confidence: Probability of each answer, (n,).
        bins: Into how many equal bins the confidences fall.

    Raises:
        NumbersError: The bins are fewer than one, there is no answer, not one confidence for each, or one is no
            probability.

    Example:
        >>> expected_error(right=[True, False], confidence=[0.75, 0.75])
        0.25
    """
    if bins < 1:
        raise NumbersError(f"bins is {bins}", expected="1 or more", remedy="leave it at 15")
    sure, hits = np.asarray(confidence, np.float64), np.asarray(right, bool)
    if sure.ndim != 1 or sure.shape != hits.shape or not (len(sure) and ((sure >= 0) & (sure <= 1)).all()):
        raise NumbersError(
            f"there are confidences of shape {sure.shape} for {hits.size} answers, or some are not in [0, 1]",
            expected="one probability for each of one or more answers",
            remedy="pass the probability of each answer",
        )
    surplus = sure - hits
    bin_of = np.maximum(np.ceil(sure * bins).astype(np.intp) - 1, 0)
    return float(np.abs(np.bincount(bin_of, weights=surplus, minlength=bins)).sum() / len(sure))


def _aligned(
    truth: ArrayLike, probabilities: ArrayLike, classes: ArrayLike
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    true = positions(truth, classes, name="true labels")
    return true, checked(probabilities, images=len(true), classes=len(labels(classes, name="classes")))
