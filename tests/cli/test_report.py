"""``manifpt report``, on what the commands really write."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.studies.exhibits import Exhibits

Command = Callable[..., Any]
MEGABYTE = 10**6


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "report.html"


def new_images(data: Path, folder: Path, classes: tuple[str, ...], count: int = 4) -> Path:
    """Copy some images with one grey level changed: new content, the same trace."""
    for name in classes:
        (folder / name).mkdir(parents=True)
        for index in range(count):
            with Image.open(data / name / f"{index:03d}.png") as image:
                pixels = np.asarray(image).copy()
            pixels[index, 0, 0] ^= 1
            Image.fromarray(pixels).save(folder / name / f"{index}.png")
    return folder


def test_the_report_of_an_evaluation_tells_what_was_measured_and_with_what(
    command: Command, data: Path, tmp_path: Path, out: Path
) -> None:
    words = ("evaluate", data, "--attributor", "linear", "--folds", 3, "--seed", 5, "--out", tmp_path / "e")
    ended = command(*words)
    assert "next: manifpt report" in ended.out
    told = command("report", tmp_path / "e", "-o", out)
    assert (told.status, told.err) == (0, "")
    assert told.out.startswith(f"wrote {out}: one file of ")
    text = out.read_text(encoding="utf-8")
    record = json.loads((tmp_path / "e" / "run.json").read_text())
    assert record["seed"] == 5
    assert record["data"][data.name]["classes"] == {"columns": 30, "real": 30, "rows": 30}
    assert record["data"][data.name]["digest"] in text
    assert record["data"][data.name]["reference_digest"] in text
    assert f"manifpt evaluate …/{data.name} --attributor linear --folds 3 --seed 5 --out …/e" in text
    assert "manifpt 0." in text
    assert str(data.parent) not in text


def test_exhibits_are_the_surest_right_and_wrong_answers_with_their_nearest_references(
    command: Command, data: Path, tmp_path: Path
) -> None:
    command("evaluate", data, "--attributor", "linear", "--folds", 3, "--out", tmp_path / "e")
    found = Exhibits.load(tmp_path / "e" / "exhibits.safetensors")
    rows = [line.split(",") for line in (tmp_path / "e" / "answers.csv").read_text().splitlines()[1:]]
    for name in ("rows", "columns", "real"):
        for right in (True, False):
            sure = [max(map(float, row[4:])) for row in rows if row[1] == name and (row[2] == name) == right]
            shown = [entry for entry in found.entries if entry.truth == name and entry.right == right]
            assert [round(entry.probability, 5) for entry in shown] == [round(one, 5) for one in sorted(sure)[-1:]]
    references = {
        path.name: np.asarray(Image.open(path), np.float64) / 255 for path in sorted((data / "real").glob("*.png"))
    }
    scored = {Path(row[0]).name for row in rows if row[1] == "real"}
    for entry, pixels, nearest in zip(found.entries, found.images, found.nearest, strict=True):
        with Image.open(data / entry.path) as image:
            np.testing.assert_array_equal(pixels, np.asarray(image))
        distances = {
            name: float(np.linalg.norm(pixels / 255 - other))
            for name, other in references.items()
            if name not in scored
        }
        assert entry.nearest == min(distances, key=distances.__getitem__)
        np.testing.assert_allclose(entry.nearest_distance, min(distances.values()), atol=1e-6)
        np.testing.assert_allclose(nearest / 255, references[entry.nearest])
        # In RGB the artifact is that difference.
        np.testing.assert_allclose(entry.distance, entry.nearest_distance, atol=1e-6)


def test_the_report_of_a_tested_model_takes_its_own_references(
    command: Command, model: Path, data: Path, tmp_path: Path, out: Path
) -> None:
    new = new_images(data, tmp_path / "new", ("rows", "columns", "real"))
    assert command("evaluate", model, new, "--out", tmp_path / "e").status == 0
    assert command("report", tmp_path / "e", "-o", out).status == 0
    assert "A model that was fitted before was asked" in out.read_text(encoding="utf-8")
    found = Exhibits.load(tmp_path / "e" / "exhibits.safetensors")
    assert {entry.reals for entry in found.entries} == {30}


def test_attribute_keeps_its_answers_for_a_report(
    command: Command, model: Path, data: Path, tmp_path: Path, out: Path
) -> None:
    (tmp_path / "bad.png").write_text("text")
    files = [data / "rows" / "001.png", tmp_path / "bad.png"]
    ended = command("attribute", model, *files, "--out", tmp_path / "a", "--json")
    assert ended.status == 3
    assert (tmp_path / "a" / "attributions.jsonl").read_text(encoding="utf-8") == ended.out
    assert command("report", tmp_path / "a", "-o", out).status == 0
    text = out.read_text(encoding="utf-8")
    assert "001.png was almost surely made by rows" in text
    assert "is not an image (4 bytes)" in text
    answer = json.loads(ended.out.splitlines()[0])
    (entry,) = Exhibits.load(tmp_path / "a" / "exhibits.safetensors").entries
    assert (entry.answer, entry.probability, entry.truth) == ("rows", answer["probability"], None)
    assert (entry.distance, entry.closer_reals) == (answer["distance"], answer["real_percentile"])
    again = command("attribute", model, files[0], "--out", tmp_path / "a")
    assert again.status == 0
    assert "wrote" in again.out
    assert len((tmp_path / "a" / "attributions.jsonl").read_text().splitlines()) == 1


def test_many_attributions_show_the_most_and_the_least_certain(
    command: Command, model: Path, data: Path, tmp_path: Path, out: Path
) -> None:
    command("attribute", model, data / "rows", data / "columns", "--out", tmp_path / "a", "--json")
    answers = [json.loads(line) for line in (tmp_path / "a" / "attributions.jsonl").read_text().splitlines()]
    found = Exhibits.load(tmp_path / "a" / "exhibits.safetensors")
    for name in {answer["generator"] for answer in answers}:
        sure = [answer["probability"] for answer in answers if answer["generator"] == name]
        assert [entry.probability for entry in found.entries if entry.answer == name] == [max(sure), min(sure)]
    assert command("report", tmp_path / "a", "-o", out).status == 0
    assert "60 images were attributed" in out.read_text(encoding="utf-8")


def test_the_report_of_compared_methods_holds_their_table_and_figures(
    command: Command, data: Path, tmp_path: Path, out: Path
) -> None:
    words = ("--methods", "durall20,ricker22", "--against", "ricker22", "--one-fold", "--no-cache")
    command("evaluate", data, *words, "--out", tmp_path / "study")
    assert command("report", tmp_path / "study", "-o", out).status == 0
    text = out.read_text(encoding="utf-8")
    assert "Against the control ricker22: " in text
    assert text.count("data:image/png") == 4  # accuracies, maps and two confusion matrices
    assert json.loads((tmp_path / "study" / "run.json").read_text())["data"][data.name]["digest"] in text


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("absent", "{place} does not exist"),
        ("file", "{place} is no folder"),
        ("folder", "{place} holds no results of a run"),
        ("model", "{place} is a model, not the results of a run"),
    ],
)
def test_what_is_no_run_is_told_in_one_line_and_nothing_is_written(
    command: Command, model: Path, tmp_path: Path, out: Path, what: str, text: str
) -> None:
    place = {"model": model}.get(what, tmp_path / what)
    if what == "file":
        place.write_text("x")
    elif what == "folder":
        place.mkdir()
    ended = command("report", place, "-o", out)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err == (
        f"manifpt: error: {text.format(place=place)}; expected a folder that `manifpt evaluate`, "
        "`transfer`, `structure`, `attribute` or `demo` wrote with --out; run one of them first\n"
    )
    assert not out.exists()


def test_what_is_no_report_is_not_replaced(
    command: Command, model: Path, data: Path, tmp_path: Path, out: Path
) -> None:
    command("attribute", model, data / "rows" / "001.png", "--out", tmp_path / "a")
    out.write_text("my thesis")
    ended = command("report", tmp_path / "a", "-o", out)
    assert ended.status == 2
    assert f"{out} exists and is no report; expected a new file" in ended.err
    assert out.read_text() == "my thesis"


@pytest.mark.slow
def test_the_demo_writes_its_report_which_a_browser_shows(command: Command, tmp_path: Path) -> None:
    ended = command("demo", "--out", tmp_path / "demo", "--images", 40)
    assert ended.status == 0
    page = tmp_path / "demo" / "report.html"
    assert f"look at {page} in a browser" in " ".join(ended.out.split())
    assert page.stat().st_size <= 5 * MEGABYTE
    text = page.read_text(encoding="utf-8")
    for words in ("suspect.png", "Fingerprints", "gan-demo", "nearest real", "What this does not tell"):
        assert words in text
    spec = importlib.util.spec_from_file_location("browser", Path(__file__).parents[1] / "reports" / "browser.py")
    assert spec
    assert spec.loader
    file = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(file)
    if file.chromium() is None:
        pytest.skip("needs Chromium (apt-get install chromium) to open the page")
    with file.Browser(tmp_path / "profile") as browser:
        browser.open(page, width=390)
        assert browser.complaints() == []
        assert browser.value("document.scrollingElement.scrollWidth") <= 390
        with Image.open(browser.photographed(tmp_path / "phone.png")) as picture:
            assert picture.width == 390
            assert len(np.unique(np.asarray(picture))) > 50
