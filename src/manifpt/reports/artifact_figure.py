"""Artifacts of single images: each image, its real counterparts, and what separates them (Song et al. 2024)."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import NumbersError
from manifpt.reports import style, tiles
from manifpt.reports.figure_data import exported

if TYPE_CHECKING:
    from matplotlib.figure import Figure

TILE, SEAM, ASIDE, GAP, BORDER = 1.05, 0.05, 0.25, 0.15, 0.2  # inches: ASIDE between an image and its counterparts
LINE, TOP, FOOT, KEY, LONGEST_KEY = 0.135, 0.24, 0.58, 0.08, 2.6  # inches
NARROWEST = 3.9  # inches, in which the captions of both keys fit
DIMENSIONS = 4  # of images: number, height, width, channels
KINDS = ("real counterpart", "artifact", "log-spectrum")
ARTIFACT, SPECTRUM = "artifact: image − counterpart", "its log-spectrum, ln |F|"


@dataclass(frozen=True, slots=True, eq=False)
class Counterparts:
    """Generated images and their real counterparts by several spaces or manifolds.

    Args:
        names: What each image is called.
        images: (n, height, width, 3), in [0, 1].
        columns: Name of a space or manifold → the counterpart of each image, (n, height, width, 3) in the same unit:
            the nearest real of a space, or the projection of a manifold of pixels, which may leave [0, 1] a little.

    Raises:
        NumbersError: There is no image or column, or an array is of another shape, not finite, or not in [0, 1].
    """

    names: Sequence[str]
    images: ArrayLike
    columns: Mapping[str, ArrayLike]

    def __post_init__(self) -> None:
        images = np.asarray(self.images)
        if not len(self.names) or not self.columns:
            raise NumbersError(
                f"there is no {'column' if len(self.names) else 'image'}",
                expected="one image or more, with its counterpart in one space or more",
                remedy="pass both",
            )
        _refuse_misshapen("images", images, len(self.names))
        if images.min() < 0 or images.max() > 1:
            raise NumbersError(
                f"the images have values from {images.min():.3g} to {images.max():.3g}",
                expected="pixels in [0, 1]",
                remedy="divide 8-bit pixels by 255",
            )
        for name, given in self.columns.items():
            _refuse_misshapen(f"counterparts of {name!r}", np.asarray(given), len(self.names))
            if np.shape(given) != images.shape:
                raise NumbersError(
                    f"the counterparts of {name!r} have shape {np.shape(given)}",
                    expected=f"{images.shape}, as the images have",
                    remedy="pass the counterpart of each image, in its size",
                )

    def artifacts(self, column: str) -> NDArray[np.float64]:
        """Return image − counterpart of each image, (n, 3, height, width)."""
        return np.moveaxis(np.asarray(self.images, np.float64) - np.asarray(self.columns[column], np.float64), 3, 1)

    def exported(self, path: str | os.PathLike[str]) -> Path:
        """Write all that the figure shows as one ``.npz``, and return its path.

        It holds ``names`` (n,), ``images`` (n, height, width, 3), ``columns`` (k,), ``counterparts``
        (k, n, height, width, 3), and ``artifacts`` and ``spectra`` (k, n, 3, height, width).

        Raises:
            DataError: The suffix is another, or the file cannot be written.
        """
        artifacts = np.stack([self.artifacts(name) for name in self.columns])
        arrays = {
            "names": np.array(list(map(str, self.names))),
            "images": np.asarray(self.images, np.float32),
            "columns": np.array(list(map(str, self.columns))),
            "counterparts": np.stack([np.asarray(given, np.float32) for given in self.columns.values()]),
            "artifacts": artifacts.astype(np.float32),
            "spectra": log_spectrum(artifacts),
        }
        return exported(arrays, path)


def artifact_figure(shown: Counterparts, *, title: str | None = None, shared: bool = True) -> Figure:
    """Return a figure with a block for each image: the image, and beside it a column for each space or manifold.

    A column has the real counterpart, below it the artifact (the mean of its channels, on a diverging scale around
    zero) and its log-spectrum with the zero frequency in the middle.

    Args:
        shown: The images and their counterparts.
        title: Heading, none if None.
        shared: Whether all artifacts share one scale, and all spectra. Otherwise each column has its own, whose ends
            stand below the column's name: artifacts of two manifolds can differ tenfold.

    Example:
        >>> image = np.zeros((1, 8, 8, 3))
        >>> len(artifact_figure(Counterparts(["gan"], image, {"nearest": image + 0.5})).axes)  # four tiles, two keys
        6
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    columns = {name: _Column.of(shown, name) for name in shown.columns}
    looks = _looks(columns, shared=shared)
    headings = [style.wrapped(name, TILE, style.SMALL) for name in style.labels(list(shown.columns))]
    ends = ["" if shared else _ends(look) for look in looks]
    wide = TILE + ASIDE + len(columns) * TILE - SEAM
    across = max(wide + 2 * BORDER, NARROWEST)
    heading = "" if title is None else style.wrapped(title, across - 2 * BORDER, style.TITLE)
    told = 0.06 if shared else 2 * LINE + 0.04
    lines = max(text.count("\n") + 1 for text in headings)
    top = BORDER + TOP * len(heading.splitlines()) + LINE * lines + told
    block = len(KINDS) * TILE + GAP
    down = top + len(shown.names) * block + FOOT
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - BORDER / 2 / down, heading, ha="center", va="top", **style.font(style.TITLE))
    left = (across - wide) / 2
    first, quiet = left + TILE + ASIDE, style.font(style.TINY, colour=style.QUIET)
    for place, (text, below) in enumerate(zip(headings, ends, strict=True)):
        middle = (first + (place + 0.5) * TILE - SEAM / 2) / across
        figure.text(middle, 1 - (top - told) / down, text, ha="center", va="bottom", **style.font(style.SMALL))
        figure.text(middle, 1 - (top - told + 0.02) / down, below, ha="center", va="top", **quiet)
    images = np.asarray(shown.images, np.float64)
    for row, name in enumerate(style.labels(list(shown.names))):
        high = down - top - row * block
        tiles.tile(figure, (left, high - TILE + SEAM, TILE - SEAM, TILE - SEAM), images[row])
        beneath = (left + (TILE - SEAM) / 2) / across, (high - TILE) / down
        figure.text(*beneath, style.wrapped(name, TILE, style.SMALL), ha="center", va="top", **style.font(style.SMALL))
        for depth, kind in enumerate(KINDS):
            side = (first - 0.04) / across, (high - (depth + 0.5) * TILE + SEAM / 2) / down
            figure.text(*side, kind, rotation=90, ha="right", va="center", **quiet)
        for place, (column, look) in enumerate(zip(columns.values(), looks, strict=True)):
            for depth, (values, colours) in enumerate(column.drawn(row, look)):
                corner = first + place * TILE, high - (depth + 1) * TILE + SEAM
                tiles.tile(figure, (*corner, TILE - SEAM, TILE - SEAM), values, colours)
    _explain(figure, looks[0], shared=shared)
    return figure


Looks = tuple[tiles.Scale, tiles.Scale]  # of artifacts, of spectra


@dataclass(frozen=True, slots=True, eq=False)
class _Column:
    counterparts: NDArray[np.float64]
    artifacts: NDArray[np.float64]
    spectra: NDArray[np.float64]

    @classmethod
    def of(cls, shown: Counterparts, name: str) -> _Column:
        found = shown.artifacts(name)
        counterparts = np.clip(np.asarray(shown.columns[name], np.float64), 0, 1)
        return cls(counterparts, found.mean(axis=1), log_spectrum(found).mean(axis=1).astype(np.float64))

    def counted(self) -> NDArray[np.float64]:
        """Return the spectra that decide a scale: those of zeros lie far below all others, which would look alike."""
        nonzero = self.artifacts.any(axis=(1, 2))
        return self.spectra[nonzero] if nonzero.any() else self.spectra

    def drawn(self, row: int, look: Looks) -> list[tuple[NDArray[np.float64], tiles.Scale | None]]:
        return [(self.counterparts[row], None), (self.artifacts[row], look[0]), (self.spectra[row], look[1])]


def _looks(columns: Mapping[str, _Column], *, shared: bool) -> list[Looks]:
    groups = [list(columns.values())] * len(columns) if shared else [[one] for one in columns.values()]
    return [
        (
            tiles.scale([one.artifacts for one in group], diverging=True),
            tiles.scale([one.counted() for one in group], diverging=False),
        )
        for group in groups
    ]


def _ends(look: Looks) -> str:
    artifact, spectrum = look
    low, high = (f"{end:.1f}".replace("-", "−") for end in (spectrum.low, spectrum.high))
    return f"artifact ±{tiles.number(artifact.high)}\nln |F| {low} to {high}"


def _explain(figure: Figure, look: Looks, *, shared: bool) -> None:
    across = float(figure.get_size_inches()[0])
    named = (("−", "0", "+"), ("low", "", "high"))
    for place, (caption, colours) in enumerate(zip((ARTIFACT, SPECTRUM), look, strict=True)):
        long = min(across / 2 - 0.4, LONGEST_KEY)
        box = ((place + 0.5) * across / 2 - long / 2, FOOT - 0.21, long, KEY)
        tiles.key(figure, box, caption, colours, ends=None if shared else named[place])


def _refuse_misshapen(what: str, array: NDArray[Any], count: int) -> None:
    if array.ndim != DIMENSIONS or len(array) != count or array.shape[3] != 3 or not array.size:  # noqa: PLR2004
        raise NumbersError(
            f"the {what} have shape {array.shape}",
            expected=f"({count}, height, width, 3)",
            remedy="pass one image of three channels for each name",
        )
    if not np.isfinite(array).all():
        raise NumbersError(f"the {what} hold NaN or infinity", expected="finite numbers", remedy="make them again")
