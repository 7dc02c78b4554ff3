"""A map of fingerprints for each design choice: points that lie near each other have fingerprints alike."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manifpt.metrics.permanova import centred
from manifpt.metrics.scaling import principal_coordinates
from manifpt.reports import style
from manifpt.reports.palette import other_value, shared_values
from manifpt.studies.structure import Structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL, GAP, HEADING, EDGE, FOOT = 2.15, 0.2, 0.36, 0.15, 0.32  # inches
ENTRY, TOP, MARGIN = 0.15, 0.26, 0.06
MOST_COLUMNS = 4
OTHER = "one generator, or unknown"


def design_map_figure(found: Structure, *, title: str | None = None) -> Figure:
    """Return the two longest axes of classical scaling, a panel for each choice with its values as colours and markers.

    All panels have the same points. Values of one generator alone share a small grey dot with what is not known.

    Args:
        found: The study.
        title: Heading, none if None.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    places, shares = _places(found.distances.matrix)
    choices = found.choices.names
    columns = min(len(choices), MOST_COLUMNS)
    rows = math.ceil(len(choices) / columns)
    values = {choice: found.choices.column(choice, found.distances.generators).tolist() for choice in choices}
    looks = {choice: shared_values(column) for choice, column in values.items()}
    # Each row of panels makes room for its longest legend.
    legends = [
        max(len(looks[choice]) + 1 for choice in choices[row * columns : (row + 1) * columns]) * ENTRY
        for row in range(rows)
    ]
    across = columns * (PANEL + GAP) - GAP + 2 * EDGE
    heading = "" if title is None else style.wrapped(title, across, style.TITLE)
    top = EDGE + TOP * len(heading.splitlines())
    down = top + rows * (PANEL + HEADING + GAP) + sum(legends) + FOOT
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - EDGE / down, heading, ha="center", va="top", **style.font(style.TITLE))
    high = down - top
    for place, choice in enumerate(choices):
        row, column = divmod(place, columns)
        y = high - sum(legends[:row]) - row * (PANEL + HEADING + GAP) - HEADING - PANEL
        axes = figure.add_axes(((EDGE + column * (PANEL + GAP)) / across, y / down, PANEL / across, PANEL / down))
        _draw(axes, places, values[choice], looks[choice])
        axes.set_title(_told(found, choice), pad=4, **style.font(style.SMALL))
        _explain(axes, looks[choice])
    told = " and ".join(f"axis {axis + 1}: {share:.0%}" for axis, share in enumerate(shares))
    figure.text(0.5, EDGE / down, f"share of the spread on {told}", ha="center", **style.font(style.SMALL))
    return figure


def _places(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], list[float]]:
    found = principal_coordinates(matrix)
    whole = float(np.trace(centred(matrix))) or 1.0
    # One axis is all there is where generators lie on a line.
    kept = np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1]))))[:, :2]
    return kept, [float((axis**2).sum() / whole) for axis in kept.T]


def _draw(axes: Axes, places: NDArray[np.float64], values: list[str], looks: dict[str, tuple[str, str]]) -> None:
    for value in [None, *reversed(looks)]:
        chosen = [place for place, own in enumerate(values) if (own if own in looks else None) == value]
        colour, marker = other_value() if value is None else looks[value]
        look: dict[str, Any] = {"color": colour, "marker": marker, "edgecolors": style.PAPER, "linewidths": 0.5}
        x, y = places[chosen].T
        axes.scatter(x, y, s=14 if value is None else 34, alpha=0.9, **look)
    middle = (places.max(axis=0) + places.min(axis=0)) / 2
    reach = float((places.max(axis=0) - places.min(axis=0)).max()) * (0.5 + MARGIN) or 1.0
    axes.set_xlim(middle[0] - reach, middle[0] + reach)
    axes.set_ylim(middle[1] - reach, middle[1] + reach)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.spines[:].set_color(style.MISSING)


def _explain(axes: Axes, looks: dict[str, tuple[str, str]]) -> None:
    """Write the values below a panel, each with its marker."""
    for place, (value, (colour, marker)) in enumerate([*looks.items(), (OTHER, other_value())]):
        y = -(place + 0.7) * ENTRY / PANEL
        axes.plot(
            [0.03], [y], marker=marker, markersize=5, color=colour, markeredgewidth=0, linestyle="",
            transform=axes.transAxes, clip_on=False,
        )  # fmt: skip
        shown = style.label(value)
        axes.text(0.08, y, shown, va="center_baseline", transform=axes.transAxes, **style.font(style.TINY))


def _told(found: Structure, choice: str) -> str:
    row = next(one for one in found.groupings if one.choice == choice)
    name = style.label(choice, longest=18)
    if row.ami is None:
        return f"{name}: {style.label(row.reason, longest=24)}"
    p = "" if row.p_value is None else f", p {row.p_value:.3f}"
    return f"{name}: AMI {row.ami:.2f}{p}".replace("-0", "−0")
