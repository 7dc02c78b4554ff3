"""Cards are measured once, what failed is set aside, and cats and dogs are divided by content."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.zoo.designs import named
from manifpt.zoo.grid import grid

ROOT = Path(__file__).parents[2]


@pytest.fixture
def zoo_cards(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    import zoo_cards

    return zoo_cards


@pytest.fixture
def division(zoo_cards: ModuleType) -> ModuleType:
    return sys.modules["catsdogs_division"]


@pytest.fixture
def options(tmp_path: Path) -> argparse.Namespace:
    places = {name: tmp_path / name for name in ("weights", "cards", "failed", "images")}
    (tmp_path / "weights" / "catsdogs").mkdir(parents=True)
    (tmp_path / "weights" / "catsdogs" / "dcgan.safetensors").write_bytes(b"12345")
    return argparse.Namespace(**places, seed=0, count=50)


def noise(count: int, side: int = 32) -> Any:
    return np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)


def test_a_card_is_measured_again_for_other_weights_or_numbers_only(
    zoo_cards: ModuleType, options: argparse.Namespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def measured(one: Any, reals: Any, *, count: int, seed: int) -> tuple[dict[str, Any], Any]:
        asked.append(one.digest)
        why = ["coverage"] if one.digest == "bad" else []
        card = {"frechet": 1.0, "failures": why}
        return {"sha256": one.digest, "n": count, "seed": seed, "card": card, "seconds": 1}, noise(32)

    monkeypatch.setattr(zoo_cards, "measured", measured)
    reals = SimpleNamespace(folder="catsdogs")
    card, failed = options.cards / "catsdogs" / "dcgan.json", options.failed / "catsdogs" / "dcgan.bad.json"
    picture = options.images / "catsdogs" / "dcgan.png"

    def written(digest: str) -> str:
        one = SimpleNamespace(design=named("dcgan"), digest=digest, sidecar={"design": named("dcgan").record()})
        return str(zoo_cards.write_card(one, reals, options))

    assert "1.00" in written("good")
    assert "measured before" in written("good")
    np.testing.assert_array_equal(np.asarray(Image.open(picture)), grid(noise(32)))
    picture.unlink()
    written("good")
    options.count = 60
    written("good")
    assert asked == ["good"] * 3
    assert card.is_file()
    assert "must not be shipped: coverage" in written("bad")
    assert "measured before" in written("bad")
    assert not card.exists()
    assert not picture.exists()
    assert failed.is_file()
    written("good")
    assert card.is_file()
    assert failed.is_file(), "a later attempt hides one that failed"
    assert [path.name for path in failed.parent.iterdir()] == ["dcgan.bad.json"]


def test_pictures_are_lossless_and_without_a_palette(zoo_cards: ModuleType, tmp_path: Path) -> None:
    zoo_cards.write_png(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    with Image.open(tmp_path / "a.png") as image:
        assert (image.mode, image.size, np.asarray(image).max()) == ("RGB", (8, 8), 0)


def test_errors_of_reconstruction_are_those_of_their_definition(zoo_cards: ModuleType) -> None:
    decoders = sys.modules["zoo_decoders"]
    originals = noise(4) // 2
    assert decoders.errors(originals, originals) == (0.0, pytest.approx(1.0))
    moved = originals.copy()
    moved[:2] += 10
    rmse, ssim = decoders.errors(moved, originals)
    assert rmse == pytest.approx(np.sqrt(50))
    assert 0.5 < ssim < 1


def test_cats_and_dogs_are_divided_by_content_alone(division: ModuleType, tmp_path: Path) -> None:
    photographs, renamed = tmp_path / "photographs", tmp_path / "renamed"
    for folder, order in ((photographs, range(40)), (renamed, range(39, -1, -1))):
        folder.mkdir()
        for name, index in enumerate(order):
            Image.fromarray(noise(40, 64)[index]).save(folder / f"{name:05d}.png")
    parts = []
    for folder, out in ((photographs, tmp_path / "one"), (renamed, tmp_path / "other")):
        counts = division.written(out, folder)
        assert sum(counts.values()) == 40
        assert min(counts.values()) > 0
        parts.append([set(ImageSet.photographs([str(out / name)]).digests) for name in ("train", "held-out")])
        assert ImageSet.photographs([str(out / "train")]).pixels().shape[1:] == (32, 32, 3)
    assert parts[0] == parts[1]
    assert not parts[0][0] & parts[0][1]
    training, _ = division.divided(photographs)
    assert set(training.digests) == parts[0][0]
    large, _ = division.divided(photographs, size=64)
    assert large.paths == training.paths
    with pytest.raises(DataError, match="is not empty"):
        division.written(tmp_path / "one", photographs)
