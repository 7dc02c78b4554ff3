"""A column of images inside a Parquet file, read a row group at a time."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import weakref
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from manifpt.errors import ImageError

BUFFER, ROWS = 2**16, 64  # bytes and rows read at a time
Cell = tuple[bytes | None, str | None]


@dataclass(frozen=True, slots=True)
class Place:
    """Where one image lies in the temporary file, or the path that stands in its stead.

    Args:
        start: First byte.
        size: Bytes; None where the table does not hold them.
        path: File that the table names.
    """

    start: int
    size: int | None
    path: str | None


class ImageColumn:
    """The images of a Parquet file.

    Parquet can only be read forwards. So each row group is copied to an unnamed temporary file when one of its images
    is first asked for, a page at a time, and memory stays the same however large the groups are. Set ``TMPDIR`` to
    choose the disk.

    Args:
        file: The Parquet file.
        column: Name of a column of structures with ``bytes`` and ``path``.
    """

    def __init__(self, file: Path, column: str) -> None:
        import pyarrow.parquet as pq  # noqa: PLC0415  (only Parquet needs Arrow)

        metadata = pq.read_metadata(file)
        self.file = file
        self.column = column
        self._starts = [0]
        for group in range(metadata.num_row_groups):
            self._starts.append(self._starts[-1] + metadata.row_group(group).num_rows)
        self._copied: dict[int, list[Place]] = {}
        self._copy = tempfile.TemporaryFile(prefix="manifpt-")  # noqa: SIM115  (closed below)
        self._lock = threading.Lock()
        weakref.finalize(self, self._copy.close)

    def cell(self, row: int) -> Cell:
        """Return the bytes and the path of one row's image; None what it lacks.

        Raises:
            ImageError: The row group is damaged.
        """
        group = bisect_right(self._starts, row) - 1
        with self._lock:
            if group not in self._copied:
                self._copied[group] = self._places(group)
            place = self._copied[group][row - self._starts[group]]
        # Read at a place of its own, so that threads do not move each other.
        content = None if place.size is None else os.pread(self._copy.fileno(), place.size, place.start)
        return content, place.path

    def _places(self, group: int) -> list[Place]:
        import pyarrow as pa  # noqa: PLC0415
        import pyarrow.parquet as pq  # noqa: PLC0415

        places = []
        try:
            with pq.ParquetFile(self.file, buffer_size=BUFFER, pre_buffer=False) as table:
                for batch in table.iter_batches(ROWS, row_groups=[group], columns=[self.column], use_threads=False):
                    places += [self._place(cell or {}) for cell in batch.column(0).to_pylist()]
        except (OSError, pa.ArrowException) as error:
            raise ImageError(
                f"{self.file} cannot be read ({' '.join(str(error).split())})",
                expected="the images of its rows",
                remedy="write it again",
            ) from error
        self._copy.flush()
        return places

    def _place(self, cell: dict[str, Any]) -> Place:
        content, path = cell.get("bytes"), cell.get("path")
        if content is None:
            return Place(0, None, path)
        start = self._copy.seek(0, os.SEEK_END)
        self._copy.write(content)
        return Place(start, len(content), path)


def image_column(schema: Any) -> str | None:
    """Return the first column of an Arrow schema that embeds images; None where there is none."""
    import pyarrow as pa  # noqa: PLC0415

    structs = (field for field in schema if pa.types.is_struct(field.type))
    return next((field.name for field in structs if field.type.get_field_index("bytes") >= 0), None)


def class_names(schema: Any, column: str) -> list[str] | None:
    """Return the names that integer labels stand for, as ``datasets`` keeps them beside the schema."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return list(map(str, features[column]["names"]))
    except (TypeError, KeyError, ValueError):
        return None
