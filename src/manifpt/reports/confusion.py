"""The confusion matrix as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.reports import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

FEW, MANY = 5, 20  # classes: up to FEW with roomy cells, up to MANY with a number in every cell
ROOMY, ROOMIEST, MEDIUM, SMALL = 0.85, 1.3, 0.42, 0.29  # inches of a cell
NARROWEST, EDGE = 4.0, 0.1  # inches: of a figure, and around it
DARK = 0.55  # share above which white digits read better
LEAST = 0.005  # share that is written as 1 %


def confusion_figure(matrix: ArrayLike, classes: Sequence[str], *, title: str | None = None) -> Figure:
    """Return a figure of a confusion matrix, shaded and numbered by the share of each row.

    Up to 20 classes every share of half a percent or more is written in its cell, beyond that the recall on
    the diagonal. Beside each row stands its number of images.

    Args:
        matrix: Counts (classes, classes); rows are the truth, columns the answers.
        classes: Names of rows and columns; they may hold any characters.
        title: Heading, none if None.

    Raises:
        NumbersError: The matrix is not square, does not fit the classes, or holds negative or broken counts.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)
    from matplotlib.layout_engine import ConstrainedLayoutEngine  # noqa: PLC0415

    counts = _counts(matrix, len(classes))
    totals = counts.sum(axis=1)
    shares = np.divide(counts, totals[:, None], out=np.full(counts.shape, np.nan), where=totals[:, None] > 0)
    names = style.labels(classes)
    margin = max(style.width(name, style.LABEL) for name in names)
    cell = _cell(len(names), margin)
    side = cell * len(names)
    size = (max(side + margin + 2.0, NARROWEST), side + (0.2 if margin < cell else margin) + 1.1)
    layout = ConstrainedLayoutEngine(w_pad=EDGE, h_pad=EDGE)
    figure = Figure(figsize=size, layout=layout, facecolor=style.PAPER)
    axes = figure.add_subplot()
    image = axes.imshow(shares, cmap=style.SEQUENTIAL, vmin=0, vmax=1, interpolation="nearest")
    axes.set_facecolor(style.MISSING)
    _name(axes, names, cell)
    _count(axes, totals)
    _number(axes, shares)
    if title is not None:
        figure.suptitle(style.wrapped(title, size[0], style.TITLE), **style.font(style.TITLE))
    bar = figure.colorbar(image, cax=axes.inset_axes((1 + 0.5 / side, 0, 0.13 / side, 1)))
    bar.set_ticks([0, 0.5, 1], labels=["0 %", "50 %", "100 %"], **style.font(style.SMALL))
    bar.set_label("share of the images of a row", **style.font(style.SMALL))
    bar.outline.set_visible(False)
    return figure


def _counts(matrix: ArrayLike, classes: int) -> NDArray[np.float64]:
    counts = np.asarray(matrix, dtype=np.float64)
    if not classes or counts.shape != (classes, classes):
        raise NumbersError(
            f"the matrix has shape {counts.shape} for {classes} classes",
            expected="(classes, classes), one class or more",
            remedy="pass what confusion() returned with the same classes",
        )
    if not (np.isfinite(counts).all() and (counts >= 0).all()):
        raise NumbersError(
            "a count is negative or not finite", expected="counts", remedy="pass what confusion() returned"
        )
    return counts


def _cell(classes: int, widest: float) -> float:
    if classes <= FEW:
        return min(max(widest + 0.1, ROOMY), ROOMIEST)
    return MEDIUM if classes <= MANY else SMALL


def _name(axes: Axes, names: list[str], cell: float) -> None:
    places = np.arange(len(names))
    text = style.font(style.LABEL if len(names) <= MANY else style.SMALL)
    level = max(style.width(name, style.LABEL) for name in names) < cell
    axes.set_xticks(places, names, rotation=0 if level else 90, **text)
    axes.set_yticks(places, names, **text)
    axes.set_xlabel("answer", **style.font(style.LABEL))
    axes.set_ylabel("truth", **style.font(style.LABEL))
    axes.set_xticks(places[1:] - 0.5, minor=True)
    axes.set_yticks(places[1:] - 0.5, minor=True)
    axes.grid(which="minor", color=style.PAPER, linewidth=1)
    axes.tick_params(which="both", length=0)
    axes.spines[:].set_visible(False)


def _count(axes: Axes, totals: NDArray[np.float64]) -> None:
    quiet = style.font(style.TINY, colour=style.QUIET)
    across = axes.get_yaxis_transform()
    for row, total in enumerate(totals):
        beside: dict[str, Any] = {
            "xycoords": across,
            "xytext": (4, 0),
            "textcoords": "offset points",
            "va": "center",
        }
        axes.annotate(f"{total:.0f}", (1, row), **beside, **quiet)
    above: dict[str, Any] = {"xycoords": "axes fraction", "xytext": (4, 3), "textcoords": "offset points"}
    axes.annotate("images", (1, 1), **above, **quiet)


def _number(axes: Axes, shares: NDArray[np.float64]) -> None:
    size = style.LABEL if len(shares) <= FEW else style.TINY
    written = shares >= LEAST if len(shares) <= MANY else np.eye(len(shares), dtype=bool) & (shares >= 0)
    for row, column in np.argwhere(written):
        share = shares[row, column]
        look = style.font(size, colour=style.PAPER if share > DARK else style.INK)
        axes.text(column, row, f"{100 * share:.0f}", ha="center", va="center", **look)
