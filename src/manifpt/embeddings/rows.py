"""Images and points as rows of Arrow tables, in which they travel to the nodes of a cluster and back."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.images import ImageSet, Preparation
from manifpt.images.record import File, ImageRecord, Pixels, Source

FIRST = ("part", "height", "width")  # the same in all rows of a table of images


def images_table(part: int, images: ImageSet) -> Any:
    """Return images as a table: files by their absolute paths, all others by the pixels that are read here.

    Args:
        part: Its number among several.
        images: Not empty.

    Raises:
        ImageError: An image that is read here is damaged.
    """
    import pyarrow as pa  # noqa: PLC0415  (only clusters and Parquet need Arrow)

    about = {"part": part, "height": images.height, "width": images.width}
    columns: dict[str, Any] = {name: pa.array([value] * len(images), pa.int64()) for name, value in about.items()}
    columns["digest"] = pa.array(images.digests, pa.string())
    files = [record.source for record in images.records if isinstance(record.source, File)]
    if len(files) < len(images):
        columns["pixels"] = _packed(images.pixels())
        return pa.table(columns)
    # Names of files need not be Unicode.
    columns["path"] = pa.array([os.fsencode(file.path.absolute()) for file in files], pa.binary())
    columns["sha256"] = pa.array([file.sha256 for file in files], pa.string())
    for name, side in (("resize", images.preparation.resize), ("crop", images.preparation.crop)):
        columns[name] = pa.array([side] * len(images), pa.int64())
    return pa.table(columns)


def images_of(table: Any) -> ImageSet:
    """Return the images of a table that ``images_table`` made."""
    columns = {name: table.column(name) for name in table.column_names}
    _, height, width = (columns[name][0].as_py() for name in FIRST)
    digests = columns["digest"].to_pylist()
    preparation, sources = Preparation(), list[Source]()
    if "pixels" in columns:
        pixels = _unpacked(columns["pixels"], np.dtype(np.uint8), (height, width, 3))
        sources += [Pixels(pixels, index) for index in range(len(pixels))]
    else:
        preparation = Preparation(columns["resize"][0].as_py(), columns["crop"][0].as_py())
        files = zip(columns["path"].to_pylist(), columns["sha256"].to_pylist(), strict=True)
        sources += [File(Path(os.fsdecode(path)), sha256) for path, sha256 in files]
    records = [
        ImageRecord(str(getattr(source, "path", index)), source, digest=digest)
        for index, (source, digest) in enumerate(zip(sources, digests, strict=True))
    ]
    return ImageSet(tuple(records), height, width, preparation=preparation)


def points_table(part: int, points: Points) -> Any:
    """Return the points of a part as a table."""
    import pyarrow as pa  # noqa: PLC0415

    values = points.values
    about = {"part": part, "type": values.dtype.name, "scale": points.scale, "failure": ""}
    columns = {name: pa.array([value] * len(values)) for name, value in about.items()}
    return pa.table({**columns, "point": _packed(values)})


def failure_table(part: int, reason: str) -> Any:
    """Return why a part has no points, as one row."""
    import pyarrow as pa  # noqa: PLC0415

    about = {"part": part, "type": "", "scale": 1.0, "failure": reason or "no reason given"}
    return pa.table({**{name: pa.array([value]) for name, value in about.items()}, "point": pa.array([b""])})


def points_of(tables: Iterable[Any], shape: tuple[int, ...]) -> Iterator[tuple[int, Points | str]]:
    """Yield the number of each part with its points, or with why there are none.

    Args:
        tables: Of ``points_table``, possibly cut, and ``failure_table``; those of a part one after the other.
        shape: Of one point.
    """
    for part, cut in groupby(tables, key=lambda table: int(table.column("part")[0].as_py())):
        some = list(cut)
        failure: str = some[0].column("failure")[0].as_py()
        yield part, failure or _joined(some, shape)


def _joined(tables: list[Any], shape: tuple[int, ...]) -> Points:
    kind, scale = (tables[0].column(name)[0].as_py() for name in ("type", "scale"))
    values = [_unpacked(table.column("point"), np.dtype(kind), shape) for table in tables]
    return Points(np.concatenate(values) if len(values) > 1 else values[0], scale)


def _packed(values: NDArray[Any]) -> Any:
    """Return one cell of bytes for each row."""
    import pyarrow as pa  # noqa: PLC0415

    rows = np.ascontiguousarray(values)
    width = math.prod(rows.shape[1:]) * rows.itemsize
    return pa.FixedSizeBinaryArray.from_buffers(pa.binary(width), len(rows), [None, pa.py_buffer(rows)])


def _unpacked(column: Any, kind: np.dtype[Any], shape: tuple[int, ...]) -> NDArray[Any]:
    width = math.prod(shape)
    cells = [
        np.frombuffer(chunk.buffers()[1], kind, len(chunk) * width, chunk.offset * width * kind.itemsize)
        for chunk in column.chunks
    ]
    return np.concatenate(cells).reshape(-1, *shape) if len(cells) > 1 else cells[0].reshape(-1, *shape)
