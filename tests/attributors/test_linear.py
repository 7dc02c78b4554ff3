from __future__ import annotations

import warnings

import numpy as np
import psutil
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from manifpt.attributors import linear
from manifpt.attributors.linear import Linear

from .planted import planted


@pytest.mark.parametrize("classes", [2, 3])
def test_answers_are_those_of_scikit_learn(classes: int) -> None:
    features, generators = planted(classes=classes, shape=(6,))
    features[:, 2] = 3 * features[:, 2] + 100
    ours = Linear(strengths=(1e-2,), calibration_folds=0).fit(features, generators)
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    theirs = LogisticRegression(C=1e-2, class_weight="balanced", tol=1e-8, max_iter=1000).fit(scaled, generators)
    np.testing.assert_allclose(ours.predict_proba(features), theirs.predict_proba(scaled), atol=5e-3)
    assert ours.classes_.tolist() == theirs.classes_.tolist()


def test_the_penalty_is_the_one_that_answers_unseen_examples_best() -> None:
    features, generators = planted(60, shape=(200,))
    chosen = [Linear(strengths=strengths).fit(features, generators) for strengths in ((1e-12, 1e-2), (1e-2, 1e-12))]
    assert [fitted.strength_ for fitted in chosen] == [1e-2, 1e-2]


def test_large_inputs_choose_the_penalty_on_the_first_fold_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    fits: list[float] = []
    fitted = linear._fitted

    def counted(model: LogisticRegression, *rest: object) -> object:
        fits.append(model.C)
        return fitted(model, *rest)

    monkeypatch.setattr(linear, "_fitted", counted)
    features, generators = planted()
    Linear(strengths=(1e-3, 1e-2)).fit(features, generators)
    assert len(fits) == 3 * 2 + 1
    fits.clear()
    monkeypatch.setattr(linear, "LARGE", 1)
    large = Linear(strengths=(1e-3, 1e-2)).fit(features, generators)
    assert len(fits) == 2 + 2 + 1
    assert set(fits[2:]) == {large.strength_}


def test_a_fit_that_stops_early_says_so_without_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    features, generators = planted()
    assert Linear(strengths=(1e-4,)).fit(features, generators).converged_
    monkeypatch.setattr(linear, "ITERATIONS", 1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not Linear(strengths=(1e3,)).fit(features, generators).converged_


def test_a_memory_map_is_learned_without_being_held_in_memory(tmp_path: object) -> None:
    path = f"{tmp_path}/features.npy"
    features = np.lib.format.open_memmap(path, mode="w+", dtype=np.float32, shape=(800, 3, 128, 128))
    rng = np.random.default_rng(0)
    for row in range(0, 800, 100):
        features[row : row + 100] = rng.random((100, 3, 128, 128), np.float32)
    generators = np.arange(800) % 2
    features[generators == 1, 0, :4] += 0.2
    process, peak = psutil.Process(), 0

    def watched(model: LogisticRegression, *rest: object) -> object:
        nonlocal peak
        found = fitted(model, *rest)
        memory = process.memory_info()
        peak = max(peak, memory.rss - memory.shared)
        return found

    fitted = linear._fitted
    memory = process.memory_info()
    before = memory.rss - memory.shared
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(linear, "_fitted", watched)
        patch.setattr(linear, "ITERATIONS", 3)
        Linear(strengths=(1e-3,), calibration_folds=2).fit(np.load(path, mmap_mode="r"), generators)
    assert features.nbytes == 150 * 2**20
    assert peak - before < 80 * 2**20
