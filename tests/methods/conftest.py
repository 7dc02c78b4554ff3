"""A small set whose generators differ by a planted pattern."""

from __future__ import annotations

import numpy as np
import pytest

from manifpt.images import ImageSet


def planted(seed: int = 0, count: int = 30, size: int = 16) -> ImageSet:
    """Return noise as reals, and two generators that add stripes along one axis each."""
    rng = np.random.default_rng(seed)
    reals = rng.integers(80, 170, (4 * count, size, size, 3))
    # Fixed stripes show in pixels; random offsets of whole rows or columns show in the spectrum.
    stripes = 30 * (np.arange(size) % 2) + rng.integers(-40, 40, (2, count, size))
    rows = rng.integers(80, 170, (count, size, size, 3)) + stripes[0][:, :, None, None]
    columns = rng.integers(80, 170, (count, size, size, 3)) + stripes[1][:, None, :, None]
    pixels = np.concatenate([reals, rows, columns]).astype(np.uint8)
    generators = ["real"] * (4 * count) + ["rows"] * count + ["columns"] * count
    roles = ["reference"] * (3 * count) + [""] * (3 * count)
    return ImageSet.from_arrays(pixels, generators, roles=roles)


@pytest.fixture(scope="session")
def images() -> ImageSet:
    return planted()


@pytest.fixture(scope="session")
def unseen() -> ImageSet:
    return planted(seed=1)
