"""Mean and deviation of channels, and the filters that make the patches of a map white."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.attributor import Features
from manifpt.attributors.examples import blocks

SAMPLED_MAPS = 512
# In units of a channel's variance: far below a grey level's share, far above float32's rounding.
FLOOR = 1e-4


def spread(features: Features, rows: NDArray[np.int64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return mean and deviation of each channel over these rows; a deviation of zero becomes 1.

    Args:
        features: (n, channels, …), read block by block.
        rows: Which of them count.
    """
    channels, size = features.shape[1], math.prod(features.shape[2:])
    count, total, squares = 0, np.zeros(channels), np.zeros(channels)
    # Sums of squares lose digits where the mean is far from zero; the first example takes most of it away.
    first = np.asarray(features[rows[0]], np.float64).reshape(channels, -1).mean(axis=1)
    for block in blocks(features):
        chosen = rows[(rows >= block.start) & (rows < block.stop)]
        values = np.asarray(features[chosen], np.float64).reshape(len(chosen), channels, size) - first[:, None]
        count += values.shape[0] * values.shape[2]
        total += values.sum(axis=(0, 2))
        squares += np.square(values).sum(axis=(0, 2))
    shift = total / count
    deviation = np.sqrt(np.maximum(squares / count - shift**2, 0))
    return first + shift, np.where(deviation > 0, deviation, 1.0)


def whitening_filters(features: Features, rows: NDArray[np.int64], side: int) -> NDArray[np.float64]:
    """Return filters (side² · channels, channels, side, side) under which patches of normalised maps are uncorrelated.

    Neighbouring pixels agree so well that what a generator leaves between them is some thousandths of a patch's
    variance; white patches show it as large as anything else. The filters are the patches' principal directions, each
    divided by √(its variance + 1e-4), from at most 512 maps.

    Args:
        features: Maps (n, channels, h, w).
        rows: Which of them count.
        side: Of a patch, odd.
    """
    mean, deviation = (each[:, None, None] for each in spread(features, rows))
    sampled = np.sort(rows[np.linspace(0, len(rows) - 1, min(SAMPLED_MAPS, len(rows))).astype(np.int64)])
    length = side**2 * features.shape[1]
    covariance, count = np.zeros((length, length)), 0
    for row in sampled:
        normalised = (features[row] - mean) / deviation
        padded = np.pad(normalised, ((0, 0), *[(side // 2, side // 2)] * 2), mode="edge")
        patches = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(1, 2))
        listed = patches.transpose(1, 2, 0, 3, 4).reshape(-1, length)
        covariance += listed.T @ listed
        count += len(listed)
    variances, directions = np.linalg.eigh(covariance / count)
    filters: NDArray[np.float64] = (directions / np.sqrt(np.maximum(variances, 0) + FLOOR)).T
    # A direction's sign is arbitrary, and may differ from one linear algebra library to the next.
    largest = np.abs(filters).argmax(axis=1)
    filters *= np.sign(filters[np.arange(length), largest])[:, None]
    return filters.reshape(length, features.shape[1], side, side)
