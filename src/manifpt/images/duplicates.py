"""Near-duplicates: images so alike that they must stay on one side of every split."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from manifpt.images.thumbnails import SIDE

# Root-mean-square difference of 16 × 16 thumbnails, in grey levels. From 8 to 14 the groups of the published sets
# hardly change: a collapsed run's copies join, and blurry generators' samples do not yet chain (they do from 16 on).
THRESHOLD = 10.0
BLOCK = 512
MIDDLE = 128
CELLS = 4  # to a side, of the averages that tell most pairs apart
SLACK = 1.0  # grey levels, squared or not: far above what rounding moves

Pairs = tuple[NDArray[np.int64], NDArray[np.int64]]


def grouped(
    thumbnails: NDArray[np.uint8], *, same: Sequence[Sequence[str | None]] = (), threshold: float = THRESHOLD
) -> NDArray[np.int64]:
    """Return the group of each image, (n,): near-duplicates, and whatever shares a name, are in one.

    The groups are exact: the same for every order and number of images.

    Args:
        thumbnails: uint8 (n, 768).
        same: Columns of names (content, latent); images with an equal name, None apart, share a group.
        threshold: Root-mean-square difference up to which two images are near-duplicates, grey levels.
    """
    groups = np.arange(len(thumbnails))
    if not len(groups):
        return groups
    for names in same:
        groups = _joined(groups, _sharing(names))
    pool = _Sorted(thumbnails)
    for one, other in _candidates(pool, pool, threshold):
        # Of what is joined already, as in a collapsed run, no pair need be looked at again.
        apart = groups[one] != groups[other]
        groups = _joined(groups, _near(thumbnails, thumbnails, (one[apart], other[apart]), threshold))
    return groups


def duplicated(
    thumbnails: NDArray[np.uint8], others: NDArray[np.uint8], *, threshold: float = THRESHOLD
) -> NDArray[np.bool_]:
    """Return which images are near-duplicates of any of the others, (n,).

    Args:
        thumbnails: uint8 (n, 768).
        others: uint8 (m, 768).
        threshold: Root-mean-square difference up to which two images are near-duplicates, grey levels.
    """
    found = np.zeros(len(thumbnails), bool)
    if not len(thumbnails) or not len(others):
        return found
    for one, other in _candidates(_Sorted(thumbnails), _Sorted(others), threshold):
        new = ~found[one]
        found[_near(thumbnails, others, (one[new], other[new]), threshold)[0]] = True
    return found


def _joined(groups: NDArray[np.int64], pairs: Pairs) -> NDArray[np.int64]:
    """Return groups after joining those of paired images; pairs are not kept, since of equal images all are pairs."""
    one, other = pairs
    if not len(one):
        return groups
    count = len(groups)
    graph = coo_array((np.ones(len(one), np.int8), (groups[one], groups[other])), shape=(count, count))
    return np.asarray(connected_components(graph, directed=False)[1][groups], np.int64)


def _sharing(names: Sequence[str | None]) -> Pairs:
    """Return pairs of each named image with the first of its name."""
    first: dict[str, int] = {}
    pairs = [(row, first.setdefault(name, row)) for row, name in enumerate(names) if name is not None]
    one, other = np.array(pairs, np.int64).reshape(-1, 2).T
    return one, other


class _Sorted:
    """Thumbnails in the order of their brightness, with the averages of 4 × 4 cells."""

    def __init__(self, thumbnails: NDArray[np.uint8]) -> None:
        brightness = thumbnails.mean(axis=1)
        self.order = np.argsort(brightness, kind="stable")
        self.brightness = brightness[self.order]
        cells = thumbnails[self.order].reshape(-1, CELLS, SIDE // CELLS, CELLS, SIDE // CELLS, 3)
        self.cells = cells.mean((2, 4), np.float32).reshape(len(thumbnails), -1) - MIDDLE
        self.halves = np.einsum("ij,ij->i", self.cells, self.cells) / 2


def _candidates(one: _Sorted, other: _Sorted, threshold: float) -> Iterator[Pairs]:
    """Yield the pairs that averages do not tell apart; of a set with itself, each pair once.

    Averaging brings two images closer (Cauchy–Schwarz), so no near-duplicate is lost.
    """
    least = -(threshold**2 + SLACK) * one.cells.shape[1] / 2
    for start in range(0, len(one.order), BLOCK):
        rows = slice(start, start + BLOCK)
        darkest, brightest = one.brightness[rows][[0, -1]] + [-threshold - SLACK, threshold + SLACK]
        first = start if one is other else int(np.searchsorted(other.brightness, darkest))
        last = int(np.searchsorted(other.brightness, brightest, side="right"))
        for begin in range(first, last, BLOCK):
            columns = slice(begin, min(begin + BLOCK, last))
            nearness = one.cells[rows] @ other.cells[columns].T  # −‖a − b‖² / 2, after the halves
            nearness -= one.halves[rows, None]
            left, right = np.nonzero(nearness >= other.halves[columns] + least)
            if one is other:
                once = left + start < right + begin
                left, right = left[once], right[once]
            if len(left):
                yield one.order[left + start], other.order[right + begin]


def _near(thumbnails: NDArray[np.uint8], others: NDArray[np.uint8], pairs: Pairs, threshold: float) -> Pairs:
    """Return those of some pairs that are near-duplicates, exactly.

    Sums of 768 products of whole numbers within ±128 stay below 2²⁴, up to which float32 holds every whole number.
    """
    one, other = pairs
    if not len(one):
        return pairs
    rows, row = np.unique(one, return_inverse=True)
    columns, column = np.unique(other, return_inverse=True)
    left, right = thumbnails[rows].astype(np.float32) - MIDDLE, others[columns].astype(np.float32) - MIDDLE
    squares = np.einsum("ij,ij->i", left, left)[row], np.einsum("ij,ij->i", right, right)[column]
    distances = squares[0].astype(np.float64) + squares[1] - 2.0 * (left @ right.T)[row, column]
    kept = distances <= threshold**2 * thumbnails.shape[1]
    return one[kept], other[kept]
