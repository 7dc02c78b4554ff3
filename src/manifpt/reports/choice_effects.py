"""How much each design choice changes fingerprints, beside what another seed changes."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from manifpt.errors import NumbersError
from manifpt.reports import style
from manifpt.reports.figure_data import exported
from manifpt.studies.crossing import MainEffect

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE, ROW, AROUND = 6.4, 0.42, 1.2  # inches: the figure, a choice, around them
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00")
MARKERS = "osD^vP"
APART = 0.18  # of a row: between methods


def effects_figure(found: Mapping[str, Sequence[MainEffect]], *, title: str | None = None) -> Figure:
    """Return a figure with the ratio of each choice's mean square to the seed's, a row for each choice.

    Bars are intervals of 95 %; the line at 1 is what another seed of the same design changes.

    Args:
        found: Method → its main effects, of the same choices; at most 6 methods.
        title: Heading, none if None.

    Raises:
        NumbersError: There is no method, there are more than 6, or they have other choices.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    choices = [one.choice for one in next(iter(found.values()), ())]
    if (
        not choices
        or len(found) > len(COLOURS)
        or any([one.choice for one in each] != choices for each in found.values())
    ):
        raise NumbersError(
            f"{len(found)} methods of different choices, or none",
            expected=f"1 to {len(COLOURS)} methods with the same choices",
            remedy="measure all choices with each",
        )
    figure = Figure(figsize=(WIDE, AROUND + ROW * len(choices)), layout="constrained", facecolor=style.PAPER)
    axes = figure.add_subplot()
    for place, (method, effects) in enumerate(found.items()):
        look: dict[str, Any] = {"color": COLOURS[place], "zorder": 2}
        rows = np.arange(len(choices)) + APART * (place - (len(found) - 1) / 2)
        for row, one in zip(rows, effects, strict=True):
            axes.plot([one.ratio.low, one.ratio.high], [row, row], linewidth=1.5, **look)
        values = [one.ratio.value for one in effects]
        axes.plot(values, rows, linestyle="", marker=MARKERS[place], markersize=5, label=style.label(method), **look)
    axes.axvline(1, color=style.QUIET, linewidth=1, linestyle=(0, (1, 2)), label="another seed")
    axes.set_xscale("log")
    axes.set_ylim(len(choices) - 0.5, -0.5)
    axes.set_yticks(np.arange(len(choices)), style.labels(choices), **style.font(style.LABEL))
    axes.set_xlabel("change by the choice, over that by another seed (mean squares)", **style.font(style.LABEL))
    axes.tick_params(axis="x", labelsize=style.SMALL, labelfontfamily="DejaVu Sans", labelcolor=style.INK)
    axes.grid(axis="x", color=style.MISSING, linewidth=0.8, zorder=0)
    axes.set_axisbelow(True)
    axes.spines[["top", "right"]].set_visible(False)
    fonts = {"family": "DejaVu Sans", "size": style.SMALL}
    figure.legend(loc="outside lower right", ncols=len(found) + 1, frameon=False, prop=fonts, labelcolor=style.INK)
    if title is not None:
        figure.suptitle(style.wrapped(title, WIDE, style.TITLE), **style.font(style.TITLE))
    return figure


def effects_exported(found: Mapping[str, Sequence[MainEffect]], path: str | os.PathLike[str]) -> Path:
    """Write the numbers behind the figure as ``.npz``, and return its path.

    ``methods`` (m,), ``choices`` (c,), ``ratios`` (m, c, 3) with their bounds, and ``shares`` (m, c).

    Args:
        found: As of ``effects_figure``.
        path: Of the file.

    Raises:
        DataError: The suffix is another, or the file cannot be written.
    """
    first = next(iter(found.values()), ())
    ratios = [[(one.ratio.value, one.ratio.low, one.ratio.high) for one in effects] for effects in found.values()]
    shares = [[one.share for one in effects] for effects in found.values()]
    choices = [one.choice for one in first]
    return exported({"methods": list(found), "choices": choices, "ratios": ratios, "shares": shares}, path)
