"""Daubechies' wavelet with four vanishing moments as an undecimated transform, for images of any size."""

from __future__ import annotations

import numpy as np
import pywt
from numpy.typing import NDArray

WAVELET = "db4"


def responses(side: int, level: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the frequency responses of the low-pass and the high-pass filter of a level, (side,) each.

    Their taps lie 2^(level − 1) apart and are wrapped around the side; the squares of both magnitudes add up to 1 at
    every frequency, so that filtering with both and with their mirror images gives back what was filtered.
    """
    low = np.array(pywt.Wavelet(WAVELET).rec_lo) / np.sqrt(2)
    high = low[::-1] * np.resize([1, -1], low.size)
    delays = 2 ** (level - 1) * np.arange(low.size)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(side), delays) / side)
    return waves @ low, waves @ high
