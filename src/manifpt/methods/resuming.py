"""Where a run that writes something keeps its progress until it is written."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from manifpt.errors import ModelError
from manifpt.writing import removed

LOCK = "lock"


@contextmanager
def resumable(out: Path) -> Iterator[Path]:
    """Give the folder in which a run that will write ``out`` keeps its progress; it goes when the block ends well.

    After an error, a kill or Ctrl-C it stays, and the same run goes on from there. Ctrl-C's exception gets a note that
    says so.

    Args:
        out: What the run will write; the folder is ``<out>.checkpoint`` beside it.

    Raises:
        ModelError: Another run that writes the same is under way.
    """
    place = Path(os.path.abspath(out))  # so that "." and ".." have names too
    folder = place.with_name(f"{place.name}.checkpoint")
    made = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / LOCK, timeout=0)
    try:
        lock.acquire()
    except Timeout as error:
        raise ModelError(
            f"another run is writing {out}",
            expected="one run for each --out",
            remedy="wait for it, or choose another --out",
        ) from error
    try:
        yield folder
    except BaseException as stopped:
        lock.release()
        if _begun(folder):
            stopped.add_note(f"its progress is in {folder}")
        else:
            _undone(folder, made)
        raise
    removed(folder)
    lock.release()


def _undone(folder: Path, made: list[Path]) -> None:
    """Remove a folder, and those above it that were made for it and are empty."""
    removed(folder)
    with suppress(OSError):
        for parent in made[1:]:
            parent.rmdir()


def _begun(folder: Path) -> bool:
    return any(path.name != LOCK for path in folder.iterdir())
