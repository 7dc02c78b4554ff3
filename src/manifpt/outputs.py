"""Places that a result is written to: whether they can be, and whether something else would be lost."""

from __future__ import annotations

import errno
import os
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from manifpt.errors import DataError
from manifpt.writing import PART

REMEDY = "choose another --out"


def refuse_foreign(out: Path, *, ours: Collection[str], what: str) -> None:
    """Refuse a place whose content is not an earlier result, which may be replaced as a whole.

    Args:
        out: The folder that will be written.
        ours: The files that an earlier result consists of, relative to the folder.
        what: What is written, for the error.

    Raises:
        DataError: It is no folder, or holds another file.
    """
    if not out.exists():
        return
    if not out.is_dir():
        raise DataError(f"{out} exists and is not {what}", expected="a new folder", remedy=REMEDY)
    strange = next((path for path in _files(out) if not _is_ours(path.relative_to(out), ours)), None)
    if strange is not None:
        raise DataError(
            f"{out} holds {strange.relative_to(out)}, which is no part of {what}",
            expected=f"a new folder, or one that holds {what} and nothing else",
            remedy=REMEDY,
        )


def refuse_unusable(out: Path, *, ours: Collection[str], what: str, sources: Iterable[str] = ()) -> None:
    """Refuse a folder that cannot be written or must not be replaced, before anything costly begins.

    Args:
        out: The folder that will be written.
        ours: The files that an earlier result consists of, relative to the folder.
        what: What is written, for the error.
        sources: Data that is read; the result must not become a part of it.

    Raises:
        DataError: It holds something else, is a mount point or the current folder, lies inside the data, or cannot be
            written.
    """
    place = Path(os.path.realpath(out))
    try:
        refuse_foreign(out, ours=ours, what=what)
        if place.exists() and (os.path.ismount(place) or Path.cwd().is_relative_to(place)):
            # A folder is replaced as a whole, which neither of these can be.
            raise OSError(errno.EBUSY, "it is a mount point or the current folder")
        # It is written beside its place, so that the folder above has to take new names.
        above = next(parent for parent in place.parents if parent.exists())
        if not above.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(above, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    except OSError as error:
        raise DataError(
            f"{out} cannot be written ({error.strerror or error})",
            expected="a place for a new folder",
            remedy=REMEDY,
        ) from error
    for source in sources:
        if place.is_relative_to(os.path.realpath(source)):
            raise DataError(
                f"{out} lies in {source}, where it would be read as data",
                expected="a place outside the data",
                remedy=REMEDY,
            )


def _files(folder: Path) -> Iterator[Path]:
    """Yield what is below a folder, one after the other: the first strange file of a large tree is enough."""
    for root, folders, files in os.walk(folder):
        folders.sort()
        links = [name for name in folders if os.path.islink(os.path.join(root, name))]
        yield from (Path(root) / name for name in sorted([*files, *links]))


def _is_ours(path: Path, ours: Collection[str]) -> bool:
    return path.as_posix() in ours or PART.fullmatch(path.name) is not None
