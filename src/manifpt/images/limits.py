"""What one image may take: bytes, pixels, reads, and its turn in memory."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from manifpt.errors import ImageError

MOST_BYTES = 3 * 2**26  # of a file
MOST_PIXELS = 64_000_000
HALF = MOST_PIXELS // 2
# What takes several times its size in memory while it is decoded, or decodes slowly, has to be smaller: formats, and
# codecs that Pillow has in Python only.
DEARER = {"WEBP": HALF, "TIFF": HALF, "AVIF": HALF, "JPEG2000": 16_000_000, "ppm": 2_000_000, "ppm_plain": 2_000_000}
MOST_READS = 1_000_000


class Room:
    """Memory shared by threads: what they hold together stays below a size; what is larger is held alone.

    Args:
        size: What fits at once, bytes or pixels.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._used = 0
        self._changed = threading.Condition()

    @contextmanager
    def held(self, amount: int) -> Iterator[None]:
        """Hold an amount inside the block, after waiting until it fits."""
        amount = min(amount, self._size)
        with self._changed:
            self._changed.wait_for(lambda: self._used + amount <= self._size)
            self._used += amount
        try:
            yield
        finally:
            with self._changed:
                self._used -= amount
                self._changed.notify_all()


class Patient(io.BytesIO):
    """Bytes that a decoder may read a million times, not more.

    A small file can keep a decoder busy for minutes, with millions of empty chunks. Each of them is read here. Reads
    are counted, not seconds, so that a file has the same answer on every machine.

    Args:
        content: The file.
        name: What errors call it.
    """

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self._name = name
        self._reads = 0

    def read(self, size: int | None = -1, /) -> bytes:
        """Return the next bytes.

        Raises:
            ImageError: It was read too often.
        """
        self._reads += 1
        if self._reads > MOST_READS:
            raise ImageError(
                f"{self._name} has more than {MOST_READS:,} parts",
                expected="an image that decodes in seconds",
                remedy="save it again as PNG, or remove it",
            )
        return super().read(size)


def share(width: int, height: int, kinds: tuple[str, str], name: str) -> int:
    """Return what an image takes of a room for ``MOST_PIXELS``: the more, the dearer its format is.

    Args:
        width: Declared width, pixels.
        height: Declared height, pixels.
        kinds: Its format and its codec.
        name: What errors call it.

    Raises:
        ImageError: It has more pixels than one image may have.
    """
    most = min(DEARER.get(kind, MOST_PIXELS) for kind in kinds)
    if width * height > most:
        raise too_large(name, most)
    return width * height * (MOST_PIXELS // most)


def too_large(name: str, most: int = MOST_PIXELS) -> ImageError:
    """Return the error for too many pixels."""
    return ImageError(
        f"{name} has more than {most // 10**6} megapixels",
        expected=f"an image that {'fits in memory' if most >= HALF else 'decodes in seconds'}",
        remedy="crop or scale it first",
    )
