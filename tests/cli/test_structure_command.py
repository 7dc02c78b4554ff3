"""``manifpt structure``."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

Command = Callable[..., Any]
NAMES = ("rows-a", "rows-b", "rows-c", "columns-a", "columns-b", "columns-c", "unheard")
CHOICES = "generator,stripes\n" + "".join(f"{name},{name.partition('-')[0]}\n" for name in NAMES[:6])


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six generators with stripes in two directions, one with none, and reals."""
    folder = tmp_path_factory.mktemp("structure")
    rng = np.random.default_rng(0)
    stripes = 90 * (np.arange(16) % 2)
    patterns = {"rows": stripes[:, None, None], "columns": stripes[None, :, None]}
    for name in (*NAMES, "real"):
        (folder / "data" / name).mkdir(parents=True)
        for index in range(30 if name == "real" else 8):
            pixels = rng.integers(60, 150, (16, 16, 3)) + patterns.get(name.partition("-")[0], 45)
            Image.fromarray(pixels.astype(np.uint8)).save(folder / "data" / name / f"{index:02}.png")
    (folder / "choices.csv").write_text(CHOICES)
    (folder / "strangers.csv").write_text("generator,stripes\nstylegan,rows\n")
    (folder / "broken.csv").write_text("generator,stripes\na\n")
    (folder / "notes").mkdir()
    (folder / "notes" / "notes.txt").write_text("years of work")
    return folder


def ran(command: Command, root: Path, *words: object) -> Any:
    return command("structure", root / "data", "--layout", "folders", "--no-cache", "--permutations", 199, *words)


def test_a_fusion_is_looked_at_too_and_its_results_make_a_report(command: Command, root: Path, tmp_path: Path) -> None:
    out, page = tmp_path / "out", tmp_path / "page.html"
    ended = ran(command, root, "--method", "auto", "--choices", root / "choices.csv", "--out", out)
    assert ended.status == 0, ended.err
    assert "auto:" in ended.out.splitlines()
    ended = command("report", out, "-o", page)
    assert (ended.status, ended.err) == (0, "")
    assert "Do generators of like design have fingerprints alike?" in page.read_text(encoding="utf-8")


def test_planted_stripes_are_found_and_everything_is_written(command: Command, root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    words = ("--method", "spectrum,paper-rgb", "--choices", root / "choices.csv", "--out", out)
    ended = ran(command, root, *words)
    assert ended.status == 0
    assert "note: of 1 generators no design is known: unheard" in ended.err.splitlines()
    lines = ended.out.splitlines()
    assert [line for line in lines if line in ("spectrum:", "paper-rgb:")] == ["spectrum:", "paper-rgb:"]
    rows = [line.split() for line in lines if line.startswith("stripes ")]
    # Six of two kinds can be divided in 10 ways: 0.1 is the least p, and no finding.
    assert [row[:7] for row in rows] == [["stripes", "6", "2", "1", "1.000", "1.000", "1.000"]] * 2
    assert all(row[9] == "0.100" for row in rows)
    assert all(line.endswith("cannot be decided") for line in lines if line.startswith("stripes "))
    assert "7 generators, 8 images of each; euclidean distance; groups by k-means" in " ".join(ended.out.split())
    assert {"table.md", "table.tex", "table.csv", "table.json", "dendrogram-spectrum.png", "map-paper-rgb.svg"} <= {
        path.name for path in out.iterdir()
    }


def test_json_holds_every_grouping_and_distance(command: Command, root: Path) -> None:
    words = ("--method", "raw", "--distance", "energy", "--choices", root / "choices.csv", "--json", "--seed", 3)
    (found,) = json.loads(ran(command, root, *words).out)
    assert (found["distance"], found["images_each"], found["seed"], found["permutations"]) == ("energy", 8, 3, 199)
    assert found["choices"]["stripes"] == ["columns"] * 3 + ["rows"] * 3 + [""]
    assert {one["clustering"] for one in found["groupings"]} == {"k-means", "agglomerative", "spectral"}
    assert found["terms"][-1] == "stripes"
    assert json.loads(ran(command, root, *words).out) == [found]


def test_shuffles_stay_within_what_is_asked_for(command: Command, root: Path) -> None:
    words = ("--method", "raw", "--choices", root / "choices.csv", "--within", "stripes", "--terms", "stripes")
    ended = ran(command, root, *words)
    assert ended.status == 0
    assert "stripes: the same in every shuffle within stripes" in ended.out
    assert "shuffles of the choice among generators within stripes" in " ".join(ended.out.split())


def test_a_models_penultimate_features_are_fingerprints_of_images_that_it_has_not_seen(
    command: Command, root: Path, tmp_path: Path
) -> None:
    for folder, wanted in (("seen", range(4)), ("unseen", range(4, 8))):
        for name in (*NAMES, "real"):
            (tmp_path / folder / name).mkdir(parents=True)
            for index in [*wanted, *(one + 8 for one in wanted)] if name == "real" else wanted:
                file = f"{index:02}.png"
                (tmp_path / folder / name / file).symlink_to(root / "data" / name / file)
    model = tmp_path / "model"
    words = ("--layout", "folders", "--no-cache")
    fitted = command("fit", tmp_path / "seen", *words, "--attributor", "linear", "--space", "freq", "--out", model)
    assert fitted.status == 0, fitted.err
    asked = ("structure", tmp_path / "unseen", *words, "--penultimate", model, "--choices", root / "choices.csv")
    ended = command(*asked, "--permutations", 99, "--out", tmp_path / "out")
    assert ended.status == 0, ended.err
    assert ended.out.splitlines()[0] == "penultimate:"
    stripes = next(line.split() for line in ended.out.splitlines() if line.startswith("stripes "))
    assert stripes[1:4] == ["6", "2", "1"]
    assert (tmp_path / "out" / "dendrogram-penultimate.png").is_file()
    known = command("structure", tmp_path / "seen", *asked[2:])
    assert known.status == 2
    assert "has the same pixels as one of the model's training images" in known.err
    both = command(*asked, "--method", "raw")
    assert both.status == 2
    assert "--method was given with --penultimate; expected a model, which has its own method" in both.err


@pytest.mark.parametrize(
    ("words", "text"),
    [
        ("--method durall21", "'durall21' is not one of the methods"),
        ("--choices {root}/absent.csv", "{root}/absent.csv cannot be read as CSV ("),
        ("--choices {root}/broken.csv", "row 2 of {root}/broken.csv has 1 cells; expected 2, as in the header"),
        (
            "--choices {root}/strangers.csv",
            "{root}/strangers.csv names none of the generators; expected rows of columns-a, columns-b, columns-c, …; "
            "write the generators as the data set does",
        ),
        ("", "no design choice of these generators is known; expected choices of columns-a, columns-b, columns-c, …"),
        ("--choices {root}/choices.csv --within colour", "'colour' is not one of the choices; expected one of family"),
        ("--choices {root}/choices.csv --terms stripe", "'stripe' is not one of the choices; "),
        (
            "--choices {root}/choices.csv --distance frechet",
            "a generator has 8 images; expected 200 or more of each for Fréchet distances; take energy",
        ),
        ("--generators rows*", "there are 3 generators; expected 4 or more generators, of 2 or more images each"),
        ("--distance manhattan", "Invalid value for '--distance'"),
        ("--permutations 5", "Invalid value for '--permutations'"),
        ("--out {root}/notes", "{root}/notes holds notes.txt, which is no part of a study of structure"),
        ("--out {root}/data/new", "{root}/data/new lies in {root}/data, where it would be read as data"),
    ],
)
def test_mistakes_end_with_one_line(command: Command, root: Path, words: str, text: str) -> None:
    ended = ran(command, root, *words.format(root=root).split())
    assert (ended.status, ended.out) == (2, "")
    errors = [line for line in ended.err.splitlines() if line.startswith("manifpt: error: ")]
    assert len(errors) == 1
    assert text.format(root=root) in errors[0]
    assert ended.err.splitlines()[-1] == errors[0]
    assert (root / "notes" / "notes.txt").read_text() == "years of work"


def test_spectra_need_no_reals_and_artifacts_do(command: Command, root: Path) -> None:
    words = ("--generators", "rows*", "--generators", "columns*", "--choices", root / "choices.csv")
    data = root / "made"
    if not data.exists():
        data.mkdir()
        for name in NAMES[:6]:
            (data / name).symlink_to(root / "data" / name)
    for method, status in (("spectrum", 0), ("paper-rgb", 2)):
        ended = command(
            "structure", data, "--layout", "folders", "--no-cache", "--method", method, "--permutations", 19, *words
        )
        assert ended.status == status, ended.err
    assert "no real image was given" in ended.err
