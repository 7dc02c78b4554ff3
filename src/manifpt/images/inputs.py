"""From what a user types to the files that are meant."""

from __future__ import annotations

import glob
from collections.abc import Iterable, Iterator
from pathlib import Path

from manifpt.images.folders import image_files


def inputs(names: str | Path | Iterable[str | Path]) -> Iterator[Path]:
    """Yield the files that paths, folders and globs stand for, in the order given, sorted within each.

    A name that matches nothing is yielded as it is, so that its error is reported in its place.

    Args:
        names: Files, folders (searched below for images), or globs of both; a single string is one name.
    """
    for name in [names] if isinstance(names, (str, Path)) else names:
        try:
            # Once each: ** matches folders and what is in them.
            # An empty name is a mistake, and not the current folder, for which pathlib takes it.
            found = dict.fromkeys(file for place in matches(name) for file in _files(place)) if str(name) else {}
        except OSError:
            # A folder that may not be looked into: reading it will say so in its place.
            found = {}
        yield from found or [Path(name)]


def matches(name: str | Path) -> list[Path]:
    """Return the paths that a name or glob stands for, sorted; the name itself where it exists or nothing matches."""
    path = Path(name)
    try:
        literal = path.exists() or path.is_symlink() or not glob.has_magic(str(name))
        return [path] if literal else sorted(map(Path, glob.glob(str(name), recursive=True))) or [path]
    except (OSError, ValueError):  # Too long a name, or one that holds a NUL.
        return [path]


def _files(place: Path) -> list[Path]:
    try:
        return image_files(place) if place.is_dir() else [place]
    except ValueError:
        return [place]
