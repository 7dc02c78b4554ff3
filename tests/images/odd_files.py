"""How odd files are made."""

from __future__ import annotations

import io
import os
import socket
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

SIDE = 16
Make = Callable[[Path], object]


def picture(seed: int = 7, width: int = SIDE, height: int = SIDE) -> Image.Image:
    """Return noise."""
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8))


def encoded(image: Image.Image, kind: str, **settings: Any) -> bytes:
    """Return an image as a file of a format."""
    file = io.BytesIO()
    image.save(file, kind, **settings)
    return file.getvalue()


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, depth: int, colour: int, raw: bytes, *, interlaced: int = 0) -> bytes:
    """Return a PNG with this header and these bytes, which need not fit each other."""
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, interlaced)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(raw)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_with(*chunks: bytes) -> bytes:
    """Return a sound PNG with more chunks behind its header."""
    whole = encoded(picture(), "PNG")
    return whole[:33] + b"".join(chunks) + whole[33:]


def tiff(tags: list[tuple[int, int, int, int]], data: bytes, start: int = 400) -> bytes:
    """Return a TIFF with these tags (tag, type, count, value) and data at a place."""
    entries = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    head = b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + struct.pack("<I", 0)
    return head.ljust(start, b"\0") + data


def rgb_tiff(bits: int, data: bytes, *more: tuple[int, int, int, int]) -> bytes:
    """Return a TIFF of 16 × 16 pixels of three channels."""
    size = [(256, 3, 1, SIDE), (257, 3, 1, SIDE), (277, 3, 1, 3), (284, 3, 1, 1), (262, 3, 1, 2)]
    replaced = {tag[0] for tag in more}
    strip = [(273, 4, 1, 400), (278, 3, 1, SIDE), (279, 4, 1, len(data)), (259, 3, 1, 1), (258, 3, 3, 390)]
    content = tiff([*(tag for tag in size + strip if tag[0] not in replaced), *more], data)
    return content[:390] + struct.pack("<HHH", bits, bits, bits) + content[396:]


def interlaced() -> bytes:
    """Return a PNG whose rows come in the seven passes of Adam7."""
    pixels = np.asarray(picture())
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [pixels[top::down, left::right] for top, left, down, right in passes]
    return png(SIDE, SIDE, 8, 2, b"".join(b"\0" + row.tobytes() for part in parts for row in part), interlaced=1)


def deep(colour: int) -> bytes:
    """Return a PNG of 16 bits per channel: grey (0) or colour (2)."""
    values = np.random.default_rng(3).integers(0, 65536, (SIDE, SIDE, 3 if colour else 1)).astype(">u2")
    return png(SIDE, SIDE, 16, colour, b"".join(b"\0" + row.tobytes() for row in values))


def turned(kind: str, orientation: int) -> bytes:
    """Return an image whose EXIF data tells to turn it."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(picture(), kind, exif=exif)


def passes(count: int) -> bytes:
    """Return a JPEG with a pass that says nothing new, many times."""
    whole = encoded(picture().convert("L"), "JPEG", progressive=True)
    return whole[:-2] + whole[whole.rindex(b"\xff\xda") : -2] * count + whole[-2:]


def archive() -> bytes:
    """Return a zip."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as inside:
        inside.writestr("image.png", encoded(picture(), "PNG"))
    return file.getvalue()


def listening(path: Path) -> None:
    """Make a socket, whose whole path may be short only."""
    with socket.socket(socket.AF_UNIX) as made:
        here = os.getcwd()
        os.chdir(path.parent)
        try:
            made.bind(path.name)
        finally:
            os.chdir(here)


def content(data: bytes | Callable[[], bytes]) -> Make:
    """Return what writes a file."""
    return lambda path: path.write_bytes(data if isinstance(data, bytes) else data())


def link(target: str) -> Make:
    """Return what makes a symbolic link."""
    return lambda path: path.symlink_to(target)


def sparse(path: Path) -> None:
    """Write 300 MiB of zeros that take no space."""
    path.touch()
    os.truncate(path, 300 * 2**20)


def linked_image(path: Path) -> None:
    """Write an image without an ending, and a link to it."""
    path.with_suffix("").write_bytes(encoded(picture(), "PNG"))
    path.symlink_to(path.with_suffix("").name)


def unreadable(path: Path) -> None:
    """Write an image that nobody may read."""
    path.write_bytes(encoded(picture(), "PNG"))
    path.chmod(0)
