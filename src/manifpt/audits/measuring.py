"""What an audit knows of each image, from reading each once more."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifpt.audits.borders import borders
from manifpt.audits.files import PROPERTIES, file_bytes, properties
from manifpt.audits.grids import grid
from manifpt.images.imageset import ImageSet
from manifpt.images.threads import in_order
from manifpt.progress import tracked

AHEAD = 256
GRID, BORDER = "grid of 8 pixels", "border rows"
PATTERNS: dict[str, Callable[[NDArray[np.uint8]], NDArray[np.float64]]] = {GRID: grid, BORDER: borders}


@dataclass(frozen=True, slots=True, eq=False)
class Measurements:
    """What is known of each image of a set, labels apart.

    Args:
        files: Value of each property of files, (n,); "" where there is no file.
        patterns: Numbers of each pattern of pixels, (n, d); NaN where an image is too small for it.
    """

    files: dict[str, NDArray[np.str_]]
    patterns: dict[str, NDArray[np.float64]]


def measurements(images: ImageSet) -> Measurements:
    """Return what the files and pixels of a set tell apart from content.

    Raises:
        ImageError: An image has changed since it was opened.
    """
    rows = list(tracked(_measured(images), "measuring images", total=len(images)))
    patterns = {name: np.stack([found[name] for _, found in rows]) for name in PATTERNS}
    return Measurements(_columns([found for found, _ in rows]), patterns)


def file_properties(images: ImageSet) -> dict[str, NDArray[np.str_]]:
    """Return the value of each property of a set's files, (n,), without decoding a pixel; "" where there is no file."""
    found = in_order(lambda index: _properties(images, index), range(len(images)), ahead=AHEAD)
    return _columns(list(tracked(found, "reading files", total=len(images))))


def _columns(rows: list[dict[str, str]]) -> dict[str, NDArray[np.str_]]:
    return {name: np.array([found.get(name, "") for found in rows], np.str_) for name in PROPERTIES}


def _properties(images: ImageSet, index: int) -> dict[str, str]:
    content = file_bytes(images.records[index])
    return {} if content is None else properties(content, name=images.records[index].path)


def _measured(images: ImageSet) -> Iterator[tuple[dict[str, str], dict[str, NDArray[np.float64]]]]:
    def one(index: int) -> tuple[dict[str, str], dict[str, NDArray[np.float64]]]:
        pixels = images[index]
        return _properties(images, index), {name: pattern(pixels) for name, pattern in PATTERNS.items()}

    return in_order(one, range(len(images)), ahead=AHEAD)
