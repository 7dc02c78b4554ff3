"""Encoders and decoders honour each choice of a design."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from manifpt.zoo.design import Design
from manifpt.zoo.networks.layers import enlarged
from manifpt.zoo.networks.pyramid import Decoder, Encoder, Growth, Refinement, channels, sides

DESIGN = Design("d", "decoder", "autoencoder", "nearest", "relu", "none", "strided", "none", "l2", width=8)
UP = ("transposed", "nearest", "bilinear", "shuffle", "fir")


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("coarse", [4, 8])
@pytest.mark.parametrize("skip", ["none", "residual", "output"])
@pytest.mark.parametrize("up", UP)
def test_a_decoder_makes_images_of_coarse_maps(up: str, skip: str, coarse: int, size: int) -> None:
    decoder = Decoder(DESIGN.but(upsampling=up, skip=skip, size=size), coarse)
    images = decoder(noise(2, channels(8, coarse), coarse, coarse))
    assert images.shape == (2, 3, size, size)


@pytest.mark.parametrize("down", ["strided", "average", "fir"])
@pytest.mark.parametrize(("fine", "coarse"), [(32, 4), (64, 8), (8, 8)])
def test_an_encoder_makes_coarse_maps_of_images(down: str, fine: int, coarse: int) -> None:
    encoder = Encoder(DESIGN.but(downsampling=down), fine=fine, coarse=coarse, width=3)
    assert encoder(noise(2, 3, fine, fine)).shape == (2, 3, coarse, coarse)


def test_sides_double_from_coarse_to_fine() -> None:
    assert sides(4, 64) == [4, 8, 16, 32, 64]
    assert sides(8, 8) == [8]


def test_refined_maps_are_the_maps_where_nothing_is_added() -> None:
    layer = Refinement(DESIGN, 8)
    maps = noise(2, 8, 4, 4)
    assert not torch.equal(layer(maps), maps)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    assert torch.equal(layer(maps), maps)


@pytest.mark.parametrize("up", UP)
def test_grown_maps_are_the_enlarged_maps_where_nothing_is_added(up: str) -> None:
    layer = Growth(DESIGN.but(upsampling=up), 8, 8)
    maps = noise(2, 8, 4, 4)
    assert not torch.equal(layer(maps), enlarged(up)(maps))
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    torch.testing.assert_close(layer(maps), enlarged(up)(maps))


@pytest.mark.parametrize("up", ["nearest", "bilinear", "fir"])
def test_output_skips_enlarge_images_as_the_design_enlarges_maps(up: str) -> None:
    decoder = Decoder(DESIGN.but(upsampling=up, skip="output"))
    picture = noise(1, 3, 8, 8)
    first, *others = decoder.to_images
    first.register_forward_hook(lambda module, inputs, output: picture)
    for layer in others:
        layer.register_forward_hook(lambda module, inputs, output: torch.zeros_like(output))
    expected = torch.tanh(enlarged(up)(enlarged(up)(picture)))
    torch.testing.assert_close(decoder(noise(1, 16, 4, 4)), expected)


def test_an_output_skip_lets_every_stage_draw() -> None:
    decoder = Decoder(DESIGN.but(skip="output"))
    decoder(noise(1, 16, 4, 4)).square().sum().backward()
    assert len(decoder.to_images) == 3
    assert all(layer.weight.grad.abs().sum() > 0 for layer in decoder.to_images)
