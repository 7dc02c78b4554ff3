"""One file → 8-bit RGB pixels, or one clear error."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from manifpt.errors import ImageError
from manifpt.images.containers import lossless_webp, refuse_greedy_tiff, refuse_passes
from manifpt.images.files import file_content, is_large
from manifpt.images.limits import MOST_PIXELS, Patient, Room, share, too_large
from manifpt.images.preparation import AS_IS, Preparation
from manifpt.images.quiet import quiet

ROOM = Room(MOST_PIXELS)
BLOCK = 2**20  # pixels converted at a time
PILLOW_BLOCK = 2**26  # bytes of memory that Pillow asks for at a time
DEEP_MODES = ("I", "I;16", "I;16B", "I;16L")
LOSSY = ("JPEG", "MPO", "JPEG2000", "AVIF")
FORMATS = "PNG, JPEG, WebP, TIFF, BMP, GIF, …"
# Pillow knows more, but some of those run other programs (EPS).
READABLE = ("PNG", "JPEG", "WEBP", "TIFF", "BMP", "GIF", "PPM", "JPEG2000", "AVIF", "TGA")
DEEP = "more than 8 bits: reduced to 8"
ORIENTATION, TURNED = 0x0112, range(2, 9)  # of EXIF
MOST_EXIF = 2**20  # bytes
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class DecodedImage:
    """An image as 8-bit RGB.

    Args:
        pixels: uint8 (height, width, 3), prepared.
        format: What the file is, by its content: "PNG", "JPEG", …
        warnings: What was lost or changed, in words.
        size: Height and width before preparation, pixels.
        sha256: Digest of the file's bytes; None where there is no file.
    """

    pixels: Pixels
    format: str
    warnings: tuple[str, ...]
    size: tuple[int, int]
    sha256: str | None = None


def decoded(
    source: str | Path | bytes,
    *,
    name: str | None = None,
    promised: str | None = None,
    preparation: Preparation = AS_IS,
    admit: Callable[[int, int], None] | None = None,
) -> DecodedImage:
    """Return a file's (first) image as 8-bit RGB, upright by its EXIF orientation.

    Palette, grey and CMYK images are converted, transparency is dropped, 16 bits are reduced to the upper 8; each is
    noted. A colour profile is noted, not applied. Threads that decode large images wait for each other, so that
    memory stays below a gigabyte.

    Args:
        source: A path, or the file's bytes.
        name: What errors call it; the path by default.
        promised: The SHA-256 that its bytes should have; None where nothing is promised.
        preparation: How to bring it to another size.
        admit: Called with the width and height that the file declares; raises to refuse them before they are decoded.

    Raises:
        ImageError: It is missing, not what was promised, no regular file, larger than 192 MiB, no image, damaged, of
            floats, larger than 64 megapixels (WebP, TIFF, AVIF, progressive JPEG: 32, JPEG 2000: 16, PPM of text or
            odd depth: 2), or made to keep a decoder busy.
    """
    shown = name or ("the image" if isinstance(source, bytes) else str(source))
    with ExitStack() as held:
        # A large file is alone with its pixels; of a small one, only the pixels wait for their turn.
        alone = not isinstance(source, bytes) and is_large(source)
        held.enter_context(ROOM.held(MOST_PIXELS if alone else 0))
        content = source if isinstance(source, bytes) else file_content(source)
        length, sha256 = len(content), hashlib.sha256(content).hexdigest()
        if promised is not None and sha256 != promised:
            raise ImageError(
                f"{shown} does not have the SHA-256 of its manifest",
                expected=promised,
                remedy="copy the file again, or correct the manifest",
            )
        try:
            refuse_greedy_tiff(content, shown)
            # Pillow warns about odd metadata and large images; both have an answer here.
            held.enter_context(quiet())
            stream = held.enter_context(Patient(content, shown))
            image = held.enter_context(Image.open(stream, formats=_formats()))
            amount = share(image.width, image.height, _kinds(image), shown)
            if admit is not None:
                admit(image.width, image.height)
            held.enter_context(ROOM.held(0 if alone else amount))
            orientation, notes = _loaded(image, content, shown)
            # The file is let go before its pixels are copied: it may be as large as they are.
            del content
            stream.close()
            pixels = _rgb(image, orientation, shown)
        except UnidentifiedImageError as error:
            raise ImageError(
                f"{shown} is not an image ({length} bytes)", expected=FORMATS, remedy="remove it from the input"
            ) from error
        except Image.DecompressionBombError as error:
            raise too_large(shown) from error
        except ImageError:
            raise
        except Exception as error:  # Pillow's decoders raise whatever a damaged file leads them into.
            raise ImageError(
                f"{shown} cannot be decoded ({type(error).__name__}: {' '.join(str(error).split())[:200]})",
                expected="a whole image",
                remedy="copy it again from its source, or remove it",
            ) from error
        kind = image.format or "unknown"
        image.close()
        size = (pixels.shape[0], pixels.shape[1])
        return DecodedImage(preparation.applied(pixels, name=shown), kind, notes, size, sha256)


@cache
def _formats() -> tuple[str, ...]:
    Image.init()
    # Blocks so large that the allocator gives them back at once; smaller ones it keeps, for each thread anew.
    memory = Image.core  # type: ignore[attr-defined]  # documented, though not typed
    memory.set_block_size(max(memory.get_block_size(), PILLOW_BLOCK))
    return tuple(name for name in READABLE if name in Image.OPEN)  # Pillow may be built without some of them


def _kinds(image: Image.Image) -> tuple[str, str]:
    tiles = getattr(image, "tile", None)
    return image.format or "", str(tiles[0][0]) if tiles else ""


def _loaded(image: Image.Image, content: bytes, shown: str) -> tuple[int, tuple[str, ...]]:
    """Decode, and return how the pixels have yet to be turned, and what was lost or changed."""
    if image.format in ("JPEG", "MPO"):
        refuse_passes(content, image.width * image.height, shown)
    lossy = image.format in LOSSY or (image.format == "WEBP" and not lossless_webp(content))
    notes = [f"{image.format}: lossy compression may hide or change the trace"] if lossy else []
    # Not the number of frames, for which some formats go through all of the file.
    if getattr(image, "is_animated", False):
        notes.append("animated: only the first frame is used")
        image.seek(0)
    if not _srgb(image.info.get("icc_profile") or b"sRGB"):
        notes.append("colour profile: not applied")
    # Pillow keeps the upper byte of 16-bit colours without a word; its tiles, gone after loading, tell.
    deep = any(";16" in str(tile.args) for tile in image.tile)  # type: ignore[attr-defined]
    # Pillow turns a TIFF while it loads and forgets that it did; the tag of a PNG may stand behind its pixels.
    before = _orientation(image, shown)
    image.load()
    left = _orientation(image, shown)
    if max(before, left) > 1:
        notes.append("EXIF orientation: turned upright")
    return left, (*notes, *_losses(image, deep))


def _srgb(profile: bytes) -> bool:
    return any("sRGB".encode(encoding) in profile for encoding in ("ascii", "utf-16-be"))


def _orientation(image: Image.Image, shown: str) -> int:
    """Return how EXIF data tells to turn an image; 1 for not at all."""
    if len(image.info.get("exif") or b"") > MOST_EXIF:
        raise ImageError(
            f"{shown} has {len(image.info['exif']) / 2**20:.0f} MiB of EXIF data",
            expected=f"at most {MOST_EXIF // 2**20}",
            remedy="save it again without metadata",
        )
    found = image.getexif().get(ORIENTATION)
    return found if isinstance(found, int) and found in TURNED else 1


def _losses(image: Image.Image, deep: bool) -> list[str]:
    if image.mode in DEEP_MODES:
        return [DEEP]
    notes = []
    if image.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        notes.append("transparency: dropped")
    if image.mode == "P":
        notes.append("palette: expanded to RGB")
    if image.mode in ("CMYK", "YCbCr", "LAB", "HSV"):
        notes.append(f"{image.mode}: converted to RGB")
    return [*notes, DEEP] if deep else notes


def _rgb(image: Image.Image, orientation: int, shown: str) -> Pixels:
    """Return the pixels, turned; a strip at a time, since whole copies of a large image would not fit in memory."""
    if image.mode == "F":
        raise ImageError(
            f"{shown} holds floats, whose range is not known",
            expected="8 or 16 bits per channel",
            remedy="scale it to 0–255 and save it as PNG",
        )
    width, height = image.size
    sideways = orientation >= 5  # noqa: PLR2004  (from there on EXIF swaps rows and columns)
    upright = np.empty((width, height, 3) if sideways else (height, width, 3), np.uint8)
    stored = _stored(upright, orientation)
    rows = max(1, BLOCK // width)
    for top in range(0, height, rows):
        bottom = min(top + rows, height)
        strip = image.crop((0, top, width, bottom))
        stored[top:bottom] = _eight_bits(strip, shown) if image.mode in DEEP_MODES else _flat(strip)
    return upright


def _stored(upright: Pixels, orientation: int) -> Pixels:
    """Return a view of an upright image in which its pixels stand as the file stores them."""
    if orientation in (6, 8):
        return np.rot90(upright, 1 if orientation == 6 else -1)  # noqa: PLR2004
    swapped = upright.swapaxes(0, 1) if orientation in (5, 7) else upright
    down = -1 if orientation in (3, 4, 7) else 1
    right = -1 if orientation in (2, 3, 7) else 1
    return swapped[::down, ::right]


def _flat(strip: Image.Image) -> Pixels:
    # Dropping alpha keeps the stored colours; compositing would invent a background.
    if "transparency" in strip.info:
        strip = strip.convert("RGBA")
    return np.asarray(strip if strip.mode == "RGB" else strip.convert("RGB"), np.uint8)


def _eight_bits(strip: Image.Image, shown: str) -> Pixels:
    values = np.asarray(strip)
    if values.min() < 0 or values.max() > np.iinfo(np.uint16).max:
        raise ImageError(
            f"{shown} holds values from {values.min()} to {values.max()}",
            expected="8 or 16 bits per channel",
            remedy="scale it to 0–255 and save it as PNG",
        )
    # The upper byte, as Pillow takes of colours: never scaled by content, and grey equals the same grey in colour.
    grey: Pixels = (values.astype(np.uint16) >> 8).astype(np.uint8)
    return np.broadcast_to(grey[..., None], (*grey.shape, 3))
