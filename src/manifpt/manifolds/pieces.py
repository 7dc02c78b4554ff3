"""Where the rows of a shard lie, so that any node can fetch them, and fetch them again."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from manifpt.cluster import installed
from manifpt.embeddings.embedding import Points
from manifpt.manifolds.shards import ReferencesError, block_digest
from manifpt.storage import IN_MEMORY_BYTES


@dataclass(frozen=True, slots=True)
class InFile:
    """Consecutive references in a file that every node can read under the same path.

    Args:
        path: The file, absolute.
        offset: Bytes before the first coordinate.
        shape: (m, *shape).
        dtype: NumPy's name of the type.
        digest: BLAKE2b of the bytes, as of a block of references on disk.
    """

    path: str
    offset: int
    shape: tuple[int, ...]
    dtype: str
    digest: str

    def values(self) -> NDArray[Any]:
        """Return the references, mapped from the file.

        Raises:
            ReferencesError: The file is not here, or holds something else.
        """
        try:
            found = np.memmap(self.path, self.dtype, "r", self.offset, self.shape)
        except (OSError, ValueError) as error:
            raise self._unreadable(" ".join(str(error).split())) from error
        if block_digest(found) != self.digest:
            raise self._unreadable("it holds other bytes")
        return found

    def _unreadable(self, reason: str) -> ReferencesError:
        return ReferencesError(
            f"a node of the Ray cluster cannot read {self.path} ({reason})",
            expected="references in a folder that all nodes see under one path",
            remedy="set MANIFPT_CACHE to a shared folder, or give --no-cache to send the references over the network",
        )


@dataclass(frozen=True, slots=True)
class InStore:
    """Consecutive references in the object store of a Ray cluster.

    Args:
        object: The reference to the array.
    """

    object: Any

    def values(self) -> NDArray[Any]:
        """Return the references, as Ray maps them from the store of the node."""
        found: NDArray[Any] = installed().get(self.object)
        return found


Piece = InFile | InStore


def pieces(ray: Any, blocks: list[Points], start: int, stop: int) -> list[Piece]:
    """Return where the references of a range lie, in their order.

    References in named files stay there; others are put into the object store, 64 MiB at a time.

    Args:
        ray: The module, connected.
        blocks: All references.
        start: Index of the first.
        stop: Index after the last.
    """
    return [
        InFile(*place, rows.shape, rows.dtype.name, block_digest(rows)) if place else InStore(ray.put(rows))
        for place, rows in _ranges(blocks, start, stop)
    ]


def _ranges(blocks: list[Points], start: int, stop: int) -> Iterator[tuple[tuple[str, int] | None, NDArray[Any]]]:
    """Yield consecutive rows of at most 64 MiB, with their file and offset where they lie in a named one."""
    for first, block in zip(accumulate(map(len, blocks), initial=0), blocks, strict=False):
        values, base = block.values, cast("object", block.values.base)
        each = max(1, values[:1].nbytes)
        most = max(1, IN_MEMORY_BYTES // each)
        for row in range(max(start - first, 0), min(stop - first, len(values)), most):
            rows = values[row : min(row + most, stop - first)]
            # A view of a map does not know where in the file it begins.
            if isinstance(values, np.memmap) and isinstance(base, mmap.mmap) and values.filename is not None:
                yield (str(values.filename), values.offset + row * each), rows
            else:
                yield None, np.ascontiguousarray(rows).view(np.ndarray)
