"""Batches of images, decoded by threads ahead of whoever reads them."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

THREADS = 4
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
    rows = [slice(start, min(start + size, count)) for start in range(0, count, size)]
    pool = ThreadPoolExecutor(THREADS)
    ahead: deque[Any] = deque()
    try:
        for place in itertools.chain(rows, [None] * AHEAD):
            if place is not None:
                ahead.append((place, [pool.submit(image, row) for row in range(place.start, place.stop)]))
            if ahead and (place is None or len(ahead) > AHEAD):
                done, images = ahead.popleft()
                yield done, np.stack([found.result() for found in images])
    finally:
        # Not waited for: an abandoned generator may be cleared away by one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)
