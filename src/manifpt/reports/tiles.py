"""Maps as tiles of a figure: their colours, their places in inches, and the key that tells what a colour means."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manifpt.reports import style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

EXTREMES = 99.5  # percentile at which shades saturate, so that one bright pixel does not blank the rest

Box = tuple[float, float, float, float]  # left, bottom, width, height in inches


@dataclass(frozen=True, slots=True)
class Scale:
    """The colours of a kind of tile, and the values at their ends."""

    colours: str
    low: float
    high: float


def scale(tiles: Iterable[NDArray[Any]], *, diverging: bool) -> Scale:
    """Return the common scale of tiles: a diverging one is symmetric around zero.

    Example:
        >>> found = scale([np.array([1.0, -3.0]), np.array([2.0])], diverging=True)
        >>> round(found.high, 1), found.low == -found.high
        (3.0, True)
    """
    values = np.concatenate([np.asarray(tile, np.float64).reshape(-1) for tile in tiles])
    if diverging:
        reach = float(np.percentile(np.abs(values), EXTREMES)) or float(np.abs(values).max()) or 1.0
        return Scale(style.DIVERGING, -reach, reach)
    low, high = np.percentile(values, [100 - EXTREMES, EXTREMES])
    return Scale(style.SPECTRAL, float(low), float(high) if high > low else float(low) + 1)


def place(figure: Figure, box: Box) -> Axes:
    """Return new axes at a place that is given in inches."""
    across, down = figure.get_size_inches()
    left, bottom, width, height = box
    return figure.add_axes((left / across, bottom / down, width / across, height / down))


def tile(figure: Figure, box: Box, values: NDArray[Any], colours: Scale | None = None) -> None:
    """Draw a map (height, width) in the colours of a scale, or an image (height, width, 3) in its own."""
    axes = place(figure, box)
    look: dict[str, Any] = (
        {} if colours is None else {"cmap": colours.colours, "vmin": colours.low, "vmax": colours.high}
    )
    axes.imshow(values, interpolation="nearest", **look)
    axes.set_axis_off()


def key(figure: Figure, box: Box, caption: str, colours: Scale, *, ends: tuple[str, str, str] | None = None) -> None:
    """Draw the colours of a scale with what its ends and middle mean; the values themselves if None."""
    axes = place(figure, box)
    axes.imshow(np.linspace(0, 1, 256)[None], cmap=colours.colours, aspect="auto", extent=(0, 1, 0, 1))
    middle = (colours.low + colours.high) / 2
    told = ends or [number(end) for end in (colours.low, middle, colours.high)]
    axes.set_xticks([0, 0.5, 1], told, **style.font(style.TINY))
    # The ends stay within the key's width, so that keys may stand side by side.
    first, *_, last = axes.get_xticklabels()
    first.set_horizontalalignment("left")
    last.set_horizontalalignment("right")
    axes.set_yticks([])
    axes.set_xlabel(caption, labelpad=2, **style.font(style.SMALL))
    axes.tick_params(length=2, color=style.QUIET)
    axes.spines[:].set_visible(False)


def number(value: float) -> str:
    """Return a value in two digits, as it is written below a key.

    Example:
        >>> number(-0.1234)
        '−0.12'
    """
    return f"{value:.2g}".replace("-", "−")
