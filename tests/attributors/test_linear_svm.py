"""The linear machines, against scikit-learn's."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from manifpt.attributors import linear_svm
from manifpt.attributors.linear_svm import LinearSVM

from .planted import planted


@pytest.mark.parametrize("classes", [2, 4])
def test_decision_values_are_those_of_scikit_learn(classes: int) -> None:
    features, generators = planted(classes=classes, shape=(6,))
    features[:, 2] = 3 * features[:, 2] + 100
    ours = LinearSVM(strengths=(0.1,), calibration_folds=0).fit(features, generators)
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    expected = LinearSVC(C=0.1, class_weight="balanced").fit(scaled, generators).decision_function(scaled)
    if classes == 2:
        expected = np.stack([-expected, expected], axis=1) / 2
    np.testing.assert_allclose(ours.features(features), expected, atol=1e-4)


def test_probabilities_follow_the_decision_values() -> None:
    features, generators = planted(classes=4, shape=(6,))
    fitted = LinearSVM().fit(features, generators)
    assert (fitted.predict_proba(features).argmax(1) == fitted.features(features).argmax(1)).all()


def test_a_fit_that_stops_early_says_so_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    features, generators = planted()
    monkeypatch.setattr(linear_svm, "ITERATIONS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not LinearSVM(strengths=(1e3,)).fit(features, generators).converged_


def test_any_seed_is_taken() -> None:
    features, generators = planted(shape=(4,))
    assert LinearSVM(seed=2**40, calibration_folds=0).fit(features, generators).settings()["seed"] == 2**40
