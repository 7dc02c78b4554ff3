"""Images that somebody has published, as one generator's: a source that ends."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np

from manifpt.errors import DataError
from manifpt.extractors.artifacts import digest
from manifpt.images import ImageSet, Preparation
from manifpt.images.layouts import laid_out
from manifpt.images.opening import opened
from manifpt.images.record import ImageRecord, is_real
from manifpt.zoo.returned import refuse_negative
from manifpt.zoo.source import Images, Source

BATCH = 50
# Where names of folders and labels may be content (cats, dogs) and need not be generators.
LOOSE = ("folders", "datasets", "files")


def source(
    path: str | Path, *, name: str, family: str = "unknown", resize: int | None = None, crop: int | None = None
) -> Source:
    """Return a folder, manifest, Parquet file or array of images as a source, in the order of its listing.

    Args:
        path: Images in any layout, labelled or not.
        name: What they are labelled with instead.
        family: Family of the generator.
        resize: Scale the shorter side to this and cut out the middle square.
        crop: Cut out the middle square of this size.

    Raises:
        DataError: Nothing is there, or reals, or a manifest names several generators.
        ImageError: An image cannot be read, or they differ in size.
    """
    layout, records = laid_out(path)
    _refuse_mixed(path, layout, records)
    if layout == "folders":
        # Images that lie beside the folders are this generator's too.
        _, records = laid_out(path, "files")
    preparation = Preparation(resize, crop)
    found = opened(records, preparation, strict=True)
    images = ImageSet(found.records, found.height, found.width, preparation=preparation)
    return Source(name, family, digest(images), partial(drawn, images, str(path)))


def drawn(images: ImageSet, who: str, count: int, /, *, seed: int = 0, start: int = 0) -> Iterator[Images]:
    """Yield images of a set in blocks of at most 50, uint8 (n, h, w, 3), bit for bit.

    Args:
        images: What was published.
        who: What errors call it.
        count: How many images.
        seed: 0: what is published is one sequence.
        start: The first image's place in the listing.

    Raises:
        NumbersError: A number is negative.
        DataError: There is another seed than 0, or there are too few images.
    """
    refuse_negative(count, seed, start)
    if seed:
        raise DataError(
            f"{who} was asked for seed {seed}, and holds images that are made",
            expected="seed 0",
            remedy="leave --seed out, and choose other images with --start",
        )
    if start + count > len(images):
        raise DataError(
            f"{who} holds {len(images)} images, and {count} from {start} on were asked for",
            expected=f"--start and --count that sum to at most {len(images)}",
            remedy="give a smaller --count",
        )
    return _blocks(images, range(start, start + count))


def _blocks(images: ImageSet, places: range) -> Iterator[Images]:
    for part in (places[begin : begin + BATCH] for begin in range(0, len(places), BATCH)):
        yield np.stack([images[index] for index in part])


def _refuse_mixed(path: str | Path, layout: str, records: list[ImageRecord]) -> None:
    names = list(dict.fromkeys(record.generator for record in records if record.generator))
    if any(is_real(name) for name in names):
        raise DataError(
            f"{path} holds images labelled real",
            expected="images of one generator",
            remedy="give the folder of one generator",
        )
    if len(names) > 1 and layout not in LOOSE:
        raise DataError(
            f"{path} holds images of {len(names)} generators ({names[0]}, {names[1]}, …)",
            expected="images of one generator",
            remedy="give the folder of one generator",
        )
