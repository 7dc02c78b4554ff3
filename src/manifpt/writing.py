"""Files and folders that are never seen half-written, whatever kills the process."""

from __future__ import annotations

import ctypes
import os
import re
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

# The name of a part tells who writes it, so that what a killed process left can be told from what another one writes.
SHOWN = 100
PART = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]*)-(?P<process>\d+)-[0-9a-f]{8}\.part")
HERE, EXCHANGE = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` to write into, and put it in its place when the block ends well.

    An existing folder is replaced as a whole, in one step where the file system can. After an error nothing is left
    behind and the old folder stands; what a killed process left is removed by the next one.

    Args:
        folder: Where the content shall be; a link to a folder is followed.
    """
    with _beside(folder) as (beside, place):
        beside.mkdir()
        yield beside
        _kept(beside)
        # After an exchange the old content lies beside, and is removed with it.
        if not place.exists() or not _exchanged(beside, place):
            _renamed(beside, place)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    Args:
        path: Where the file shall be; a link to a file is followed.
    """
    with _beside(path) as (beside, place):
        yield beside
        _kept(beside)
        beside.replace(place)


def removed(path: Path) -> None:
    """Remove a file or folder in one step: a process that is killed meanwhile leaves nothing that looks like it.

    Args:
        path: What exists no longer afterwards; it need not exist before.
    """
    beside = _part(path)
    with suppress(FileNotFoundError):
        path.rename(beside)
    _removed(beside)
    _sweep(path)


@contextmanager
def safetensors_file(path: Path) -> Iterator[None]:
    """Let safetensors write a file inside the block: as readable as other files, and with Python's errors.

    The library gives its files to their owner alone, and reports a full disk with an error of its own.

    Args:
        path: The file that the block writes.

    Raises:
        OSError: The disk is full, or the place cannot be written.
    """
    path.touch()
    mode = path.stat().st_mode
    try:
        yield
    except SafetensorError as error:
        number = re.search(r"os error (\d+)", str(error))
        if number is None:
            raise
        raise OSError(int(number[1]), os.strerror(int(number[1])), str(path)) from error
    path.chmod(mode)


@contextmanager
def _beside(path: Path) -> Iterator[tuple[Path, Path]]:
    """Give a free name beside a path, and the path itself without links; what bears the name at the end is removed."""
    place = Path(os.path.realpath(path))
    place.parent.mkdir(parents=True, exist_ok=True)
    beside = _part(place)
    try:
        yield beside, place
        _synchronised(place.parent)
        # Not before: where two names cannot be swapped in one step, what a killed process left may be all there is.
        _sweep(place)
    finally:
        _removed(beside)


def _sweep(place: Path) -> None:
    """Remove what killed processes of this machine left beside a path."""
    for path in place.parent.glob(".*.part"):
        part = PART.fullmatch(path.name)
        if part and part["name"] == _shown(place) and part["host"] == _host() and not _alive(int(part["process"])):
            _removed(path)


def _part(place: Path) -> Path:
    return place.with_name(f".{_shown(place)}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.part")


def _shown(place: Path) -> str:
    return os.fsdecode(os.fsencode(place.name)[:SHOWN])


def _host() -> str:
    """Return what tells whose process numbers are meant: the machine, and the container where there is one."""
    try:
        space = f"n{os.stat('/proc/self/ns/pid').st_ino}"
    except OSError:
        space = ""
    return re.sub(r"[^0-9A-Za-z]", "", socket.gethostname())[:30] + space


def _alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


def _removed(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _kept(path: Path) -> None:
    """Wait until the disk holds a file, or all of a folder: after a power cut names may outlive bytes."""
    for part in [*path.rglob("*"), path] if path.is_dir() else [path]:
        _synchronised(part)


def _synchronised(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _exchanged(one: Path, other: Path) -> bool:
    """Swap two names in one step; return whether the system could. Python has no function for this."""
    rename = getattr(ctypes.CDLL(None), "renameat2", None)
    return rename is not None and rename(HERE, os.fsencode(one), HERE, os.fsencode(other), EXCHANGE) == 0


def _renamed(beside: Path, place: Path) -> None:
    if not place.exists():
        beside.rename(place)
        return
    old = _part(place)
    place.rename(old)
    beside.rename(place)
    _removed(old)
