from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from manifpt.attributors import training
from manifpt.attributors.draws import balanced
from manifpt.attributors.network import MLP

RNG = np.random.default_rng(0)


@pytest.mark.parametrize(
    "counts",
    [[5, 5, 5], [40, 3, 1], [1, 1000], [7], [2, 0, 3], [1, 1, 1, 1]],
    ids=lambda counts: "-".join(map(str, counts)),
)
def test_classes_share_an_epoch_and_examples_share_their_class(counts: list[int]) -> None:
    labels = RNG.permutation(np.repeat(np.arange(len(counts)), counts))
    drawn = balanced(labels, np.random.default_rng(1))
    assert len(drawn) == len(labels)
    shares = [np.sum(labels[drawn] == one) for one, count in enumerate(counts) if count]
    assert max(shares) - min(shares) <= 1
    times = np.bincount(drawn, minlength=len(labels))
    for one, count in enumerate(counts):
        if count:
            assert np.ptp(times[labels == one]) <= 1


def test_equal_classes_show_every_example_once_and_in_random_order() -> None:
    labels = np.repeat(np.arange(4), 25)
    drawn = balanced(labels, np.random.default_rng(2))
    assert sorted(drawn) == list(range(100))
    assert len(np.unique(labels[drawn][:20])) == 4


def test_many_epochs_show_every_example_of_a_large_class_and_give_each_class_the_odd_draws_alike() -> None:
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    rng = np.random.default_rng(3)
    drawn = np.concatenate([balanced(labels, rng) for _ in range(300)])
    times = np.bincount(drawn, minlength=100)
    assert times[:60].min() > 120
    np.testing.assert_allclose(np.bincount(labels[drawn]) / 300, 100 / 3, atol=0.15)


def test_training_steps_see_equal_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    stepped = training._stepped

    def noted(state: Any, inputs: Any, labels: Any, recipe: Any) -> Any:
        seen.extend(labels)
        return stepped(state, inputs, labels, recipe)

    monkeypatch.setattr(training, "_stepped", noted)
    features = RNG.normal(size=(90, 4)).astype(np.float32)
    generators = np.repeat(["a", "b", "c"], [70, 15, 5])
    MLP(epochs=3, least_steps=0, batch=30, calibration_folds=0).fit(features, generators)
    assert np.bincount(seen).tolist() == [90, 90, 90]
