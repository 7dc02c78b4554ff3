"""Small images for the tests of this room."""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

# The makers of odd files, which the documentation uses too, are modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

Noise = Callable[..., NDArray[np.uint8]]
Tree = Callable[[Path, Mapping[str, int]], Path]


@pytest.fixture(scope="session")
def noise() -> Noise:
    """Images of independent pixels: no two are alike, so nothing groups them by accident."""

    def made(count: int = 1, *, seed: int = 0, side: int = 16) -> NDArray[np.uint8]:
        return np.random.default_rng(seed).integers(0, 256, (count, side, side, 3), np.uint8)

    return made


@pytest.fixture
def tree(noise: Noise) -> Tree:
    """Write folders of distinct PNG files: folder → how many."""

    def written(root: Path, folders: Mapping[str, int]) -> Path:
        for folder, count in folders.items():
            seed = zlib.crc32(str(root / folder).encode())
            (root / folder).mkdir(parents=True, exist_ok=True)
            for index, pixels in enumerate(noise(count, seed=seed)):
                Image.fromarray(pixels).save(root / folder / f"{index:04d}.png")
        return root

    return written
