"""Balanced accuracies of compared methods as dots with their intervals."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from manifpt.errors import NumbersError
from manifpt.reports import style
from manifpt.reports.comparisons import Comparison

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, ROW, AROUND, EDGE = 4.6, 0.24, 0.95, 0.1  # inches: the axes, a method, axis and key, around the figure
CONTROL, OTHER = "#D55E00", "#0072B2"
LONGEST_REASON = 48  # letters


def comparison_figure(comparison: Comparison, *, title: str | None = None) -> Figure:
    """Return a figure with the balanced accuracy of each method, the best at the top, with its interval.

    The control has its own colour and a line through all rows; chance has another. Methods without results stand below
    the others, each with its reason.

    Args:
        comparison: Methods on one data set.
        title: Heading, none if None.

    Raises:
        NumbersError: There is no method.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    if not comparison.entries:
        raise NumbersError("there is no method", expected="one or more", remedy="run the study first")
    lines = sorted(comparison.lines, key=lambda line: (-line.balanced_accuracy.value, line.method))
    lacking = [entry for entry in comparison.entries if entry.line is None]
    names = style.labels([*(line.method for line in lines), *(entry.method for entry in lacking)])
    margin = max(style.width(name, style.LABEL) for name in names)
    across = margin + WIDE + 2 * EDGE
    heading = None if title is None else style.wrapped(title, across, style.TITLE)
    down = ROW * len(names) + AROUND + 0.22 * len((heading or "").splitlines())
    layout = ConstrainedLayoutEngine(w_pad=EDGE, h_pad=EDGE)
    figure = Figure(figsize=(across, down), layout=layout, facecolor=style.PAPER)
    axes = figure.add_subplot()
    # Not over the reasons of those without results.
    among = [-0.6, len(lines) - 0.5]
    for place, line in enumerate(lines):
        found, controls = line.balanced_accuracy, line.method == comparison.control
        look: dict[str, Any] = {"color": CONTROL if controls else OTHER}
        axes.plot([found.low, found.high], [place, place], linewidth=1.5, solid_capstyle="butt", zorder=2, **look)
        axes.plot([found.value], [place], marker="o", markersize=5, zorder=3, **look)
        if controls:
            axes.plot([found.value] * 2, among, linewidth=0.8, linestyle=(0, (4, 3)), zorder=1, label="control", **look)
    if lines:
        dotted: dict[str, Any] = {"color": style.QUIET, "linewidth": 1, "linestyle": (0, (1, 2))}
        axes.plot([lines[0].chance] * 2, among, zorder=1, label="chance", **dotted)
    for place, entry in enumerate(lacking, len(lines)):
        reason = style.label(entry.reason, longest=LONGEST_REASON)
        axes.text(0.01, place, f"no results: {reason}", va="center", **style.font(style.SMALL, colour=style.QUIET))
    axes.set_xlim(0, 1)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.set_yticks(np.arange(len(names)), names, **style.font(style.LABEL))
    axes.set_xticks(np.linspace(0, 1, 6), [f"{share:.0%}" for share in np.linspace(0, 1, 6)], **style.font(style.SMALL))
    axes.set_xlabel("balanced accuracy, with intervals of 95 %", **style.font(style.LABEL))
    axes.grid(axis="x", color=style.MISSING, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.tick_params(length=0)
    axes.spines[["top", "right", "left"]].set_visible(False)
    if heading:
        figure.suptitle(heading, **style.font(style.TITLE))
    if axes.get_legend_handles_labels()[0]:
        fonts = {"family": "DejaVu Sans", "size": style.SMALL}
        figure.legend(loc="outside lower right", ncols=2, frameon=False, prop=fonts, labelcolor=style.INK)
    return figure
