"""Sound image files of many kinds, and ways to damage them."""

from __future__ import annotations

import io
import re
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import Generator
from PIL import Image

SIDE = 32
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "TIFF")
BORDERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE, 0xFFFFFFFF)
LENGTHS = {
    "PNG": re.compile(rb"(.{4})(?=IHDR|PLTE|IDAT|IEND|tRNS|iCCP|tEXt|fcTL|fdAT|eXIf)", re.DOTALL),
    "JPEG": re.compile(rb"(?<=\xff[\xc0-\xcf\xda-\xef])(.{2})", re.DOTALL),
    "WEBP": re.compile(rb"(?<=RIFF|VP8 |VP8L|VP8X|ANIM|ANMF|ALPH)(.{4})", re.DOTALL),
    "GIF": re.compile(rb"(?<=\x21[\xf9\xfe\xff])(.)|(?<=\x2c.{8})(.)", re.DOTALL),
    "TIFF": re.compile(rb"(?<=[\x00-\x1f]\x01[\x01-\x0c]\x00)(.{4})", re.DOTALL),
}


def sources(rng: Generator) -> dict[str, list[bytes]]:
    """Return sound files of each format, of many kinds."""
    pixels = rng.integers(0, 256, (4, SIDE, SIDE, 3), np.uint8)
    pixels[1] = np.linspace(0, 255, SIDE, dtype=np.uint8)[:, None, None]
    one, smooth, *more = (Image.fromarray(image) for image in pixels)
    deep = Image.fromarray(rng.integers(0, 65536, (SIDE, SIDE)).astype(np.uint16))
    modes = {mode: smooth.convert(mode) for mode in ("L", "P", "1", "RGBA", "LA", "CMYK")}
    exif, frames = Image.Exif(), {"save_all": True, "append_images": more}
    exif[0x0112] = 6
    images: dict[str, list[Image.Image]] = {
        "PNG": [one, smooth, deep, *(modes[mode] for mode in ("L", "P", "1", "RGBA", "LA"))],
        "JPEG": [one, smooth, modes["L"], modes["CMYK"]],
        "WEBP": [one, smooth, modes["RGBA"]],
        "GIF": [one, smooth, modes["1"]],
        "TIFF": [one, smooth, deep, modes["1"], modes["CMYK"]],
    }
    compressions = ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")
    settings: dict[str, list[dict[str, Any]]] = {
        "PNG": [{"exif": exif}, frames, {"icc_profile": bytes(500)}],
        "JPEG": [{"progressive": True}, {"exif": exif}, {"optimize": True}],
        "WEBP": [{"lossless": True}, {"exif": exif}, frames],
        "GIF": [{"comment": b"x" * 300}, frames, {"transparency": 3}],
        "TIFF": [frames, {"tiffinfo": {0x0112: 6}}, *({"compression": name} for name in compressions)],
    }

    def saved(image: Image.Image, kind: str, **how: Any) -> bytes:
        file = io.BytesIO()
        image.copy().save(file, kind, **how)
        return file.getvalue()

    return {
        kind: [saved(image, kind) for image in images[kind]] + [saved(one, kind, **how) for how in settings[kind]]
        for kind in FORMATS
    }


def span(rng: Generator, content: bytearray) -> slice:
    """Return a random part, short ones more often."""
    start = int(rng.integers(0, max(1, len(content))))
    return slice(start, start + int(2 ** rng.uniform(0, np.log2(len(content) + 2))))


def flipped(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes with some overwritten."""
    for place in rng.integers(0, len(content), int(rng.integers(1, 9))):
        content[place] = int(rng.integers(0, 256))
    return content


def cut(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the beginning."""
    return content[: int(rng.integers(0, len(content)))]


def repeated(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes with a part that stands there several times."""
    part = span(rng, content)
    return content[: part.start] + content[part] * int(rng.integers(2, 20)) + content[part.stop :]


def removed(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes without a part."""
    part = span(rng, content)
    return content[: part.start] + content[part.stop :]


def exchanged(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes with two neighbouring parts exchanged."""
    one, two, three = sorted(int(place) for place in rng.integers(0, len(content) + 1, 3))
    return content[:one] + content[two:three] + content[one:two] + content[three:]


def headed(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes with a number in the first hundred overwritten."""
    size = int(rng.choice([1, 2, 4]))
    place = int(rng.integers(0, min(100, len(content))))
    return content[:place] + number(rng, size) + content[place + size :]


def stretched(rng: Generator, content: bytearray, kind: str) -> bytearray:
    """Return the bytes with the length of a chunk, segment, block or tag overwritten."""
    found = list(LENGTHS[kind].finditer(content))
    if not found:
        return headed(rng, content, kind)
    start, stop = found[int(rng.integers(0, len(found)))].span()
    return content[:start] + number(rng, stop - start) + content[stop:]


def number(rng: Generator, size: int) -> bytes:
    """Return a number that lies at a border, or any."""
    value = int(rng.choice(BORDERS)) if rng.random() < 0.7 else int(rng.integers(0, 2**32))
    return (value % 256**size).to_bytes(size, "big" if rng.random() < 0.5 else "little")


def summed(content: bytearray) -> bytearray:
    """Return a PNG with the right checksum in each chunk, as far as its chunks can be followed."""
    place = 8
    while place + 12 <= len(content):
        end = place + 8 + int.from_bytes(content[place : place + 4], "big")
        if end + 4 > len(content):
            break
        content[end : end + 4] = struct.pack(">I", zlib.crc32(content[place + 4 : end]))
        place = end + 4
    return content


Change = Callable[[Generator, bytearray, str], bytearray]
CHANGES: tuple[Change, ...] = (
    flipped,
    flipped,
    cut,
    repeated,
    removed,
    exchanged,
    headed,
    headed,
    stretched,
    stretched,
)


def mutated(rng: Generator, files: dict[str, list[bytes]], kind: str) -> bytes:
    """Return a damaged file that began as one of a format."""
    content = bytearray(files[kind][int(rng.integers(0, len(files[kind])))])
    if rng.random() < 0.1:
        others = files[str(rng.choice(FORMATS))]
        other = others[int(rng.integers(0, len(others)))]
        content = content[: int(rng.integers(1, len(content)))] + other[int(rng.integers(0, 60)) :]
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        content = CHANGES[int(rng.integers(0, len(CHANGES)))](rng, content, kind) or bytearray(b"\0")
    return bytes(summed(content) if kind == "PNG" and rng.random() < 0.8 else content)
