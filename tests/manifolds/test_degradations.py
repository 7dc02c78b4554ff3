"""What codings leave of an image, by hand; and that a restorer undoes codings which it never saw."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import learning
from manifpt.manifolds.degradations import GROWING, LEVELS, SHRINKING, STAGES, Design, degraded, designs
from manifpt.manifolds.restorer import Restorer

SEEN, UNSEEN = designs()


def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def test_designs_are_all_crossings_and_no_test_design_is_learned_from() -> None:
    assert len({*SEEN, *UNSEEN}) == len(SHRINKING) * len(GROWING) * len(STAGES) * len(LEVELS) == 40
    assert not set(SEEN) & set(UNSEEN)
    for half in (SEEN, UNSEEN):
        for field, levels in (("shrinking", SHRINKING), ("growing", GROWING), ("stages", STAGES), ("levels", LEVELS)):
            assert {sum(getattr(one, field) == level for one in half) for level in levels} == {20 // len(levels)}


@pytest.mark.parametrize("design", [*SEEN, *UNSEEN], ids=str)
@pytest.mark.parametrize("size", [(8, 8), (9, 14)])
def test_every_design_keeps_size_and_about_the_mean(design: Design, size: tuple[int, int]) -> None:
    flat = torch.full((2, 3, *size), 0.5)
    found = degraded(flat, design, rng())
    assert found.shape == flat.shape
    assert float((found - 0.5).abs().max()) < 0.2
    even = design.growing in ("nearest", "bilinear", "fir") and not design.levels
    assert torch.allclose(found, flat, atol=1e-6) == even


def test_the_mean_of_a_cell_is_what_is_left_of_it() -> None:
    cell = torch.tensor([[0.0, 0.4], [0.8, 0.4]]).repeat(2, 2)[None, None]
    found = degraded(cell, Design("average", "nearest", 1, 0), rng())
    torch.testing.assert_close(found, torch.full((1, 1, 4, 4), 0.4))


def test_a_code_of_few_levels_rounds_the_small_map() -> None:
    flat = torch.full((1, 1, 4, 4), 0.5)
    found = degraded(flat, Design("average", "nearest", 2, 24), rng())
    torch.testing.assert_close(found, torch.full((1, 1, 4, 4), 12 / 23))


def test_an_uneven_kernel_leaves_a_chequerboard_of_period_two() -> None:
    found = degraded(torch.full((1, 1, 16, 16), 0.5), Design("average", "transposed", 1, 0), rng())[0, 0, 2:-2, 2:-2]
    torch.testing.assert_close(found[2:, 2:], found[:-2, :-2])
    assert float(found.std()) > 1e-3


def test_a_restorer_undoes_codings_that_it_never_saw(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "PIXELS", 2**11)
    monkeypatch.setattr(learning, "RATE", 1e-2)
    # Blobs whose edges a coding blurs: sharp, of two values, so that there is something to learn.
    smooth = gaussian_filter(rng().standard_normal((60, 1, 16, 16)), (0, 0, 2.5, 2.5))
    blobs = np.where(smooth > 0, 0.8, 0.2).astype(np.float32)
    restorer = Restorer(steps=120, width=8).fit([Points(blobs[:50])])
    clean = blobs[50:]
    for design in (Design("average", "nearest", 2, 0), Design("strided", "fir", 1, 0)):
        assert design in UNSEEN
        coded = degraded(torch.from_numpy(clean), design, rng()).numpy()
        before, after = (
            float(np.square(one - clean).mean()) for one in (coded, restorer.project(Points(coded)).points.values)
        )
        assert after < 0.85 * before
