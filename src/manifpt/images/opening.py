"""The one pass that reads every image: size, content digest, thumbnail, or why it cannot be used."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError, ImageError
from manifpt.images.preparation import Preparation
from manifpt.images.record import ImageRecord, pixel_digest
from manifpt.images.threads import in_order
from manifpt.images.thumbnails import thumbnail
from manifpt.progress import tracked

AHEAD = 512
Size = tuple[int, int]
Found = tuple[str, Size, NDArray[np.uint8], tuple[str, ...]]  # digest, size, thumbnail, warnings


@dataclass(frozen=True, slots=True)
class Skipped:
    """An image that cannot be used.

    Args:
        path: How the user sees it.
        reason: What is wrong with it.
    """

    path: str
    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """What the pass found.

    Args:
        records: The readable images, with their digests.
        height: Height of all of them.
        width: Width of all of them.
        thumbnails: uint8 (n, 768).
        skipped: The unreadable ones.
        notes: What was lost or changed in reading them, with counts.
    """

    records: tuple[ImageRecord, ...]
    height: int
    width: int
    thumbnails: NDArray[np.uint8]
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()


def opened(records: list[ImageRecord], preparation: Preparation, *, strict: bool) -> Opened:
    """Return what reading every image once tells; no pixels are kept.

    Args:
        records: The images.
        preparation: How to bring them to one size.
        strict: Raise at the first unreadable image instead of skipping it.

    Raises:
        ImageError: The images differ in size, or, if strict, one is unreadable.
        DataError: None is readable.
    """
    sound: list[ImageRecord] = []
    sizes: list[Size] = []
    thumbnails: list[NDArray[np.uint8]] = []
    skipped: list[Skipped] = []
    warnings: Counter[str] = Counter()
    read = tracked(_read(records, preparation), "reading images", total=len(records))
    for record, found in zip(records, read, strict=True):
        if isinstance(found, ImageError):
            if strict:
                raise found
            skipped.append(Skipped(record.path, str(found)))
            continue
        digest, size, small, warned = found
        warnings.update(warned)
        sound.append(replace(record, digest=digest))
        sizes.append(size)
        thumbnails.append(small)
    if not sound:
        raise DataError(
            f"none of {len(records)} images can be read (the first: {skipped[0].reason})"
            if skipped
            else "there is no image",
            expected="readable images",
            remedy="check the files",
        )
    height, width = _one_size(sound, sizes)
    notes = tuple(f"{_images(count)}: {warning}" for warning, count in warnings.most_common())
    return Opened(tuple(sound), height, width, np.stack(thumbnails), tuple(skipped), notes)


def _images(count: int) -> str:
    return f"{count} image{'' if count == 1 else 's'}"


def _read(records: list[ImageRecord], preparation: Preparation) -> Iterator[Found | ImageError]:
    def one(record: ImageRecord) -> Found | ImageError:
        try:
            found = record.source.read(record.path, preparation)
        except ImageError as error:
            return error
        pixels = found.pixels
        return pixel_digest(pixels), (pixels.shape[0], pixels.shape[1]), thumbnail(pixels), found.warnings

    return in_order(one, records, ahead=AHEAD)


def _one_size(records: list[ImageRecord], sizes: list[Size]) -> Size:
    counts = Counter(sizes).most_common()
    if len(counts) == 1:
        return counts[0][0]
    shown = [
        f"{count} of {width} × {height} ({records[sizes.index((height, width))].path})"
        for (height, width), count in counts[:2]
    ]
    side = min(min(size) for size in sizes)
    raise ImageError(
        f"the images have {len(counts)} sizes: {' and '.join(shown)}",
        expected="one size",
        remedy=f"give --crop {side} (keeps the trace) or --resize {side} (changes it)",
    )
