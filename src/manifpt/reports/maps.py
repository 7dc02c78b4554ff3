"""Maps of features side by side: a t-SNE panel for each method, with one legend."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from manifpt.errors import NumbersError
from manifpt.reports import style
from manifpt.studies.rows import Run

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

REAL = "real"
# Okabe and Ito's colours without black, which real images have to themselves, and yellow, which is pale on paper.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7")
MARKERS = ("o", "^", "s", "D", "v", "P", "X", "p", "<", ">", "*", "h")
PANEL, GAP, HEADING, BORDER = 2.0, 0.12, 0.22, 0.15  # inches
TOP, ENTRY, SAMPLE = 0.26, 0.17, 0.2  # inches: a line of the title, a line of the legend, its marker
MOST_COLUMNS = 5
AREA, MOST_AREA = 7000.0, 14.0  # points²: of all markers of a panel together, of one
MARGIN = 0.04  # of a panel's width, around its points
TURNS = 3  # in which the points of all classes are drawn


def map_figure(runs: Sequence[Run], *, title: str | None = None) -> Figure:
    """Return a grid with the map of each run, its points coloured and shaped by their true class.

    Every class looks the same in all panels, and no two of up to 72 alike; real images are black. Where classes are
    named by family (``gan-…``, ``vae-…``), a family's members follow each other in the legend.

    Args:
        runs: Of the same data set, each with places; in this order.
        title: Heading, none if None.

    Raises:
        NumbersError: There is no run, or one has no places.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    _refuse_unmapped(runs)
    classes = sorted({name for run in runs for name in run.classes}, key=_real_first)
    looks = dict(zip(classes, _looks(classes), strict=True))
    columns = min(len(runs), MOST_COLUMNS)
    rows = math.ceil(len(runs) / columns)
    names = style.labels(classes)
    entry = max(style.width(name, style.SMALL) for name in names) + SAMPLE + GAP
    across = max(columns * (PANEL + GAP) - GAP, min(len(classes), 2) * entry) + 2 * BORDER
    beside = max(1, int((across - 2 * BORDER) / entry))
    legend = math.ceil(len(classes) / beside)
    heading = "" if title is None else style.wrapped(title, across, style.TITLE)
    top = BORDER + TOP * len(heading.splitlines())
    down = top + rows * (PANEL + HEADING + GAP) + legend * ENTRY + BORDER
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - BORDER / down, heading, ha="center", va="top", **style.font(style.TITLE))
    left = (across - (columns * (PANEL + GAP) - GAP)) / 2
    longest = int(PANEL / style.width("m", style.SMALL)) - 1
    for place, (run, shown) in enumerate(zip(runs, style.labels(_methods(runs), longest=longest), strict=True)):
        x = left + place % columns * (PANEL + GAP)
        y = down - top - (place // columns + 1) * (PANEL + HEADING + GAP) + GAP
        axes = figure.add_axes((x / across, y / down, PANEL / across, PANEL / down))
        axes.set_title(shown, pad=3, **style.font(style.SMALL))
        _draw(axes, run, looks)
    _explain(figure, dict(zip(names, looks.values(), strict=True)), beside, entry)
    return figure


def _refuse_unmapped(runs: Sequence[Run]) -> None:
    if not runs or any(run.places is None for run in runs):
        lacking = next((run.key.method for run in runs if run.places is None), None)
        raise NumbersError(
            "there is no map" if lacking is None else f"{lacking} has no map",
            expected="runs with the places of 10 images or more",
            remedy="pass those of the first fold",
        )


def _methods(runs: Sequence[Run]) -> list[str]:
    return [run.key.method for run in runs]


def _real_first(name: str) -> tuple[bool, str]:
    return not _is_real(name), name


def _is_real(name: str) -> bool:
    return name == REAL or name.startswith(f"{REAL}-")


def _looks(classes: Sequence[str]) -> list[dict[str, Any]]:
    """Return a pair of colour and marker for each class; neighbours in the legend differ in both while they can."""
    found: list[dict[str, Any]] = []
    made = reals = 0
    for name in classes:
        if _is_real(name):
            colour, marker = style.INK, MARKERS[reals % len(MARKERS)]
            reals += 1
        else:
            turn, step = divmod(made, len(COLOURS))
            colour, marker = COLOURS[step], MARKERS[(step + turn) % len(MARKERS)]
            made += 1
        found.append({"color": colour, "marker": marker})
    return found


def _draw(axes: Axes, run: Run, looks: dict[str, dict[str, Any]]) -> None:
    places = np.asarray(run.places)
    middle = (places.min(axis=0) + places.max(axis=0)) / 2
    reach = float((places.max(axis=0) - places.min(axis=0)).max()) / 2 * (1 + 2 * MARGIN) or 1.0
    size = min(MOST_AREA, AREA / len(places))
    # A class drawn last would hide the others, so that points are drawn in an order that has nothing to do with them.
    order = np.random.default_rng(0).permutation(len(places))
    for part in np.array_split(order, min(len(order), TURNS)):
        for index in np.unique(run.truth[part]):
            chosen = part[run.truth[part] == index]
            x, y = places[chosen].T
            axes.scatter(x, y, s=size, linewidths=0, alpha=0.85, **looks[run.classes[index]])
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] - reach, middle[1] + reach)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(style.MISSING)


def _explain(figure: Figure, looks: dict[str, dict[str, Any]], beside: int, entry: float) -> None:
    """Draw the legend below the panels, column by column, so that members of a family stand together."""
    from matplotlib.lines import Line2D  # noqa: PLC0415  (loads only where a figure is drawn)

    across, down = figure.get_size_inches()
    deep = math.ceil(len(looks) / beside)
    columns = math.ceil(len(looks) / deep)
    left = (across - columns * entry) / 2
    for place, (name, look) in enumerate(looks.items()):
        x = left + place // deep * entry
        y = BORDER + (deep - place % deep - 0.5) * ENTRY
        sample = Line2D(
            [(x + SAMPLE / 2) / across], [y / down], linestyle="", markersize=4.5, markeredgewidth=0, **look
        )
        figure.add_artist(sample)
        figure.text((x + SAMPLE) / across, y / down, name, va="center_baseline", **style.font(style.SMALL))
