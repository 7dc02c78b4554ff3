"""One image of a set: what is known of it, and where its pixels come from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import DataError
from manifpt.images.decoding import DecodedImage, decoded
from manifpt.images.preparation import AS_IS, Preparation

Role = Literal["reference", "train", "validation", "test"]
ROLES: tuple[Role, ...] = ("reference", "train", "validation", "test")
REAL = "real"
REAL_NAMES = (REAL, "0_real")


class Source(Protocol):
    """Where an image's pixels come from; read anew every time, so that a set takes no memory."""

    def read(self, name: str, preparation: Preparation = AS_IS) -> DecodedImage:
        """Return the decoded and prepared image, which errors call ``name``."""
        ...


@dataclass(frozen=True, slots=True)
class File:
    """An image file.

    Args:
        path: Where it lies.
        sha256: Digest of its bytes that a manifest promises; None where nothing is promised.
    """

    path: Path
    sha256: str | None = None

    def read(self, name: str, preparation: Preparation = AS_IS) -> DecodedImage:
        """Return the decoded image, checked against the promised digest."""
        return decoded(self.path, name=name, promised=self.sha256, preparation=preparation)


@dataclass(frozen=True, slots=True, eq=False)
class Pixels:
    """An image in memory, or in a memory-mapped array.

    Args:
        array: uint8 (n, height, width, 3) or (n, height, width).
        index: Which of the n.
    """

    array: NDArray[np.uint8]
    index: int

    def read(self, name: str, preparation: Preparation = AS_IS) -> DecodedImage:
        """Return the image as RGB."""
        image = np.asarray(self.array[self.index], np.uint8)
        grey = image.ndim == 2  # noqa: PLR2004
        pixels = np.repeat(image[..., None], 3, axis=2) if grey else image
        size = (pixels.shape[0], pixels.shape[1])
        return DecodedImage(preparation.applied(pixels, name=name), "array", (), size)


@dataclass(frozen=True, slots=True)
class ImageRecord:
    """What is known of one image.

    Args:
        path: How the user sees it: a path, or ``file.parquet[12]`` inside another file.
        source: Where its pixels come from.
        generator: What made it; ``real`` for a camera; None where nobody says.
        family: gan, vae, flow, score, ar or real; None where nobody says.
        role: What it is for; None leaves that to the split.
        latent: What its generator made it from; one generator's images of one latent stay on one side of every split.
        digest: SHA-256 of its size and pixels as they are used; empty before it was read.
    """

    path: str
    source: Source
    generator: str | None = None
    family: str | None = None
    role: Role | None = None
    latent: str | None = None
    digest: str = ""


def is_real(name: str) -> bool:
    """Return whether a folder or generator of this name is camera images, in any spelling.

    Example:
        >>> is_real("0_real"), is_real("REAL"), is_real("realnvp")
        (True, True, False)
    """
    return name.lower() in REAL_NAMES


def label(generator: str | None, family: str | None, role: str | None, *, where: str) -> tuple[str | None, str | None]:
    """Return an image's generator and family, both ``real`` for camera images.

    Args:
        generator: What made it; None where nobody says.
        family: Family of the generator; None where nobody says.
        role: What it is for.
        where: What errors call the image.

    Raises:
        DataError: One of generator and family is real and the other is not, or a generated image is a reference.
    """
    real = [name is not None and is_real(name) for name in (generator, family)]
    if any(real) and not all(fits or name is None for fits, name in zip(real, (generator, family), strict=True)):
        raise DataError(
            f"{where} has generator {generator!r} and family {family!r}",
            expected="both real, or neither",
            remedy="correct one of them",
        )
    if any(real):
        return REAL, REAL
    if role == "reference" and generator is not None:
        raise DataError(
            f"{where} is a reference made by {generator!r}",
            expected="only reals (generator real) as references",
            remedy="correct its role or generator",
        )
    return generator, family


def pixel_digest(pixels: NDArray[np.uint8]) -> str:
    """Return the SHA-256 of an image's height, width and RGB bytes: equal for equal pixels in any file format."""
    height, width = pixels.shape[:2]
    return hashlib.sha256(f"{height} {width} ".encode() + np.ascontiguousarray(pixels).tobytes()).hexdigest()
