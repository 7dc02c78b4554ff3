"""Accuracies of compared methods against how far apart their features lie (FDR)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from manifpt.errors import NumbersError
from manifpt.reports import style
from manifpt.studies.comparison import Line

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, HIGH, COLOUR = 6.4, 4.4, "#0072B2"  # inches
ROOM = 1.6  # beyond the largest FDR, for its name
NEAR, CLOSE = 2.0, 0.05  # ratio of FDRs, and difference of accuracies, within which names would lie on each other


def measured(lines: Sequence[Line]) -> list[Line]:
    """Return the lines that have an FDR."""
    return [line for line in lines if line.fdr is not None]


def separation_figure(lines: Sequence[Line], *, title: str | None = None) -> Figure:
    """Return a figure with a point for each method that has an FDR: the FDR, and the balanced accuracy.

    Bars are intervals of 95 %. An FDR of 1 is that of classes that cannot be told apart.

    Args:
        lines: Methods on one data set.
        title: Heading, none if None.

    Raises:
        NumbersError: No method has an FDR.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    shown = measured(lines)
    if not shown:
        raise NumbersError(
            "no method has an FDR", expected="one or more", remedy="give 200 test images or more of every class"
        )
    figure = Figure(figsize=(WIDE, HIGH), layout="constrained", facecolor=style.PAPER)
    axes = figure.add_subplot()
    names = style.labels([line.method for line in shown])
    for line, name in zip(shown, names, strict=True):
        found, apart = line.balanced_accuracy, line.fdr
        assert apart is not None
        axes.plot([apart.low, apart.high], [found.value] * 2, color=COLOUR, linewidth=1, alpha=0.6)
        axes.plot([apart.value] * 2, [found.low, found.high], color=COLOUR, linewidth=1, alpha=0.6)
        axes.plot([apart.value], [found.value], marker="o", markersize=4, color=COLOUR)
        axes.annotate(
            name,
            (apart.value, found.value),
            xytext=(4, -9 if _crowded(line, shown) else 3),
            textcoords="offset points",
            **style.font(style.SMALL),
        )
    axes.set_xscale("log")
    axes.set_xlim(right=ROOM * max(line.fdr.high for line in shown if line.fdr))
    axes.axhline(shown[0].chance, color=style.QUIET, linewidth=1, linestyle=(0, (1, 2)))
    axes.set_xlabel("Fréchet distance ratio (logarithmic)", **style.font(style.LABEL))
    axes.set_ylabel("balanced accuracy; dotted: chance", **style.font(style.LABEL))
    axes.tick_params(labelsize=style.SMALL, labelfontfamily="DejaVu Sans", labelcolor=style.INK)
    axes.yaxis.set_major_formatter(lambda share, _: f"{share:.0%}")
    axes.grid(color=style.MISSING, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    if title is not None:
        figure.suptitle(style.wrapped(title, WIDE, style.TITLE), **style.font(style.TITLE))
    return figure


def _crowded(line: Line, lines: Sequence[Line]) -> bool:
    """Return whether another method lies near this one, and above it."""
    return any(
        line.fdr is not None
        and other.fdr is not None
        and 1 / NEAR < other.fdr.value / line.fdr.value < NEAR
        and 0 < other.balanced_accuracy.value - line.balanced_accuracy.value < CLOSE
        for other in lines
    )
