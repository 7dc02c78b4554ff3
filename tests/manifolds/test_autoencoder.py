"""What a decoder can make is the manifold: known answers, and laws of going on towards the nearest image."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds import autoencoder, learning, tiles
from manifpt.manifolds.autoencoder import Autoencoder
from manifpt.manifolds.bottleneck import Bottleneck
from manifpt.manifolds.learned import learned


def flat(count: int, seed: int, side: int = 12) -> NDArray[np.float32]:
    """Return images of one greyish colour each, (count, 3, side, side)."""
    colours = np.random.default_rng(seed).uniform(0.4, 0.6, (count, 3, 1, 1)).astype(np.float32)
    return np.broadcast_to(colours, (count, 3, side, side)).copy()


@pytest.fixture(scope="module")
def of_colours() -> Autoencoder:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(learning, "PIXELS", 2**11)
        return Autoencoder(steps=150, width=8).fit([Points(flat(60, 0))])


def distances(
    manifold: Autoencoder, maps: NDArray[np.float32], refinements: int = 0, *, where: NDArray[np.bool_] | bool = True
) -> NDArray[np.float64]:
    """Return how far what is found for each map lies from it, of the places that are asked for, (n,)."""
    again = Autoencoder(steps=manifold.steps, width=manifold.width, refinements=refinements)
    found = again.weighted(manifold.weights()).project(Points(maps)).points.values
    return np.sqrt(np.square(found - maps, dtype=np.float64).sum(axis=(1, 2, 3), where=where))


def test_what_the_references_are_like_is_near_and_what_they_never_were_is_far(of_colours: Autoencoder) -> None:
    unseen = flat(10, 1)
    board = np.indices((12, 12)).sum(axis=0) % 2 * np.float32(0.4) - np.float32(0.2)
    near, far = distances(of_colours, unseen), distances(of_colours, unseen + board)
    # The board itself has the length 0.2 · √432: a code that learned plain colours cannot hold it.
    length = 0.2 * np.sqrt(unseen[0].size)
    assert near.max() < length / 2
    assert (far > 0.9 * length).all()


def test_more_refinements_never_end_farther_and_some_come_nearer(of_colours: Autoencoder) -> None:
    maps = np.random.default_rng(2).random((5, 3, 13, 10), np.float32)
    found = [distances(of_colours, maps, refinements) for refinements in (0, 1, 4, 20)]
    for fewer, more in pairwise(found):
        assert (more <= fewer + 1e-6).all()
    assert (found[-1] < found[0]).all()


def test_steps_that_lead_away_are_not_kept(of_colours: Autoencoder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(autoencoder, "RATE", 50.0)
    maps = np.random.default_rng(4).random((3, 3, 12, 12), np.float32)
    np.testing.assert_allclose(distances(of_colours, maps, 3), distances(of_colours, maps), rtol=1e-6)


def test_what_a_tile_sees_of_its_neighbours_decides_nothing(
    of_colours: Autoencoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The last tile keeps 4 rows and sees REACH more, which are louder by far: steps for their sake lead it astray.
    monkeypatch.setattr(tiles, "SIDE", 64)
    noise = np.random.default_rng(5).random((1, 3, 68, 8), np.float32)
    last = np.arange(68)[:, None] >= 64
    maps = np.where(last, np.float32(0.5), noise)
    found = [distances(of_colours, maps, refinements, where=last) for refinements in range(0, 40, 2)]
    for fewer, more in pairwise(found):
        assert (more <= fewer + 1e-6).all()


def test_no_image_changes_what_is_found_for_another(of_colours: Autoencoder) -> None:
    manifold = Autoencoder(steps=of_colours.steps, width=8, refinements=5).weighted(of_colours.weights())
    maps = np.random.default_rng(3).random((4, 3, 12, 12), np.float32)
    together = manifold.project(Points(maps)).points.values
    alone = [manifold.project(Points(maps[row : row + 1])).points.values for row in range(4)]
    np.testing.assert_array_equal(np.concatenate(alone), together)


def test_refinements_need_no_other_training_and_another_code_does(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from manifpt.cache import Cache

    cache, given = Cache(tmp_path), [Points(flat(4, 0))]
    monkeypatch.setattr(learning, "PIXELS", 2**9)
    made = {"space": {"name": "rgb"}, "reference": "ab" * 32, "cache": cache}
    learned(Autoencoder(steps=2, width=4), given, **made)
    monkeypatch.setattr("manifpt.manifolds.trained.trained", None)
    learned(Autoencoder(steps=2, width=4, refinements=3), given, **made)
    with pytest.raises(TypeError):
        learned(Autoencoder(steps=2, width=4, code=5), given, **made)


def test_all_that_is_known_of_an_image_passes_through_its_code() -> None:
    network = Bottleneck(3, 8, code=2).eval()
    for weight in network.parameters():
        torch.nn.init.normal_(weight, std=0.1)
    one, other = torch.rand(2, 1, 3, 16, 16)
    code = network.encoded(one)
    assert code.shape == (1, 2, 4, 4)
    assert torch.equal(network(one), network.decoded(code, 16, 16))
    assert not torch.equal(network(one), network(other))


@pytest.mark.parametrize("wrong", [{"code": 0}, {"code": 2**20}, {"refinements": -1}, {"refinements": 1.5}])
def test_settings_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(NumbersError, match=f"{next(iter(wrong))} = .*; expected a whole number"):
        Autoencoder(**wrong)
