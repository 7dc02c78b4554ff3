"""Large arrays outside anonymous memory, and folders that are never seen half-written."""

from __future__ import annotations

import math
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

# Below this an array costs less than the file that would hold it.
IN_MEMORY_BYTES = 64 * 2**20
GATHERED_ROWS = 256


def allocated(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a writable array of zeros, backed by an unnamed temporary file when it is larger than 64 MiB.

    The file disappears with the array, also when the process is killed. Set ``TMPDIR`` to choose its disk.

    Args:
        shape: Shape of the array.
        dtype: Type of one element.

    Example:
        >>> allocated((2, 3), "float32").shape
        (2, 3)
    """
    if math.prod(shape) * np.dtype(dtype).itemsize <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="manifpt-") as file:
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def gathered(array: NDArray[Any], rows: NDArray[np.integer[Any]]) -> NDArray[Any]:
    """Return some rows of an array, outside anonymous memory when they are many.

    Args:
        array: (n, …).
        rows: Indices of rows.

    Example:
        >>> gathered(np.arange(4), np.array([2, 0]))
        array([2, 0])
    """
    found = allocated((len(rows), *array.shape[1:]), array.dtype)
    for start in range(0, len(rows), GATHERED_ROWS):
        found[start : start + GATHERED_ROWS] = array[rows[start : start + GATHERED_ROWS]]
    return found


@contextmanager
def replaced(folder: Path) -> Iterator[Path]:
    """Give an empty folder beside ``folder`` to write into, and put it in its place when the block ends well.

    An existing folder is replaced as a whole. After an error nothing is left behind and the old folder stands.

    Args:
        folder: Where the content shall be.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    beside = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        beside.chmod(0o777 & ~_umask())
        yield beside
        if folder.exists():
            old = beside.with_name(beside.name + "-old")
            folder.rename(old)
            beside.rename(folder)
            shutil.rmtree(old)
        else:
            beside.rename(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a name beside ``path`` to write to, and rename it to ``path`` when the block ends well.

    Args:
        path: Where the file shall be.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}-{os.getpid()}")
    try:
        yield beside
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
