"""Daubechies' wavelet with four vanishing moments as an undecimated transform, for images of any size."""

from __future__ import annotations

from functools import cache
from math import comb

import numpy as np
from numpy.typing import NDArray

MOMENTS = 4


@cache
def scaling_filter(moments: int = MOMENTS) -> NDArray[np.float64]:
    """Return Daubechies' orthonormal low-pass filter of least phase, 2 · ``moments`` values with the sum √2.

    Daubechies, *Orthonormal bases of compactly supported wavelets*, 1988: the polynomial Σ C(N − 1 + k, k) y^k with
    y = (2 − z − 1/z) / 4 is factorised, and of each pair z, 1/z the root inside the unit circle is kept.

    Example:
        >>> scaling_filter(1).round(4), scaling_filter(2).round(4)
        (array([0.7071, 0.7071]), array([ 0.483 ,  0.8365,  0.2241, -0.1294]))
    """
    halves = np.roots([comb(moments - 1 + k, k) for k in reversed(range(moments))])
    inside = []
    for root in halves:
        pair = np.roots([1, 4 * root - 2, 1])
        inside.append(pair[np.abs(pair).argmin()])
    taps = np.real(np.poly([*inside, *[-1] * moments]))
    return np.asarray(taps * np.sqrt(2) / taps.sum(), np.float64)


def responses(side: int, level: int) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the frequency responses of the low-pass and the high-pass filter of a level, (side,) each.

    Their taps lie 2^(level − 1) apart and are wrapped around the side; the squares of both magnitudes add up to 1 at
    every frequency, so that filtering with both and with their mirror images gives back what was filtered.
    """
    low = scaling_filter() / np.sqrt(2)
    high = low[::-1] * np.resize([1, -1], low.size)
    delays = 2 ** (level - 1) * np.arange(low.size)
    waves = np.exp(-2j * np.pi * np.outer(np.arange(side), delays) / side)
    return waves @ low, waves @ high
