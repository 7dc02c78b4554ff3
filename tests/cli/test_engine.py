"""``--engine ray`` finds what this process finds."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt import Artifacts, ImageSet, ManiFPT
from manifpt.errors import DataError
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


def test_fit_and_attribute_on_a_cluster_give_the_same_files_and_answers(
    command: Any, data: Path, tmp_path: Path, two_nodes: Any, searched: list[int]
) -> None:
    words = ("fit", data, "--attributor", "linear", "--no-cache")
    assert command(*words, "--out", tmp_path / "local").status == 0
    assert not searched
    ended = command(*words, "--out", tmp_path / "ray", "--engine", "ray")
    assert (ended.status, sum(searched)) == (0, 90), ended.err
    arrays = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("local", "ray")]
    assert arrays[0] == arrays[1]
    searched.clear()
    images = sorted((data / "rows").iterdir())[:3]
    here = command("attribute", tmp_path / "local", *images, "--json")
    there = command("attribute", tmp_path / "local", *images, "--json", "--engine", "ray")
    assert there.out == here.out
    assert sum(searched) == 3


def test_evaluate_on_a_cluster_gives_the_same_scores(
    command: Any, data: Path, model: Path, tmp_path: Path, two_nodes: Any, searched: list[int]
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


@pytest.mark.parametrize("words", [("--block", 5), ("--manifold", "none")])
def test_what_cannot_be_sharded_is_refused(command: Any, data: Path, tmp_path: Path, words: tuple[Any, ...]) -> None:
    ended = command("fit", data, "--out", tmp_path / "m", "--engine", "ray", *words)
    assert ended.status == 2
    assert f"--engine ray was given beside {words[0]}" in ended.err


def test_a_model_that_projects_nothing_is_refused(command: Any, data: Path, tmp_path: Path) -> None:
    ManiFPT("rgb", attributor="linear", manifold=None).fit(ImageSet.open(data)).save(tmp_path / "m")
    ended = command("attribute", tmp_path / "m", data / "rows", "--engine", "ray")
    assert ended.status == 2
    assert "the model does not project onto the nearest reference" in ended.err


def test_an_address_where_no_cluster_answers_is_one_line(
    command: Any, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip(
        "ray", reason="needs the extra `ray`"
    ).shutdown()  # A process that is connected stays where it is.
    monkeypatch.setenv("RAY_ADDRESS", "nowhere")
    ended = command("fit", data, "--out", tmp_path / "m", "--attributor", "linear", "--engine", "ray")
    assert ended.status == 2
    assert "no Ray cluster answers at nowhere" in ended.err
    assert not (tmp_path / "m").exists()


def test_references_are_handed_to_a_manifold_of_the_same_settings_only(data: Path) -> None:
    images = ImageSet.open(data)
    artifacts = Artifacts("rgb").fit(images)
    before = artifacts.extract(images)
    with pytest.raises(DataError, match="fit anew"):
        artifacts.projected_by(Nearest(neighbors=2))
    assert (artifacts.projected_by(Nearest()).extract(images) == before).all()
