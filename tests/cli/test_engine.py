"""``--engine ray`` finds what this process finds."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt import Artifacts, ImageSet
from manifpt.cli.given import GivenImages
from manifpt.embeddings.embedding import Points
from manifpt.embeddings.spread import Spread
from manifpt.errors import DataError
from manifpt.extractors import points
from manifpt.manifolds import sharded
from manifpt.manifolds.nearest import Nearest


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many points were looked up on the cluster, call by call."""
    counts: list[int] = []
    search = sharded.Sharded.search

    def counted(self: sharded.Sharded, points: Any) -> Any:
        counts.append(len(points))
        return search(self, points)

    monkeypatch.setattr(sharded.Sharded, "search", counted)
    return counts


@pytest.fixture
def sets(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The spaces whose points were made on the cluster, set by set; small parts, so that few images are several."""
    names: list[str] = []
    made = Spread.sets

    def counted(self: Spread, parts: Iterable[ImageSet]) -> Generator[Points]:
        names.append(self.name)
        return made(self, parts)

    monkeypatch.setattr(points, "BATCH", 32)
    monkeypatch.setattr(Spread, "sets", counted)
    return names


def test_fit_and_attribute_on_a_cluster_give_the_same_files_and_answers(
    command: Any, data: Path, tmp_path: Path, two_nodes: Any, searched: list[int], sets: list[str]
) -> None:
    words = ("fit", data, "--space", "freq", "--attributor", "linear", "--no-cache")
    assert command(*words, "--out", tmp_path / "local").status == 0
    assert not searched + sets
    ended = command(*words, "--out", tmp_path / "ray", "--engine", "ray")
    assert (ended.status, sum(searched), sets) == (0, 90, ["freq", "freq"]), ended.err
    arrays = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("local", "ray")]
    assert arrays[0] == arrays[1]
    searched.clear()
    images = sorted((data / "rows").iterdir())[:3]
    here = command("attribute", tmp_path / "local", *images, "--json")
    there = command("attribute", tmp_path / "local", *images, "--json", "--engine", "ray")
    assert there.out == here.out
    assert sum(searched) == 3


def test_evaluate_on_a_cluster_gives_the_same_scores(
    command: Any, data: Path, model: Path, tmp_path: Path, two_nodes: Any, searched: list[int], sets: list[str]
) -> None:
    for path in [path for name in ("rows", "columns", "real") for path in sorted((data / name).iterdir())[:10]]:
        new = tmp_path / "new" / path.relative_to(data)
        new.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(Image.open(path)) + 1).save(new)
    ways = {90: ("evaluate", data, "--attributor", "linear", "--no-cache"), 30: ("evaluate", model, tmp_path / "new")}
    for count, words in ways.items():
        here = command(*words, "--json")
        searched.clear()
        there = command(*words, "--json", "--engine", "ray")
        assert there.status == 0, there.err
        scores = [json.loads(ended.out) | {"seconds": None} for ended in (here, there)]
        assert scores[0] == scores[1]
        assert sum(searched) == count
    assert sets == ["rgb"] * 3


@pytest.mark.parametrize("name", ["fit", "evaluate", "evaluate model", "attribute"])
def test_without_ray_one_line_says_how_to_install_it(
    command: Any, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    words = {
        "fit": ("fit", data, "--out", tmp_path / "m"),
        "evaluate": ("evaluate", data),
        "evaluate model": ("evaluate", model, data),
        "attribute": ("attribute", model, data / "rows"),
    }[name]
    ended = command(*words, "--engine", "ray")
    assert ended.status == 2
    assert ended.err.startswith("manifpt: error: Ray cannot be imported")
    assert ended.err.endswith("run `pip install 'manifpt[ray]'`\n")
    assert ended.err.count("\n") == 1


def test_a_method_without_a_manifold_makes_its_points_on_the_cluster(
    command: Any, data: Path, tmp_path: Path, two_nodes: Any, sets: list[str]
) -> None:
    words = ("fit", data, "--attributor", "linear", "--manifold", "none", "--no-cache")
    for name in ("local", "ray"):
        ended = command(*words, "--out", tmp_path / name, "--engine", name)
        assert ended.status == 0, ended.err
    assert sets == ["rgb"]
    arrays = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("local", "ray")]
    assert arrays[0] == arrays[1]


def test_a_damaged_image_is_the_same_line_as_without_a_cluster(
    command: Any, data: Path, tmp_path: Path, two_nodes: Any, sets: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(data, tmp_path / "data")
    opened = GivenImages.opened

    def damaged(self: GivenImages, **options: Any) -> ImageSet:
        images = opened(self, **options)
        (tmp_path / "data" / "rows" / "007.png").write_bytes(b"no image")
        return images

    monkeypatch.setattr(GivenImages, "opened", damaged)
    lines = []
    for name in ("local", "ray"):
        shutil.copy(data / "rows" / "007.png", tmp_path / "data" / "rows" / "007.png")
        ended = command("fit", tmp_path / "data", "--attributor", "linear", "--out", tmp_path / "m", "--engine", name)
        assert ended.status == 2
        lines.append(ended.err.splitlines()[-1])
    assert "007.png is not an image" in lines[0]
    assert lines[0] == lines[1]
    assert sets
    assert not (tmp_path / "m").exists()


def test_what_cannot_be_computed_on_a_cluster_is_refused(
    command: Any, data: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("ray", reason="needs the extra `ray`")
    ended = command("fit", data, "--out", tmp_path / "m", "--engine", "ray", "--block", 5)
    assert ended.status == 2
    assert "--engine ray was given beside --block" in ended.err
    monkeypatch.setattr(Nearest, "settings", lambda _: {"name": "nearest-but-one", "neighbors": 1})
    ended = command("fit", data, "--out", tmp_path / "m", "--engine", "ray")
    assert ended.status == 2
    assert "--engine ray was given, and the manifold nearest cannot be computed on a cluster" in ended.err


@pytest.mark.parametrize("address", ["nowhere", "127.0.0.1:1", "ray://127.0.0.1:1"])
def test_an_address_where_no_cluster_answers_is_one_line(
    command: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    ray = pytest.importorskip("ray", reason="needs the extra `ray`")
    ray.shutdown()  # A process that is connected stays where it is.
    monkeypatch.setenv("RAY_ADDRESS", address)
    ended = command("fit", data, "--out", tmp_path / "m", "--attributor", "linear", "--engine", "ray")
    assert ended.status == 2
    assert f"no Ray cluster answers at {address}" in ended.err.splitlines()[-1]
    assert not (tmp_path / "m").exists()


def test_references_are_handed_to_a_manifold_of_the_same_settings_only(data: Path) -> None:
    images = ImageSet.open(data)
    artifacts = Artifacts("rgb").fit(images)
    before = artifacts.extract(images)
    with pytest.raises(DataError, match="fit anew"):
        artifacts.projected_by(Nearest(neighbors=2))
    assert (artifacts.projected_by(Nearest()).extract(images) == before).all()
