from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from manifpt.errors import NumbersError
from manifpt.images import ImageSet, folds
from manifpt.metrics.interval import Interval
from manifpt.reports.choices import CONTROL, OTHER, comparison_figure
from manifpt.reports.comparisons import gathered
from manifpt.reports.maps import map_figure
from manifpt.reports.study import file_name, written
from manifpt.reports.style import INK, saved
from manifpt.studies.attribution import LeftOut
from manifpt.studies.comparison import Line, compared
from manifpt.studies.maps import mapped_space
from manifpt.studies.rows import Key, Rows, Run


def names(count: int) -> list[str]:
    return [*(f"gan-dcgan-of-a-very-long-code-base-name-${index}" for index in range(count - 1)), "real"]


def run(method: str, classes: list[str], *, data: str = "set", fold: int = 0, places: bool = True) -> Run:
    rng = np.random.default_rng(fold)
    truth = np.repeat(np.arange(len(classes)), 3)
    sure = np.full(len(truth), 0.9)
    spots = rng.normal(size=(len(truth), 2)) + 5 * truth[:, None] if places else None
    notes: dict[str, Any] = {"seconds": {"training": 1.0}, "threads": 1}
    return Run(
        Key(data, method, 0, fold), "x", tuple(classes), np.array([f"{fold}/{i:03}.png" for i in range(len(truth))]),
        np.arange(len(truth)), truth, truth, sure, sure, np.full(len(truth), np.nan), notes, spots,
    )  # fmt: skip


def line(method: str, value: float) -> Line:
    shared = Interval(value, value - 0.05, value + 0.05, 0.95)
    return Line("set", method, 90, 1, 1, 0.1, shared, shared, value, 1.0, 0.1, None, None, None, 1.0, 1, 3)


def shown(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.texts]


def unclipped(figure: Figure) -> bool:
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(box.x0 >= 0 <= box.y0 and box.x1 <= width and box.y1 <= height)


@pytest.mark.parametrize(("panels", "classes"), [(1, 2), (1, 33), (3, 6), (6, 17)])
def test_a_map_has_a_panel_for_each_method_and_every_class_once_in_the_legend(panels: int, classes: int) -> None:
    methods = [f"method-of-a-long-name-{index}" for index in range(panels)]
    figure = map_figure([run(method, names(classes)) for method in methods], title="a title of some length")
    assert len(figure.axes) == panels
    titles = [axes.get_title() for axes in figure.axes]
    assert [title[-1] for title in titles] == [method[-1] for method in methods]
    heading, *legend = shown(figure)
    assert heading.split()[:2] == ["a", "title"]
    assert len(set(legend)) == len(legend) == classes
    assert len(figure.artists) == classes
    assert sum(len(part.get_offsets()) for part in figure.axes[0].collections) == 3 * classes  # type: ignore[arg-type]
    assert unclipped(figure)
    boxes = [text.get_window_extent() for text in figure.texts] + [axes.bbox for axes in figure.axes]
    assert not [(a, b) for place, a in enumerate(boxes) for b in boxes[place + 1 :] if a.overlaps(b)]


def test_no_two_classes_look_alike_and_only_real_images_are_black() -> None:
    figure = map_figure([run("raw", names(60))])
    looks = [(sample.get_color(), str(sample.get_marker())) for sample in figure.artists]  # type: ignore[attr-defined]
    assert len(set(looks)) == 60
    assert [colour == INK for colour, _ in looks] == [True] + [False] * 59
    assert shown(figure)[1] == "real"


def test_runs_without_a_map_are_refused() -> None:
    with pytest.raises(NumbersError, match="raw has no map; expected runs with the places of 10 images or more"):
        map_figure([run("raw", names(3), places=False)])
    with pytest.raises(NumbersError, match="there is no map"):
        map_figure([])


def test_the_best_method_is_at_the_top_and_those_without_results_at_the_bottom_with_their_reason() -> None:
    left = [LeftOut("gone", 5, "the weights are absent"), LeftOut("$x$", 5, "x" * 200)]
    one = gathered("set", ["low", "raw", "high", "gone"], [line("low", 0.2), line("raw", 0.5), line("high", 0.9)], left)
    figure = comparison_figure(one, title="a title")
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["high", "raw", "low", "gone", "$x$"]
    assert axes.texts[0].get_text() == "no results: the weights are absent"
    dots = [drawn for drawn in axes.lines if drawn.get_marker() == "o"]
    assert [(*drawn.get_xdata(), *drawn.get_ydata()) for drawn in dots] == [(0.9, 0), (0.5, 1), (0.2, 2)]  # type: ignore[misc]
    assert [drawn.get_color() for drawn in dots] == [OTHER, CONTROL, OTHER]
    levels = {drawn.get_label(): drawn.get_xdata()[0] for drawn in axes.lines}  # type: ignore[index]
    assert (levels["control"], levels["chance"]) == (0.5, 0.1)
    assert axes.yaxis_inverted()
    assert unclipped(figure)


@pytest.mark.parametrize("results", [0, 1, 30])
def test_any_number_of_methods_fits(results: int) -> None:
    lines = [line(f"method-{index}", 0.1 + index / 50) for index in range(results)]
    assert unclipped(comparison_figure(gathered("set", [], lines, [LeftOut("gone", 1, "why")])))


def test_a_comparison_of_nothing_is_refused() -> None:
    with pytest.raises(NumbersError, match="there is no method"):
        comparison_figure(gathered("set", [], []))


@pytest.fixture
def images(tmp_path: Path) -> ImageSet:
    for name in ("gan-a", "gan-b", "real"):
        (tmp_path / "images" / name).mkdir(parents=True)
        for index in range(12):
            pixels = np.random.default_rng([len(name), ord(name[-1]), index]).integers(0, 255, (8, 8, 3), np.uint8)
            Image.fromarray(pixels).save(tmp_path / "images" / name / f"{index}.png")
    return ImageSet.open(tmp_path / "images").scored


def test_a_map_of_pixels_is_a_run_that_no_comparison_counts(images: ImageSet, tmp_path: Path) -> None:
    rows, fold = Rows(tmp_path / "rows"), folds(images, folds=2)[0]
    key = mapped_space(rows, "set", images, fold)
    assert key == Key("set", "pixels", 0, 0)
    kept = rows.read(key)
    assert kept.notes["map"] is True
    assert (kept.answers == -1).all()
    assert np.isnan([kept.of_truth, kept.of_answer, kept.of_real]).all()
    assert kept.places is not None and kept.places.shape == (len(fold.test), 2)
    truth = dict(zip(kept.paths.tolist(), np.array(kept.classes)[kept.truth].tolist(), strict=True))
    assert all(path.startswith(f"{name}/") for path, name in truth.items())
    assert compared(rows, "set", ["pixels"], control="pixels") == []
    before = (rows.folder / key.path).stat().st_mtime_ns
    mapped_space(rows, "set", images, fold)
    assert (rows.folder / key.path).stat().st_mtime_ns == before
    mapped_space(rows, "set", images, fold, seed=1)
    assert rows.read(key).inputs != kept.inputs


def test_everything_is_written_from_the_rows_and_twice_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("manifpt.studies.comparison.RESAMPLES", 5)
    rows, classes = Rows(tmp_path / "rows"), names(4)
    for method in ("raw", "image+spectrum"):
        for fold in (0, 1):
            rows.add(run(method, classes, fold=fold, places=fold == 0 and method == "raw"))
    seen: list[list[str]] = []

    def drawn(runs: list[Run], title: str) -> Figure:
        seen.append([one.key.method for one in runs])
        return map_figure(runs, title=title)

    monkeypatch.setattr("manifpt.reports.study.map_figure", drawn)
    for name in ("features-sl-cifar", "pixels"):
        made = run(name, classes)
        made.notes["map"] = True
        rows.add(made)
    left = {"set": [LeftOut("gone", 5, "no weights")]}
    outs = [tmp_path / "one", tmp_path / "two"]
    made_twice = [written(rows, ["set"], ["raw", "image+spectrum", "gone"], left, out) for out in outs]
    relative = [path.relative_to(outs[0]).as_posix() for path in made_twice[0]]
    assert relative == [
        "table.md", "table.tex", "table.csv", "table.json", "comparison-set.png", "tsne-set.png",
        "confusion-set/raw.png", "confusion-set/image+spectrum.png",
    ]  # fmt: skip
    assert seen[0] == ["pixels", "features-sl-cifar", "raw"]
    assert {path.relative_to(outs[0]) for path in outs[0].rglob("*.*")} == {Path(name) for name in relative}
    assert [path.read_bytes() for path in made_twice[0]] == [path.read_bytes() for path in made_twice[1]]
    assert "no weights" in (outs[0] / "table.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "name", ["../x", "..", ".", "", "a/b", "\x1b[31m", "\udcff", "名" * 200, "a\nb", "CON:", "%2E"]
)
def test_any_name_is_a_file_of_its_own_below_the_folder(name: str, tmp_path: Path) -> None:
    path = tmp_path / f"{file_name(name)}.png"
    saved(map_figure([run("raw", ["a", name + "x", "c", "d"])], title=name), path)
    assert path.resolve().parent == tmp_path
    assert not path.name.startswith(".")
    assert file_name(name) != file_name(name + "x")
