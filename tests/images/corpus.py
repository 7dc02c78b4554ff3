"""Odd files and the one answer that each has: the table behind docs/inputs.md and its tests."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from odd_files import (
    SIDE,
    Make,
    archive,
    chunk,
    content,
    deep,
    encoded,
    interlaced,
    link,
    linked_image,
    listening,
    passes,
    picture,
    png,
    png_with,
    rgb_tiff,
    sparse,
    turned,
    unreadable,
)
from PIL import Image, ImageCms, features

How = Literal["read", "skipped", "failed", "error", "left out"]
WHOLE, DEEP, DAMAGED = "Formats and colours", "Depth, orientation, frames, profiles", "Damaged, or no image at all"
SIZES, GREEDY, PLACES, NAMES = "Sizes", "Made to do harm", "No plain file, or one that changes", "Names"


@dataclass(frozen=True)
class Answer:
    """What manifpt does with a file.

    Args:
        how: read (into the set, or attributed), skipped or failed (told, while the others go on), error (the whole set
            is refused), or left out (never looked at).
        texts: The notes of an image that is read, else the message. FILE stands for its path, … for any words.
    """

    how: How
    texts: tuple[str, ...] = ()


@dataclass(frozen=True)
class Odd:
    """One row of the table.

    Args:
        theme: Under which heading it stands.
        words: What a person would call it.
        name: Its file name.
        make: Writes it.
        opening: What opening a set does with it, as `fit` and `evaluate` do.
        attribute: What `attribute` does with it, given the folder that it is in.
        during: What happens to it after it was found and before it is read.
        lacks: What this machine lacks to make it; "" where nothing.
        owner: Whether it only fails for those who do not own it, and never for root.
    """

    theme: str
    words: str
    name: str
    make: Make
    opening: Answer
    attribute: Answer
    during: Make | None = None
    lacks: str = ""
    owner: bool = False


def read(theme: str, words: str, name: str, make: bytes | Make, *notes: str, lacks: str = "") -> Odd:
    """Return a row of a file that is read, with these notes."""
    maker = content(make) if isinstance(make, bytes) else make
    return Odd(theme, words, name, maker, Answer("read", notes), Answer("read", notes), lacks=lacks)


def told(theme: str, words: str, name: str, make: bytes | Make, text: str, *, owner: bool = False) -> Odd:
    """Return a row of a file that is skipped, or fails, with this message."""
    maker = content(make) if isinstance(make, bytes) else make
    return Odd(theme, words, name, maker, Answer("skipped", (text,)), Answer("failed", (text,)), owner=owner)


def sized(words: str, name: str, width: int, height: int) -> Odd:
    """Return a row of a sound file of another size than the others."""
    size, side = f"{width} × {height}", min(width, height, SIDE)
    opening = (
        f"the images have 2 sizes: … of {SIDE} × {SIDE} (…) and 1 of {size} (FILE); expected one size; "
        f"give --crop {side} (keeps the trace) or --resize {side} (changes it)"
    )
    attribute = (
        f"FILE is {size} pixels; expected {SIDE} × {SIDE}, as the model was trained on; "
        f"give --crop {SIDE} or --resize {SIDE} (resizing changes the trace)"
    )
    make = content(encoded(picture(width=width, height=height), "PNG"))
    return Odd(SIZES, words, name, make, Answer("error", (opening,)), Answer("failed", (attribute,)))


def large(words: str, name: str, make: bytes, size: str) -> Odd:
    """Return a row of a file that declares a size within the limits, and does not hold it."""
    attribute = (
        f"FILE is {size} pixels; expected {SIDE} × {SIDE}, as the model was trained on; "
        f"give --crop {SIDE} or --resize {SIDE} (resizing changes the trace)"
    )
    return Odd(GREEDY, words, name, content(make), Answer("skipped", (BROKEN,)), Answer("failed", (attribute,)))


def lossy(kind: str) -> str:
    """Return the note on a format that loses something."""
    return f"{kind}: lossy compression may hide or change the trace"


def no_image(size: int | str) -> str:
    """Return the message on a file of so many bytes."""
    return f"FILE is not an image ({size} bytes); expected PNG, JPEG, WebP, TIFF, BMP, GIF, …; remove it from the input"


BROKEN = "FILE cannot be decoded (…); expected a whole image; copy it again from its source, or remove it"
MEMORY = "FILE has more than 64 megapixels; expected an image that fits in memory; crop or scale it first"
PARTS = (
    "FILE has more than 1,000,000 parts; expected an image that decodes in seconds; save it again as PNG, or remove it"
)
NO_FILE = "FILE is no regular file; expected an image file; leave it out"
CHECK = "expected a readable image file; check the path and permissions"
EIGHT, FRAMES, UPRIGHT = (
    "more than 8 bits: reduced to 8",
    "animated: only the first frame is used",
    "EXIF orientation: turned upright",
)
PROFILE, PALETTE, DROPPED = (
    "colour profile: not applied",
    "palette: expanded to RGB",
    "transparency: dropped",
)

PIXELS = np.asarray(picture())
PNG = encoded(picture(), "PNG")
JPEG = encoded(picture(), "JPEG")
ALPHA = Image.fromarray(np.concatenate([PIXELS, PIXELS[..., :1]], axis=2))
FEW = picture().quantize(16)
GIF = encoded(FEW, "GIF")
MORE = {"save_all": True, "append_images": [picture(8), picture(9)]}
LAB = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
LONGS = 2_000_000
HOSTILE = 'a\x1b[31m[red]<b>&"\\$=1+1.png'


def modern(kind: str, feature: str) -> tuple[bytes, str]:
    """Return a file of a format that not every Pillow writes, and what is lacking."""
    able = bool(features.check(feature))
    return (encoded(picture(), kind) if able else b"", "" if able else f"Pillow without {kind}")


AVIF, NO_AVIF = modern("AVIF", "avif")
JPEG2000, NO_JPEG2000 = modern("JPEG2000", "jpg_2000")

ODD: tuple[Odd, ...] = (
    read(WHOLE, "PNG", "plain.png", PNG),
    read(WHOLE, "BMP", "plain.bmp", encoded(picture(), "BMP")),
    read(WHOLE, "TIFF", "plain.tif", encoded(picture(), "TIFF", compression="tiff_lzw")),
    read(WHOLE, "PPM", "plain.ppm", encoded(picture(), "PPM")),
    read(WHOLE, "lossless WebP", "lossless.webp", encoded(picture(), "WEBP", lossless=True)),
    read(WHOLE, "lossy WebP", "lossy.webp", encoded(picture(), "WEBP"), lossy("WEBP")),
    read(WHOLE, "JPEG", "plain.jpg", JPEG, lossy("JPEG")),
    read(WHOLE, "progressive JPEG", "progressive.jpg", encoded(picture(), "JPEG", progressive=True), lossy("JPEG")),
    read(WHOLE, "JPEG 2000", "plain.jp2", JPEG2000, lossy("JPEG2000"), lacks=NO_JPEG2000),
    read(WHOLE, "AVIF", "plain.avif", AVIF, lossy("AVIF"), lacks=NO_AVIF),
    read(WHOLE, "wrong ending: a JPEG named .png", "jpeg.png", JPEG, lossy("JPEG")),
    read(WHOLE, "wrong ending: a PNG named .jpg", "png.jpg", PNG),
    read(WHOLE, "interlaced PNG", "interlaced.png", interlaced()),
    read(WHOLE, "palette", "palette.png", encoded(FEW, "PNG"), PALETTE),
    read(
        WHOLE,
        "palette with transparency",
        "clear.png",
        encoded(FEW, "PNG", transparency=bytes([0, 128] * 8)),
        DROPPED,
        PALETTE,
    ),
    read(WHOLE, "alpha channel", "alpha.png", encoded(ALPHA, "PNG"), DROPPED),
    read(WHOLE, "grey", "grey.png", encoded(picture().convert("L"), "PNG")),
    read(WHOLE, "grey with alpha", "grey-alpha.png", encoded(ALPHA.convert("LA"), "PNG"), DROPPED),
    read(WHOLE, "one bit", "one-bit.png", encoded(picture().convert("1"), "PNG")),
    read(
        WHOLE, "CMYK", "cmyk.jpg", encoded(picture().convert("CMYK"), "JPEG"), lossy("JPEG"), "CMYK: converted to RGB"
    ),
    read(DEEP, "16 bits, grey PNG", "deep-grey.png", deep(0), EIGHT),
    read(DEEP, "16 bits, colour PNG", "deep.png", deep(2), EIGHT),
    read(
        DEEP,
        "16 bits, grey TIFF",
        "deep-grey.tif",
        encoded(Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257), "TIFF"),
        EIGHT,
    ),
    read(DEEP, "16 bits, colour TIFF", "deep.tif", rgb_tiff(16, PIXELS.astype("<u2").tobytes()), EIGHT),
    told(
        DEEP,
        "floats, TIFF",
        "float.tif",
        encoded(picture().convert("F"), "TIFF"),
        "FILE holds floats, whose range is not known; expected 8 or 16 bits per channel; "
        "scale it to 0–255 and save it as PNG",
    ),
    told(
        DEEP,
        "32 bits, TIFF",
        "long.tif",
        encoded(Image.fromarray(PIXELS[..., 0].astype(np.int32) * 1000), "TIFF"),
        "FILE holds values from … to …; expected 8 or 16 bits per channel; scale it to 0–255 and save it as PNG",
    ),
    read(DEEP, "rotated by EXIF, JPEG", "rotated.jpg", turned("JPEG", 6), lossy("JPEG"), UPRIGHT),
    read(DEEP, "rotated by EXIF, PNG", "rotated.png", turned("PNG", 8), UPRIGHT),
    read(DEEP, "mirrored by EXIF, TIFF", "mirrored.tif", turned("TIFF", 2), UPRIGHT),
    read(DEEP, "animated GIF", "animated.gif", encoded(FEW, "GIF", **MORE), FRAMES, PALETTE),
    read(DEEP, "animated PNG", "animated.png", encoded(picture(), "PNG", **MORE), FRAMES),
    read(DEEP, "animated WebP", "animated.webp", encoded(picture(), "WEBP", lossless=True, **MORE), FRAMES),
    read(DEEP, "TIFF of several pages", "pages.tif", encoded(picture(), "TIFF", **MORE), FRAMES),
    read(DEEP, "sRGB profile", "srgb.png", encoded(picture(), "PNG", icc_profile=SRGB)),
    read(DEEP, "any other colour profile", "lab.png", encoded(picture(), "PNG", icc_profile=LAB), PROFILE),
    told(DAMAGED, "cut short, PNG", "cut.png", PNG[:400], BROKEN),
    told(DAMAGED, "cut short, JPEG", "cut.jpg", JPEG[:-40], BROKEN),
    told(DAMAGED, "zero bytes", "zero.png", b"", no_image(0)),
    told(DAMAGED, "zeros only", "zeros.png", bytes(100), no_image(100)),
    told(DAMAGED, "a flipped bit in a PNG's pixels", "bit.png", PNG[:200] + bytes([PNG[200] ^ 1]) + PNG[201:], BROKEN),
    told(DAMAGED, "text named .png", "text.png", b"I am no image.\n", no_image(15)),
    told(DAMAGED, "a web page named .jpg", "page.jpg", b"<!DOCTYPE html><h1>404</h1>", no_image("…")),
    told(DAMAGED, "SVG named .png", "svg.png", b'<svg xmlns="http://www.w3.org/2000/svg"/>', no_image("…")),
    told(DAMAGED, "PDF named .png", "pdf.png", b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", no_image("…")),
    told(DAMAGED, "EPS named .png", "eps.png", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n", no_image("…")),
    told(DAMAGED, "HEIC", "photo.heic", b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + bytes(50), no_image("…")),
    told(DAMAGED, "zip named .png", "zip.png", archive(), no_image("…")),
    read(DAMAGED, "sound, with a megabyte of garbage behind it", "tail.png", PNG + bytes(range(1, 251)) * 4000),
    sized("1 × 1", "one.png", 1, 1),
    sized("1 × 50,000", "tall.png", 1, 50_000),
    sized("50,000 × 1", "wide.png", 50_000, 1),
    sized("twice the size", "twice.png", 2 * SIDE, 2 * SIDE),
    told(GREEDY, "PNG that says 60,000 × 60,000", "huge.png", png(60_000, 60_000, 8, 2, bytes(100)), MEMORY),
    told(GREEDY, "PNG that says 9,000 × 9,000", "big.png", png(9_000, 9_000, 8, 2, bytes(100)), MEMORY),
    told(
        GREEDY,
        "GIF that says 65,535 × 65,535",
        "huge.gif",
        GIF[:6] + struct.pack("<HH", 65535, 65535) + GIF[10:],
        MEMORY,
    ),
    large("PNG that says 8,000 × 8,000", "most.png", png(8_000, 8_000, 8, 2, bytes(100)), "8000 × 8000"),
    told(
        GREEDY,
        "compressed text that would take 64 MB, PNG",
        "text-bomb.png",
        png_with(chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**26)))),
        BROKEN,
    ),
    told(
        GREEDY,
        "compressed international text that would take 64 MB, PNG",
        "international-bomb.png",
        png_with(chunk(b"iTXt", b"a\0\1\0\0\0" + zlib.compress(bytes(2**26)))),
        BROKEN,
    ),
    told(
        GREEDY,
        "compressed profile that would take 64 MB, PNG",
        "profile-bomb.png",
        png_with(chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**26)))),
        BROKEN,
    ),
    told(
        GREEDY,
        "600,000 empty chunks, PNG",
        "chunks.png",
        content(lambda: png_with(chunk(b"abCD", b"") * 600_000)),
        PARTS,
    ),
    told(
        GREEDY,
        "a million padding bytes, JPEG",
        "padded.jpg",
        content(lambda: JPEG[:2] + b"\xff" * 1_100_000 + JPEG[2:]),
        PARTS,
    ),
    told(
        GREEDY,
        "20,000 passes that say nothing new, JPEG",
        "passes.jpg",
        content(lambda: passes(20_000)),
        "FILE is a JPEG of … passes; expected at most 10,000 over 256 pixels; save it again as PNG, or remove it",
    ),
    told(
        GREEDY,
        "two million strips, TIFF",
        "strips.tif",
        content(
            lambda: rgb_tiff(
                8, struct.pack("<I", 400) * LONGS, (273, 4, LONGS, 400), (279, 4, LONGS, 400), (278, 3, 1, 1)
            )
        ),
        "FILE is a TIFF with a tag of 2000000 numbers; expected at most 131072; save it again as PNG, or remove it",
    ),
    told(
        GREEDY,
        "a tile of 134 megapixels, TIFF",
        "tile.tif",
        rgb_tiff(8, b"x", (322, 4, 1, 16384), (323, 4, 1, 8192), (324, 4, 1, 400), (325, 4, 1, 1)),
        "FILE is a TIFF with tiles of 134 megapixels; expected at most 16; save it again as PNG, or remove it",
    ),
    told(
        GREEDY,
        "EXIF data of 2 MiB, PNG",
        "exif.png",
        content(lambda: png_with(chunk(b"eXIf", b"II*\0" + bytes(2**21)))),
        "FILE has 2 MiB of EXIF data; expected at most 1; save it again without metadata",
    ),
    told(
        GREEDY,
        "file of 300 MiB",
        "heavy.png",
        sparse,
        "FILE has 300 MiB; expected an image file of at most 192 MiB; "
        "crop or scale the image first, or leave the file out",
    ),
    told(PLACES, "a folder named x.png", "folder.png", Path.mkdir, NO_FILE),
    Odd(PLACES, "an empty folder", "empty", Path.mkdir, Answer("left out"), Answer("left out")),
    Odd(PLACES, "a hidden file", ".hidden.png", content(PNG), Answer("left out"), Answer("left out")),
    Odd(PLACES, "a file with no image's ending", "notes.txt", content(b"x"), Answer("left out"), Answer("left out")),
    read(PLACES, "a link to an image", "link.png", linked_image),
    told(
        PLACES,
        "a link to nothing",
        "dangling.png",
        link("nowhere.png"),
        f"FILE cannot be read (No such file or directory); {CHECK}",
    ),
    told(
        PLACES,
        "a link to itself",
        "loop.png",
        link("loop.png"),
        f"FILE cannot be read (Too many levels of symbolic links); {CHECK}",
    ),
    told(PLACES, "a link to a folder (links are not followed)", "linked", link(".."), NO_FILE),
    told(PLACES, "a pipe (FIFO)", "pipe.png", os.mkfifo, NO_FILE),
    told(PLACES, "a socket", "socket.png", listening, NO_FILE),
    told(PLACES, "a device without end (/dev/zero)", "zero-device.png", link("/dev/zero"), NO_FILE),
    told(
        PLACES,
        "a file that may not be read",
        "secret.png",
        unreadable,
        f"FILE cannot be read (Permission denied); {CHECK}",
        owner=True,
    ),
    told(
        PLACES,
        "a folder that may not be looked into",
        "closed",
        lambda path: path.mkdir(0),
        f"FILE cannot be read (Permission denied); {CHECK}",
        owner=True,
    ),
    Odd(
        PLACES,
        "a file removed during the run",
        "removed.png",
        content(PNG),
        Answer("error", (f"FILE cannot be read (No such file or directory); {CHECK}",)),
        Answer("failed", (f"FILE cannot be read (No such file or directory); {CHECK}",)),
        during=Path.unlink,
    ),
    Odd(
        PLACES,
        "a file changed during the run",
        "changed.png",
        content(PNG),
        Answer(
            "error",
            (
                "FILE has other pixels than when it was first read; expected images that stay as they are; "
                "do not change images during a run",
            ),
        ),
        Answer("read"),
        during=content(encoded(picture(99), "PNG")),
    ),
    read(NAMES, "a name that is not UTF-8", os.fsdecode(b"\xff\xfe.png"), PNG),
    read(NAMES, "a name with a line break", "two\nlines.png", PNG),
    read(NAMES, "the longest name (255 bytes)", "x" * 251 + ".png", PNG),
    read(NAMES, "markup, colours of a terminal and quotes in a name", HOSTILE, PNG),
    read(NAMES, "a name like a formula", "=1+1.png", PNG),
    read(NAMES, "a name like an option", "--json.png", PNG),
    read(NAMES, "a name like a pattern", "[1]*?.png", PNG),
    read(NAMES, "spaces, and letters of other scripts", " é 画像 \u202egnp.png", PNG),
    told(NAMES, "a broken file whose name has a line break", "broken\nname.png", b"", no_image(0)),
)
