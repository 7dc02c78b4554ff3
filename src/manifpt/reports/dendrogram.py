"""A tree of generators by their fingerprints, with their design choices beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import NumbersError
from manifpt.reports import style
from manifpt.reports.palette import shared_values
from manifpt.studies.structure import Structure

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TREE, ROW, GAP, EDGE, HEAD, FOOT = 2.4, 0.2, 0.08, 0.15, 0.28, 0.55  # inches
NARROWEST, LONGEST = 0.5, 18  # inches of a strip, letters of a value
TINT = 0.45  # of a colour that text stands on
FEWEST = 2


def dendrogram_figure(found: Structure, *, title: str | None = None) -> Figure:
    """Return a figure of the tree that joins generators by average distance, and a strip for each choice.

    Values that generators share have a colour of their own in each strip; every value is written out, so that no colour
    has to be told from another. What is not known is a dash.

    Args:
        found: The study.
        title: Heading, none if None.

    Raises:
        NumbersError: There are fewer than two generators.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    distances = found.distances
    if len(distances.generators) < FEWEST:
        raise NumbersError("there is one generator", expected="two or more", remedy="give more")
    lines, heights, order = _tree(distances.matrix)
    names = style.labels([distances.generators[place] for place in order])
    strips = {
        choice: found.choices.column(choice, distances.generators)[order].tolist() for choice in found.choices.names
    }
    heads = dict(zip(strips, style.labels(list(strips), longest=LONGEST), strict=True))
    wide = {choice: _width([heads[choice], *values]) for choice, values in strips.items()}
    label = max(style.width(name, style.SMALL) for name in names) + GAP
    across = 2 * EDGE + TREE + label + sum(wide.values()) + GAP * (len(wide) + 1)
    heading = "" if title is None else style.wrapped(title, across, style.TITLE)
    top = EDGE + 0.24 * len(heading.splitlines())
    deep = ROW * len(names)
    down = top + HEAD + deep + FOOT
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - EDGE / down, heading, ha="center", va="top", **style.font(style.TITLE))

    def part(left: float, width: float) -> Axes:
        return figure.add_axes((left / across, FOOT / down, width / across, deep / down))

    _draw_tree(part(EDGE, TREE), lines, heights, len(names), distances.kind)
    left = EDGE + TREE + GAP
    beside = part(left, label)
    _bare(beside, len(names))
    for row, name in enumerate(names):
        beside.text(0, row, name, va="center", **style.font(style.SMALL))
    left += label + GAP
    for choice, values in strips.items():
        strip = part(left, wide[choice])
        _draw_strip(strip, values, len(names))
        strip.set_title(heads[choice], pad=4, **style.font(style.SMALL))
        left += wide[choice] + GAP
    return figure


def _tree(matrix: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], list[int]]:
    """Return places and heights of the tree's brackets, (n − 1, 4) each, and the leaves from top to bottom."""
    from scipy.cluster.hierarchy import dendrogram, linkage  # noqa: PLC0415  (loads only where a figure is drawn)
    from scipy.spatial.distance import squareform  # noqa: PLC0415

    tree = dendrogram(linkage(squareform(matrix), "average"), no_plot=True)
    # SciPy puts the leaves at 5, 15, 25, …
    return (np.asarray(tree["icoord"]) - 5) / 10, np.asarray(tree["dcoord"]), list(tree["leaves"])


def _draw_tree(axes: Axes, lines: NDArray[np.float64], heights: NDArray[np.float64], leaves: int, kind: str) -> None:
    for places, high in zip(lines, heights, strict=True):
        axes.plot(high, places, color=style.INK, linewidth=0.9, solid_joinstyle="miter")
    _bare(axes, leaves)
    most = float(heights.max()) or 1.0
    axes.set_xlim(most * 1.03, 0)
    axes.set_xticks([most / 2, 0], [f"{most / 2:.3g}", "0"], **style.font(style.TINY))
    axes.tick_params(axis="x", length=2, color=style.QUIET)
    axes.spines["bottom"].set_visible(True)
    axes.spines["bottom"].set_color(style.MISSING)
    axes.set_xlabel(f"mean {kind} distance", **style.font(style.SMALL))


def _draw_strip(axes: Axes, values: list[str], leaves: int) -> None:
    from matplotlib.colors import to_rgb  # noqa: PLC0415  (loads only where a figure is drawn)

    looks = shared_values(values)
    _bare(axes, leaves)
    axes.set_xlim(0, 1)
    for row, value in enumerate(values):
        colour: Any = style.PAPER
        if value in looks:
            colour = tuple(1 - TINT * (1 - part) for part in to_rgb(looks[value][0]))
        axes.axhspan(row - 0.5, row + 0.5, facecolor=colour, edgecolor=style.PAPER, linewidth=0.6)
        text = style.label(value, longest=LONGEST) if value else "–"
        axes.text(0.5, row, text, ha="center", va="center", **style.font(style.TINY))


def _bare(axes: Axes, leaves: int) -> None:
    axes.set_ylim(leaves - 0.5, -0.5)
    axes.set_yticks([])
    axes.set_xticks([])
    axes.spines[:].set_visible(False)


def _width(texts: list[str]) -> float:
    return max(NARROWEST, max(style.width(style.label(text, longest=LONGEST), style.SMALL) for text in texts) + GAP)
