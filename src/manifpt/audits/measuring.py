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
    files = {name: np.array([found.get(name, "") for found, _ in rows], np.str_) for name in PROPERTIES}
    patterns = {name: np.stack([found[name] for _, found in rows]) for name in PATTERNS}
    return Measurements(files, patterns)


def _measured(images: ImageSet) -> Iterator[tuple[dict[str, str], dict[str, NDArray[np.float64]]]]:
    def one(index: int) -> tuple[dict[str, str], dict[str, NDArray[np.float64]]]:
        record, pixels = images.records[index], images[index]
        content = file_bytes(record)
        found = {} if content is None else properties(content, name=record.path)
        return found, {name: pattern(pixels) for name, pattern in PATTERNS.items()}

    return in_order(one, range(len(images)), ahead=AHEAD)
