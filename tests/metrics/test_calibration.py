from __future__ import annotations

import math

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.calibration import calibration_error, expected_error, log_loss

CLASSES = ["b", "a"]  # deliberately not sorted


def test_log_loss_is_the_mean_of_minus_the_logarithm_of_the_true_probability() -> None:
    given = [[0.25, 0.75], [0.5, 0.5]]
    expected = -(math.log(0.75) + math.log(0.5)) / 2
    assert log_loss(truth=["a", "b"], probabilities=given, classes=CLASSES) == pytest.approx(expected)


def test_a_probability_of_zero_costs_much_but_not_infinitely() -> None:
    assert 30 < log_loss(truth=["a"], probabilities=[[1.0, 0.0]], classes=CLASSES) < 40


def test_float32_softmax_is_taken_without_a_warning() -> None:
    logits = np.random.default_rng(0).normal(size=(50, 2)).astype(np.float32)
    given = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    assert log_loss(truth=["a", "b"] * 25, probabilities=given, classes=CLASSES) > 0


def test_calibration_error_by_hand() -> None:
    # Confidences .9 (right), .9 (wrong) and .6 (right): ⅔ · |.5 - .9| + ⅓ · |1 - .6|.
    given = [[0.1, 0.9], [0.1, 0.9], [0.6, 0.4]]
    answer = calibration_error(truth=["a", "b", "b"], probabilities=given, classes=CLASSES)
    assert answer == pytest.approx(2 / 3 * 0.4 + 1 / 3 * 0.4)


def test_errors_of_opposite_sign_cancel_inside_a_bin_but_not_between_bins() -> None:
    given, truth = [[0.1, 0.9], [0.4, 0.6]], ["b", "a"]
    # One bin: mean confidence .75 against accuracy .5. Many: .9 against 0 and .6 against 1.
    assert calibration_error(truth=truth, probabilities=given, classes=CLASSES, bins=1) == pytest.approx(0.25)
    assert calibration_error(truth=truth, probabilities=given, classes=CLASSES) == pytest.approx(0.65)


def test_a_confidence_on_an_edge_falls_into_the_bin_below() -> None:
    given, truth = [[0.5, 0.5], [0.4, 0.6]], ["a", "a"]
    # Two bins: (0, .5] holds the first, a wrong b; (.5, 1] the second, right.
    answer = calibration_error(truth=truth, probabilities=given, classes=CLASSES, bins=2)
    assert answer == pytest.approx((0.5 + 0.4) / 2)


def test_calibrated_answers_have_a_small_error() -> None:
    rng = np.random.default_rng(0)
    confident = rng.uniform(0.5, 1, 20_000)
    truth = np.where(rng.random(20_000) < confident, "a", "b")
    given = np.stack([1 - confident, confident], axis=1)
    assert calibration_error(truth=truth, probabilities=given, classes=CLASSES) < 0.02


@pytest.mark.parametrize("given", [[[2.0, -1.0]], [[0.5, 0.4]], [[np.nan, 1.0]]])
def test_scores_that_are_no_probabilities_are_refused(given: list[list[float]]) -> None:
    with pytest.raises(NumbersError, match="pass what predict_proba returned, not scores or logits"):
        log_loss(truth=["a"], probabilities=given, classes=CLASSES)


def test_probabilities_of_another_shape_are_refused() -> None:
    with pytest.raises(NumbersError) as caught:
        log_loss(truth=["a"], probabilities=[[1.0]], classes=CLASSES)
    assert str(caught.value) == (
        "the probabilities have shape (1, 1); expected (1, 2): images, classes; "
        "pass what predict_proba returned for these images"
    )


def test_expected_error_of_known_confidences_by_hand() -> None:
    # Two bins: (0, 0.5] holds 0.5 (right), (0.5, 1] holds 0.75 (right) and 1 (wrong): |-0.5| + |-0.25 + 1| over 3.
    assert expected_error(right=[True, True, False], confidence=[0.5, 0.75, 1.0], bins=2) == pytest.approx(1.25 / 3)
    assert expected_error(right=[False], confidence=[0.0]) == 0
    assert expected_error(right=[True, False], confidence=[1.0, 1.0]) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("right", "confidence"),
    [([], []), ([True], [0.5, 0.5]), ([True], [1.5]), ([True], [float("nan")]), ([True], [-0.1])],
)
def test_expected_error_refuses_what_is_no_confidence(right: list[bool], confidence: list[float]) -> None:
    with pytest.raises(NumbersError, match="one probability for each of one or more answers"):
        expected_error(right=right, confidence=confidence)


def test_expected_error_needs_a_bin() -> None:
    with pytest.raises(NumbersError, match="bins is 0"):
        expected_error(right=[True], confidence=[0.5], bins=0)
