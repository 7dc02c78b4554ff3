from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from manifpt.attributors import training
from manifpt.attributors.yu19 import Discriminator, EqualisedConvolution, EqualisedLinear, Yu19, channels
from manifpt.errors import NumbersError

from .planted import planted, quick


def test_channels_are_those_of_the_formula() -> None:
    # min(1024 / 2^k, 512) is 512, 256, 128, 64, 32, 16, 8 for k = 1 … 7.
    assert channels(16) == [(128, 256), (256, 512)]
    assert channels(32) == [(64, 128), (128, 256), (256, 512)]
    assert channels(64) == [(32, 64), (64, 128), (128, 256), (256, 512)]
    assert channels(128) == [(16, 32), (32, 64), (64, 128), (128, 256), (256, 512)]
    assert channels(256) == [(8, 16), (16, 32), (32, 64), (64, 128), (128, 256), (256, 512)]
    assert channels(48) == channels(32)
    assert channels(4) == []
    assert min(min(pair) for pair in channels(2**20)) == 1


@pytest.mark.parametrize(
    ("side", "sides"), [(16, [8, 4]), (32, [16, 8, 4]), (48, [24, 12, 6]), (63, [31, 15, 7]), (64, [32, 16, 8, 4])]
)
def test_each_stage_halves_the_sides_and_what_is_left_is_four_by_four(side: int, sides: list[int]) -> None:
    body = Discriminator(3, side=side, width=64, widest=16)
    maps = torch.zeros(2, 3, side, side)
    for stage, expected in zip(body.stages, sides, strict=True):
        maps = stage(maps)
        assert maps.shape[2:] == (expected, expected)
    assert maps.shape[1] == 16
    assert body(torch.zeros(2, 3, side, side)).shape == (2, 16)


def test_the_whole_network_has_as_many_weights_as_by_hand() -> None:
    network = Yu19()._built((3, 32, 32), 5)
    # 3 by 3 convolutions 3 → 64 → 128, 128 → 128 → 256, 256 → 256 → 512, 512 → 512, each with its biases.
    pairs = [(3, 64), (64, 128), (128, 128), (128, 256), (256, 256), (256, 512), (512, 512)]
    convolutions = sum(9 * entering * leaving + leaving for entering, leaving in pairs)
    dense = (512 * 16 * 512 + 512) + (512 * 5 + 5)
    assert sum(weight.numel() for weight in network.parameters()) == convolutions + dense


def test_layers_scale_standard_normal_weights_by_their_fan_in() -> None:
    with training.seeded(0):
        convolution, dense = EqualisedConvolution(8, 32), EqualisedLinear(400, 50, gain=1.0)
    assert convolution.scale == pytest.approx(1 / 6)  # √(2 / (9 · 8))
    assert dense.scale == pytest.approx(0.05)  # 1 / √400
    for layer in (convolution, dense):
        assert layer.weight.std().item() == pytest.approx(1, abs=0.05)
        assert not layer.bias.any()
    # The middle of a 3 by 3 filter alone: each of 8 channels of ones adds 1/6 of its weight.
    torch.nn.init.zeros_(convolution.weight)
    convolution.weight.data[:, :, 1, 1] = 3.0
    torch.testing.assert_close(convolution(torch.ones(1, 8, 4, 4)), torch.full((1, 32, 4, 4), 4.0))
    torch.nn.init.ones_(dense.weight)
    torch.testing.assert_close(dense(torch.ones(1, 400)), torch.full((1, 50), 20.0))


def test_borders_are_reflected() -> None:
    convolution = EqualisedConvolution(1, 1)
    torch.nn.init.zeros_(convolution.weight)
    convolution.weight.data[0, 0, 1, 0] = 1 / convolution.scale  # the left neighbour
    row = torch.tensor([[1.0, 2, 3, 4]] * 4)[None, None]
    torch.testing.assert_close(convolution(row)[0, 0, 0], torch.tensor([2.0, 1, 2, 3]))


def test_outputs_keep_the_size_of_inputs_through_the_layers() -> None:
    # He et al.: √2 / √fan-in keeps the mean square of what a leaky ReLU lets through, up to 1.04 a layer.
    with training.seeded(0):
        body = Discriminator(3, side=32, width=1024, widest=512)
        features = body(torch.randn(8, 3, 32, 32))
    assert 0.05 < features.square().mean().sqrt().item() < 2


def test_the_optimiser_is_adam_with_the_published_decays() -> None:
    network = quick("yu19")
    optimizer = training._optimizer(network._built((3, 8, 8), 2), network.recipe)
    assert [(group["betas"], group["weight_decay"]) for group in optimizer.param_groups] == [((0.0, 0.99), 0.0)] * 2
    assert Yu19().recipe.learning_rate == 1e-3


def test_the_last_layer_is_equalised_too_before_and_after_saving() -> None:
    features, generators = planted(4)
    fitted = quick("yu19", epochs=1, calibration_folds=0).fit(features, generators)
    for network in (fitted, quick("yu19").restore(fitted.state())):
        assert isinstance(network.network_.head, EqualisedLinear)
        assert network.network_.head.scale == 1 / math.sqrt(16)


def test_maps_that_are_too_small_and_widths_of_no_network_are_refused() -> None:
    with pytest.raises(
        NumbersError, match=r"^the features have the shape \(3, 8, 3\); expected maps of at least 4 × 4"
    ):
        quick("yu19").fit(np.zeros((4, 3, 8, 3), np.float32), ["a", "b", "a", "b"])
    for settings in ({"width": 0}, {"width": 2**40}, {"widest": 0}):
        with pytest.raises(NumbersError, match=r"both from 1 to 16,384; use 1024 and 512"):
            Yu19(**settings)
