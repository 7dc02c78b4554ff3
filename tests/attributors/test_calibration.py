from __future__ import annotations

import numpy as np
import pytest
from scipy.special import softmax

from manifpt.attributors import calibration

from .planted import planted, quick


@pytest.mark.parametrize("scale", [0.5, 1.0, 3.0])
def test_logits_that_are_too_large_by_a_factor_get_that_factor_as_their_temperature(scale: float) -> None:
    rng = np.random.default_rng(0)
    honest = rng.normal(scale=2, size=(20_000, 4))
    labels = (softmax(honest, axis=1).cumsum(axis=1) < rng.random((20_000, 1))).sum(axis=1)
    assert calibration.temperature(scale * honest, labels) == pytest.approx(scale, rel=0.05)


def test_no_other_temperature_has_a_lower_loss() -> None:
    rng = np.random.default_rng(1)
    labels = rng.integers(3, size=50)
    logits = 5 * (rng.normal(size=(50, 3)) + np.eye(3)[labels])
    best = calibration.temperature(logits, labels)
    losses = [calibration.log_loss(logits / heat, labels) for heat in np.geomspace(0.01, 1000, 400)]
    assert calibration.log_loss(logits / best, labels) <= min(losses) + 1e-9


def test_weights_count_as_repetitions() -> None:
    rng = np.random.default_rng(2)
    logits, labels, times = 3 * rng.normal(size=(40, 3)), rng.integers(3, size=40), rng.integers(1, 4, size=40)
    repeated = calibration.temperature(np.repeat(logits, times, axis=0), np.repeat(labels, times))
    assert calibration.temperature(logits, labels, weights=times) == pytest.approx(repeated, rel=1e-4)


def test_balanced_weights_give_every_class_the_same_sum() -> None:
    labels = np.array([0] * 7 + [2] * 2)
    weights = calibration.balanced_weights(labels, 3)
    assert weights[1] == 0
    assert weights[labels][labels == 0].sum() == pytest.approx(weights[labels][labels == 2].sum())
    assert weights[labels].mean() == pytest.approx(1)


@pytest.mark.parametrize("grouped", [False, True])
def test_folds_hold_each_row_out_at_most_once_and_always_train_on_every_class(grouped: bool) -> None:
    labels = np.array([0] * 10 + [1] * 9 + [2] * 2 + [3])
    groups = np.arange(22) // 2 if grouped else None
    folds = calibration.inner_folds(labels, groups, 3, seed=0)
    assert len(folds) == 3
    held_out = np.concatenate([fold.held_out for fold in folds])
    assert len(np.unique(held_out)) == len(held_out)
    assert 21 not in held_out
    for fold in folds:
        assert set(labels[fold.train]) == {0, 1, 2, 3}
        assert not np.intersect1d(fold.train, fold.held_out).size
        assert len(fold.train) + len(fold.held_out) == len(labels)


def test_groups_stay_on_one_side() -> None:
    rng = np.random.default_rng(0)
    labels, groups = rng.integers(4, size=200), rng.integers(30, size=200)
    for fold in calibration.inner_folds(labels, groups, 3, seed=1):
        assert not np.intersect1d(groups[fold.train], groups[fold.held_out]).size


def test_classes_of_one_group_leave_nothing_to_hold_out() -> None:
    assert calibration.inner_folds(np.array([0, 0, 1, 1]), np.array([0, 0, 1, 1]), 3, seed=0) == []
    assert calibration.inner_folds(np.array([0, 1]), None, 3, seed=0) == []


def test_no_folds_leave_the_temperature_at_one() -> None:
    features, generators = planted(5)
    for row in ("linear", "mlp"):
        assert quick(row, calibration_folds=0).fit(features, generators).temperature_ == 1.0


def test_features_without_a_signal_are_answered_almost_evenly() -> None:
    features, generators = planted(40, shape=(30,))
    shuffled = np.random.default_rng(0).permutation(generators)
    for row in ("linear", "mlp"):
        fitted = quick(row).fit(features, shuffled)
        unsure = fitted.predict_proba(planted(40, shape=(30,), seed=1)[0])
        assert unsure.max(axis=1).mean() < 0.5


def test_answers_that_are_all_right_do_not_make_probabilities_certain() -> None:
    labels = np.arange(30) % 3
    logits = 10.0 * np.eye(3)[labels]
    found = calibration.tempered(logits, labels, 3)
    least = 1 - calibration.probabilities(logits, found.heat).max()
    assert least == pytest.approx(2 / 3 / 32, rel=1e-3)
