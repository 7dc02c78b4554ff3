"""The support vector machines, against scikit-learn's, and what a damaged state is answered."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from manifpt.attributors import pairwise, selection
from manifpt.attributors.svm import SVM
from manifpt.errors import ModelError

from .planted import planted


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_decision_values_are_those_of_scikit_learn(classes: int) -> None:
    features, generators = planted(classes=classes, shape=(6,))
    features[:, 2] = 3 * features[:, 2] + 100
    ours = SVM(strengths=(2.0,), gammas=(1.5,), calibration_folds=0).fit(features, generators)
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    theirs = SVC(C=2.0, gamma=1.5 / 6, class_weight="balanced").fit(scaled, generators)
    expected = theirs.decision_function(scaled)
    found = ours.features(features)
    if classes == 2:
        # Scikit-learn gives the margin of the second class alone.
        np.testing.assert_array_equal(found.argmax(1), expected > 0)
        expected = np.stack([expected < 0, expected > 0], 1) + (
            np.stack([-expected, expected], 1) / (3 * (np.abs(expected) + 1))[:, None]
        )
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert ours.gamma_ == 1.5 / 6
    assert ours.temperature_ == 1


def test_rings_that_no_line_divides_are_told_apart() -> None:
    rng = np.random.default_rng(0)
    angles, radius = rng.uniform(0, 2 * np.pi, 120), np.repeat([1.0, 3.0], 60)
    rings = (radius * np.array([np.cos(angles), np.sin(angles)]) + rng.normal(size=(2, 120)) * 0.1).T.astype(np.float32)
    names = np.repeat(["gan-a", "gan-b"], 60)
    fitted = SVM().fit(rings[::2], names[::2])
    assert (fitted.classes_[fitted.predict_proba(rings[1::2]).argmax(1)] == names[1::2]).all()


def test_the_setting_is_the_one_that_answers_unseen_examples_best() -> None:
    features, generators = planted(40, shape=(10,))
    for gammas in ((0.3, 1e4), (1e4, 0.3)):
        fitted = SVM(strengths=(1.0,), gammas=gammas).fit(features, generators)
        assert fitted.gamma_ == 0.3 / 10


def test_many_examples_choose_on_the_first_fold_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    features, generators = planted(shape=(4,))
    fits: list[float] = []
    fitted = pairwise.PairwiseMachines.fitted.__func__

    def counted(cls: object, inputs: object, labels: object, strength: float, gamma: float) -> object:
        fits.append(strength)
        return fitted(cls, inputs, labels, strength, gamma)

    monkeypatch.setattr(pairwise.PairwiseMachines, "fitted", classmethod(counted))
    SVM(strengths=(1.0, 2.0), gammas=(1.0,)).fit(features, generators)
    assert len(fits) == 3 * 2 + 1
    fits.clear()
    monkeypatch.setattr(selection, "LARGE", 1)
    chosen = SVM(strengths=(1.0, 2.0), gammas=(1.0,)).fit(features, generators).strength_
    assert len(fits) == 2 + 2 + 1
    assert fits[2:] == [chosen] * 3


def test_classes_that_cannot_be_told_apart_end_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairwise, "STEPS", 2)
    features, generators = planted(shape=(4,))
    assert np.isfinite(SVM().fit(features, generators).predict_proba(features)).all()


def test_features_far_from_all_examples_get_an_answer() -> None:
    features, generators = planted(shape=(4,))
    answer = SVM().fit(features, generators).predict_proba(np.full((1, 4), 3e38, np.float32))
    assert np.isfinite(answer).all()


@pytest.mark.parametrize("name", ["means", "vectors", "counts", "coefficients", "offsets"])
def test_arrays_that_do_not_fit_together_are_refused(name: str) -> None:
    features, generators = planted(shape=(4,))
    state = SVM(calibration_folds=0).fit(features, generators).state()
    with pytest.raises(ModelError, match=r"^the arrays of the support vectors have the shapes"):
        SVM().restore({**state, name: state[name][:-1]})


@pytest.mark.parametrize(("name", "value"), [("gamma", -1.0), ("deviations", 0.0)])
def test_values_that_no_fit_gives_are_refused(name: str, value: float) -> None:
    features, generators = planted(shape=(4,))
    state = SVM(calibration_folds=0).fit(features, generators).state()
    with pytest.raises(ModelError, match="positive deviations"):
        SVM().restore({**state, name: np.full_like(state[name], value)})
