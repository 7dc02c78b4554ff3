"""What a file tells before its pixels are looked at: format, size, depth, JPEG settings, colour profile, metadata."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from PIL import Image, JpegImagePlugin

from manifpt.audits.finding import SHOWN, Check
from manifpt.audits.permutation import association, significance
from manifpt.audits.questions import Question
from manifpt.errors import ImageError, plain
from manifpt.images.decoding import READABLE
from manifpt.images.files import file_content
from manifpt.images.huggingface import Embedded
from manifpt.images.quiet import quiet
from manifpt.images.record import File, ImageRecord

FORMAT, SIZE, DEPTH = "file format", "pixel size of the file", "colours and bit depth"
CHROMA, TABLES = "chroma subsampling", "JPEG quantisation tables"
PROFILE, METADATA = "colour profile", "metadata"
PROPERTIES = (FORMAT, SIZE, DEPTH, CHROMA, TABLES, PROFILE, METADATA)
NONE = "none"
SUBSAMPLING = {0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}
JPEGS = ("JPEG", "MPO")
SIGNATURE, DEPTH_AT = b"\x89PNG\r\n\x1a\n", 24  # of a PNG
MOST_CHUNKS = 1000  # of a PNG that are looked at


def properties(content: bytes, *, name: str = "the image") -> dict[str, str]:
    """Return the properties of a file, each in a few words.

    Args:
        content: Bytes of a file that `decoded` has accepted: Pillow alone is too lenient with what keeps it busy.
        name: What errors call it.

    Raises:
        ImageError: Its header cannot be read.

    Example:
        >>> stream = io.BytesIO()
        >>> Image.new("RGB", (4, 2)).save(stream, "PNG")
        >>> found = properties(stream.getvalue())
        >>> found[FORMAT], found[SIZE], found[DEPTH]
        ('PNG', '4 × 2', 'RGB, 8 bits')
    """
    Image.init()
    try:
        with (
            quiet(),
            Image.open(io.BytesIO(content), formats=[name for name in READABLE if name in Image.OPEN]) as image,
        ):
            return _properties(image, content)
    except (OSError, ValueError, SyntaxError) as error:
        raise ImageError(
            f"the header of {name} cannot be read ({type(error).__name__})",
            expected="a file that stays as it is",
            remedy="do not change images during a run",
        ) from error


def file_bytes(record: ImageRecord) -> bytes | None:
    """Return the bytes of an image's file; None where there is no file (an array).

    Raises:
        ImageError: The file is gone.
    """
    if isinstance(record.source, File):
        return file_content(record.source.path)
    if not isinstance(record.source, Embedded):
        return None
    content, path = record.source.cell(record.source.row)
    return file_content(path) if content is None and path is not None else content


def checks(
    question: Question, table: Mapping[str, NDArray[np.str_]], paths: list[str], *, permutations: int, seed: int
) -> list[Check]:
    """Return a check for each property in which the images differ at all.

    Args:
        question: Labels that the properties might give away.
        table: Values of each property, (all,); "" where there is no file.
        paths: Path of each image of the set.
        permutations: How many labellings to draw.
        seed: Decides which.
    """
    found = []
    for name, values in table.items():
        asked = question.answerable(values != "")
        if asked is None:
            continue
        kinds, codes = np.unique(values[asked.rows], return_inverse=True)
        if len(kinds) > 1:
            statistic, p = significance(
                association(asked.partition, codes, len(kinds)), asked.partition, permutations=permutations, seed=seed
            )
            effect, rows = _told(asked, kinds, codes)
            files = tuple(paths[row] for row in rows)
            found.append(Check(name, asked.name, statistic, "Cramér's V", effect, files, p))
    return found


def _told(asked: Question, kinds: NDArray[np.str_], codes: NDArray[np.int64]) -> tuple[str, list[int]]:
    """Return in words where class and kind go together most, and images there."""
    partition = asked.partition
    counts = partition.counts(partition.members, codes, len(kinds))[0]
    expected = partition.sizes[:, None] * counts.sum(axis=0) / len(codes)
    place, kind = np.unravel_index(np.argmax((counts - expected) / np.sqrt(expected)), counts.shape)
    others, rest = counts[:, kind].sum() - counts[place, kind], len(codes) - partition.sizes[place]
    words = (
        f"{kinds[kind]}: {counts[place, kind]} of {partition.sizes[place]} images of {partition.names[place]}, "
        f"{others} of {rest} others"
    )
    rows = asked.rows[(partition.codes == place) & (codes == kind)][:SHOWN]
    return words, rows.tolist()


def _properties(image: Image.Image, content: bytes) -> dict[str, str]:
    jpeg = image.format in JPEGS
    tables = str(sorted(getattr(image, "quantization", {}).items()))
    profile = image.info.get("icc_profile")
    return {
        FORMAT: image.format or "unknown",
        SIZE: f"{image.width} × {image.height}",
        DEPTH: f"{image.mode}, {_bits(image, content)} bits",
        CHROMA: SUBSAMPLING.get(JpegImagePlugin.get_sampling(image), "other") if jpeg else NONE,
        TABLES: _short(tables.encode()) if jpeg else NONE,
        PROFILE: _short(profile) if profile else NONE,
        METADATA: _metadata(image, content),
    }


def _bits(image: Image.Image, content: bytes) -> int:
    if content.startswith(SIGNATURE):
        return content[DEPTH_AT]
    tiles = getattr(image, "tile", [])
    deep = image.mode.startswith("I") or any(";16" in str(tile.args) for tile in tiles)
    return 16 if deep else 1 if image.mode == "1" else 8


def _metadata(image: Image.Image, content: bytes) -> str:
    """Return which kinds of data stand beside the pixels: chunks of a PNG, else what Pillow calls them."""
    names = _chunks(content) if content.startswith(SIGNATURE) else {str(name) for name in image.info}
    return plain(", ".join(sorted(names - {"icc_profile", "iCCP"}))) or NONE


def _chunks(content: bytes) -> set[str]:
    found, place = set(), len(SIGNATURE)
    for _ in range(MOST_CHUNKS):
        if place + 8 > len(content):
            break
        found.add(content[place + 4 : place + 8].decode("ascii", "replace"))
        place += 12 + int.from_bytes(content[place : place + 4], "big")
    return found - {"IHDR", "IDAT", "IEND", "PLTE", ""}


def _short(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:8]
