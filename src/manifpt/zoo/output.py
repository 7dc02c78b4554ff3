"""Samples of trained generators as folders of lossless PNG, or one Parquet file, with a manifest."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.progress import tracked
from manifpt.writing import replaced
from manifpt.zoo.source import Source

MANIFEST = "manifest.csv"
COLUMNS = ("path", "generator", "family", "role", "latent", "seed", "index", "weights")


@dataclass(frozen=True, slots=True)
class Sample:
    """One image with what a manifest says of it.

    Args:
        pixels: uint8 (h, w, 3).
        row: Values of the manifest's columns.
    """

    pixels: NDArray[np.uint8]
    row: dict[str, str | int]


def samples(source: Source, count: int, *, seed: int = 0, start: int = 0) -> Iterator[Sample]:
    """Yield a generator's images with their rows.

    Args:
        source: The generator.
        count: How many images.
        seed: Of the sequence.
        start: The first image's place in the sequence.
    """
    images = chain.from_iterable(source.draw(count, seed=seed, start=start))
    for place, pixels in enumerate(tracked(images, f"sampling {source.name}", total=count)):
        yield Sample(pixels, row(source, seed, start + place))


def row(source: Source, seed: int, index: int) -> dict[str, str | int]:
    """Return what the manifest says of one image; its latent names what must stay on one side of a split."""
    name = source.name
    return {
        "path": f"{name}/{index:06d}.png",
        "generator": name,
        "family": source.family,
        "role": "",
        "latent": f"{name}:{seed}:{index}",
        "seed": seed,
        "index": index,
        "weights": source.digest,
    }


def write_folder(out: Path, found: Iterator[Sample]) -> int:
    """Write images as PNG below a folder with a manifest, whole or not at all; return how many there were."""
    with replaced(out) as beside, (beside / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        writer.writeheader()
        count = 0
        for sample in found:
            path = beside / str(sample.row["path"])
            path.parent.mkdir(exist_ok=True)
            Image.fromarray(sample.pixels).save(path)
            writer.writerow(sample.row)
            count += 1
    return count


def write_parquet(out: Path, found: Iterator[Sample]) -> int:
    """Write images with their rows as one Parquet file of PNG bytes; return how many there were."""
    import pyarrow as pa  # noqa: PLC0415  (loads only where Parquet is written)
    import pyarrow.parquet as pq  # noqa: PLC0415

    from manifpt.writing import replaced_file  # noqa: PLC0415

    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    kinds = [(name, pa.int64() if name in ("seed", "index") else pa.string()) for name in COLUMNS[1:]]
    schema = pa.schema([("image", image), *kinds])
    count = 0
    with replaced_file(out) as beside, pq.ParquetWriter(beside, schema) as writer:
        for sample in found:
            content = io.BytesIO()
            Image.fromarray(sample.pixels).save(content, "PNG")
            record = {"image": {"bytes": content.getvalue(), "path": sample.row["path"]}, **sample.row}
            record.pop("path")
            writer.write_table(pa.Table.from_pylist([record], schema))
            count += 1
    return count
