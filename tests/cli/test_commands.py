"""The commands do their job, and say in one line what is wrong."""

from __future__ import annotations

import csv
import io
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.attributors.recipe import Recipe
from manifpt.methods.method import Method

FIELDS = {
    "path",
    "sha256",
    "generator",
    "probability",
    "probabilities",
    "runner_up",
    "distance",
    "real_percentile",
    "nearest",
    "model",
    "version",
    "warnings",
}


def test_fit_writes_a_model_and_says_what_comes_next(command: Any, data: Path, tmp_path: Path) -> None:
    ended = command("fit", data, "--out", tmp_path / "m", "--space", "freq", "--attributor", "linear")
    assert ended.status == 0
    assert "3 classes" in ended.out
    assert "next: manifpt attribute" in ended.out
    assert "one folder per generator: 90 images of 3 classes" in ended.err
    assert "note: one pool of 120 reals: 30 form the class real, 90 the reference" in ended.err
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == ["model.json", "model.safetensors"]


def test_fit_takes_a_method_by_its_name_and_attribute_uses_it(command: Any, data: Path, tmp_path: Path) -> None:
    ended = command("fit", data, "--out", tmp_path / "m", "--method", "patches")
    assert ended.status == 0
    assert "3 classes, lda on patch-statistics" in ended.out
    asked = command("attribute", tmp_path / "m", data / "rows" / "001.png", "--json")
    assert json.loads(asked.out)["generator"] == "rows"


@pytest.mark.parametrize("command_name", ["fit", "evaluate"])
def test_without_a_word_about_the_method_it_is_auto(
    command: Any, command_name: str, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Recipe, "fitted_to", lambda recipe, _: replace(recipe, epochs=1))
    folds = ["--folds", 2] if command_name == "evaluate" else []
    ended = command(command_name, data, "--out", tmp_path / "m", *folds)
    assert ended.status == 0
    if command_name == "fit":
        assert "3 classes, lda on patch-statistics + resnet-small on points in rgb" in ended.out
        asked = command("attribute", tmp_path / "m", data / "rows" / "001.png", "--json")
        assert json.loads(asked.out)["generator"] == "rows"
    else:
        assert command("report", tmp_path / "m").status == 0
    assert not (tmp_path / "m.checkpoint").exists()


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--paper"], ("artifacts", "rgb", "nearest", "resnet50")),
        (["--paper", "--space", "freq"], ("artifacts", "freq", "nearest", "resnet50")),
        (["--space", "rgb"], ("artifacts", "rgb", "nearest", "linear")),
        (["--attributor", "mlp"], ("artifacts", "rgb", "nearest", "mlp")),
        (["--seed", "3"], ("joined", None, None, "late")),
        (["--method", "ricker22"], ("ricker22", None, None, "linear")),
    ],
    ids=["paper", "paper in a space", "space", "attributor", "none", "method"],
)
def test_options_say_which_method_is_fitted(
    command: Any, words: list[str], expected: tuple[str, ...], data: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    asked: list[Method] = []

    def noted(method: Method, *_: Any, **__: Any) -> None:
        asked.append(method)
        raise KeyboardInterrupt

    monkeypatch.setattr(Method, "fit", noted)
    command("fit", data, "--out", tmp_path / "m", *words)
    settings = asked[0].extractor.settings()
    parts = (settings["name"], *(settings.get(part, {}).get("name") for part in ("space", "manifold")))
    assert (*parts, asked[0].attributor.name) == expected


def test_attribute_prints_one_json_object_per_input_in_order_errors_included(
    command: Any, model: Path, data: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").write_text("text")
    files = [data / "rows" / "001.png", tmp_path / "bad.png", data / "columns" / "001.png"]
    ended = command("attribute", model, *files, "--json")
    assert ended.status == 3
    objects = [json.loads(line) for line in ended.out.splitlines()]
    assert [found["path"] for found in objects] == [str(file) for file in files]
    assert set(objects[0]) == FIELDS
    assert set(objects[1]) == {"path", "error"}
    assert objects[0]["generator"] == "rows"
    assert objects[2]["generator"] == "columns"


def test_attribute_takes_folders_globs_and_stdin(
    command: Any, model: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, glob = data / "rows", data / "columns" / "00*.png"

    def stdin(content: bytes) -> None:
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert len(command("attribute", model, folder, "--json").out.splitlines()) == 30
    assert len(command("attribute", model, glob, "--json").out.splitlines()) == 10
    stdin((folder / "003.png").read_bytes())
    (one,) = command("attribute", model, "-", "--json").out.splitlines()
    assert json.loads(one)["path"] == "-"
    stdin(f"{folder / '003.png'}\n{folder / '004.png'}\n".encode())
    two = command("attribute", model, "-", "--json").out.splitlines()
    assert [json.loads(line)["path"][-7:] for line in two] == ["003.png", "004.png"]
    assert json.loads(two[0])["probabilities"] == json.loads(one)["probabilities"]


def test_attribute_prints_csv_and_a_table(command: Any, model: Path, data: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(command("attribute", model, data / "rows", "--csv").out)))
    assert len(rows) == 30
    assert {row["generator"] for row in rows[:5]} == {"rows"}
    table = command("attribute", model, data / "rows" / "000.png")
    assert table.status == 0
    assert "rows" in table.out
    assert "nearest real" in table.out


def test_evaluate_makes_splits_and_writes_scores_answers_and_a_figure(command: Any, data: Path, tmp_path: Path) -> None:
    ended = command("evaluate", data, "--attributor", "linear", "--folds", 3, "--out", tmp_path / "e")
    assert ended.status == 0
    for words in ("balanced accuracy", "real against generated", "precision", "chance 33.3%", "FDR"):
        assert words in ended.out
    assert sorted(path.name for path in (tmp_path / "e").iterdir()) == [
        "answers.csv",
        "confusion.png",
        "exhibits.safetensors",
        "run.json",
        "scores.json",
    ]
    scores = json.loads((tmp_path / "e" / "scores.json").read_text())
    assert (
        scores["balanced_accuracy"]["low"]
        <= scores["balanced_accuracy"]["value"]
        <= scores["balanced_accuracy"]["high"]
    )
    assert np.sum(scores["confusion"]) == 90
    with Image.open(tmp_path / "e" / "confusion.png") as figure:
        assert min(figure.size) > 200


def test_evaluate_refuses_to_test_a_model_on_its_own_images(command: Any, model: Path, data: Path) -> None:
    ended = command("evaluate", model, data)
    assert ended.status == 2
    assert "has the same pixels as one of the model's" in ended.err
    assert ended.err.count("\n") <= 4


def test_evaluate_tests_a_model_on_new_images(command: Any, model: Path, data: Path, tmp_path: Path) -> None:
    for name in ("rows", "columns", "real"):
        (tmp_path / name).mkdir()
        for index in range(5):
            with Image.open(data / name / f"{index:03d}.png") as image:
                # Another image by one grey level: new content, the same trace.
                pixels = np.asarray(image).copy()
            pixels[index, 0, 0] ^= 1
            Image.fromarray(pixels).save(tmp_path / name / f"{index}.png")
    ended = command("evaluate", model, tmp_path, "--json")
    assert ended.status == 0
    assert json.loads(ended.out)["images"] == 15


def test_the_cache_is_shown_checked_and_emptied(command: Any, data: Path, tmp_path: Path) -> None:
    assert "0 kinds of entries" in command("cache", "show").out
    command("fit", data, "--out", tmp_path / "m", "--attributor", "linear")
    shown = command("cache", "show").out
    assert "projections in rgb" in shown
    assert "90" in shown
    assert "0 damaged entries removed" in command("cache", "verify").out
    assert "90 entries removed" in command("cache", "prune").out


def test_ctrl_c_says_what_is_kept(command: Any, data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from manifpt.images import ImageSet

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ImageSet, "open", interrupted)
    ended = command("fit", data, "--out", "m")
    assert ended.status == 130
    assert "run the same command again" in ended.err
