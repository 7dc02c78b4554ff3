"""Classes of photographs, read from their names: ``00017-cat.png`` and ``cat/17.png`` are both a cat."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError

FEWEST = 2
# A number, then what the image shows.
NUMBERED = re.compile(r"\d+[-_](?P<kind>[^\W\d].*)")


def classes(paths: Iterable[str | Path]) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """Return the names of the classes, sorted, and the class of each image, int64 (n,).

    Args:
        paths: Of the images. The class is what follows a file's number and a hyphen; where no file has a number so, it
            is the folder.

    Raises:
        DataError: Some files tell a class by their name and others do not, or there is only one class.

    Example:
        >>> names, labels = classes(["0-frog.png", "1-cat.png", "2-frog.png"])
        >>> names, labels.tolist()
        (('cat', 'frog'), [1, 0, 1])
    """
    listed = [Path(path) for path in paths]
    matches = [NUMBERED.fullmatch(path.stem) for path in listed]
    unnamed = [path for path, match in zip(listed, matches, strict=True) if match is None]
    if unnamed and len(unnamed) < len(listed):
        raise _refused(f"the name of {unnamed[0]} tells no class, those of other reals do")
    kinds = [
        path.parent.resolve().name if match is None else match["kind"]
        for path, match in zip(listed, matches, strict=True)
    ]
    names, labels = np.unique(kinds, return_inverse=True)
    if len(names) < FEWEST:
        raise _refused(f"all {len(listed)} reals are of one class")
    return tuple(str(name) for name in names), labels.astype(np.int64)


def _refused(what: str) -> DataError:
    return DataError(
        what,
        expected="files named like 00017-cat.png, or a folder for each class",
        remedy="rename them, or leave --classes out",
    )
