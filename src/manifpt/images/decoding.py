"""One file → 8-bit RGB pixels, or one clear error."""

from __future__ import annotations

import hashlib
import io
import os
import stat
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from manifpt.errors import ImageError
from manifpt.images.quiet import quiet

MOST_PIXELS = 100_000_000
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")
LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF")
FORMATS = "PNG, JPEG, WebP, TIFF, BMP, GIF, …"
# Pillow knows more, but some of those run other programs (EPS).
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "TGA")
DEEP = "more than 8 bits: reduced to 8"
ORIENTATION, TURNED = 0x0112, range(2, 9)  # of EXIF


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image as 8-bit RGB.

    Args:
        pixels: uint8 (height, width, 3).
        format: What the file is, by its content: "PNG", "JPEG", …
        warnings: What was lost or changed, in words.
    """

    pixels: NDArray[np.uint8]
    format: str
    warnings: tuple[str, ...]


def decoded(source: str | Path | bytes, *, name: str | None = None) -> DecodedImage:
    """Return a file's (first) image as 8-bit RGB, upright by its EXIF orientation.

    Palette, grey and CMYK images are converted, transparency is dropped, 16 bits are reduced to the upper 8; each is
    noted. A colour profile is noted, not applied.

    Args:
        source: A path, or the file's bytes.
        name: What errors call it; the path by default.

    Raises:
        ImageError: It is missing, no regular file, no image, damaged, of floats, or larger than 100 megapixels.
    """
    shown = name or ("the image" if isinstance(source, bytes) else str(source))
    content = source if isinstance(source, bytes) else file_content(source)
    try:
        # Pillow warns about odd metadata and large images; both have an answer here.
        with quiet(), Image.open(io.BytesIO(content), formats=_formats()) as image:
            return _converted(image, content, shown)
    except UnidentifiedImageError as error:
        raise ImageError(
            f"{shown} is not an image ({len(content)} bytes)", expected=FORMATS, remedy="remove it from the input"
        ) from error
    except Image.DecompressionBombError as error:
        raise _too_large(shown) from error
    except ImageError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them into.
        raise ImageError(
            f"{shown} cannot be decoded ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
            expected="a whole image",
            remedy="copy it again from its source, or remove it",
        ) from error


def file_content(path: str | Path) -> bytes:
    """Return the bytes of a regular file.

    Raises:
        ImageError: It is missing, unreadable, or no regular file (a folder, a pipe, a dangling link).
    """
    try:
        # Opened without blocking, so that a pipe without a writer cannot hang the run.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_CLOEXEC", 0))
        # Looked at before it becomes a file object: Python refuses folders, and then leaves the handle open.
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            raise ImageError(f"{path} is no regular file", expected="an image file", remedy="leave it out")
        with open(handle, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError(
            f"{path} cannot be read ({reason})",
            expected="a readable image file",
            remedy="check the path and permissions",
        ) from error


def file_sha256(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, 64 hexadecimal digits."""
    return hashlib.sha256(file_content(path)).hexdigest()


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    return tuple(name for name in READABLE if name in Image.OPEN)  # Pillow may be built without some of them


def _too_large(shown: str) -> ImageError:
    return ImageError(
        f"{shown} has more than {MOST_PIXELS // 10**6} megapixels",
        expected="an image that fits in memory",
        remedy="crop or scale it first",
    )


def _converted(image: Image.Image, content: bytes, shown: str) -> DecodedImage:
    if image.width * image.height > MOST_PIXELS:
        raise _too_large(shown)
    kind = image.format or "unknown"
    notes = [f"{kind}: lossy compression may hide or change the trace"] if _lossy(image, content) else []
    if getattr(image, "n_frames", 1) > 1:
        notes.append("animated: only the first frame is used")
        image.seek(0)
    if not _srgb(image.info.get("icc_profile") or b"sRGB"):
        notes.append("colour profile: not applied")
    # Pillow keeps the upper byte of 16-bit colours without a word; its tiles, gone after loading, tell.
    deep = any(";16" in str(tile.args) for tile in image.tile)  # type: ignore[attr-defined]
    # Pillow turns a TIFF while it loads and forgets that it did; the tag of a PNG may stand behind its pixels.
    told = [image.getexif().get(ORIENTATION)]
    image.load()
    told.append(image.getexif().get(ORIENTATION))
    upright = ImageOps.exif_transpose(image)
    if any(orientation in TURNED for orientation in told):
        notes.append("EXIF orientation: turned upright")
    pixels, more = _rgb(upright, shown)
    more = [DEEP] if deep and DEEP not in more else more
    return DecodedImage(pixels, kind, (*notes, *more))


def _lossy(image: Image.Image, content: bytes) -> bool:
    # Pillow does not say whether a WebP is lossless; its first chunk does.
    return image.format in LOSSY or (image.format == "WEBP" and b"VP8L" not in _webp_chunks(content))


def _webp_chunks(content: bytes) -> list[bytes]:
    """Return the names of a WebP's chunks, and of the first frame's where it is animated."""
    names, place = [], 12
    while place + 8 <= len(content):
        name, size = content[place : place + 4], int.from_bytes(content[place + 4 : place + 8], "little")
        names.append(name)
        # A frame (ANMF) holds 16 bytes of its own, then chunks.
        place += 8 + (16 if name == b"ANMF" else size + size % 2)
    return names


def _srgb(profile: bytes) -> bool:
    return any("sRGB".encode(encoding) in profile for encoding in ("ascii", "utf-16-be"))


def _rgb(image: Image.Image, shown: str) -> tuple[NDArray[np.uint8], list[str]]:
    if image.mode in DEEP_MODES:
        return _eight_bits(image, shown), [DEEP]
    if image.mode == "F":
        raise ImageError(
            f"{shown} holds floats, whose range is not known",
            expected="8 or 16 bits per channel",
            remedy="scale it to 0–255 and save it as PNG",
        )
    notes = []
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        notes.append("transparency: dropped")
    if image.mode == "P":
        notes.append("palette: expanded to RGB")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        notes.append(f"{image.mode}: converted to RGB")
    # Dropping alpha keeps the stored colours; compositing would invent a background.
    flat = image.convert("RGBA").convert("RGB") if "transparency" in image.info else image.convert("RGB")
    return np.asarray(flat, np.uint8).copy(), notes


def _eight_bits(image: Image.Image, shown: str) -> NDArray[np.uint8]:
    values = np.asarray(image)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ImageError(
            f"{shown} holds values from {values.min()} to {values.max()}",
            expected="8 or 16 bits per channel",
            remedy="scale it to 0–255 and save it as PNG",
        )
    # The upper byte, as Pillow takes of colours: never scaled by content, and grey equals the same grey in colour.
    grey = (values.astype(np.uint16) >> 8).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)
