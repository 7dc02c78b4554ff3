"""Resizing and cropping, only ever on the user's word."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError, ImageError
from manifpt.images.limits import MOST_PIXELS


@dataclass(frozen=True, slots=True)
class Preparation:
    """How images are brought to one size.

    Args:
        resize: Scale the shorter side to this many pixels (Lanczos) and cut out the middle square; None to leave as is.
        crop: Cut out the middle square of this many pixels, after resizing; None to leave as is.

    Raises:
        DataError: A size is not positive.

    Example:
        >>> Preparation(crop=2).applied(np.zeros((4, 6, 3), np.uint8), name="x.png").shape
        (2, 2, 3)
    """

    resize: int | None = None
    crop: int | None = None

    def __post_init__(self) -> None:
        for name, size in (("resize", self.resize), ("crop", self.crop)):
            if size is not None and size <= 0:
                raise DataError(f"{name} is {size}", expected="a positive number of pixels", remedy=f"change --{name}")

    def applied(self, pixels: NDArray[np.uint8], *, name: str) -> NDArray[np.uint8]:
        """Return the prepared image, uint8 (height, width, 3).

        Args:
            pixels: uint8 (height, width, 3).
            name: What errors call the image.

        Raises:
            ImageError: The image is smaller than the crop, or so long that scaling would give more than 64 megapixels.
        """
        if self.resize is not None:
            pixels = _middle(_scaled(pixels, self.resize, name), self.resize)
        if self.crop is None:
            return pixels
        height, width = pixels.shape[:2]
        if min(height, width) < self.crop:
            raise ImageError(
                f"{name} is {width} × {height} pixels",
                expected=f"at least {self.crop} × {self.crop} for --crop {self.crop}",
                remedy=f"use a smaller crop, or --resize {self.crop}",
            )
        return _middle(pixels, self.crop)


AS_IS = Preparation()


def _scaled(pixels: NDArray[np.uint8], side: int, name: str) -> NDArray[np.uint8]:
    height, width = pixels.shape[:2]
    factor = side / min(height, width)
    size = (max(side, round(width * factor)), max(side, round(height * factor)))
    if size[0] * size[1] > MOST_PIXELS:
        raise ImageError(
            f"{name} is {width} × {height} pixels, and scaled to {side} it would be {size[0]} × {size[1]}",
            expected=f"at most {MOST_PIXELS // 10**6} megapixels",
            remedy="crop it first, or remove it",
        )
    return np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS), np.uint8)


def _middle(pixels: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    top, left = (pixels.shape[0] - side) // 2, (pixels.shape[1] - side) // 2
    return np.ascontiguousarray(pixels[top : top + side, left : left + side])
