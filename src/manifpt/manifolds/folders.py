"""Folders of references: what they may hold, who may write them, and those that the cache keeps."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from manifpt.manifolds.shards import DamageError, ReferencesError, Shard, opened
from manifpt.writing import PART, removed

logger = logging.getLogger("manifpt")
LOCK = "lock"
NAME = re.compile(r"([0-9]{5}|[1-9][0-9]{5,8})\.safetensors")
KEPT = "references"  # the folder in the cache's, with one folder for each reference set


@dataclass(frozen=True, slots=True)
class Kept:
    """A folder of references that the cache keeps.

    Args:
        folder: Where it is.
        settings: What decides its points; None where there are none that can be read.
        references: How many there are.
        size: The bytes of its files.
        used: Last day on which it was written, ISO 8601.
    """

    folder: Path
    settings: dict[str, Any] | None
    references: int
    size: int
    used: str


def shard_name(number: int) -> str:
    """Return the name of a shard's file.

    Example:
        >>> shard_name(7)
        '00007.safetensors'
    """
    return f"{number:05d}.safetensors"


def shards_of(folder: Path) -> list[Shard]:
    """Open the shards of a folder; one that does not exist has none.

    Raises:
        DamageError: The folder lacks a shard, or a shard's header is damaged.
        ReferencesError: The folder holds anything else, or a shard has another schema.
        OSError: The folder cannot be read.
    """
    if not folder.exists() and not folder.is_symlink():
        return []
    names = _names(folder)
    shards: list[Shard] = []
    first = 0
    for number in range(len(names)):
        if shard_name(number) not in names:
            raise DamageError(
                f"{folder} lacks {shard_name(number)}, but holds {max(names, key=_number)}",
                expected="shards numbered without a gap",
                remedy="restore it, or delete the shards after it and append their rows again",
            )
        shards.append(opened(folder / shard_name(number), first))
        first += len(shards[-1])
    return shards


@contextmanager
def writer(folder: Path) -> Iterator[None]:
    """Be the only one who writes a folder inside the block.

    Raises:
        ReferencesError: Another one writes it, or it cannot be written.
    """
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ReferencesError(
            f"another process is writing {folder}",
            expected="one writer for each folder of references",
            remedy="wait for it, or choose another folder",
        ) from error
    except OSError as error:
        raise unwritable(folder, error) from error
    try:
        yield
    finally:
        lock.release()


def unwritable(folder: Path, error: OSError) -> ReferencesError:
    """Return what to say where a folder cannot be written."""
    return ReferencesError(
        f"{folder} cannot be written ({error.strerror or error})",
        expected="a place with room for references",
        remedy="free some space or check the permissions, or choose another folder",
    )


def kept(cache: Path) -> list[Kept]:
    """Return the folders of references in a cache's folder, the largest first; what else lies there is left out.

    Args:
        cache: The cache's folder.
    """
    place = cache / KEPT
    folders = [path for path in place.iterdir() if _is_ours(path)] if place.is_dir() else []
    return sorted(map(_described, folders), key=lambda one: (-one.size, one.folder))


def prune(cache: Path, *, before: str | None = None) -> int:
    """Remove the folders of references last written before a day (ISO 8601), or all, and return how many there were.

    Those that are being written, or cannot be, stay; this is said.
    """
    return sum(discarded(one.folder) for one in kept(cache) if before is None or one.used < before)


def discarded(folder: Path) -> bool:
    """Remove a folder of references unless it is being written, and return whether it is gone."""
    try:
        with writer(folder):
            removed(folder)
    except ReferencesError as error:
        logger.warning("%s stays where it is: %s", folder, error)
    return not folder.exists()


def _names(folder: Path) -> set[str]:
    """Return the names of a folder's shards, or refuse a folder that holds anything else."""
    names = set()
    for path in folder.iterdir():
        if NAME.fullmatch(path.name):
            names.add(path.name)
        elif path.name != LOCK and not PART.fullmatch(path.name):
            raise ReferencesError(
                f"{folder} holds {path.name}, which is no part of a folder of references",
                expected="a new folder, or one that holds references and nothing else",
                remedy="choose another folder",
            )
    return names


def _number(name: str) -> int:
    return int(name.removesuffix(".safetensors"))


def _is_ours(folder: Path) -> bool:
    if folder.is_symlink() or not folder.is_dir() or PART.fullmatch(folder.name):
        return False
    try:
        _names(folder)
    except (ReferencesError, OSError):
        return False
    return True


def _described(folder: Path) -> Kept:
    names = _names(folder)
    states = [(folder / name).lstat() for name in names] or [folder.lstat()]
    used = datetime.fromtimestamp(max(state.st_mtime for state in states), UTC).date().isoformat()
    size = sum(state.st_size for state in states if names)
    try:
        shards = shards_of(folder)
    except (ReferencesError, OSError):
        shards = []
    settings = json.loads(shards[0].settings) if shards else None
    return Kept(folder, settings, sum(map(len, shards)), size, used)
