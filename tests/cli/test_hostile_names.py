"""Names of files, classes and manifest fields are data: nothing that shows them takes them for commands."""

from __future__ import annotations

import csv
import io
import json
import os
import re
import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from manifpt.cache import Cache
from manifpt.cli.text import cell, plain
from manifpt.errors import DataError, ManifptError
from manifpt.images import ImageSet
from manifpt.methods.fingerprint import Fingerprint
from manifpt.reports.confusion import confusion_figure
from manifpt.reports.fingerprints import fingerprint_figure
from manifpt.reports.style import saved

RICH = ["[red]x[red]", "[b]", "[link=https:evil]x", "[bold", "x[", "x]", "x\\", "\\[red]", ":smile:", "[nonsense]"]
STEERING = [
    "a\x1b[31mb",
    "\x1b]8;;https:evil\x1b\\x\x1b]8;;\x1b\\",
    "\x9b31m",
    "\x7f\x08",
    "a\u202egnp",
    "a\u2066b\u2069",
    "zero\u200bwidth\ufeff",
    "a\nmanifpt: error: forged",
    "a\nnote: forged",
    "a\rforged",
    "a\u2028note: forged",
    "a\x85note: forged",
    "a\x1cnote: forged",
]
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@x",
    " =1",
    '"=1',
    "'=1",
    "'x",
    "''",
    "\t=1",
    "\r=1",
    "\n=1",
    "\uff1d1",
    "a\tb",
    "a;=1",
    "a,b",
]
TYPESET = ["$\\frac$", "$", "a$b$c", "$x^2$", "\\input{x}", "_^{", "100%", "<script>x<\\script>", "&lt;", "{}", "{0}"]
LETTERS = ["名前", "e\u0301" * 9, "👩\u200d👩", "\udcff\udcfe", "x" * 200, "ß", "\U000e0041", "\ud7ff", "\ue000"]
PLACES = ["con", "real ", " real", "a\\b", "C:x", "~", "--json", "model.json", "None", "nan", "\\x1b", "a\\nb"]
SLASHES = ["[/]", "[/red]", "../x", "a/b", "</script>", "/etc/passwd"]
FILES = [*RICH, *STEERING, *FORMULAS, *TYPESET, *LETTERS, *PLACES]
HOSTILE = [*FILES, *SLASHES]

STEERS = ("Cc", "Cf", "Cs", "Zl", "Zp")
FORMULA = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")
WRITTEN_OUT = re.compile(r"\\(\\|[ntr]|x..|u....|U........)")


def refuse_steering(text: str) -> None:
    for line in text.split("\n"):
        assert [letter for letter in line if unicodedata.category(letter) in STEERS] == []
        assert not line.startswith(("manifpt: error: forged", "note: forged", "forged"))


def recovered(written: str) -> str:
    """Return the name that a cell of a CSV file stands for."""
    return WRITTEN_OUT.sub(
        lambda found: found[0].encode().decode("unicode_escape") if found[1] != "\\" else "\\",
        written.removeprefix("'"),
    )


def rows_of(text: str) -> list[dict[str, str]]:
    rows = list(csv.DictReader(io.StringIO(text)))
    assert not [value for row in rows for value in (*row, *row.values()) if value.startswith(FORMULA)]
    refuse_steering(text)
    return rows


def pixels(seed: int, count: int) -> np.ndarray:
    """Return images of one class: its own colour, under noise that keeps them from being near-duplicates."""
    rng = np.random.default_rng(seed)
    return (rng.integers(60, 190, 3) + rng.integers(-60, 60, (count, 8, 8, 3))).astype(np.uint8)


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for each name, and reals whose files have those names."""
    root = tmp_path_factory.mktemp("hostile")
    for seed, name in enumerate(FILES):
        (root / name).mkdir()
        for index, image in enumerate(pixels(seed, 6)):
            Image.fromarray(image).save(root / name / f"{index}.png")
    (root / "real").mkdir()
    for name, image in zip(FILES, pixels(1000, len(FILES)), strict=True):
        Image.fromarray(image).save(root / "real" / f"{name}.png")
    return root


@pytest.fixture(scope="module")
def fitted(hostile: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from manifpt import ManiFPT

    folder = tmp_path_factory.mktemp("models") / "model [red]\x1b[31m"
    return ManiFPT("rgb", attributor="linear", calibration_folds=0).fit(ImageSet.open(hostile)).save(folder)


@pytest.fixture(autouse=True)
def wide(monkeypatch: pytest.MonkeyPatch, command: Any) -> None:
    monkeypatch.setenv("COLUMNS", "100000")


@pytest.mark.parametrize("name", [*HOSTILE, "", "'", "''=", "\\", "\\'", "'\\n"])
def test_a_cell_is_no_formula_and_gives_the_name_back(name: str) -> None:
    written = cell(name)
    assert not written.startswith(FORMULA)
    refuse_steering(written)
    assert recovered(written) == name


def test_different_names_have_different_cells() -> None:
    assert len({cell(name) for name in HOSTILE}) == len(HOSTILE)


@pytest.mark.parametrize("name", HOSTILE)
def test_the_text_of_an_error_is_one_harmless_line_and_its_parts_are_exact(name: str) -> None:
    error = DataError(name, expected=name, remedy=name)
    refuse_steering(str(error))
    assert "\n" not in str(error)
    assert (error.happened, error.expected, error.remedy) == (name, name, name)


def test_fit_and_evaluate_take_any_class_name(command: Any, hostile: Path, tmp_path: Path) -> None:
    fit = command("fit", hostile, "--attributor", "linear", "--out", tmp_path / "m")
    assert fit.status == 0
    refuse_steering(fit.err + fit.out)
    done = command("evaluate", hostile, "--attributor", "linear", "--folds", 2, "--out", tmp_path / "e")
    assert done.status == 0
    refuse_steering(done.err + done.out)
    classes = sorted([*FILES, "real"])
    assert all(f"{plain(name)} " in done.out for name in FILES)
    scores = json.loads((tmp_path / "e" / "scores.json").read_text())
    assert scores["classes"] == classes
    assert sorted(row["name"] for row in scores["per_class"]) == classes
    rows = rows_of((tmp_path / "e" / "answers.csv").read_text(encoding="utf-8"))
    assert {recovered(row["truth"]) for row in rows} == set(classes)
    assert {recovered(row["path"]) for row in rows} >= {f"{hostile.as_posix()}/{name}/1.png" for name in FILES}
    assert [recovered(name) for name in rows[0] if name.startswith("p(")] == [f"p({name})" for name in classes]
    with Image.open(tmp_path / "e" / "confusion.png") as figure:
        figure.load()
    told = command("report", tmp_path / "e", "--out", tmp_path / "report.html")
    assert told.status == 0
    refuse_steering((tmp_path / "report.html").read_text(encoding="utf-8"))


def test_scores_as_json_give_exact_names(command: Any, hostile: Path, fitted: Path, tmp_path: Path) -> None:
    for name in FILES[::5]:
        (tmp_path / "new" / name).mkdir(parents=True)
        Image.fromarray(pixels(FILES.index(name), 7)[6]).save(tmp_path / "new" / name / "new.png")
    done = command("evaluate", fitted, tmp_path / "new", "--json")
    assert done.status == 0
    refuse_steering(done.out + done.err)
    assert json.loads(done.out)["classes"] == sorted([*FILES, "real"])
    few = command("evaluate", tmp_path / "new", "--reference", hostile / "real", "--attributor", "linear", "--folds", 2)
    refuse_steering(few.out + few.err)
    assert few.status == 2


def test_attribute_shows_any_name_as_it_is(command: Any, hostile: Path, fitted: Path) -> None:
    paths = [hostile / name / "0.png" for name in FILES]
    table = command("attribute", fitted, *paths)
    assert table.status == 0
    refuse_steering(table.out + table.err)
    assert all(f"{plain(str(path))} " in table.out for path in paths)
    objects = [json.loads(line) for line in command("attribute", fitted, *paths, "--json").out.splitlines()]
    assert [found["path"] for found in objects] == [str(path) for path in paths]
    assert {name for found in objects for name in found["probabilities"]} == {*FILES, "real"}
    assert np.mean([found["generator"] == name for found, name in zip(objects, FILES, strict=True)]) > 0.5
    assert objects[0]["model"] == fitted.name
    rows = rows_of(command("attribute", fitted, *paths, "--csv").out)
    assert [recovered(row["path"]) for row in rows] == [str(path) for path in paths]
    for row, found in zip(rows, objects, strict=True):
        assert recovered(row["generator"]) == found["generator"]
        assert recovered(row["runner_up"]) == found["runner_up"]
        assert recovered(row["nearest"]) == found["nearest"]["path"]
        assert recovered(row["model"]) == fitted.name


@pytest.mark.parametrize("name", FILES)
def test_one_answer_and_one_failure_show_any_name_as_it_is(
    command: Any, hostile: Path, fitted: Path, name: str
) -> None:
    listed = command("attribute", fitted, hostile / "real" / f"{name}.png")
    refuse_steering(listed.out + listed.err)
    assert f"{plain(str(hostile / 'real' / name))}.png" in listed.out
    failed = command("attribute", fitted, hostile / "absent" / name, "--strict")
    assert failed.status == 2
    refuse_steering(failed.err)
    (line,) = failed.err.splitlines()
    assert line.startswith(f"manifpt: error: {plain(str(hostile / 'absent' / name))} ")


def test_failures_keep_exact_paths_in_json_and_recoverable_ones_in_csv(
    command: Any, fitted: Path, hostile: Path
) -> None:
    paths = [str(hostile / "absent" / name) for name in FILES]
    objects = [json.loads(line) for line in command("attribute", fitted, *paths, "--json").out.splitlines()]
    assert [found["path"] for found in objects] == paths
    for found in objects:
        refuse_steering(found["error"])
    rows = rows_of(command("attribute", fitted, *paths, "--csv").out)
    assert [recovered(row["path"]) for row in rows] == paths
    assert [recovered(row["error"]) for row in rows] == [found["error"] for found in objects]


def test_names_that_begin_with_a_formula_are_written_as_text(
    command: Any, fitted: Path, hostile: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    content = (hostile / "real" / "x].png").read_bytes()
    names = [f"{name}.png" for name in FILES if not name.startswith("-")]
    for name in names:
        Path(name).write_bytes(content)
    rows = rows_of(command("attribute", fitted, "--csv", *names).out)
    assert [recovered(row["path"]) for row in rows] == names
    assert rows[names.index("=1+1.png")]["path"] == "'=1+1.png"
    objects = command("attribute", fitted, "--json", "--", "--json.png").out.splitlines()
    assert "error" in json.loads(objects[0])


@pytest.mark.parametrize("end", ["\n", "\0", "\r\n"])
def test_a_list_on_standard_input_may_hold_any_name(
    command: Any, fitted: Path, hostile: Path, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    names = [name for name in FILES if end == "\0" or not re.search(r"[\r\n]", name)]
    paths = [str(hostile / "real" / f"{name}.png") for name in names]
    content = io.BytesIO(b"".join(os.fsencode(path) + end.encode() for path in paths))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(content))
    objects = [json.loads(line) for line in command("attribute", fitted, "-", "--json").out.splitlines()]
    assert [found["path"] for found in objects] == paths
    assert not [found for found in objects if "error" in found]


@pytest.mark.parametrize("field", ["generator", "family", "latent"])
def test_fields_of_a_manifest_are_taken_as_they_are(command: Any, hostile: Path, tmp_path: Path, field: str) -> None:
    odd = [*HOSTILE, "..", "."]
    # A CSV file is UTF-8, and the reader strips spaces around a field.
    values = [value for value in odd if value.isascii() and value == value.strip()]
    values += ["名前", "a\u202eb"]
    (tmp_path / "data").mkdir()
    for index, image in enumerate(pixels(2000, 6 * len(values) + 40)):
        Image.fromarray(image).save(tmp_path / "data" / f"{index}.png")
    with (tmp_path / "data" / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["path", "generator", "family", "latent"], restval="")
        writer.writeheader()
        for index, value in enumerate(6 * values):
            row = {"generator": f"g{index % 2}", "path": f"{index}.png"}
            writer.writerow(row | {field: value})
        for index in range(6 * len(values), 6 * len(values) + 40):
            writer.writerow({"generator": "real", "path": f"{index}.png"})
    fit = command("fit", tmp_path / "data", "--attributor", "linear", "--out", tmp_path / "m")
    assert fit.status == 0
    refuse_steering(fit.out + fit.err)
    classes = json.loads((tmp_path / "m" / "model.json").read_text())["classes"]
    assert set(classes) == ({*values, "real"} if field == "generator" else {"g0", "g1", "real"})
    assert {path.name for path in tmp_path.iterdir()} <= {"data", "m", "cache"}


@pytest.mark.parametrize("field", ["role", "sha256", "path", "generator"])
@pytest.mark.parametrize("value", [name for name in HOSTILE if name.isascii()][::4])
def test_a_wrong_field_of_a_manifest_is_told_in_one_harmless_line(
    command: Any, hostile: Path, tmp_path: Path, field: str, value: str
) -> None:
    row = {"path": "0.png", "generator": "g", "role": "", "sha256": ""} | {field: value}
    row |= {"role": "reference"} if field == "generator" else {}
    with (tmp_path / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(row))
        writer.writeheader()
        writer.writerow(row)
    failed = command("fit", tmp_path, "--attributor", "linear", "--out", tmp_path / "m")
    assert failed.status == 2
    refuse_steering(failed.err)
    assert failed.err.count("\n") == 1


@pytest.mark.parametrize("name", [name for name in HOSTILE if not name.startswith("-")][::2])
def test_arguments_are_told_in_one_harmless_line(command: Any, hostile: Path, name: str, tmp_path: Path) -> None:
    for words in (
        ["fit", tmp_path / name, "--out", "m"],
        ["fit", hostile, "--out", "m", "--space", name],
        ["fit", hostile, "--out", "m", "--attributor", name],
        ["fit", hostile, "--out", "m", "--layout", name],
        ["fit", hostile, "--out", "m", "--generators", f"no {name}"],
        ["attribute", tmp_path / name, "x.png"],
        ["evaluate", name, name],
        ["fit", hostile, "--out", "m", "--resize", f"x{name}"],
        ["fit", hostile, "--out", "m", "--device", name],
        ["fit", hostile, "--out", "m", f"--{name}"],
        [name],
    ):
        failed = command(*words)
        assert (failed.status, failed.out) == (2, "")
        refuse_steering(failed.err)
        (line,) = failed.err.splitlines()
        assert line.startswith("manifpt: error: ")


def test_notes_about_files_that_are_left_out_or_skipped_are_harmless(
    command: Any, hostile: Path, tmp_path: Path
) -> None:
    for name in FILES:
        for folder in ("data", "data/gan"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            (tmp_path / folder / f"{name}.png").write_text("text")
    for index, image in enumerate(pixels(7, 9)):
        Image.fromarray(image).save(tmp_path / "data" / "gan" / f"good {index}.png")
    done = command("fit", tmp_path / "data", "--reference", hostile / "real", "--attributor", "linear", "--out", "m")
    assert "are left out" in done.err
    assert f"skipped in all: {len(FILES)}" in done.err
    refuse_steering(done.err)


def test_the_cache_shows_any_name_as_it_is(command: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / "[red]\x1b[31m:smile:"
    monkeypatch.setenv("MANIFPT_CACHE", str(place))
    for name in HOSTILE:
        Cache().store({"points": {"name": f"hf:{name}"}, "size": [8, 8]}, ["0" * 64], [np.zeros(2)])
    shown = command("cache", "show")
    assert shown.status == 0
    refuse_steering(shown.out)
    assert all(f"points of hf:{plain(name)}, 8 × 8" in shown.out for name in HOSTILE)
    assert plain(str(place)) in shown.out
    assert plain(str(place)) in command("cache", "verify").out


@pytest.mark.parametrize("kind", ["png", "svg", "pdf"])
def test_figures_draw_any_name(tmp_path: Path, kind: str) -> None:
    names = HOSTILE[:: 1 if kind == "png" else 4]
    saved(confusion_figure(np.eye(len(names)), names, title=" ".join(names)), tmp_path / f"confusion.{kind}")
    saved(fingerprint_figure({name: np.eye(4) for name in names}, title=names[0]), tmp_path / f"prints.{kind}")
    for name in names[::3]:
        saved(confusion_figure(np.eye(2), [name, "real"], title=name), tmp_path / f"two.{kind}")


def test_figures_draw_markup_and_formulas_literally() -> None:
    names = ["$x^2$", "a$b$c", "\\frac{1}{2}", "<b>x</b>", "[red]x", "=1+1", "_^{"]
    figure = confusion_figure(np.eye(len(names)), names)
    figure.draw_without_rendering()
    labels = figure.axes[0].get_xticklabels()
    assert [label.get_text() for label in labels] == names
    assert not any(label.get_parse_math() for label in labels)


@pytest.mark.parametrize("name", HOSTILE)
def test_a_fingerprint_keeps_its_generators_name(tmp_path: Path, name: str) -> None:
    print_ = Fingerprint(name, np.ones((2, 3), np.float32), {"space": name})
    loaded = Fingerprint.load(print_.save(tmp_path / "print.safetensors"))
    assert (loaded.generator, loaded.settings) == (name, {"space": name})
    with pytest.raises(ManifptError) as caught:
        loaded.compare(Fingerprint("other", np.ones((2, 3), np.float32), {}))
    refuse_steering(str(caught.value))


def test_a_terminal_that_lacks_letters_gets_them_written_out(hostile: Path, fitted: Path) -> None:
    code = "from manifpt.cli.application import run; run()"
    done = subprocess.run(
        [sys.executable, "-c", code, "attribute", fitted, *(hostile / name / "0.png" for name in FILES)],
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    refuse_steering(done.stdout.decode("ascii"))
