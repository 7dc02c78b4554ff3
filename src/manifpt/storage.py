"""Large arrays outside anonymous memory."""

from __future__ import annotations

import math
import os
import tempfile
from collections.abc import Iterable
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from manifpt.errors import ManifptError

# Below this an array costs less than the file that would hold it.
IN_MEMORY_BYTES = 64 * 2**20
GATHERED_ROWS = 256


def allocated(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return a writable array of zeros, backed by an unnamed temporary file when it is larger than 64 MiB.

    The file disappears with the array, also when the process is killed. Set ``TMPDIR`` to choose its disk.

    Args:
        shape: Shape of the array.
        dtype: Type of one element.

    Raises:
        ManifptError: The disk has no room for it.

    Example:
        >>> allocated((2, 3), "float32").shape
        (2, 3)
    """
    size = math.prod(shape) * np.dtype(dtype).itemsize
    if size <= IN_MEMORY_BYTES:
        return np.zeros(shape, dtype)
    with tempfile.TemporaryFile(prefix="manifpt-") as file:
        try:
            # A page that is first written to when the disk is full would kill the process with SIGBUS.
            os.posix_fallocate(file.fileno(), 0, size)
        except OSError as error:
            raise ManifptError(
                f"{tempfile.gettempdir()} cannot hold a temporary file of {size / 2**30:.1f} GiB ({error.strerror})",
                expected="room for the features of all images",
                remedy="free some space, or set TMPDIR to a folder on a larger disk",
            ) from error
        return np.memmap(file, dtype=dtype, mode="w+", shape=shape)


def streamed(blocks: Iterable[NDArray[Any]]) -> NDArray[Any]:
    """Return blocks one after the other in one array, outside anonymous memory when it is larger than 64 MiB.

    Args:
        blocks: (n, *shape) each, of one shape and type; at least one.

    Raises:
        ManifptError: The disk has no room for it.

    Example:
        >>> streamed(iter([np.zeros((2, 3)), np.ones((1, 3))])).shape
        (3, 3)
    """
    rest = iter(blocks)
    kept, size = [], 0
    for block in rest:
        kept.append(block)
        size += block.nbytes
        if size > IN_MEMORY_BYTES:
            break
    else:
        return np.concatenate(kept) if len(kept) > 1 else kept[0]
    shape, dtype, rows = kept[0].shape[1:], kept[0].dtype, 0
    with tempfile.TemporaryFile(prefix="manifpt-") as file:
        try:
            while kept:
                block = np.ascontiguousarray(kept.pop(0), dtype)
                file.write(block.data)
                rows += len(block)
                if not kept:
                    kept += islice(rest, 1)
            file.flush()
        except OSError as error:
            held = (rows + len(block)) * math.prod(shape) * dtype.itemsize
            raise ManifptError(
                f"{tempfile.gettempdir()} cannot hold a temporary file of {held / 2**30:.1f} GiB or more "
                f"({error.strerror})",
                expected="room for the points of all references",
                remedy="free some space, or set TMPDIR to a folder on a larger disk",
            ) from error
        return np.memmap(file, dtype=dtype, mode="r", shape=(rows, *shape))


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
