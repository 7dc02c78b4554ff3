"""Figures of accuracy against separation, and of what choices change: all methods there, nothing clipped."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from manifpt.errors import NumbersError
from manifpt.metrics.interval import Interval
from manifpt.reports.choice_effects import effects_exported, effects_figure
from manifpt.reports.separation import measured, separation_figure
from manifpt.studies.comparison import Line
from manifpt.studies.crossing import MainEffect

HOSTILE = "=cmd|'$x_1$'\x1b[31m"


def around(value: float) -> Interval:
    return Interval(value, value * 0.9, value * 1.1, 0.95)


def line(method: str, value: float, fdr: float | None) -> Line:
    shared = around(value)
    apart = None if fdr is None else around(fdr)
    return Line("set", method, 90, 1, 1, 0.1, shared, shared, value, 1.0, 0.1, None, apart, None, 1.0, 1, 3)


def effects(first: float) -> list[MainEffect]:
    return [MainEffect(name, 4, around(first / 2**place), 0.3) for place, name in enumerate(("loss", HOSTILE, "skip"))]


def words(figure: Figure) -> list[str]:
    (axes,) = figure.axes
    return [text.get_text() for text in axes.texts]


def unclipped(figure: Figure) -> bool:
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    return bool(box.x0 >= 0 <= box.y0 and box.x1 <= width and box.y1 <= height)


def test_every_method_with_an_fdr_is_a_point_and_no_other() -> None:
    lines = [line("raw", 0.9, 40.0), line(HOSTILE, 0.3, 1.5), line("few", 0.5, None)]
    figure = separation_figure(lines, title="a set")
    assert len(words(figure)) == 2
    assert words(figure)[0] == "raw"
    points = [one for one in figure.axes[0].lines if one.get_marker() == "o"]
    assert [(one.get_xdata()[0], one.get_ydata()[0]) for one in points] == [(40.0, 0.9), (1.5, 0.3)]  # type: ignore[index]
    assert unclipped(figure)


def test_without_any_fdr_there_is_no_figure() -> None:
    assert measured([line("few", 0.5, None)]) == []
    with pytest.raises(NumbersError, match="no method has an FDR; expected one or more; give 200 test images"):
        separation_figure([line("few", 0.5, None)])


def test_every_choice_has_a_row_and_every_method_its_own_look() -> None:
    figure = effects_figure({"patches": effects(140), "spectrum": effects(42)}, title="choices")
    (axes,) = figure.axes
    assert [one.get_text()[:4] for one in axes.get_yticklabels()] == ["loss", "=cmd", "skip"]
    handles, labels = axes.get_legend_handles_labels()
    assert labels == ["patches", "spectrum", "another seed"]
    assert handles[0].get_color() != handles[1].get_color()  # type: ignore[attr-defined]
    assert list(handles[0].get_xdata()) == [140, 70, 35]  # type: ignore[attr-defined]
    assert unclipped(figure)


def test_methods_of_other_choices_are_refused() -> None:
    other = [replace(effects(1)[0], choice="other")]
    for found in ({}, {"a": effects(1), "b": other}, {str(place): effects(1) for place in range(7)}):
        with pytest.raises(NumbersError, match="methods of different choices, or none; expected 1 to 6 methods"):
            effects_figure(found)


def test_the_numbers_behind_the_figure_are_those_that_were_given(tmp_path: Path) -> None:
    path = effects_exported({"patches": effects(140), "spectrum": effects(42)}, tmp_path / "effects.npz")
    with np.load(path, allow_pickle=False) as found:
        assert found["methods"].tolist() == ["patches", "spectrum"]
        assert found["choices"].tolist() == ["loss", HOSTILE, "skip"]
        assert found["ratios"][1, 0].tolist() == [42, 42 * 0.9, 42 * 1.1]
        assert found["shares"].shape == (2, 3)
