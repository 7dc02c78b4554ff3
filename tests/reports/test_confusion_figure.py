from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from matplotlib.figure import Figure

from manifpt.errors import NumbersError
from manifpt.reports.confusion import confusion_figure
from manifpt.reports.style import PAPER

HOSTILE = [r"$\nothing{$", r"\frac{", "<b>&[red]", "a\nb", "名前", "\udcff", "_^{}%", "real"]


def names(count: int) -> list[str]:
    return [f"gan-dcgan-of-a-very-long-code-base-name-{index}" for index in range(count)]


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


@pytest.mark.parametrize("count", [1, 2, 5, 17, 33])
def test_nothing_is_clipped_and_every_class_is_named_on_both_sides(count: int) -> None:
    title = "balanced accuracy 0.724 [0.690, 0.751] of a title that is quite long"
    figure = confusion_figure(np.eye(count) * 9, names(count), title=title)
    figure.draw_without_rendering()
    box, (width, height) = figure.get_tightbbox(), figure.get_size_inches()
    assert box.x0 >= 0 <= box.y0
    assert box.x1 <= width
    assert box.y1 <= height
    for labels in (figure.axes[0].get_xticklabels(), figure.axes[0].get_yticklabels()):
        shown = [label.get_text() for label in labels]
        assert len(set(shown)) == count
        assert all(text.endswith(f"-name-{index}") for index, text in enumerate(shown))


def test_labels_do_not_overlap_with_33_long_names() -> None:
    figure = confusion_figure(np.eye(33), names(33))
    figure.draw_without_rendering()
    boxes = [label.get_window_extent() for label in figure.axes[0].get_xticklabels()]
    assert all(left.x1 <= right.x0 for left, right in pairwise(boxes))


def test_cells_show_the_share_of_their_row_in_per_cent() -> None:
    figure = confusion_figure([[3, 1], [0, 8]], ["a", "b"])
    assert texts(figure) == ["4", "8", "images", "75", "25", "100"]
    assert figure.axes[0].images[0].get_array().tolist() == [[0.75, 0.25], [0, 1]]  # type: ignore[union-attr]


def test_dark_cells_carry_light_digits() -> None:
    colours = [text.get_color() for text in confusion_figure([[9, 1], [1, 9]], ["a", "b"]).axes[0].texts[3:]]
    assert [colour == PAPER for colour in colours] == [True, False, False, True]


def test_many_classes_show_their_recall_only() -> None:
    figure = confusion_figure(np.full((21, 21), 1), names(21))
    assert texts(figure)[22:] == ["5"] * 21


def test_a_class_without_images_is_left_blank() -> None:
    figure = confusion_figure([[0, 0], [1, 1]], ["a", "b"])
    assert texts(figure) == ["0", "2", "images", "50", "50"]


def test_hostile_names_are_drawn_as_they_are() -> None:
    figure = confusion_figure(np.eye(len(HOSTILE)), HOSTILE, title=r"$\nothing{$")
    figure.draw_without_rendering()
    shown = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert shown[:3] == HOSTILE[:3]
    assert shown[3:6] == [r"a\nb", r"\u540d\u524d", r"\udcff"]


@pytest.mark.parametrize(
    ("matrix", "message"),
    [
        (np.eye(3), r"the matrix has shape \(3, 3\) for 2 classes; expected \(classes, classes\)"),
        (-np.eye(2), "a count is negative or not finite"),
        (np.full((2, 2), np.nan), "a count is negative or not finite"),
    ],
)
def test_what_is_no_confusion_matrix_is_refused(matrix: np.ndarray, message: str) -> None:
    with pytest.raises(NumbersError, match=message):
        confusion_figure(matrix, ["a", "b"])
