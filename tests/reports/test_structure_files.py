"""Tables and figures of studies of structure: whole, harmless, and not cramped."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from scipy.spatial.distance import cdist

from manifpt.reports.dendrogram import dendrogram_figure
from manifpt.reports.design_maps import OTHER, design_map_figure
from manifpt.reports.palette import COLOURS, shared_values
from manifpt.reports.structure_tables import FORMATS, as_csv, as_latex, as_markdown, distances_csv
from manifpt.reports.structures import files, written
from manifpt.studies.choices import Choices
from manifpt.studies.distances import Distances
from manifpt.studies.structure import Structure, structure

HOSTILE = "=cmd|'$x_1$'\x1b[31m"


def study(method: str = "paper-rgb", generators: int = 10, levels: int = 3) -> Structure:
    rng = np.random.default_rng(0)
    names = (*(f"model-of-a-long-name-{place:02}" for place in range(generators - 1)), HOSTILE)
    points = rng.normal(size=(generators, 4))
    rows = {
        name: {
            "upsampling": "abcdefghij"[place % levels],
            "loss|$y$": HOSTILE if place % 2 else "a-very-long-value-of-a-choice",
            "rare": "x" if place < 2 else "",
        }
        for place, name in enumerate(names)
    }
    return structure(
        method,
        Distances(names, cdist(points, points), "euclidean", 30),
        Choices(("upsampling", "loss|$y$", "rare"), rows),
        terms=("upsampling", "loss|$y$"),
        permutations=99,
    )


@pytest.fixture(scope="module")
def found() -> Structure:
    return study()


def unclipped(figure: Figure) -> bool:
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(box.x0 >= -0.01 and box.y0 >= -0.01 and box.x1 <= width + 0.01 and box.y1 <= height + 0.01)


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Return texts that are drawn over each other."""
    figure.draw_without_rendering()
    texts = [*figure.texts, *(text for axes in figure.axes for text in (*axes.texts, axes.title))]
    boxes = [(text.get_text(), text.get_window_extent()) for text in texts if text.get_text()]
    return [
        (one, other)
        for place, (one, box) in enumerate(boxes)
        for other, beside in boxes[place + 1 :]
        if box.overlaps(beside)
    ]


def test_the_tree_writes_every_generator_and_every_value_where_nothing_hides_it(found: Structure) -> None:
    figure = dendrogram_figure(found, title="a set: fingerprints of a method")
    assert unclipped(figure)
    assert overlapping(figure) == []
    texts = [text.get_text() for axes in figure.axes for text in axes.texts]
    assert sum(text.startswith("model-of-a-long-name") for text in texts) == 9
    # What is not known is a dash, and 8 are not known.
    assert texts.count("–") == 8
    assert not any("\x1b" in text for text in texts)


@pytest.mark.parametrize("levels", [2, 9])
def test_a_map_has_a_panel_for_each_choice_with_the_values_that_generators_share(levels: int) -> None:
    figure = design_map_figure(study(generators=18, levels=levels), title="a title")
    assert unclipped(figure)
    assert overlapping(figure) == []
    panels = [[text.get_text() for text in axes.texts] for axes in figure.axes]
    assert [len(panel) for panel in panels] == [min(levels, len(COLOURS)) + 1, 3, 2]
    assert all(panel[-1] == OTHER for panel in panels)
    assert figure.axes[0].get_title().startswith("upsampling: AMI ")


def test_values_that_are_shared_are_told_apart_and_others_are_not() -> None:
    looks = shared_values(["b", "a", "a", "b", "b", "alone", "", ""])
    assert list(looks) == ["b", "a"]
    assert len(set(looks.values())) == 2
    assert len(shared_values([letter for letter in "abcdefghijkl" for _ in range(2)])) == len(COLOURS)


def test_every_choice_has_its_row_in_every_table_and_says_why_it_has_no_numbers(found: Structure) -> None:
    rows = list(csv.DictReader(io.StringIO(as_csv([found]))))
    assert [row["choice"] for row in rows if row["analysis"] == "alone"] == ["upsampling", "loss|$y$", "rare"]
    assert {row["analysis"] for row in rows} == {"groups", "alone", "beyond the others", "mantel"}
    assert len([row for row in rows if row["analysis"] == "groups"]) == 3 * 3 * 2
    rare = next(row for row in rows if row["choice"] == "rare")
    assert (rare["reason"], rare["nmi"], rare["left_out"], rare["verdict"]) == (
        "known of 2 generators", "", "8", "cannot be decided"
    )  # fmt: skip
    for text in (as_markdown([found]), as_latex([found])):
        assert "known of 2 generators" in text
    assert as_markdown([found]).count("| `upsampling` |") == 2


def test_names_mean_nothing_in_any_table(found: Structure) -> None:
    assert "$y$" not in as_latex([found]).replace(r"\$y\$", "")
    assert "loss|" not in as_markdown([found]).replace("`loss|", "")
    for text in (as_csv([found]), distances_csv(found), as_markdown([found]), as_latex([found])):
        assert "\x1b" not in text
    (last,) = [row for row in csv.reader(io.StringIO(distances_csv(found))) if row[0].startswith("'=")]
    assert float(last[-1]) == 0


def test_everything_is_written_under_names_that_are_known_before(found: Structure, tmp_path: Path) -> None:
    out = tmp_path / "out"
    names = written([found, study("spectrum", 6)], out, data=HOSTILE)
    assert sorted(names) == sorted(path.name for path in out.iterdir())
    assert set(names) <= set(files())
    assert {f"table.{kind}" for kind in FORMATS} <= set(names)
    assert {"dendrogram-paper-rgb.svg", "map-spectrum.png", "distances-spectrum.csv"} <= set(names)
    record = json.loads((out / "table.json").read_text(encoding="utf-8"))
    assert [one["method"] for one in record["studies"]] == ["paper-rgb", "spectrum"]
    assert record["studies"][0]["generators"][-1] == HOSTILE
