from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from manifpt.errors import DataError
from manifpt.metrics.detection import detection_auc, detection_interval

CLASSES = ["gan", "real", "vae"]


def scored(rows: int = 120, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    truth = np.resize(CLASSES, rows)
    probabilities = rng.dirichlet([1, 1, 1], rows)
    probabilities[truth == "real", 1] += 0.4
    return truth, probabilities / probabilities.sum(axis=1, keepdims=True)


def test_it_is_the_area_under_the_curve_of_one_minus_the_probability_of_real() -> None:
    truth, probabilities = scored()
    expected = roc_auc_score(truth != "real", 1 - probabilities[:, 1])
    assert detection_auc(truth=truth, probabilities=probabilities, classes=CLASSES) == pytest.approx(expected)


def test_half_of_the_pairs_in_order_and_one_tie_by_hand() -> None:
    given = [[0.1, 0.9], [0.6, 0.4], [0.6, 0.4], [0.4, 0.6]]
    # Pairs (generated, real): (.6, .1) right, (.6, .6) tie, (.4, .1) right, (.4, .6) wrong.
    answer = detection_auc(truth=["real", "real", "gan", "gan"], probabilities=given, classes=["gan", "real"])
    assert answer == 2.5 / 4


def test_probabilities_too_small_to_change_one_still_rank() -> None:
    given = [[1.0, 1e-20], [1.0, 1e-30]]
    assert detection_auc(truth=["real", "gan"], probabilities=given, classes=["gan", "real"]) == 1.0


def test_the_order_of_the_columns_does_not_matter() -> None:
    truth, probabilities = scored()
    turned = detection_auc(truth=truth, probabilities=probabilities[:, [2, 0, 1]], classes=["vae", "gan", "real"])
    assert turned == detection_auc(truth=truth, probabilities=probabilities, classes=CLASSES)


def test_the_interval_contains_the_value() -> None:
    truth, probabilities = scored()
    interval = detection_interval(truth=truth, probabilities=probabilities, classes=CLASSES, resamples=100)
    assert interval is not None
    assert interval.low < interval.value < interval.high


def test_without_a_real_class_there_is_no_detection() -> None:
    given = {"truth": ["a", "b"], "probabilities": np.eye(2), "classes": ["a", "b"]}
    assert detection_auc(**given) is None
    assert detection_interval(**given) is None


@pytest.mark.parametrize(("truth", "missing"), [(["gan", "gan"], "real"), (["real", "real"], "generated")])
def test_one_side_alone_is_refused(truth: list[str], missing: str) -> None:
    with pytest.raises(DataError, match=f"the scored images hold no {missing} image; expected both"):
        detection_auc(truth=truth, probabilities=np.eye(2), classes=["gan", "real"])
