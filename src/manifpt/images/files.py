"""The bytes of a regular file, read whole or refused."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from manifpt.errors import ImageError
from manifpt.images.limits import MOST_BYTES

LARGE = 2**24  # bytes


def file_content(path: str | Path) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        ImageError: It is missing, unreadable, no regular file (a folder, a pipe, a device, a dangling link), larger
            than 192 MiB, or written to while it is read.
    """
    handle, size = _opened(path)
    with open(handle, "rb") as file:
        try:
            content = file.read(size + 1)  # One more, to see whether it grew.
        except OSError as error:
            raise _unreadable(path, error) from error
    if len(content) != size:
        raise ImageError(
            f"{path} changes while it is read", expected="a file that nobody writes to", remedy="run again later"
        )
    return content


def is_large(path: str | Path) -> bool:
    """Return whether a file, if there is one, takes much memory."""
    try:
        return os.stat(path).st_size > LARGE
    except (OSError, ValueError):
        return False


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(file_content(path)).hexdigest()


def _opened(path: str | Path) -> tuple[int, int]:
    """Return a handle and the size of a regular file."""
    try:
        # Looked at before it is opened, since opening can do things to a device, and after, since it may be another.
        _refuse_others(path, os.stat(path))
        # Without blocking, so that a pipe without a writer cannot hang the run.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    try:
        found = os.fstat(handle)
        _refuse_others(path, found)
    except BaseException:
        os.close(handle)
        raise
    return handle, found.st_size


def _refuse_others(path: str | Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        os.scandir(path).close() if stat.S_ISDIR(found.st_mode) else None
        raise ImageError(f"{path} is no regular file", expected="an image file", remedy="leave it out")
    if found.st_size > MOST_BYTES:
        raise ImageError(
            f"{path} has {found.st_size / 2**20:,.0f} MiB",
            expected=f"an image file of at most {MOST_BYTES // 2**20} MiB",
            remedy="crop or scale the image first, or leave the file out",
        )


def _unreadable(path: str | Path, error: OSError | ValueError) -> ImageError:
    reason = getattr(error, "strerror", None) or str(error)
    return ImageError(
        f"{path} cannot be read ({reason})", expected="a readable image file", remedy="check the path and permissions"
    )
