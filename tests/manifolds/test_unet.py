"""The network of learned manifolds looks as far as it says, and treats images of every size alike."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from manifpt.manifolds import tiles
from manifpt.manifolds.tiles import applied
from manifpt.manifolds.unet import REACH, STEP, UNet


@pytest.fixture(scope="module")
def network() -> UNet:
    """All weights random: an untrained one answers zero."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        made = UNet(3, 4, told=True)
        torch.nn.init.normal_(made.last.weight)
    return made.eval().requires_grad_(False)


def noise(height: int, width: int, count: int = 1, seed: int = 0) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return np.random.default_rng(seed).random((count, 3, height, width), np.float32)


def test_no_pixel_is_changed_by_one_that_is_farther_than_the_reach(network: UNet) -> None:
    side, middle = 2 * REACH + 12, REACH + 4
    one = noise(side, side)
    farthest = 0
    for shift in range(STEP):  # a place of each kind in the coarsest cell
        other = one.copy()
        other[:, :, middle + shift, middle + shift] += 0.5
        changed = np.abs(applied(network, one, 0.05) - applied(network, other, 0.05)).max(axis=(0, 1)) > 0
        rows, columns = np.nonzero(changed)
        farthest = max(farthest, int(np.abs(np.concatenate([rows, columns]) - middle - shift).max()))
    assert REACH - STEP < farthest <= REACH
    assert REACH % STEP == tiles.SIDE % STEP == 0


def test_the_interior_of_a_large_image_is_that_of_a_crop(network: UNet) -> None:
    large = noise(2 * REACH + 24, 2 * REACH + 40)
    crop = large[:, :, 8 : 8 + 2 * REACH + 8, 16 : 16 + 2 * REACH + 12]
    whole, part = applied(network, large, 0.03), applied(network, crop, 0.03)
    inside = slice(REACH, -REACH)
    shifted = whole[:, :, 8 : 8 + 2 * REACH + 8, 16 : 16 + 2 * REACH + 12]
    np.testing.assert_allclose(part[:, :, inside, inside], shifted[:, :, inside, inside], rtol=0, atol=1e-5)
    assert np.abs(whole).max() > 0.1


def test_tiles_make_no_difference(network: UNet, monkeypatch: pytest.MonkeyPatch) -> None:
    image = noise(70, 90)
    whole = applied(network, image, 0.03)
    monkeypatch.setattr(tiles, "SIDE", 32)
    monkeypatch.setattr(tiles, "PIXELS", 32**2)
    np.testing.assert_allclose(applied(network, image, 0.03), whole, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (3, 5), (16, 17), (32, 32)])
def test_an_image_alone_has_the_bits_that_it_has_in_a_batch(network: UNet, size: tuple[int, int]) -> None:
    images = noise(*size, count=19)
    together = applied(network, images, 0.05)
    assert together.shape == images.shape
    np.testing.assert_array_equal(np.concatenate([applied(network, images[row : row + 1], 0.05) for row in (0, 18)]),
                                  together[[0, 18]])  # fmt: skip
    assert applied(network, images[:0], 0.05).shape == (0, 3, *size)


def test_it_is_told_the_noise(network: UNet) -> None:
    image = noise(16, 16)
    assert np.abs(applied(network, image, 0.01) - applied(network, image, 0.1)).max() > 1e-3


def test_an_untrained_one_answers_zero() -> None:
    assert not applied(UNet(3, 4, told=False).eval(), noise(8, 8)).any()
