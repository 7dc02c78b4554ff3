"""A gallery of fingerprints: the mean artifact and the mean log-spectrum of each generator."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.reports import style, tiles

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE, SEAM, GAP, HEADING = 1.0, 0.04, 0.2, 0.25  # inches
BORDER, FOOT, TOP, NARROWEST, LONGEST_KEY = 0.25, 0.7, 0.24, 4.4, 4.0  # inches
MOST_COLUMNS = 5
DIMENSIONS = 3  # of a tile: channels, height, width

CAPTIONS = {"artifact": "artifact (mean of channels)", "spectrum": "log-spectrum"}

Tiles = dict[str, NDArray[np.float64]]


def fingerprint_figure(
    mean_artifacts: Mapping[str, ArrayLike],
    mean_spectra: Mapping[str, ArrayLike] | None = None,
    *,
    title: str | None = None,
) -> Figure:
    """Return a gallery with one entry per generator: its mean artifact and, beside it, its mean log-spectrum.

    All artifacts share one diverging scale around zero and all spectra one scale, so that entries can be
    compared. Channels are averaged.

    Args:
        mean_artifacts: Generator → (channels, height, width) or (height, width), in the unit of its space.
        mean_spectra: Generator → the same shapes, log-magnitudes with the zero frequency in the centre; left
            out if None.
        title: Heading, none if None.

    Raises:
        NumbersError: There is no generator, an array is of another shape or not finite, or the two name
            different ones.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    kinds = {"artifact": _tiles(mean_artifacts, "artifact")}
    if mean_spectra is not None:
        kinds["spectrum"] = _tiles(mean_spectra, "spectrum")
        _refuse_strangers(kinds["artifact"], kinds["spectrum"])
    names = list(kinds["artifact"])
    entry = len(kinds) * TILE
    columns = min(len(names), MOST_COLUMNS * 2 // len(kinds))
    rows = math.ceil(len(names) / columns)
    across = max(columns * (entry + GAP) - GAP + 2 * BORDER, NARROWEST)
    heading = "" if title is None else style.wrapped(title, across, style.TITLE)
    top = TOP * len(heading.splitlines()) + BORDER / 2
    down = top + rows * (TILE + HEADING) + FOOT
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - BORDER / 2 / down, heading, ha="center", va="top", **style.font(style.TITLE))
    scales = {kind: tiles.scale(means.values(), diverging=kind == "artifact") for kind, means in kinds.items()}
    left = (across - (columns * (entry + GAP) - GAP)) / 2
    for place, shown in enumerate(style.labels(names, longest=_fitting(entry))):
        x = left + place % columns * (entry + GAP)
        y = down - top - (place // columns + 1) * (TILE + HEADING)
        centre = (x + entry / 2) / across, (y + TILE + 0.05) / down
        figure.text(*centre, shown, ha="center", **style.font(style.SMALL))
        _draw(figure, (x, y), [(kinds[kind][names[place]], scales[kind]) for kind in kinds])
    for index, kind in enumerate(kinds):
        centre_of_key, long = (index + 0.5) * across / len(kinds), min(across / len(kinds) - 0.6, LONGEST_KEY)
        box = (centre_of_key - long / 2, 0.42, long, 0.1)
        tiles.key(figure, box, f"mean {CAPTIONS[kind]}", scales[kind])
    return figure


def _tiles(means: Mapping[str, ArrayLike], kind: str) -> Tiles:
    if not means:
        raise NumbersError(f"there is no mean {kind}", expected="one per generator", remedy="fit first")
    return {str(name): _tile(mean, str(name), kind) for name, mean in means.items()}


def _tile(mean: ArrayLike, name: str, kind: str) -> NDArray[np.float64]:
    array = np.asarray(mean, dtype=np.float64)
    array = array[None] if array.ndim == DIMENSIONS - 1 else array
    if array.ndim != DIMENSIONS or not array.size:
        raise NumbersError(
            f"the mean {kind} of {name!r} has shape {np.shape(mean)}",
            expected="(channels, height, width)",
            remedy="draw fingerprints of an image-shaped space, such as rgb",
        )
    if not np.isfinite(array).all():
        raise NumbersError(
            f"the mean {kind} of {name!r} holds NaN or infinity",
            expected="finite numbers",
            remedy="fit it again",
        )
    return np.asarray(array.mean(axis=0))


def _refuse_strangers(artifacts: Tiles, spectra: Tiles) -> None:
    strangers = sorted(artifacts.keys() ^ spectra.keys())
    if strangers:
        raise NumbersError(
            f"{strangers[0]!r} has only one of artifact and spectrum",
            expected="both for every generator",
            remedy="pass the same generators twice",
        )


def _fitting(inches: float) -> int:
    return int(inches / style.width("m", style.SMALL))


def _draw(figure: Figure, corner: tuple[float, float], shown: list[tuple[NDArray[np.float64], tiles.Scale]]) -> None:
    x, y = corner
    for index, (mean, colours) in enumerate(shown):
        tiles.tile(figure, (x + index * TILE, y, TILE - SEAM, TILE), mean, colours)
