"""Neighbours counted by hand and by scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from manifpt.attributors.knn import NearestNeighbours
from manifpt.errors import ModelError, NumbersError

from .planted import planted


def test_votes_are_those_of_scikit_learn() -> None:
    features, generators = planted(shape=(6,))
    features[:, 2] = 3 * features[:, 2] + 100
    unseen = planted(shape=(6,), seed=1)[0]
    ours = NearestNeighbours(calibration_folds=0).fit(features, generators)
    scale = StandardScaler().fit(features.astype(np.float64))
    theirs = KNeighborsClassifier(5).fit(scale.transform(features.astype(np.float64)), generators)
    votes = 5 * theirs.predict_proba(scale.transform(unseen.astype(np.float64)))
    # The share of v votes is (v + 1/3) / 6.
    np.testing.assert_allclose(ours.predict_proba(unseen), (votes + 1 / 3) / 6, atol=1e-9)


def test_votes_are_counted() -> None:
    features = np.array([[0], [1], [2], [10], [11]], np.float32)
    fitted = NearestNeighbours(neighbors=3, calibration_folds=0).fit(features, ["b", "a", "a", "b", "b"])
    # Of 0, 1 and 2 two are a: (2 + 1/2) / 4.
    np.testing.assert_allclose(fitted.predict_proba(np.array([[0.4]], np.float32)), [[0.625, 0.375]])


def test_fewer_examples_than_neighbours_all_vote() -> None:
    fitted = NearestNeighbours(calibration_folds=0).fit(np.array([[0], [1], [5]], np.float32), ["a", "a", "b"])
    np.testing.assert_allclose(fitted.predict_proba(np.array([[9.0]], np.float32)), [[2.5 / 4, 1.5 / 4]])


def test_neighbours_that_know_nothing_are_made_unsure() -> None:
    features = np.random.default_rng(0).normal(size=(90, 3)).astype(np.float32)
    answers = NearestNeighbours().fit(features, ["a", "b", "c"] * 30).predict_proba(features)
    assert answers.max() < 0.5


def test_penultimate_features_are_the_standardised_ones() -> None:
    features, generators = planted(shape=(4,))
    found = NearestNeighbours().fit(features, generators).features(features)
    np.testing.assert_allclose(found, StandardScaler().fit_transform(features), atol=1e-5)


def test_features_far_from_all_examples_get_an_answer() -> None:
    features, generators = planted(shape=(4,))
    fitted = NearestNeighbours().fit(features / 100, generators)
    far = np.full((1, 4), 3e38, np.float32)
    assert np.isfinite(fitted.predict_proba(far)).all()
    assert np.isfinite(fitted.features(far)).all()


def test_no_neighbour_is_refused() -> None:
    with pytest.raises(NumbersError, match=r"^0 neighbours; expected at least one; use 5$"):
        NearestNeighbours(neighbors=0)


@pytest.mark.parametrize("name", ["means", "deviations", "points", "labels"])
def test_arrays_that_do_not_fit_together_are_refused(name: str) -> None:
    features, generators = planted(shape=(4,))
    state = NearestNeighbours(calibration_folds=0).fit(features, generators).state()
    with pytest.raises(ModelError, match=r"^the arrays of the neighbours have the shapes"):
        NearestNeighbours().restore({**state, name: state[name][:-1]})


@pytest.mark.parametrize(("name", "value"), [("labels", 7), ("labels", 0), ("deviations", 0.0)])
def test_values_that_no_fit_gives_are_refused(name: str, value: float) -> None:
    features, generators = planted(shape=(4,))
    state = NearestNeighbours(calibration_folds=0).fit(features, generators).state()
    with pytest.raises(ModelError, match="labels from 0 to 2"):
        NearestNeighbours().restore({**state, name: np.full_like(state[name], value)})
