"""Batches of images, decoded by threads ahead of whoever reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from manifpt.images.threads import in_order

AHEAD = 2  # batches decoded before they are asked for


def batches(
    image: Callable[[int], NDArray[np.uint8]], count: int, size: int
) -> Iterator[tuple[slice, NDArray[np.uint8]]]:
    """Yield consecutive images, uint8 (≤ size, height, width, 3), with their place.

    Args:
        image: Returns the image at an index; called by several threads at once.
        count: How many images there are.
        size: Images of a batch.
    """
    images = in_order(image, range(count), ahead=AHEAD * size)
    for start in range(0, count, size):
        place = slice(start, min(start + size, count))
        yield place, np.stack([next(images) for _ in range(place.start, place.stop)])
