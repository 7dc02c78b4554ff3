"""Every layer that a design can choose does what its name says."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from manifpt.zoo.networks import layers

UP = ("transposed", "nearest", "bilinear", "shuffle", "fir")
DOWN = ("strided", "average", "fir")


@pytest.mark.parametrize("choice", UP)
def test_upsampling_doubles_and_gradients_reach_input_and_weights(choice: str) -> None:
    layer = layers.upsampling(choice, 8, 16)
    maps = torch.randn(2, 8, 4, 6, requires_grad=True)
    grown = layer(maps)
    assert grown.shape == (2, 16, 8, 12)
    grown.square().sum().backward()
    assert maps.grad is not None
    assert all(weight.grad is not None and weight.grad.abs().sum() > 0 for weight in layer.parameters())


@pytest.mark.parametrize("choice", DOWN)
def test_downsampling_halves_and_gradients_reach_input_and_weights(choice: str) -> None:
    layer = layers.downsampling(choice, 8, 16)
    maps = torch.randn(2, 8, 4, 6, requires_grad=True)
    shrunk = layer(maps)
    assert shrunk.shape == (2, 16, 2, 3)
    shrunk.square().sum().backward()
    assert maps.grad is not None
    assert all(weight.grad is not None for weight in layer.parameters())


@pytest.mark.parametrize("up", [True, False])
def test_the_filter_keeps_a_constant_inside_and_removes_the_highest_frequency(up: bool) -> None:
    layer = layers.Smoothed(up=up)
    constant = layer(torch.ones(1, 3, 16, 16))
    torch.testing.assert_close(constant[..., 2:-2, 2:-2], torch.ones_like(constant[..., 2:-2, 2:-2]))
    stripes = torch.tensor([1.0, -1.0]).repeat(8).expand(1, 1, 16, 16)
    if not up:
        assert layer(stripes)[..., 1:-1, 1:-1].abs().max() < 1e-6


@pytest.mark.parametrize("choice", UP)
def test_an_enlarged_map_is_a_larger_picture_of_it_without_weights(choice: str) -> None:
    layer = layers.enlarged(choice)
    assert not list(layer.parameters())
    grown = layer(torch.full((1, 2, 8, 8), 3.0))
    torch.testing.assert_close(grown[..., 2:-2, 2:-2], torch.full((1, 2, 12, 12), 3.0))


@pytest.mark.parametrize(("choice", "axes"), [("batch", (0, 2, 3)), ("instance", (2, 3))])
def test_normalisation_makes_mean_0_and_deviation_1_over_its_axes(choice: str, axes: tuple[int, ...]) -> None:
    maps = 5 + 3 * torch.randn(16, 8, 6, 6)
    found = layers.normalisation(choice, 8)(maps)
    torch.testing.assert_close(found.mean(axes), torch.zeros_like(found.mean(axes)), atol=1e-5, rtol=0)
    torch.testing.assert_close(found.std(axes, correction=0), torch.ones_like(found.mean(axes)), atol=1e-3, rtol=0)


def test_group_norm_has_eight_groups_and_none_changes_nothing() -> None:
    group = layers.normalisation("group", 32)
    assert isinstance(group, nn.GroupNorm)
    assert group.num_groups == 8
    maps = torch.randn(2, 8, 4, 4)
    assert layers.normalisation("none", 8)(maps) is maps


@pytest.mark.parametrize(
    ("choice", "expected"), [("relu", 0.0), ("lrelu", -0.2), ("swish", -0.26894142), ("gelu", -0.15865525)]
)
def test_nonlinearities_at_minus_one(choice: str, expected: float) -> None:
    assert float(layers.nonlinearity(choice)(torch.tensor(-1.0))) == pytest.approx(expected, abs=1e-6)
