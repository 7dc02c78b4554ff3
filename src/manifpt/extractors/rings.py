"""Means over rings of equal frequency of a two-dimensional spectrum."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Rings:
    """The coefficients of a centred spectrum in the order of their ring, those of no ring left out.

    Args:
        order: Flat indices into the spectrum, ring after ring, (m,).
        starts: Where in ``order`` each ring begins, (rings,).
    """

    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.starts)

    @property
    def counts(self) -> NDArray[np.int64]:
        """How many coefficients each ring has, (rings,)."""
        return np.diff(self.starts, append=len(self.order))

    def means(self, spectra: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the mean over each ring of centred spectra (n, height, width), (n, rings)."""
        sorted_by_ring = spectra.reshape(len(spectra), -1)[:, self.order]
        # Added up image by image in one order, unlike a matrix product, so that the batch decides no bit.
        return np.asarray(np.add.reduceat(sorted_by_ring, self.starts, axis=1) / self.counts)


def distances(height: int, width: int) -> NDArray[np.float64]:
    """Return the distance of each coefficient of a centred spectrum from the zero frequency, in coefficients.

    Example:
        >>> distances(2, 4)[1].tolist()
        [2.0, 1.0, 0.0, 1.0]
    """
    return np.hypot(np.arange(height)[:, None] - height // 2, np.arange(width) - width // 2)


def rings(numbers: NDArray[np.int64], count: int) -> Rings:
    """Return the rings 0 to ``count`` − 1.

    Args:
        numbers: The ring of each coefficient of a centred spectrum, (height, width); others are left out.
        count: How many rings there are; each has to have a coefficient.
    """
    flat = numbers.reshape(-1)
    order = np.argsort(flat, kind="stable")
    kept = order[(flat[order] >= 0) & (flat[order] < count)]
    return Rings(kept, np.searchsorted(flat[kept], np.arange(count)))


def radial_profiles(spectra: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the means of centred spectra (n, height, width) over rings of equal frequency in all directions.

    A ring is one coefficient of the shorter side wide, and centred on a whole number of them: from the zero frequency
    up to half a cycle per pixel. The corners beyond are in no ring.

    Returns:
        Frequencies of the rings in cycles per pixel, (rings,), and the means, (n, rings).

    Example:
        >>> frequencies, means = radial_profiles(np.eye(3)[None])
        >>> frequencies.round(3).tolist(), means.tolist()
        ([0.0, 0.333], [[1.0, 0.25]])
    """
    height, width = spectra.shape[1:]
    side = min(height, width)
    down, across = (np.arange(length) - length // 2 for length in (height, width))
    numbers = np.rint(np.hypot(down[:, None] * (side / height), across * (side / width))).astype(np.int64)
    found = rings(numbers, side // 2 + 1)
    return np.arange(len(found)) / side, found.means(spectra)
