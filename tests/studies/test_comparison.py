"""Figures of merit by hand, and a test against a control that errs as rarely as it says."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.metrics.holm import holm
from manifpt.studies import comparison
from manifpt.studies.comparison import compared, confusions, difference, line
from manifpt.studies.rows import Rows, Run

from .answered import NOTES, answered

# Recalls 3/4, 1/2 and 1: balanced accuracy 3/4. Precisions 3/4, 1/2 and 1, the same, so that F1 is too.
TRUTH = [0, 0, 0, 0, 1, 1, 2, 2]
ANSWERS = [0, 0, 0, 1, 1, 0, 2, 2]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "RESAMPLES", 200)
    monkeypatch.setattr(comparison, "TESTED", 200)


def test_the_figures_of_merit_by_hand() -> None:
    found = line([answered(TRUTH, ANSWERS, method="npr")])
    assert (found.data, found.method, found.images, found.runs, found.repeats) == ("set", "npr", 8, 1, 1)
    assert found.chance == pytest.approx(1 / 3)
    assert found.accuracy.value == pytest.approx(6 / 8)
    assert found.balanced_accuracy.value == pytest.approx(3 / 4)
    assert found.macro_f1 == pytest.approx(3 / 4)
    assert found.log_loss == pytest.approx(-(6 * math.log(0.75) + 2 * math.log(0.125)) / 8)
    assert found.calibration_error == pytest.approx(0)  # sure to 0.75, right in 6 of 8
    assert found.detection_auc is not None
    assert found.detection_auc.value == pytest.approx(1)
    assert (found.seconds, found.threads, found.trials) == (2.0, 1, 3)
    assert (found.difference, found.p_value) == (None, None)
    assert found.accuracy.low <= found.accuracy.value <= found.accuracy.high
    json.dumps(found.record(), allow_nan=False)


def test_balanced_accuracy_and_f1_differ_where_classes_do() -> None:
    # Recalls 1 and 1/2 although 5 of 6 are right; F1 of a is 8/9, of b 2/3.
    found = line([answered([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1], classes=("a", "b"), of_real=np.full(6, np.nan))])
    assert found.accuracy.value == pytest.approx(5 / 6)
    assert found.balanced_accuracy.value == pytest.approx(3 / 4)
    assert found.macro_f1 == pytest.approx((8 / 9 + 2 / 3) / 2)
    assert found.detection_auc is None


def test_the_calibration_error_by_hand() -> None:
    found = line([answered(TRUTH, ANSWERS, of_answer=np.full(8, 0.95))])
    assert found.calibration_error == pytest.approx(0.95 - 0.75)


def test_a_truth_that_was_thought_impossible_costs_a_finite_loss() -> None:
    assert math.isfinite(line([answered([0], [1], of_truth=np.zeros(1))]).log_loss)


def test_the_fdr_of_the_first_run_stands_or_its_reason_does() -> None:
    interval = {"value": 1.5, "low": 1.0, "high": 2.0, "level": 0.95}
    found = line([answered(TRUTH, ANSWERS, notes={**NOTES, "fdr": {"interval": interval, "images": 4}})])
    assert found.fdr is not None
    assert (found.fdr.low, found.fdr.high, found.fdr_reason) == (1.0, 2.0, None)
    none = line([answered(TRUTH, ANSWERS, notes={**NOTES, "fdr": {"reason": "too few images"}})])
    assert (none.fdr, none.fdr_reason) == (None, "too few images")
    assert line([answered(TRUTH, ANSWERS)]).fdr_reason == "a fusion has no penultimate features"


def test_the_confusions_by_hand() -> None:
    counts, classes = confusions([answered(TRUTH, ANSWERS), answered(TRUTH, TRUTH, fold=1)])
    assert classes == ("a", "b", "real")
    assert counts.tolist() == [[7, 1, 0], [1, 3, 0], [0, 0, 4]]


def test_a_method_does_not_differ_from_itself() -> None:
    runs = [answered(TRUTH, ANSWERS)]
    found = difference(runs, runs)
    assert (found.interval.value, found.interval.low, found.interval.high) == (0, 0, 0)
    assert found.p_value == 1


def test_the_difference_is_that_of_the_balanced_accuracies() -> None:
    better, worse = answered(TRUTH, TRUTH), answered(TRUTH, ANSWERS)
    for one, other, sign in ((better, worse, 1), (worse, better, -1)):
        found = difference([one], [other])
        assert found.interval.value == pytest.approx(sign * 0.25)
        assert found.interval.low <= found.interval.value <= found.interval.high


def random_runs(rng: np.random.Generator, skill: float, truth: NDArray[np.int64], **others: Any) -> Run:
    known = rng.random(len(truth)) < skill
    wrong = (truth + rng.integers(1, 3, len(truth))) % 3
    return answered(truth.tolist(), np.where(known, truth, wrong).tolist(), **others)


@pytest.mark.parametrize("folds", [1, 5])
def test_methods_of_equal_skill_are_rarely_told_apart(folds: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(comparison, "RESAMPLES", 400)
    monkeypatch.setattr(comparison, "TESTED", 400)
    rng, found = np.random.default_rng(0), []
    for _ in range(200):
        truth = [np.repeat(np.arange(3), 15 // folds * 2)] * folds
        runs = [
            [random_runs(rng, 0.6, one, fold=fold, first=100 * fold) for fold, one in enumerate(truth)] for _ in "ab"
        ]
        found.append(difference(*runs, seed=int(rng.integers(2**31))).p_value)
    # 0.05, and two standard errors of 200 simulations.
    assert np.mean(np.array(found) <= 0.05) <= 0.08


def test_a_strong_difference_is_found() -> None:
    truth, rng = np.repeat(np.arange(3), 20), np.random.default_rng(0)
    found = difference([random_runs(rng, 0.95, truth)], [random_runs(rng, 0.4, truth)])
    assert found.p_value < 0.01
    assert found.interval.low > 0


def test_runs_that_differ_widen_the_interval() -> None:
    truth = np.repeat(np.arange(3), 40)
    some = np.arange(120) % 10 < 5
    right, half = truth, np.where(some, truth, (truth + 1) % 3)
    quarter = np.where(np.arange(120) % 4 < 3, truth, (truth + 1) % 3)

    def width(*answers: NDArray[np.int64]) -> float:
        runs = [answered(truth.tolist(), one.tolist(), repeat=repeat) for repeat, one in enumerate(answers)]
        interval = line(runs).balanced_accuracy
        assert interval.value == pytest.approx(0.75)
        return interval.high - interval.low

    # The mean is the same; what retraining adds is not.
    assert width(right, half) > 2 * width(quarter, quarter)


def test_a_difference_uses_common_runs_of_the_same_images_alone() -> None:
    both = [answered(TRUTH, ANSWERS, fold=0), answered(TRUTH, TRUTH, fold=1, first=8)]
    alone = answered(TRUTH, [1] * 8, method="npr", fold=2, first=16)
    other_images = answered(TRUTH, [1] * 8, method="npr", fold=1, first=50)
    found = difference([answered(TRUTH, TRUTH, method="npr"), other_images, alone], both)
    assert found.interval.value == pytest.approx(0.25)


def test_a_line_for_each_method_that_has_rows_corrected_for_their_number(tmp_path: Path) -> None:
    rows, rng = Rows(tmp_path), np.random.default_rng(0)
    truth = np.repeat(np.arange(3), 20)
    for method, skill in (("raw", 0.5), ("npr", 0.75), ("frank20", 0.7), ("corvi23", 0.55)):
        rows.add(random_runs(rng, skill, truth, method=method))
    rows.add(random_runs(rng, 0.1, truth, method="npr", data="other"))
    names = ["npr", "raw", "absent", "frank20", "corvi23"]
    lines = compared(rows, "set", names)
    assert [one.method for one in lines] == ["npr", "raw", "frank20", "corvi23"]
    assert (lines[1].difference, lines[1].p_value) == (None, None)
    runs = {one.method: list(rows.runs(data="set", method=one.method)) for one in lines}
    plain = [difference(runs[name], runs["raw"]).p_value for name in ("npr", "frank20", "corvi23")]
    assert [lines[place].p_value for place in (0, 2, 3)] == pytest.approx(holm(plain).tolist())
    for one in lines:
        if one.difference:
            gain = one.balanced_accuracy.value - lines[1].balanced_accuracy.value
            assert one.difference.value == pytest.approx(gain)


def test_without_rows_of_the_control_nothing_is_tested(tmp_path: Path) -> None:
    rows = Rows(tmp_path)
    rows.add(answered(TRUTH, ANSWERS, method="npr"))
    assert [one.p_value for one in compared(rows, "set", ["npr", "raw"])] == [None]
    assert compared(rows, "nothing", ["npr"]) == []
    # A control need not be among the methods that are shown.
    rows.add(answered(TRUTH, TRUTH, method="raw"))
    (only,) = compared(rows, "set", ["npr"])
    assert only.difference is not None
    assert only.difference.value == pytest.approx(-0.25)
