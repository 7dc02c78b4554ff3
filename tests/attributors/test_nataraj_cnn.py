from __future__ import annotations

import numpy as np
import pytest
import torch

from manifpt.attributors.nataraj_cnn import CooccurrenceBody, NatarajCNN
from manifpt.errors import NumbersError
from manifpt.extractors.nataraj19 import Nataraj19

from .planted import quick


@pytest.mark.parametrize(
    ("shape", "stages"),
    [
        ((3, 32, 32), [(32, 8, 8), (64, 4, 4), (128, 2, 2)]),
        ((3, 256, 256), [(32, 64, 64), (64, 32, 32), (128, 16, 16)]),
        ((1, 45, 8), [(32, 12, 2), (64, 6, 1), (128, 3, 1)]),
        ((2, 1, 1), [(32, 1, 1), (64, 1, 1), (128, 1, 1)]),
    ],
)
def test_stages_have_the_published_channels_and_halve_the_sides(
    shape: tuple[int, ...], stages: list[tuple[int, ...]]
) -> None:
    body = CooccurrenceBody(shape, width=32)
    maps = torch.zeros(1, *shape)
    for stage, expected in zip(body.stages, stages, strict=True):
        maps = stage(maps)
        assert maps.shape[1:] == expected
    assert body(torch.zeros(2, *shape)).shape == (2, 256)


def test_the_whole_network_has_as_many_weights_as_by_hand() -> None:
    network = NatarajCNN()._built((3, 32, 32), 5)
    pairs = [(3, 32, 3), (32, 32, 5), (32, 64, 3), (64, 64, 5), (64, 128, 3), (128, 128, 5)]
    convolutions = sum(side**2 * entering * leaving + leaving for entering, leaving, side in pairs)
    # 128 channels of 2 × 2 places.
    dense = (512 * 256 + 256) + (256 * 5 + 5)
    assert sum(weight.numel() for weight in network.parameters()) == convolutions + dense


def test_it_learns_which_levels_stand_side_by_side() -> None:
    # The same levels in all images, in the same shares: every histogram is alike.
    rng = np.random.default_rng(0)
    rows = np.repeat([0, 64, 128, 192], 4).astype(np.uint8)
    sorted_rows = np.stack([np.roll(np.tile(rows, (16, 1)), rng.integers(16), axis=1) for _ in range(40)])
    shuffled = rng.permuted(sorted_rows, axis=2)
    images = np.repeat(np.concatenate([sorted_rows, shuffled])[..., None], 3, axis=-1)
    maps = Nataraj19().measured(images).astype(np.float32)
    names = np.array(["sorted"] * 40 + ["shuffled"] * 40)
    train = np.arange(80) % 2 == 0
    fitted = quick("nataraj-cnn", calibration_folds=0, learning_rate=1e-3).fit(maps[train], names[train])
    assert (fitted.classes_[fitted.predict_proba(maps[~train]).argmax(1)] == names[~train]).all()


def test_a_width_of_no_network_is_refused() -> None:
    for width in (0, 24, 2**40):
        with pytest.raises(NumbersError, match=rf"^a width of {width}; expected a multiple of 16 up to 1,024; use 32"):
            NatarajCNN(width=width)
