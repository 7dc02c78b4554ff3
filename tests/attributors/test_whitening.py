from __future__ import annotations

import numpy as np
import pytest
import torch

from manifpt.attributors import whitening
from manifpt.attributors.architectures import Whitened

from .planted import quick


def smooth(maps: int = 64, channels: int = 2) -> np.ndarray:
    """Maps whose neighbours agree."""
    noise = np.random.default_rng(0).normal(size=(maps, channels, 12, 12))
    return (3 + noise.cumsum(axis=2).cumsum(axis=3)).astype(np.float32)


def test_spread_is_the_mean_and_deviation_of_each_channel_over_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    features, rows = smooth() + 1000, np.array([40, 3, 7, 21])
    features[:, 1] = 5
    monkeypatch.setattr("manifpt.attributors.examples.BLOCK_VALUES", 2 * 12 * 12 * 5)
    mean, deviation = whitening.spread(features, rows)
    chosen = features[rows].astype(np.float64)
    np.testing.assert_allclose(mean, chosen.mean(axis=(0, 2, 3)), rtol=1e-12)
    np.testing.assert_allclose(deviation, [chosen[:, 0].std(), 1], rtol=1e-9)


def test_white_patches_are_uncorrelated_and_of_equal_variance() -> None:
    features = smooth()
    layer = Whitened(2, 3)
    layer.filters.copy_(torch.from_numpy(whitening.whitening_filters(features, np.arange(64), 3)))
    mean, deviation = (
        torch.from_numpy(each).float().view(-1, 1, 1) for each in whitening.spread(features, np.arange(64))
    )
    white = layer((torch.from_numpy(features) - mean) / deviation)
    second_moments = torch.einsum("nchw,ndhw->cd", white, white) / white[:, 0].numel()
    correlation = second_moments / second_moments.diag().sqrt().outer(second_moments.diag().sqrt())
    torch.testing.assert_close(correlation, torch.eye(18), atol=2e-3, rtol=0)
    assert (second_moments.diag() > 0.5).all()
    assert (second_moments.diag() < 1.001).all()


def test_what_is_constant_is_not_blown_up() -> None:
    features = np.ones((8, 3, 6, 6), np.float32)
    features[:, 0] = smooth(8, 1)[:, 0, :6, :6]
    filters = whitening.whitening_filters(features, np.arange(8), 3)
    assert np.abs(filters).max() <= 1 / np.sqrt(whitening.FLOOR)


def test_a_trace_of_a_thousandth_of_the_image_is_learned() -> None:
    features = smooth(80, 1)
    generators = np.array(["gan", "real"] * 40)
    trace = 0.03 * features.std() * (-1) ** np.add.outer(np.arange(12), np.arange(12))
    features[generators == "gan"] += trace.astype(np.float32)
    fitted = quick("resnet-small", epochs=8, calibration_folds=0).fit(features[:60], generators[:60])
    assert (fitted.classes_[fitted.predict_proba(features[60:]).argmax(1)] == generators[60:]).mean() > 0.9
