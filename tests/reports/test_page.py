"""What stands in a report, read as HTML: nothing leaves the file, and names from users mean nothing."""

from __future__ import annotations

import base64
import io
import json
import re
from dataclasses import replace
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.spatial.distance import cdist

from manifpt.errors import DataError
from manifpt.metrics.interval import Interval
from manifpt.reports import structures, studied
from manifpt.reports.comparisons import Comparison, gathered
from manifpt.reports.confusion import confusion_figure
from manifpt.reports.page import described, refuse_other, rendered, written
from manifpt.reports.runs import RunFolder, opened
from manifpt.reports.style import saved
from manifpt.reports.tables import as_json
from manifpt.studies.answers import Answers
from manifpt.studies.attribution import LeftOut
from manifpt.studies.choices import Choices
from manifpt.studies.comparison import Line
from manifpt.studies.distances import Distances
from manifpt.studies.exhibits import Exhibit, Exhibits
from manifpt.studies.structure import structure

HOSTILE = (
    "<script>alert(1)</script>",
    "</style><b>",
    "\" onload='x' \"",
    "{{ 7 * 7 }}{% raw %}",
    "a\u202egnp.\u2066x\u200b",
    "https://evil.example/x.png",
    "&lt;img src=x&gt;",
    "x" * 400,
    "\udcff\n\x1b[31m",
    "-->",
    "javascript:alert(1)",
)
VOID = {"meta", "link", "img", "rect"}
ROOTS = re.compile(r"(?<![\w<&;…/])/(?:home|tmp|root|secret)/")


class Document(HTMLParser):
    """The elements of a page with their attributes, and the text of each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: dict[str, list[str]] = {}
        self.open: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.setdefault(self.open[-1] if self.open else "", []).append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


def evaluation(
    folder: Path, classes: tuple[str, ...] = ("gan-one", "vae-two", "real"), *, exhibits: bool = True, size: int = 12
) -> Path:
    """Write what ``manifpt evaluate --out`` writes, of answers that are given."""
    folder.mkdir(parents=True, exist_ok=True)
    scores, figure = scored(classes)
    (folder / "scores.json").write_text(scores, encoding="utf-8")
    (folder / "confusion.png").write_bytes(figure)
    if exhibits:
        shown(classes, size).save(folder / "exhibits.safetensors")
    record = {
        "schema": 1,
        "command": ["manifpt", "evaluate", "/home/me/secret place/data", "--real=/home/me/faces", classes[0]],
        "seed": 3,
        "protocol": [f"told {classes[0]} of /home/me/protocol"],
        "method": {"extractor": {"name": classes[0]}, "attributor": {"weights": "/home/me/w.safetensors"}},
        "data": {
            classes[0]: {
                "digest": "d" * 64, "reference_digest": "e" * 64, "layout": "x", "width": size, "height": size,
                "preparation": {"resize": None, "crop": 8}, "classes": dict.fromkeys(classes, 30), "references": 40,
                "skipped": 1, "notes": [f"{classes[0]} in /home/me/notes/a.png"],
            }
        },
        "versions": {"python": "3", "manifpt": "0"},
    }  # fmt: skip
    (folder / "run.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


@cache
def scored(classes: tuple[str, ...]) -> tuple[str, bytes]:
    """Return the scores of answers that are drawn, as JSON, and their confusion matrix as PNG."""
    rng = np.random.default_rng(0)
    truth = np.repeat(np.sort(np.array(classes)), 30)
    table = rng.dirichlet(np.ones(len(classes)), len(truth)) / 2
    order = np.sort(np.array(classes))
    table[np.arange(len(truth)), np.searchsorted(order, truth)] += 0.3
    table /= table.sum(axis=1, keepdims=True)
    answers = Answers(
        order, np.array([f"i/{row}.png" for row in range(len(truth))]), truth, np.arange(len(truth)),
        np.arange(len(truth)) % 2, table,
    )  # fmt: skip
    scores = answers.scores(resamples=20)
    with TemporaryDirectory() as folder:
        figure = saved(confusion_figure(scores.confusion, scores.classes), Path(folder) / "confusion.png").read_bytes()
    return json.dumps(scores.record()), figure


def shown(classes: tuple[str, ...], size: int) -> Exhibits:
    rng = np.random.default_rng(1)
    entries = tuple(
        Exhibit(
            f"{name}/0.png", "because", name, classes[0], 0.9, classes[1], 0.1, 2.0, 50.0, 30, f"r/{name}", 1.5, (name,)
        )
        for name in classes
    )
    images, nearest = rng.integers(0, 255, (2, len(classes), size, size, 3)).astype(np.uint8)
    return Exhibits(entries, images, nearest, f"a rule of {classes[0]}", "rgb")


def line(data: str, method: str, value: float, control: float, p_value: float | None) -> Line:
    def around(middle: float) -> Interval:
        return Interval(middle, middle - 0.05, middle + 0.05, 0.95)

    difference = None if p_value is None else around(value - control)
    return Line(
        data, method, 90, 1, 1, 0.2, around(value), around(value), value, 1.0, 0.1, around(0.8), None, "few",
        2.0, 1, 3, difference, p_value,
    )  # fmt: skip


def compared(
    *, data: str = "set", control: str = "raw", others: tuple[str, ...] = ("a", "b"), warning: str = ""
) -> Comparison:
    lines = [line(data, control, 0.5, 0.5, None)]
    lines += [line(data, name, 0.6 - index / 5, 0.5, 0.01 + index / 2) for index, name in enumerate(others)]
    left = [LeftOut("gone", 2, f"no weights of {data} in /home/me/w.pt")]
    return replace(gathered(data, [one.method for one in lines], lines, left, control=control), warning=warning)


def study(folder: Path, *given: Comparison) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "table.json").write_text(as_json(given), encoding="utf-8")
    return folder


def attributions(folder: Path, classes: tuple[str, ...] = ("gan-one", "vae-two", "real")) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    answers: list[dict[str, Any]] = [
        {
            "path": f"/home/me/{name}.png", "sha256": "a" * 64, "generator": name, "probability": 0.9 - index / 4,
            "probabilities": {one: 0.3 for one in classes}, "runner_up": classes[0], "distance": 1.0,
            "real_percentile": None, "nearest": {}, "model": "m", "version": "0", "warnings": [name],
        }
        for index, name in enumerate(classes)
    ]  # fmt: skip
    answers.append({"path": "/home/me/bad.png", "error": f"/home/me/bad.png is {classes[0]}"})
    (folder / "attributions.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in answers), encoding="utf-8")
    return folder


def structured(folder: Path, names: tuple[str, ...] = ("paper-rgb", "auto")) -> Path:
    """Write what ``manifpt structure --out`` writes, of fingerprints that go with one choice."""
    rng = np.random.default_rng(0)
    generators = [f"gan-{place:02}" for place in range(10)]
    rows = {
        name: {"loss": "ab"[place % 2], names[0]: "cde"[place % 3], "rare": "x" if place < 2 else ""}
        for place, name in enumerate(generators)
    }
    points = rng.normal(size=(10, 3)) + 20 * (np.arange(10)[:, None] % 2)
    found = [
        structure(
            name, Distances(tuple(generators), cdist(points, points), "euclidean", 9),
            Choices(("loss", names[0], "rare"), rows), terms=("loss", names[0]), permutations=199,
        )
        for name in names
    ]  # fmt: skip
    structures.written(found, folder, data="set")
    return folder


KINDS = {
    "structure": structured,
    "structure of hostile names": lambda folder: structured(folder, HOSTILE[:3]),
    "evaluation": evaluation,
    "evaluation of hostile names": lambda folder: evaluation(folder, (*HOSTILE, "real")),
    "study": lambda folder: study(folder, compared(), compared(data="other", warning="files tell")),
    "study of hostile names": lambda folder: study(
        folder, *(compared(data=name, control=name, others=HOSTILE, warning=name) for name in HOSTILE[:5])
    ),
    "attributions": attributions,
    "attributions of hostile names": lambda folder: attributions(folder, HOSTILE[:3]),
}


def text_of(folder: Path, *, references: bool = True) -> str:
    return rendered(described(opened(folder), references=references))


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_is_sound_and_asks_for_nothing_outside_itself(kind: str, tmp_path: Path) -> None:
    text = text_of(KINDS[kind](tmp_path / "run"))
    page = Document(text)
    assert len(page.all("h1")) == len(page.all("title")) == len(page.all("main")) == 1
    assert page.all("html")[0]["lang"] == "en"
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    named = [attributes.get("aria-labelledby") for _, attributes in page.elements if "aria-labelledby" in attributes]
    assert set(named) <= set(ids)
    assert all(heading.get("scope") in ("col", "row") for heading in page.all("th"))
    assert all(image["alt"].strip() and image["src"].startswith("data:image/png;base64,") for image in page.all("img"))
    assert [link["href"] for link in page.all("link")] == ["data:,"]
    assert all(link["href"][1:] in ids for link in page.all("a"))
    assert len(page.all("script")) == len(page.all("style")) == 1
    for tag, attributes in page.elements:
        assert tag not in ("iframe", "object", "embed", "form", "base", "video", "audio")
        assert not [name for name in attributes if name.startswith("on") or name in ("style", "srcset", "action")]
        assert tag == "img" or "src" not in attributes
    assert "url(" not in "".join(page.texts["style"])
    assert "@import" not in "".join(page.texts["style"])


@pytest.mark.parametrize("kind", KINDS)
def test_its_policy_allows_its_own_style_and_script_and_nothing_else(kind: str, tmp_path: Path) -> None:
    import hashlib

    page = Document(text_of(KINDS[kind](tmp_path / "run")))
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    digests = {
        f"{tag}-src": "'sha256-"
        + base64.b64encode(hashlib.sha256("".join(page.texts[tag]).encode()).digest()).decode()
        + "'"
        for tag in ("style", "script")
    }
    nothing = dict.fromkeys(("default-src", "base-uri", "form-action"), "'none'")
    assert rules == {**nothing, **digests, "img-src": "data:"}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "hostile" in kind])
def test_names_are_shown_as_they_are_and_mean_nothing(kind: str, tmp_path: Path) -> None:
    text = text_of(KINDS[kind](tmp_path / "run"))
    page = Document(text)
    shown_text = " ".join(part for tag, parts in page.texts.items() if tag not in ("script", "style") for part in parts)
    for name in HOSTILE[:3]:
        assert name in shown_text
    assert "alert(1)" not in "".join(page.texts["script"])
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b\x1b\udc00-\udfff]", text)
    assert "49" not in shown_text.replace("7 * 7", "").split()


@pytest.mark.parametrize("kind", KINDS)
def test_no_folder_of_the_machine_is_told(kind: str, tmp_path: Path) -> None:
    text = text_of(KINDS[kind](tmp_path / "run"))
    assert not ROOTS.search(re.sub(r"base64,[^\"]*", "", text))
    assert str(tmp_path) not in text


@pytest.mark.parametrize("kind", KINDS)
def test_one_run_gives_one_page(kind: str, tmp_path: Path) -> None:
    folder = KINDS[kind](tmp_path / "run")
    pages = [written(opened(folder), tmp_path / name).read_bytes() for name in ("one.html", "two.html")]
    assert pages[0] == pages[1]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.html", "run", "two.html"]


def pictures(text: str) -> list[np.ndarray]:
    found = []
    for image in Document(text).all("img"):
        with Image.open(io.BytesIO(base64.b64decode(image["src"].split(",", 1)[1]))) as picture:
            found.append(np.asarray(picture.convert("RGB")))
    return found


def holds(text: str, pixels: np.ndarray) -> bool:
    return any(picture.shape == pixels.shape and np.array_equal(picture, pixels) for picture in pictures(text))


def test_photographs_are_left_out_where_asked_for(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "run")
    found = Exhibits.load(folder / "exhibits.safetensors")
    whole, faceless = text_of(folder), text_of(folder, references=False)
    assert all(holds(whole, pixels) for pixels in (*found.images, *found.nearest))
    assert not any(holds(faceless, pixels) for pixels in found.nearest)
    generated = [entry.truth != "real" for entry in found.entries]
    assert [holds(faceless, pixels) for pixels in found.images] == generated == [True, True, False]
    # An artifact is the image less its reference, of which it shows the outlines.
    assert len(pictures(whole)) - len(pictures(faceless)) == 3 + 3 + 1
    assert "artifact of" not in faceless.lower().replace("log-spectrum of the artifact of", "")


def test_the_verdict_says_whether_guessing_might_do_as_well(tmp_path: Path) -> None:
    run = opened(evaluation(tmp_path / "run"))
    assert run.scores
    sure = replace(run.scores, chance=0.2, balanced_accuracy=Interval(0.99, 0.97, 1.0, 0.95))
    some = replace(sure, balanced_accuracy=Interval(0.7, 0.6, 0.8, 0.95))
    weak = replace(sure, balanced_accuracy=Interval(0.4, 0.3, 0.5, 0.95))
    none = replace(sure, balanced_accuracy=Interval(0.25, 0.2, 0.3, 0.95))
    first = [described(replace(run, scores=scores)).verdict[0] for scores in (sure, some, weak, none)]
    assert first == [
        "The classes are told apart nearly always.",
        "The classes are told apart much better than by guessing, with mistakes.",
        "The classes are told apart better than by guessing, but often not.",
        "These images do not show that the classes can be told apart: guessing might do as well.",
    ]


def test_shares_of_reals_and_of_generated_images_are_counted_from_the_matrix(tmp_path: Path) -> None:
    run = opened(evaluation(tmp_path / "run"))
    assert run.scores
    assert run.scores.classes == ("gan-one", "real", "vae-two")
    scores = replace(run.scores, confusion=np.array([[8, 1, 1], [1, 4, 5], [0, 5, 15]]))
    told = described(replace(run, scores=scores)).verdict[-1]
    assert "Of the real images, 60.0\xa0% were taken for generated" in told
    assert "of the generated ones, 20.0\xa0% were taken for real" in told


def test_a_comparison_tells_which_methods_differ_from_the_control(tmp_path: Path) -> None:
    run = opened(study(tmp_path / "run", compared(warning="JPEG in /home/me/x.jpg")))
    first, second = studied.verdict(run)
    assert first.startswith("set: the highest balanced accuracy is that of a, 60.0\xa0% [55.0, 65.0]; guessing")
    assert second == (
        "Against the control raw: a is better, no method is worse; for 1 others the difference may "
        "be chance (p at most "
        "0.05 counts, corrected for 2 comparisons)."
    )
    assert studied.warnings(run) == ("set: JPEG in …/x.jpg",)
    text = text_of(tmp_path / "run")
    assert "2 more runs" in text or "no weights of set in …/w.pt" in text


def test_a_study_of_structure_tells_what_fingerprints_group_by(tmp_path: Path) -> None:
    page = described(opened(structured(tmp_path / "run", ("paper-rgb",))))
    assert page.verdict == (
        "paper-rgb: fingerprints of 10 generators group by loss, beyond what shuffled labels reach.",
        "Not found: paper-rgb.",
        "Cannot be decided with so few generators, or so few values: rare. Even groups that fit perfectly would not "
        "have been significant.",
    )
    groups, spread = page.sections[0].tables
    assert [[cell.text for cell in row][:3] for row in groups.rows] == [
        ["loss", "10", "2"], ["paper-rgb", "10", "3"], ["rare", "2", "1"],
    ]  # fmt: skip
    assert groups.rows[0][4].text == "1.00"
    assert float(spread.rows[0][1].text) > 0.9
    assert [figure.alt[:6] for figure in page.sections[0].figures] == ["A tree", "Maps o"]


def test_a_damaged_study_of_structure_is_told(tmp_path: Path) -> None:
    table = structured(tmp_path / "run") / "table.json"
    whole = json.loads(table.read_text(encoding="utf-8"))
    for damaged in ({"nmi": "0.5"}, {"unknown": 1}):
        changed = json.loads(json.dumps(whole))
        changed["studies"][0]["groupings"][0] |= damaged
        table.write_text(json.dumps(changed), encoding="utf-8")
        with pytest.raises(DataError, match=r"table.json holds no results \(TypeError\)"):
            opened(table.parent)


def test_of_many_methods_none_is_missing_from_the_table(tmp_path: Path) -> None:
    text = text_of(study(tmp_path / "run", compared(others=tuple(f"m{index}" for index in range(9)))))
    names = Document(text).texts["bdi"]
    assert {*(f"m{index}" for index in range(9)), "raw", "gone"} <= set(names)


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (lambda folder: (folder / "scores.json").write_text("{"), "scores.json holds no results (JSONDecodeError)"),
        (lambda folder: (folder / "scores.json").write_text("[]"), "scores.json holds no results (TypeError)"),
        (lambda folder: (folder / "scores.json").write_text("{}"), "scores.json holds no results (KeyError)"),
        (lambda folder: (folder / "run.json").write_text("{}"), "run.json does not say how the run was made"),
        (lambda folder: (folder / "exhibits.safetensors").write_text("x"), "exhibits.safetensors holds no images"),
        (lambda folder: (folder / "confusion.png").write_text("x"), "confusion.png is no figure"),
    ],
)
def test_a_damaged_run_is_told_and_nothing_is_written(damage: Any, text: str, tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "run")
    damage(folder)
    with pytest.raises(DataError, match=re.escape(text)):
        written(opened(folder), tmp_path / "report.html")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_without_figures_images_and_provenance_has_a_report_that_says_so(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "run", exhibits=False)
    (folder / "run.json").unlink()
    (folder / "confusion.png").unlink()
    text = text_of(folder)
    assert "This run kept no images to show." in text
    assert "The run did not keep its command" in text


def test_only_a_report_is_replaced(tmp_path: Path) -> None:
    out = written(opened(evaluation(tmp_path / "run")), tmp_path / "report.html")
    refuse_other(out)
    (tmp_path / "thesis.html").write_text("<html>mine</html>")
    for place in (tmp_path / "thesis.html", tmp_path / "run"):
        with pytest.raises(DataError, match="exists and is no report"):
            written(opened(tmp_path / "run"), place)
    assert (tmp_path / "thesis.html").read_text() == "<html>mine</html>"


def test_large_images_are_shown_smaller_so_that_the_file_stays_small(tmp_path: Path) -> None:
    text = text_of(evaluation(tmp_path / "run", size=300))
    assert {max(picture.shape) for picture in pictures(text)[1:]} == {128}
    assert "Pictures are shown at 128 pixels" in text


def test_exhibits_come_back_from_their_file(tmp_path: Path) -> None:
    found = shown((*HOSTILE, "real"), 8)
    again = Exhibits.load(found.save(tmp_path / "x.safetensors"))
    assert (again.entries, again.rule, again.space) == (found.entries, found.rule, found.space)
    np.testing.assert_array_equal(again.images, found.images)
    np.testing.assert_array_equal(again.nearest, found.nearest)


def test_an_empty_run_folder_is_none(tmp_path: Path) -> None:
    assert RunFolder(tmp_path).scores is None
    with pytest.raises(DataError, match="holds no results of a run"):
        opened(tmp_path)


def test_an_image_that_is_a_reference_is_told_and_does_not_set_the_scale_of_the_others(tmp_path: Path) -> None:
    folder = evaluation(tmp_path / "run")
    found = Exhibits.load(folder / "exhibits.safetensors")
    before = pictures(text_of(folder))
    nearest = found.nearest.copy()
    nearest[0] = found.images[0]
    entries = (replace(found.entries[0], nearest_distance=0.0), *found.entries[1:])
    replace(found, nearest=nearest, entries=entries).save(folder / "exhibits.safetensors")
    text = text_of(folder)
    assert text.count("its pixels are those of a reference") == 1
    spectra = [picture.std(axis=(0, 1)).max() for picture in pictures(text)[4::4]]
    assert len(before) == len(pictures(text)) == 1 + 4 * 3
    assert spectra[0] == 0
    assert min(spectra[1:]) > 30
