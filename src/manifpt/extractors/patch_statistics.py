"""Statistics of an image's patches along the directions of the manifold of real patches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from typing import Any, Self

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from manifpt.errors import ImageError, NumbersError
from manifpt.extractors.extractor import Features
from manifpt.extractors.reference_points import references
from manifpt.images import ImageSet
from manifpt.manifolds.threads import one_blas_thread
from manifpt.progress import tracked
from manifpt.storage import allocated

BATCH = 64
THREADS = 4
CHANNELS = 3
SMALLEST_SIDE = 2
LARGEST_SIDE = 8
REFERENCES = 2_000
# More places than this tell little more about an image and cost as much again.
PLACES = 2**14
# Variance of the rounding to 8 bits: along no direction do real patches of pixels vary by less.
ROUNDING = 1 / 12 / 255**2
# Keeps the logarithm of a covariance finite where an image is flat, far below what rounding leaves in others.
FLOOR = 1e-7
TINY = 1e-9


class PatchStatistics:
    """Pooled statistics of a patch's normalised distance from the mean patch, along each direction of real patches.

    The manifold of patches is estimated by the principal axes of the reference images' patches, each with the deviation
    of reals along it. The coordinates of an image's patches in that frame are their artifact: along the axes in which
    reals hardly vary, it is large where a generator leaves a trace. Pooled over all places they say nothing of what
    the image shows and where. For each axis: the log-variance, the log-ratio of mean absolute value and deviation, and
    the log-kurtosis; and, of the smallest patches, the logarithm of their covariance matrix (log-Euclidean metric).

    Sources: region covariance, Tuzel et al., ECCV 2006; its logarithm, Arsigny et al., SIAM J. Matrix Anal. 2007; the
    artifact as a difference to the manifold of reals, Song et al. 2024. Their union is manifpt's own.

    Args:
        sides: Of the patches, 2 to 8 px, in rising order.
        covariance: Whether the log-covariance of the smallest patches is added.

    Attributes:
        axes_: For each side, the axes as rows, (3 side², 3 side²), each divided by the deviation of reals along it.

    Raises:
        NumbersError: The sides are not rising numbers between 2 and 8.

    Example:
        >>> pixels = np.random.default_rng(0).integers(0, 256, (6, 16, 16, 3), np.uint8)
        >>> images = ImageSet.from_arrays(pixels, ["gan"] * 2 + ["real"] * 4, roles=[""] * 2 + ["reference"] * 4)
        >>> PatchStatistics().fit(images).extract(images.scored).shape
        (2, 1644)
    """

    name = "patch-statistics"
    learns = False

    axes_: tuple[NDArray[np.float64], ...]

    def __init__(self, *, sides: Sequence[int] = (4, 6), covariance: bool = True) -> None:
        self.sides = tuple(sides)
        self.covariance = covariance
        rising = bool(self.sides) and list(self.sides) == sorted({*self.sides})
        if not rising or self.sides[0] < SMALLEST_SIDE or self.sides[-1] > LARGEST_SIDE:
            raise NumbersError(
                f"the sides {self.sides}",
                expected=f"rising numbers between {SMALLEST_SIDE} and {LARGEST_SIDE}",
                remedy="leave them at (4, 6)",
            )

    @property
    def smallest(self) -> int:
        """Shortest side of an image that the statistics are defined for, pixels."""
        return 2 * self.sides[-1]

    @property
    def length(self) -> int:
        """How many features an image has."""
        least = CHANNELS * self.sides[0] ** 2
        return sum(3 * CHANNELS * side**2 for side in self.sides) + self.covariance * least * (least + 1) // 2

    def settings(self) -> dict[str, Any]:
        """Return the name and the constructor arguments."""
        return {"name": self.name, "sides": list(self.sides), "covariance": self.covariance}

    def fit(self, images: ImageSet) -> Self:
        """Estimate the axes of real patches from the images of role ``reference``, evenly chosen where they are many.

        Raises:
            DataError: No image has that role.
            ImageError: The images are too small.
        """
        reference = references(images)
        self._refuse_small(reference)
        chosen = np.zeros(len(reference), bool)
        chosen[np.linspace(0, len(reference) - 1, min(REFERENCES, len(reference))).astype(int)] = True
        sums = {side: np.zeros((CHANNELS * side**2,) * 2) for side in self.sides}
        with one_blas_thread():
            for _, pixels in reference.subset(chosen).batches(BATCH):
                for side, image in product(self.sides, pixels):
                    sums[side] += _covariance(_patches(image, side))
        self.axes_ = tuple(_axes(sums[side] / chosen.sum()) for side in self.sides)
        return self

    def extract(self, images: ImageSet) -> Features:
        """Return the statistics of each image, float32 (n, length).

        Raises:
            ImageError: The images are too small.
        """
        self._refuse_small(images)
        features = allocated((len(images), self.length), np.float32)
        batches = tracked(images.batches(BATCH), f"features ({self.name})", total=-(-len(images) // BATCH))
        # Products this small cost ten times as much where each makes threads of its own.
        with one_blas_thread(), ThreadPoolExecutor(THREADS) as pool:
            for rows, pixels in batches:
                for place, values in enumerate(pool.map(self._measured, pixels)):
                    features[rows.start + place] = values
        return features

    def _measured(self, image: NDArray[np.uint8]) -> NDArray[np.float64]:
        parts = []
        for side, axes in zip(self.sides, self.axes_, strict=True):
            patches = _patches(image, side)
            parts += _moments(axes @ patches)
            if self.covariance and side == self.sides[0]:
                parts.append(_logarithm(_covariance(patches)))
        return np.concatenate(parts)

    def state(self) -> dict[str, NDArray[np.generic]]:
        """Return the axes of each side."""
        return {f"axes-{side}": axes for side, axes in zip(self.sides, self.axes_, strict=True)}

    def restore(self, state: dict[str, NDArray[np.generic]], reference: ImageSet) -> Self:
        """Take over the axes."""
        self.axes_ = tuple(np.asarray(state[f"axes-{side}"], np.float64) for side in self.sides)
        return self

    def _refuse_small(self, images: ImageSet) -> None:
        if min(images.height, images.width) < self.smallest:
            raise ImageError(
                f"images of {images.width} by {images.height} px",
                expected=f"at least {self.smallest} px on each side for {self.name}",
                remedy="use larger images, or another method",
            )


def _patches(image: NDArray[np.uint8], side: int) -> NDArray[np.float64]:
    """Return the overlapping patches of an image (h, w, 3), less their mean, (3 side², places) in [−1, 1]."""
    windows = sliding_window_view(image, (side, side), axis=(0, 1))
    places = windows.shape[0] * windows.shape[1]
    # An odd step meets every phase of the grids of 2 and 4 px that upsampling leaves.
    step = 1 if places <= PLACES else 2 * math.ceil((math.sqrt(places / PLACES) - 1) / 2) + 1
    columns = windows[::step, ::step].reshape(-1, CHANNELS * side**2).T / 255.0
    return np.asarray(columns - columns.mean(axis=1, keepdims=True))


def _covariance(patches: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the covariance of columns that have the mean zero."""
    return np.asarray(patches @ patches.T / patches.shape[1])


def _axes(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the principal axes as rows, each divided by the deviation along it."""
    variances, axes = np.linalg.eigh(covariance)
    return np.ascontiguousarray(axes.T / np.sqrt(np.maximum(variances, 0) + ROUNDING)[:, None])


def _moments(coordinates: NDArray[np.float64]) -> list[NDArray[np.float64]]:
    """Return log-variance, log-ratio of mean absolute value and deviation, and log-kurtosis of rows, three of (d,)."""
    squares = np.square(coordinates)
    variances = squares.mean(axis=1) + TINY
    spread = np.log(variances)
    size = np.log(np.abs(coordinates).mean(axis=1) + math.sqrt(TINY)) - spread / 2
    tails = np.log(np.square(squares).mean(axis=1) + TINY**2) - 2 * spread
    return [spread, size, tails]


def _logarithm(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the matrix logarithm as a vector, (d (d + 1) / 2,), with the lengths of the matrix's Frobenius norm."""
    variances, axes = np.linalg.eigh(covariance)
    matrix = (axes * np.log(np.maximum(variances, 0) + FLOOR)) @ axes.T
    rows, columns = np.triu_indices(len(matrix))
    return np.asarray(matrix[rows, columns] * np.where(rows == columns, 1.0, math.sqrt(2)))
