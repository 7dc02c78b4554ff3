from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import confusion_matrix, f1_score, precision_recall_fscore_support

from manifpt.errors import NumbersError
from manifpt.metrics.confusion import confusion, macro_f1
from manifpt.metrics.per_class import ClassScore, per_class

CLASSES = ["vae", "gan", "real"]  # deliberately not sorted


def answered(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.choice(CLASSES, 80), rng.choice(CLASSES, 80)


def test_rows_are_the_truth_and_columns_the_answers_in_the_order_of_the_classes() -> None:
    matrix = confusion(truth=["gan", "gan", "vae"], answers=["vae", "gan", "vae"], classes=CLASSES)
    assert matrix.tolist() == [[1, 0, 0], [1, 1, 0], [0, 0, 0]]


def test_the_matrix_agrees_with_scikit_learn_whatever_the_order_of_the_rows() -> None:
    truth, answers = answered()
    expected = confusion_matrix(truth, answers, labels=CLASSES)
    order = np.random.default_rng(1).permutation(len(truth))
    assert (confusion(truth=truth[order], answers=answers[order], classes=CLASSES) == expected).all()


def test_a_label_outside_the_classes_is_refused_instead_of_dropped() -> None:
    with pytest.raises(NumbersError) as caught:
        confusion(truth=["gan"], answers=["flow"], classes=["gan", "vae"])
    assert str(caught.value) == (
        "'flow' among the answers is not one of the classes; expected one of gan, vae; "
        "pass the classes that the attributor was fitted on"
    )


def test_a_class_listed_twice_is_refused() -> None:
    with pytest.raises(NumbersError, match="class 'gan' is listed twice"):
        confusion(truth=["gan"], answers=["gan"], classes=["gan", "vae", "gan"])


def test_macro_f1_agrees_with_scikit_learn() -> None:
    truth, answers = answered(2)
    assert macro_f1(truth=truth, answers=answers) == pytest.approx(f1_score(truth, answers, average="macro"))


def test_a_class_that_is_never_answered_counts_as_zero_in_macro_f1() -> None:
    # F1 of a is 2·½·1 / (½ + 1) = ⅔, of b 0.
    assert macro_f1(truth=["a", "b"], answers=["a", "a"]) == pytest.approx(1 / 3)


def test_scores_of_each_class_agree_with_scikit_learn() -> None:
    truth, answers = answered(3)
    precision, recall, _, support = precision_recall_fscore_support(truth, answers, labels=CLASSES)
    for index, score in enumerate(per_class(truth=truth, answers=answers, classes=CLASSES)):
        assert score == ClassScore(CLASSES[index], precision[index], recall[index], support[index])


def test_what_is_undefined_is_none_and_not_zero() -> None:
    never_answered, never_true = per_class(truth=["a", "a"], answers=["b", "b"], classes=["a", "b"])
    assert never_answered == ClassScore("a", None, 0.0, 2)
    assert never_true == ClassScore("b", 0.0, None, 0)
