from __future__ import annotations

import numpy as np
import pytest
import torch

from manifpt.attributors.xception import Block, Separable, Xception, XceptionBody, scaled, strides
from manifpt.errors import NumbersError

from .planted import quick


def weights(module: torch.nn.Module) -> int:
    return sum(weight.numel() for weight in module.parameters())


def test_the_original_has_as_many_weights_as_by_hand() -> None:
    def separable(entering: int, leaving: int) -> int:
        return 9 * entering + entering * leaving + 2 * leaving

    def block(entering: int, middle: int, leaving: int) -> int:
        around = entering * leaving + 2 * leaving
        return separable(entering, middle) + separable(middle, leaving) + around

    stem = (9 * 3 * 32 + 2 * 32) + (9 * 32 * 64 + 2 * 64)
    entry = stem + block(64, 128, 128) + block(128, 256, 256) + block(256, 728, 728)
    middle = 8 * 3 * separable(728, 728)
    leaving = block(728, 728, 1024) + separable(1024, 1536) + separable(1536, 2048)
    body = XceptionBody(3, side=299, width=728, middle=8)
    assert weights(body.entry) == entry
    assert weights(body.middle) == middle
    assert weights(body.exit) == leaving
    # Chollet gives 22,855,952 with a head of 1,000 classes.
    assert weights(body) == entry + middle + leaving == 22_855_952 - 2_049_000
    assert weights(Xception()._built((3, 299, 299), 1000)) == 22_855_952


def test_strides_fall_away_from_the_first_one_on() -> None:
    assert strides(8) == [1, 1, 1, 2, 2]
    assert strides(16) == [1, 1, 2, 2, 2]
    assert strides(32) == strides(64) == strides(95) == [1, 2, 2, 2, 2]
    assert strides(96) == strides(256) == [2, 2, 2, 2, 2]
    assert strides(1) == strides(3) == [1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ("side", "entry", "leaving"), [(4, 4, 2), (8, 4, 2), (16, 4, 2), (32, 4, 2), (45, 6, 3), (64, 8, 4), (96, 6, 3)]
)
def test_at_least_two_by_two_places_reach_the_end(side: int, entry: int, leaving: int) -> None:
    body = XceptionBody(3, side=side, width=16, middle=1)
    entered = body.entry(torch.zeros(2, 3, side, side))
    assert entered.shape == (2, 16, entry, entry)
    assert body.middle(entered).shape == entered.shape
    assert body.exit(entered).shape == (2, 48, leaving, leaving)
    assert body(torch.zeros(2, 3, side, side)).shape == (2, 48)


def test_the_original_has_ten_by_ten_places_of_299() -> None:
    body = XceptionBody(3, side=299, width=16, middle=0)
    assert body.exit(body.entry(torch.zeros(1, 3, 299, 299))).shape[2:] == (10, 10)


def test_widths_are_scaled_and_never_below_sixteen() -> None:
    original = (32, 64, 128, 256, 728, 1024, 1536, 2048)
    assert tuple(scaled(channels, 728) for channels in original) == original
    # 2048 · 364 / 728, and 32 · 364 / 728 = 16; 64 · 91 / 728 = 8 is too few.
    assert (scaled(2048, 364), scaled(32, 364), scaled(64, 91)) == (1024, 16, 16)


def test_a_separable_convolution_looks_at_places_and_at_channels_apart() -> None:
    layer = Separable(2, 1).eval()
    places, channels, _ = layer
    torch.nn.init.zeros_(places.weight)
    places.weight.data[0, 0, 1, 1], places.weight.data[1, 0, 1, 2] = 1.0, 1.0
    channels.weight.data[0, :, 0, 0] = torch.tensor([10.0, 1.0])
    maps = torch.tensor([[1.0, 2, 3], [4, 5, 6]]).reshape(1, 2, 1, 3)
    # 10 · itself + the right neighbour in the other channel; batch normalisation divides by √(1 + 1e-5).
    expected = torch.tensor([15.0, 26.0, 30.0]).reshape(1, 1, 1, 3)
    torch.testing.assert_close(layer(maps), expected, rtol=1e-4, atol=0)


def test_a_block_of_the_middle_adds_to_what_enters() -> None:
    block = Block(16, 16, 16, 16).eval()
    for layer in block.convolutions:
        if isinstance(layer, Separable):
            torch.nn.init.zeros_(layer[1].weight)
    maps = torch.randn(1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(block(maps), maps)


def test_sizes_of_no_network_are_refused() -> None:
    for settings in ({"width": 8}, {"width": 2**40}, {"middle": -1}, {"middle": 2**40}):
        with pytest.raises(
            NumbersError, match=r"expected a width from 16 to 8,192 and at most 100 blocks; use 728 and 8"
        ):
            Xception(**settings)


def test_a_single_pixel_is_still_attributed() -> None:
    maps = np.array([[[[0.0]]], [[[1.0]]]] * 8, np.float32)
    fitted = quick("xception", epochs=1, calibration_folds=0).fit(maps, ["a", "b"] * 8)
    assert np.isfinite(fitted.predict_proba(maps)).all()
