"""The Barlow Twins loss and the views that feed it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from manifpt.embeddings.barlow import redundancy
from manifpt.embeddings.views import view


def test_the_loss_is_that_of_the_cross_correlation_matrix() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 50, 6, generator=generator)
    correlation = np.corrcoef(first.T, second.T)[:6, 6:]
    diagonal = np.diag(correlation)
    expected = ((1 - diagonal) ** 2).sum() + 0.005 * ((correlation**2).sum() - (diagonal**2).sum())
    assert float(redundancy(first, second)) == pytest.approx(expected, rel=1e-5)


def test_the_loss_ignores_scale_and_offset_of_each_dimension() -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(2, 50, 6, generator=generator)
    assert float(redundancy(3 * first + 1, 0.5 * second - 2)) == pytest.approx(
        float(redundancy(first, second)), rel=1e-4
    )


def test_a_collapsed_dimension_costs_its_whole_diagonal_and_stays_finite() -> None:
    constant = torch.ones(20, 3, requires_grad=True)
    loss = redundancy(constant, torch.ones(20, 3))
    loss.backward()  # type: ignore[no-untyped-call]
    assert loss.item() == pytest.approx(3)
    assert constant.grad is not None
    assert torch.isfinite(constant.grad).all()


def test_views_stay_images_and_follow_their_generator() -> None:
    pixels = torch.rand(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    first, same, other = (view(pixels, torch.Generator().manual_seed(seed)) for seed in (1, 1, 2))
    assert first.shape == pixels.shape
    assert first.min() >= 0
    assert first.max() <= 1
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


def test_a_fifth_of_the_views_is_grey_and_the_rest_keeps_its_colour() -> None:
    pixels = torch.tensor([0.8, 0.5, 0.3]).view(1, 3, 1, 1).expand(2000, 3, 4, 4)
    views = view(pixels, torch.Generator().manual_seed(0))
    grey = (views.amax(1) - views.amin(1)).amax((1, 2)) < 1e-3
    assert 0.16 < grey.float().mean() < 0.24
    untouched = (views - pixels).abs().amax((1, 2, 3)) < 1e-3
    assert 0.12 < untouched.float().mean() < 0.2, "a fifth of the ungreyed is not jittered"


def test_half_of_the_views_is_mirrored() -> None:
    ramp = torch.linspace(0, 1, 32).view(1, 1, 1, 32).expand(1000, 3, 32, 32)
    views = view(ramp, torch.Generator().manual_seed(0)).mean((1, 2))
    assert 0.45 < (views[:, -1] < views[:, 0]).float().mean() < 0.55
