"""Linear discriminant analysis beside scikit-learn's, and what it refuses."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from manifpt.attributors.lda import LDA
from manifpt.errors import NumbersError

from .planted import planted


@pytest.mark.parametrize("values", [6, 90])  # fewer and more than examples
@pytest.mark.parametrize("classes", [2, 3])
def test_answers_are_those_of_scikit_learn_with_every_generator_as_likely(classes: int, values: int) -> None:
    features, generators = planted(classes=classes, shape=(values,))
    features[:, 2] = 3 * features[:, 2] + 10
    kept = np.ones(len(features), bool)
    kept[:30:classes] = False  # the first generator has fewer images than the others
    features, generators = features[kept], generators[kept]
    ours = LDA(shrinkages=(0.3,), calibration_folds=0).fit(features, generators)
    theirs = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.3, priors=np.full(classes, 1 / classes))
    theirs.fit(features.astype(np.float64), generators)
    expected = theirs.predict_proba(features.astype(np.float64))
    np.testing.assert_allclose(ours.predict_proba(features), expected, atol=1e-8)
    assert ours.classes_.tolist() == theirs.classes_.tolist()


def test_one_image_of_each_generator_is_answered_by_the_nearest() -> None:
    features = np.array([[0.0, 0.0], [4.0, 0.0], [0.0, 9.0]], np.float32)
    lda = LDA(calibration_folds=0).fit(features, ["a", "b", "c"])
    asked = np.array([[1.0, 1.0], [3.0, -2.0], [1.0, 5.0]], np.float32)
    assert lda.classes_[lda.predict_proba(asked).argmax(axis=1)].tolist() == ["a", "b", "c"]


def test_the_shrinkage_is_the_one_that_answers_unseen_examples_best() -> None:
    features, generators = planted(12, shape=(120,))
    features[:, 0] *= 100  # shrinking towards the mean variance makes this one direction rule all others
    chosen = [LDA(shrinkages=shares).fit(features, generators).shrinkage_ for shares in ((1e-6, 0.1, 1.0), (1.0, 0.1))]
    assert chosen == [0.1, 0.1]


@pytest.mark.parametrize("shares", [(), (0.0,), (0.1, 1.5), (-0.1,)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(NumbersError, match=r"^the shrinkages .*; expected shares in \(0, 1\]; leave them"):
        LDA(shrinkages=shares)


def test_features_of_too_many_values_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(NumbersError, match=r"^features of 5,001 values; expected at most 5,000 for lda; use linear"):
        LDA().fit(np.zeros((4, 5001), np.float32), ["a", "a", "b", "b"])
