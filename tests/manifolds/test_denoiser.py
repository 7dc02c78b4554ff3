"""The denoiser of Gaussian reals is known: it shrinks towards their mean, and its score is linear."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds import learning
from manifpt.manifolds.denoiser import Denoiser

MEAN, SPREAD = 0.5, 0.1


def gaussian(count: int, seed: int) -> Any:
    drawn = np.random.default_rng(seed).standard_normal((count, 3, 16, 16), np.float32)
    return (MEAN + SPREAD * drawn).astype(np.float32)


@pytest.fixture(scope="module")
def denoiser() -> Iterator[Denoiser]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(learning, "PIXELS", 2**11)
        patched.setattr(learning, "RATE", 1e-2)
        yield Denoiser(steps=100, width=8).fit([Points(gaussian(200, 0))])


def slope(residual: Any, maps: Any) -> float:
    """Return by which share of its distance from the mean a map is moved."""
    return float((residual * (maps - MEAN)).sum() / ((maps - MEAN) ** 2).sum())


@pytest.mark.parametrize("noise", [0.03, 0.1])
def test_it_takes_away_the_share_that_is_noise(denoiser: Denoiser, noise: float) -> None:
    unseen = gaussian(8, 1)
    share = noise**2 / (SPREAD**2 + noise**2)
    assert slope(denoiser.residual(unseen, noise), unseen) == pytest.approx(share, rel=0.15)


def test_its_score_points_to_the_mean_with_the_slope_of_the_blurred_density(denoiser: Denoiser) -> None:
    unseen, noise = gaussian(8, 2), 0.1
    score = -denoiser.residual(unseen, noise) / noise**2
    assert slope(score, unseen) == pytest.approx(-1 / (SPREAD**2 + noise**2), rel=0.15)


def test_noise_is_reduced_nearly_as_much_as_can_be(denoiser: Denoiser) -> None:
    clean, noise = gaussian(8, 3), 0.1
    seen = clean + noise * np.random.default_rng(4).standard_normal(clean.shape, np.float32)
    error = float(np.square(seen - denoiser.residual(seen, noise) - clean).mean())
    least = (SPREAD * noise) ** 2 / (SPREAD**2 + noise**2)
    assert least * 0.95 < error < least * 1.3


def test_the_projection_is_the_image_less_the_residual_of_its_own_noise(denoiser: Denoiser) -> None:
    unseen = gaussian(2, 5)
    other = Denoiser(steps=100, width=8, noise=0.05).weighted(denoiser.weights())
    np.testing.assert_array_equal(other.project(Points(unseen)).points.values, unseen - other.residual(unseen, 0.05))


@pytest.mark.parametrize("noise", [0, 0.009, 0.2, float("nan"), "much", None])
def test_a_noise_that_was_not_learned_is_refused(noise: Any) -> None:
    with pytest.raises(NumbersError) as caught:
        Denoiser(noise=noise)
    assert str(caught.value) == (
        f"noise = {noise!r}; expected a deviation from 0.01 to 0.1, in units of the range of pixels; "
        "give a number in this range"
    )
