"""Where a run that writes something keeps its progress until it is written."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from manifpt.errors import ModelError
from manifpt.writing import PART, removed

LOCK = "lock"
# What runs keep: a file for each training of `fit`; a folder of them for each split of `evaluate`.
# A generator's training keeps one file.
ZOO = re.compile(r"training\.safetensors")
# A fusion has a folder for each training of a part.
TRAININGS = r"(part-\d+-(all|fold-\d+)/)?(pretraining-)?(all|fold-\d+)\.safetensors"
FIT, EVALUATE = re.compile(TRAININGS), re.compile(rf"split-\d+/{TRAININGS}")


@contextmanager
def resumable(out: Path, kept: re.Pattern[str] = FIT) -> Iterator[Path]:
    """Give the folder in which a run that will write ``out`` keeps its progress; it goes when the block ends well.

    After an error, a kill or Ctrl-C it stays, and the same run goes on from there. Ctrl-C's exception gets a note that
    says so.

    Args:
        out: What the run will write; the folder is ``<out>.checkpoint`` beside it, or beside what a link leads to.
        kept: What the run keeps, relative to the folder: one with anything else is somebody else's.

    Raises:
        ModelError: Another run that writes the same is under way, or the folder holds something else.
    """
    place = Path(os.path.realpath(out))
    folder = place.with_name(f"{place.name}.checkpoint")
    _refuse_foreign(folder, kept)
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
        if any(path.name != LOCK for path in folder.iterdir()):
            stopped.add_note(f"its progress is in {folder}")
        else:
            _undone(folder, made)
        raise
    removed(folder)
    lock.release()


def _refuse_foreign(folder: Path, kept: re.Pattern[str]) -> None:
    found = [] if folder.is_symlink() else (path for path in folder.rglob("*") if not path.is_dir())
    strange = (
        folder if folder.is_symlink() else next((path for path in found if not _is_ours(path, folder, kept)), None)
    )
    if strange is not None:
        raise ModelError(
            f"{strange} is not the progress of this command",
            expected=f"no {folder.name}, or one that this command left",
            remedy="move it away, or choose another --out",
        )


def _is_ours(path: Path, folder: Path, kept: re.Pattern[str]) -> bool:
    name = path.relative_to(folder).as_posix()
    # A link or a pipe would lead elsewhere, or hang whoever reads it.
    plain = path.is_file() and not path.is_symlink()
    return plain and (name == LOCK or kept.fullmatch(name) is not None or PART.fullmatch(path.name) is not None)


def _undone(folder: Path, made: list[Path]) -> None:
    """Remove what was made, and is empty but for the lock: the folder, and those above it."""
    (folder / LOCK).unlink(missing_ok=True)
    with suppress(OSError):
        for parent in made:
            parent.rmdir()
