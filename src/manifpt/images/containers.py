"""What a file's own structure tells before its pixels are decoded."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice
from typing import Literal

from manifpt.errors import ImageError
from manifpt.images.limits import HALF

CHUNKS = 1000  # of a WebP that are looked at
SEGMENTS = 200_000  # of a JPEG
PASSES, MOST_PASSES = 32, 10_000  # over a JPEG of half the most pixels, and over any
# All but the markers without a length, which stand between or inside of the compressed bytes.
MARKER = re.compile(rb"\xff([\x02-\xcf\xd9-\xfe])", re.DOTALL)
START_OF_SCAN, END_OF_IMAGE = 0xDA, 0xD9
TIFF: dict[bytes, Literal["little", "big"]] = {b"II": "little", b"MM": "big"}
BIG = 43  # version of TIFF files with 64-bit offsets
BYTES = (1, 2, 6, 7)  # types of TIFF values that stay bytes: unsigned, text, signed, undefined
SHORT = 3  # the type of two bytes
VALUES = 2**17  # of one TIFF tag
TILE_WIDTH, TILE_LENGTH = 322, 323
TILE = 16_000_000  # pixels


def lossless_webp(content: bytes) -> bool:
    """Return whether a WebP's (first) picture is lossless, which Pillow does not say."""
    place = 12
    for _ in range(CHUNKS):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        if name in (b"VP8L", b"VP8 ", b""):
            return name == b"VP8L"
        # A frame (ANMF) holds 16 bytes of its own, then chunks.
        place += 8 + (16 if name == b"ANMF" else size + size % 2)
    return False


def refuse_passes(content: bytes, pixels: int, name: str) -> None:
    """Refuse a JPEG whose decoder would go over all its pixels too often.

    A progressive JPEG is made of passes (scans), ten as a rule, and held in memory until the last. One that says
    nothing new takes some bytes and, over 32 megapixels, a tenth of a second.

    Raises:
        ImageError: There are too many for so many pixels.
    """
    most = min(MOST_PASSES, PASSES * HALF // max(1, pixels)) if pixels <= HALF else 1
    passes = sum(marker == START_OF_SCAN for marker in islice(_markers(content), SEGMENTS))
    if passes > most:
        raise ImageError(
            f"{name} is a JPEG of {passes:,} passes",
            expected=f"at most {most:,} over {pixels:,} pixels",
            remedy="save it again as PNG, or remove it",
        )


def refuse_greedy_tiff(content: bytes, name: str) -> None:
    """Refuse a TIFF whose lists or tiles would fill the memory, however small its image is.

    Raises:
        ImageError: A tag holds more than 131,072 numbers, or a tile more than 16 megapixels.
    """
    order = TIFF.get(content[:2])
    if order is None:
        return

    def number(place: int, size: int) -> int:
        return int.from_bytes(content[place : place + size], order)

    big = number(2, 2) == BIG
    entry, width, first = (20, 8, number(8, 8)) if big else (12, 4, number(4, 4))
    start = first + (8 if big else 2)
    tile = 1
    for place in range(start, min(start + entry * number(first, start - first), len(content)), entry):
        tag, kind, count = number(place, 2), number(place + 2, 2), number(place + 4, width)
        if kind not in BYTES and VALUES < count <= len(content):
            raise _greedy(name, f"with a tag of {count} numbers", f"at most {VALUES}")
        if tag in (TILE_WIDTH, TILE_LENGTH):
            tile *= number(place + 4 + width, 2 if kind == SHORT else 4)
        if tile > TILE:
            raise _greedy(name, f"with tiles of {tile / 1e6:,.0f} megapixels", f"at most {TILE / 1e6:.0f}")


def _greedy(name: str, what: str, most: str) -> ImageError:
    return ImageError(f"{name} is a TIFF {what}", expected=most, remedy="save it again as PNG, or remove it")


def _markers(content: bytes) -> Iterator[int]:
    place = 2
    while (found := MARKER.search(content, place)) and found[1][0] != END_OF_IMAGE:
        yield found[1][0]
        place = found.start() + 2 + int.from_bytes(content[found.start() + 2 : found.start() + 4], "big")
