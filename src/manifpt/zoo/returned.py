"""What others' code is asked for and what it returns: checked before it becomes images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import ImageError, NumbersError
from manifpt.zoo.source import Images

CHANNELS, AXES = 3, 4
# Floats that were scaled to [0, 1] may miss its ends by rounding.
ROUNDING = 1e-4
SHOWN = 160


def refuse_negative(count: int, seed: int, start: int) -> None:
    """Refuse numbers that no sequence of images has.

    Raises:
        NumbersError: One is negative.
    """
    if min(count, seed, start) < 0:
        raise NumbersError(
            f"{count} images from {start} with seed {seed}",
            expected="numbers from 0 up",
            remedy="correct the negative one",
        )


def checked(values: object, count: int, *, who: str) -> Images:
    """Return images as uint8 (n, h, w, 3), bit for bit where they are uint8 already.

    What values mean is never guessed: floats are grey levels from 0 to 1, and the channels come last.

    Args:
        values: An array, a tensor, or a list of images.
        count: How many images were asked for.
        who: Who returned them, for the error.

    Raises:
        ImageError: They are not ``count`` RGB images of one size, or not uint8 or finite floats in [0, 1].

    Example:
        >>> checked(np.ones((1, 2, 2, 3)), 1, who="white").max()
        np.uint8(255)
    """
    array = _array(values, who)
    _refuse_shape(array, count, who)
    if array.dtype == np.uint8:
        return np.ascontiguousarray(array)
    if not np.issubdtype(array.dtype, np.floating):
        raise ImageError(
            f"{who} returned values of type {array.dtype}",
            expected="uint8, or floats in [0, 1]",
            remedy="convert them to uint8",
        )
    if odd := int((~np.isfinite(array)).sum()):
        raise ImageError(
            f"{who} returned {odd} values that are NaN or infinite",
            expected="finite floats in [0, 1]",
            remedy="check its weights and settings",
        )
    low, high = float(array.min()), float(array.max())
    if low < -ROUNDING or high > 1 + ROUNDING:
        raise ImageError(
            f"{who} returned floats from {low:.4g} to {high:.4g}",
            expected="uint8, or floats in [0, 1]",
            remedy="scale them, (x + 1) / 2 if they are meant for [−1, 1], and clip them",
        )
    return np.asarray(np.clip(np.rint(array.astype(np.float64) * 255), 0, 255), np.uint8)


def one_size(blocks: Iterable[Images], *, who: str) -> Iterator[Images]:
    """Yield blocks of images as they come, as long as all are of one size.

    Raises:
        ImageError: A block has images of another size than the first.
    """
    size = None
    for block in blocks:
        size = size or block.shape[1:3]
        if block.shape[1:3] != size:
            raise _sizes([size, block.shape[1:3]], who)
        yield block


def failure(error: BaseException) -> str:
    r"""Return what an error of foreign code says, in one line of bounded length.

    Example:
        >>> failure(ValueError("a\n b"))
        'ValueError: a b'
    """
    text = " ".join(str(error).split())
    shown = text if len(text) <= SHOWN else f"{text[:SHOWN]}…"
    return f"{type(error).__name__}: {shown}" if shown else type(error).__name__


def _array(values: object, who: str) -> NDArray[np.generic]:
    if isinstance(values, (list, tuple)):
        images = [_array(value, who) for value in values]
        sizes = list(dict.fromkeys(image.shape[:2] for image in images))
        if len(sizes) > 1:
            raise _sizes(sizes, who)
        values = images
    elif hasattr(values, "detach"):
        # A tensor may need its gradient and its device left behind.
        values = values.detach().cpu()
    try:
        return np.asarray(values)
    except Exception as error:  # Whatever foreign objects raise when they are turned into arrays.
        raise ImageError(
            f"{who} returned {type(values).__name__}, which is no array ({failure(error)})",
            expected="an array (n, height, width, 3)",
            remedy="return a NumPy array",
        ) from error


def _refuse_shape(array: NDArray[np.generic], count: int, who: str) -> None:
    shape = array.shape
    if len(shape) == AXES and shape[-1] == CHANNELS and shape[0] == count and array.size:
        return
    first = len(shape) == AXES and shape[1] == CHANNELS
    remedy = "move the channels to the end: permute(0, 2, 3, 1) of a tensor" if first else "return as many RGB images"
    raise ImageError(
        f"{who} returned values of shape {shape}", expected=f"shape ({count}, height, width, {CHANNELS})", remedy=remedy
    )


def _sizes(sizes: list[tuple[int, ...]], who: str) -> ImageError:
    shown = " and ".join(" × ".join(str(side) for side in reversed(size)) for size in sizes[:2])
    return ImageError(
        f"{who} returned images of several sizes: {shown}", expected="one size", remedy="return images of one size"
    )
