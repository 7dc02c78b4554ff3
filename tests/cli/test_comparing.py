"""``manifpt evaluate --methods``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from manifpt.studies.rows import Rows

Command = Callable[..., Any]
BOTH = ("--methods", "durall20,ricker22", "--against", "ricker22", "--one-fold", "--no-cache")


def test_methods_are_listed_by_what_they_reach_and_tested_against_the_control(command: Command, data: Path) -> None:
    ended = command("evaluate", data, *BOTH)
    assert ended.status == 0
    lines = ended.out.splitlines()
    assert " ".join(lines[0].split()) == "method balanced accuracy % less ricker22's p (Holm) AUC of real s/run"
    assert {lines[1].split()[0], lines[2].split()[0]} == {"durall20", "ricker22"}
    assert "1 fitted attributor each" in ended.out


def test_results_are_kept_and_a_new_method_runs_alone(command: Command, data: Path, tmp_path: Path) -> None:
    out = tmp_path / "study"
    first = json.loads(command("evaluate", data, *BOTH, "--out", out, "--json").out)
    kept = {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    assert len(kept) == 3  # and the map of the pixels
    assert {path.name for path in out.iterdir() if path.is_file()} == {
        *(
            "run.json",
            "table.md",
            "table.tex",
            "table.csv",
            "table.json",
            f"comparison-{data.name}.png",
            f"tsne-{data.name}.png",
        ),
    }
    more = ("--methods", "durall20,ricker22,mccloskey18", *BOTH[2:])
    second = json.loads(command("evaluate", data, *more, "--out", out, "--json").out)
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    assert [line["method"] for line in second["lines"]] == ["ricker22", "durall20", "mccloskey18"]
    # Only the correction for the number of methods may differ.
    by_name = {line["method"]: line for line in second["lines"]}
    for line in first["lines"]:
        assert {**line, "p_value": 0} == {**by_name[line["method"]], "p_value": 0}
    assert {run.key.data for run in Rows(out / "rows").runs()} == {data.name}


def test_a_budget_of_nothing_runs_nothing_and_says_so(command: Command, data: Path) -> None:
    ended = command("evaluate", data, *BOTH, "--budget", 0)
    assert ended.status == 0
    assert "left out: durall20 (1 run): the budget was spent" in ended.out


@pytest.mark.parametrize(
    ("words", "text"),
    [
        (("--methods", "durall21"), "'durall21' is not one of the methods"),
        (("--methods", "raw", "--space", "rgb"), "--space was given with --methods"),
        (("--one-fold",), "--one-fold was given without --methods"),
        (("--budget", 1, "--name", "x"), "--budget and --name was given without --methods"),
    ],
)
def test_mistakes_end_with_one_line(command: Command, data: Path, words: tuple[object, ...], text: str) -> None:
    ended = command("evaluate", data, *words)
    assert (ended.status, ended.out) == (2, "")
    assert text in ended.err


def test_a_model_has_its_own_method(command: Command, data: Path, model: Path) -> None:
    ended = command("evaluate", model, data, "--methods", "raw")
    assert ended.status == 2
    assert "is a model, and --methods fits its own" in ended.err


def test_a_folder_of_something_else_is_not_written_to(command: Command, data: Path, tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("dear")
    ended = command("evaluate", data, *BOTH, "--out", tmp_path)
    assert ended.status == 2
    assert "holds no results of a study" in ended.err
    assert [path.name for path in tmp_path.iterdir()] == ["letter.txt"]


def test_files_that_give_the_class_away_are_refused_unless_allowed(
    command: Command, data: Path, tmp_path: Path
) -> None:
    for name in ("real", "rows", "columns"):
        (tmp_path / name).mkdir()
        for path in sorted((data / name).glob("*.png")):
            suffix = "jpg" if name == "rows" else "png"
            Image.open(path).save(tmp_path / name / f"{path.stem}.{suffix}")
    refused = command("evaluate", tmp_path, *BOTH)
    assert refused.status == 2
    assert "file format gives the generator away" in refused.err
    assert "--allow-shortcuts" in refused.err
    out = tmp_path.parent / f"{tmp_path.name}-study"
    allowed = command("evaluate", tmp_path, *BOTH, "--allow-shortcuts", "--out", out)
    assert allowed.status == 0
    assert "file format gives the generator away" in (out / "table.md").read_text(encoding="utf-8")
    assert "note: file format gives the generator away" in allowed.err
