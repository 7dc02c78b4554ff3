"""A gallery of what artifacts have in common: mean, mean log-spectrum, its radial profile, and autocorrelation."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import NumbersError
from manifpt.extractors.corvi23 import autocorrelation
from manifpt.extractors.rings import radial_profiles
from manifpt.reports import style, tiles
from manifpt.reports.figure_data import exported

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TILE, SEAM, LINES, NAMES, BORDER = 1.0, 0.08, 1.45, 1.2, 0.2  # inches: LINES across a profile
TOP, HEADING, FOOT, KEY, MARGIN = 0.24, 0.24, 0.5, 0.08, 0.42  # inches: MARGIN for the numbers beside a profile
DIMENSIONS = 4  # of artifacts: number, channels, height, width
SMALLEST = 2  # pixels of a side, below which there is no profile
CAPTIONS = ("mean artifact", "mean log-spectrum", "radial profile, ln |F|", "autocorrelation")
OTHERS = "#cccccc"


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """What the artifacts of each of g generators have in common, their channels averaged.

    Args:
        generators: Their names, (g,).
        images: How many images each has, (g,).
        means: Mean artifact, (g, height, width).
        spectra: Mean log-spectrum with the zero frequency in the middle, (g, height, width).
        frequencies: Of the rings of the profiles, in cycles per pixel, (rings,).
        profiles: Mean of the mean log-spectrum over each ring, (g, rings).
        autocorrelations: Mean circular autocorrelation, 1 at lag zero, which is in the middle, (g, height, width).
    """

    generators: tuple[str, ...]
    images: NDArray[np.int64]
    means: NDArray[np.float64]
    spectra: NDArray[np.float64]
    frequencies: NDArray[np.float64]
    profiles: NDArray[np.float64]
    autocorrelations: NDArray[np.float64]

    def exported(self, path: str | os.PathLike[str]) -> Path:
        """Write all that the figure shows as one ``.npz`` with an array for each field, and return its path.

        Raises:
            DataError: The suffix is another, or the file cannot be written.
        """
        arrays = {name: getattr(self, name) for name in self.__slots__ if name != "generators"}
        return exported({"generators": np.array(self.generators), **arrays}, path)


def gallery(artifacts: Mapping[str, ArrayLike]) -> Gallery:
    """Return what the artifacts of each generator have in common.

    Spectra and autocorrelations are those of single images, averaged: a mean of many artifacts holds nothing but what
    is at the same place in all of them. An artifact of zeros counts in the mean alone, for it has neither.

    Args:
        artifacts: Generator → (n, channels, height, width), all of one size.

    Raises:
        NumbersError: There is no generator, or artifacts are of another shape, of two sizes, not finite, or all zero.

    Example:
        >>> found = gallery({"gan": np.random.default_rng(0).normal(size=(5, 3, 16, 16))})
        >>> found.profiles.shape, float(found.autocorrelations[0, 8, 8])
        ((1, 9), 1.0)
    """
    if not artifacts:
        raise NumbersError("there is no generator", expected="the artifacts of one or more", remedy="pass some")
    arrays = {str(name): _checked(str(name), given) for name, given in artifacts.items()}
    sizes = {array.shape[2:]: name for name, array in arrays.items()}
    if len(sizes) > 1:
        (one, first), (other, second) = list(sizes.items())[:2]
        raise NumbersError(
            f"the artifacts of {first!r} have {one[0]} × {one[1]} pixels, those of {second!r} {other[0]} × {other[1]}",
            expected="one size",
            remedy="draw a gallery for each size",
        )
    counted = [array[array.any(axis=(1, 2, 3))] for array in arrays.values()]
    spectra = np.stack([log_spectrum(array).astype(np.float64).mean(axis=(0, 1)) for array in counted])
    frequencies, profiles = radial_profiles(spectra)
    return Gallery(
        tuple(arrays),
        np.array([len(array) for array in arrays.values()], np.int64),
        np.stack([array.mean(axis=(0, 1)) for array in arrays.values()]),
        spectra,
        frequencies,
        profiles,
        np.stack([autocorrelation(array).mean(axis=(0, 1)) for array in counted]),
    )


def gallery_figure(found: Gallery, *, title: str | None = None) -> Figure:
    """Return a gallery with a row for each generator.

    All means share one diverging scale around zero, all autocorrelations another, which lag zero does not decide, and
    all spectra a third. Profiles share their axes; behind each stand those of the other generators in grey.

    Args:
        found: What ``gallery`` returned.
        title: Heading, none if None.
    """
    from matplotlib.figure import Figure  # noqa: PLC0415  (loads only where a figure is drawn)

    count = len(found.generators)
    # The left edges of the three kinds of tiles and of the profile, which has its numbers on its left.
    lefts = BORDER + NAMES + np.cumsum([0, TILE + SEAM, TILE + SEAM + MARGIN, LINES + 2 * SEAM])
    across = float(lefts[3]) + TILE + BORDER
    heading = "" if title is None else style.wrapped(title, across - 2 * BORDER, style.TITLE)
    top = BORDER + TOP * len(heading.splitlines()) + HEADING
    down = top + count * (TILE + SEAM) + FOOT
    figure = Figure(figsize=(across, down), facecolor=style.PAPER)
    figure.text(0.5, 1 - BORDER / 2 / down, heading, ha="center", va="top", **style.font(style.TITLE))
    scales = (
        tiles.scale([found.means], diverging=True),
        tiles.scale([found.spectra], diverging=False),
        tiles.scale([_around(found.autocorrelations)], diverging=True),
    )
    for left, wide, caption in zip(lefts, (TILE, TILE, LINES, TILE), CAPTIONS, strict=True):
        middle = (left + wide / 2) / across
        figure.text(middle, 1 - (top - 0.06) / down, caption, ha="center", va="bottom", **style.font(style.SMALL))
    for row, name in enumerate(style.labels(found.generators)):
        low = down - top - (row + 1) * (TILE + SEAM) + SEAM
        told = f"{style.wrapped(name, NAMES - 0.1, style.SMALL)}\n{found.images[row]:,} images"
        beside = (BORDER + NAMES - 0.1) / across, (low + TILE / 2) / down
        figure.text(*beside, told, ha="right", va="center", **style.font(style.SMALL))
        maps = (found.means[row], found.spectra[row], found.autocorrelations[row])
        for left, values, colours in zip(lefts[[0, 1, 3]], maps, scales, strict=True):
            tiles.tile(figure, (float(left), low, TILE, TILE), values, colours)
        axes = tiles.place(figure, (float(lefts[2]), low, LINES, TILE))
        _draw_profile(axes, found, row, last=row == count - 1)
    for left, caption, colours in zip(
        lefts[[0, 1, 3]], ("artifact", "ln |F|", "share of lag zero"), scales, strict=True
    ):
        tiles.key(figure, (float(left), FOOT - 0.14, TILE, KEY), caption, colours)
    return figure


def _draw_profile(axes: Axes, found: Gallery, row: int, *, last: bool) -> None:
    for other, profile in enumerate(found.profiles):
        if other != row:
            axes.plot(found.frequencies, profile, color=OTHERS, linewidth=0.8, zorder=1)
    axes.plot(found.frequencies, found.profiles[row], color=style.INK, linewidth=1.4, zorder=2)
    low, high = float(found.profiles.min()), float(found.profiles.max())
    room = 0.06 * (high - low) or 1.0
    axes.set_ylim(low - room, high + room)
    axes.set_xlim(0, 0.5)
    ends = [low, (low + high) / 2, high]
    axes.set_yticks(ends, [f"{end:.1f}".replace("-", "−") for end in ends], **style.font(style.TINY))
    axes.set_xticks([0, 0.25, 0.5], ["0", "0.25", "0.5"] if last else ["", "", ""], **style.font(style.TINY))
    if last:
        axes.set_xlabel("cycles per pixel", labelpad=2, **style.font(style.SMALL))
    axes.tick_params(length=2, color=style.QUIET)
    axes.spines[:].set_color(style.MISSING)


def _around(autocorrelations: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the values at all lags but zero, which is 1 for every generator."""
    height, width = autocorrelations.shape[1:]
    flat = autocorrelations.reshape(len(autocorrelations), -1)
    return np.delete(flat, height // 2 * width + width // 2, axis=1)


def _checked(name: str, given: ArrayLike) -> NDArray[np.float64]:
    array = np.asarray(given, np.float64)
    if array.ndim != DIMENSIONS or not array.size or min(array.shape[2:]) < SMALLEST:
        raise NumbersError(
            f"the artifacts of {name!r} have shape {array.shape}",
            expected=f"(n, channels, height, width) of {SMALLEST} × {SMALLEST} pixels or more",
            remedy="draw the gallery of an image-shaped space, such as rgb",
        )
    if not np.isfinite(array).all():
        raise NumbersError(
            f"the artifacts of {name!r} hold NaN or infinity", expected="finite numbers", remedy="make them again"
        )
    if not array.any():
        raise NumbersError(
            f"the artifacts of {name!r} are all zero",
            expected="artifacts of images that are no references",
            remedy="leave this generator out",
        )
    return array
