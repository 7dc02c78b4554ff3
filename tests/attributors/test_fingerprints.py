"""Fingerprints: correlations known by hand, and probabilities that mean what they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from manifpt.attributors.fingerprints import Fingerprints
from manifpt.errors import ModelError
from manifpt.metrics.calibration import calibration_error

UP, SIDE = [1.0, 1.0, -1.0, -1.0], [1.0, -1.0, 1.0, -1.0]


def test_correlations_are_those_of_hand() -> None:
    fitted = Fingerprints(calibration_folds=0).fit(np.array([UP, SIDE], np.float32), ["up", "side"])
    # Columns are sorted: side, up. Adding a constant and scaling change nothing; (2, 0, 0, −2) is the sum of both.
    asked = np.array([[9, 9, 5, 5], [-1, 1, -1, 1], [2, 0, 0, -2], [1, 0, 0, 0], [7, 7, 7, 7]], np.float32)
    known = [[0, 1], [-1, 0], [np.sqrt(0.5)] * 2, [1 / np.sqrt(3)] * 2, [0, 0]]
    np.testing.assert_allclose(fitted.features(asked), known, atol=1e-7)
    # √4 is the length of four values: by chance a correlation of 1 is two deviations.
    np.testing.assert_allclose(fitted.predict_proba(asked)[0], [1 / (1 + np.e**2), 1 / (1 + np.e**-2)])
    np.testing.assert_allclose(fitted.predict_proba(asked)[4], [0.5, 0.5])


def test_a_fingerprint_is_the_normalised_mean_of_its_class() -> None:
    rng = np.random.default_rng(0)
    features, classes = rng.normal(size=(9, 2, 3)).astype(np.float32), list("aabbbbabb")
    fitted = Fingerprints().fit(features, classes)
    for row, name in enumerate("ab"):
        mean = features[np.array(classes) == name].mean(axis=0, dtype=float).ravel()
        known = (mean - mean.mean()) / np.linalg.norm(mean - mean.mean())
        np.testing.assert_allclose(fitted.fingerprints_[row], known, atol=1e-6)


def test_the_answer_is_the_largest_correlation() -> None:
    rng = np.random.default_rng(1)
    features, classes = rng.normal(size=(60, 20)).astype(np.float32), np.tile(list("abcd"), 15)
    fitted = Fingerprints().fit(features, classes)
    np.testing.assert_array_equal(fitted.predict_proba(features).argmax(1), fitted.features(features).argmax(1))


def test_probabilities_of_unseen_images_are_calibrated() -> None:
    rng = np.random.default_rng(2)
    marks = rng.normal(size=(3, 300))
    labels = np.arange(1800) % 3
    names = labels.astype(str)
    features = (rng.normal(size=(1800, 300)) + 0.1 * marks[labels]).astype(np.float32)
    fitted = Fingerprints().fit(features[:600], names[:600])
    found = fitted.predict_proba(features[600:])
    assert 0.5 < (found.argmax(1) == labels[600:]).mean() < 0.95
    assert calibration_error(truth=names[600:], probabilities=found, classes=fitted.classes_) < 0.05


def test_features_of_one_value_only_are_no_mistake() -> None:
    fitted = Fingerprints().fit(np.ones((8, 5), np.float32), list("abababab"))
    np.testing.assert_allclose(fitted.predict_proba(np.ones((1, 5), np.float32)), 0.5)


def test_arrays_that_do_not_fit_together_are_refused() -> None:
    fitted = Fingerprints().fit(np.array([UP, SIDE, UP, SIDE], np.float32), ["up", "side"] * 2)
    state = {**fitted.state(), "fingerprints": np.zeros((2, 3))}
    with pytest.raises(ModelError, match=r"^the fingerprints have the shape \(2, 3\); expected \(2, 4\); fit"):
        Fingerprints().restore(state)


def test_a_checkpoint_of_a_network_is_refused(tmp_path: Path) -> None:
    save_file({"step": np.zeros(1)}, tmp_path / "1.safetensors")
    with pytest.raises(ModelError, match="belongs to the training of a network"):
        Fingerprints().fit(np.array([UP, SIDE], np.float32), ["up", "side"], checkpoint=tmp_path)
