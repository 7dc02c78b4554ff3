"""Images in which nothing but what a test plants goes with the class."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

Noise = Callable[..., NDArray[np.uint8]]


@pytest.fixture(scope="session")
def noise() -> Noise:
    """Images of independent pixels: no two are alike."""

    def made(count: int, *, seed: int = 0, side: int = 32) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(60, 190, (count, side, side, 3), np.uint8)

    return made
