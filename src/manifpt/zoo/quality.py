"""Are a generator's images neither collapsed, nor noise, nor copies of what it was trained on?

All distances are root-mean-square differences in grey levels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.decomposition import PCA

from manifpt.metrics.neighbourhoods import neighbourhoods

Images = NDArray[np.uint8]


@dataclass(frozen=True)
class Quality:
    """How a set of images compares with real ones.

    Args:
        precision: Share of images inside the reals' neighbourhoods (Kynkäänniemi et al., 2019).
        recall: Share of reals inside the images' neighbourhoods; near 0 where the generator has collapsed.
        density: How many neighbourhoods of reals hold an image, relative to the expected number (Naeem et al., 2020).
        coverage: Share of reals whose neighbourhood holds an image.
        diversity: Mean distance of two images, relative to the reals'; near 0 where the generator has collapsed.
        closest: Least distance of two images, in grey levels.
        novelty: Median distance to the nearest training crop, relative to the reals'; near 0 for copies.
        slope: Slope of the log power over the log frequency; 0 for white noise, about −2 to −3 for photographs.
    """

    precision: float
    recall: float
    density: float
    coverage: float
    diversity: float
    closest: float
    novelty: float
    slope: float


def quality(images: Images, *, real: Images, training: Images) -> Quality:
    """Return the quality of generated images.

    Args:
        images: uint8 ``(n, h, w, 3)``, n at least 6.
        real: Held-out real images, uint8 ``(m, h, w, 3)``, m at least 6.
        training: Crops that the generator was trained on; features are fitted on them.
    """
    space = _Space(training)
    found = neighbourhoods(generated=space.features(images), real=space.features(real))
    return Quality(
        precision=found.precision,
        recall=found.recall,
        density=found.density,
        coverage=found.coverage,
        diversity=float(distances(images).mean() / distances(real).mean()),
        closest=float(distances(images).min()),
        novelty=float(np.median(nearest_distance(images, training)) / np.median(nearest_distance(real, training))),
        slope=spectrum_slope(images),
    )


def distances(images: Images) -> NDArray[np.float64]:
    """Return the distances of all pairs of images, in grey levels.

    Example:
        >>> distances(np.array([[[[0, 0, 0]]], [[[3, 3, 3]]]], np.uint8))
        array([3.])
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    return np.asarray(pdist(flat) / np.sqrt(flat.shape[1]))


def nearest_distance(images: Images, others: Images) -> NDArray[np.float64]:
    """Return each image's distance to the nearest of ``others``, in grey levels, ``(n,)``.

    Example:
        >>> nearest_distance(np.full((1, 2, 2, 3), 7, np.uint8), np.full((1, 2, 2, 3), 5, np.uint8))
        array([2.])
    """
    flat = images.reshape(len(images), -1).astype(np.float64)
    squares = np.square(flat).sum(1)
    least = np.full(len(flat), np.inf)
    for start in range(0, len(others), 2048):
        block = others[start : start + 2048].reshape(-1, flat.shape[1]).astype(np.float64)
        # Squares and products of whole numbers are exact in float64, and so is their sum.
        between = squares[:, None] - 2 * (flat @ block.T) + np.square(block).sum(1)
        least = np.minimum(least, between.min(1))
    return np.asarray(np.sqrt(least / flat.shape[1]))


def radial_power(images: Images) -> NDArray[np.float64]:
    """Return each image's mean power at the frequencies 1 … h/2 cycles per image, ``(n, h // 2)``.

    Example:
        >>> radial_power(np.zeros((2, 8, 8, 3), np.uint8)).shape
        (2, 4)
    """
    grey = images.astype(np.float64).mean(-1)
    grey -= grey.mean((1, 2), keepdims=True)
    power = np.abs(np.fft.fft2(grey)) ** 2
    frequency = np.fft.fftfreq(grey.shape[1]) * grey.shape[1]
    radius = np.rint(np.hypot(frequency[:, None], frequency[None])).astype(int)
    return np.stack([power[:, radius == ring].mean(1) for ring in range(1, grey.shape[1] // 2 + 1)], 1)


def spectrum_slope(images: Images) -> float:
    """Return the slope of the images' mean log power over the log frequency.

    Example:
        >>> noise = np.random.default_rng(0).integers(0, 256, (50, 32, 32, 3), np.uint8)
        >>> abs(spectrum_slope(noise)) < 0.05
        True
    """
    profile = np.log(radial_power(images) + 1e-12).mean(0)
    slope, _ = np.polyfit(np.log(np.arange(1, len(profile) + 1)), profile, 1)
    return float(slope)


class _Space:
    """Colours and coarse shapes (principal components of the pixels) beside texture (the log-spectrum)."""

    def __init__(self, training: Images) -> None:
        self.components = PCA(24, svd_solver="covariance_eigh").fit(self._pixels(training))
        self.mean, self.deviation = (
            statistic(np.log(radial_power(training) + 1), 0) for statistic in (np.mean, np.std)
        )

    def features(self, images: Images) -> NDArray[np.float64]:
        pixels = self.components.transform(self._pixels(images))
        # Both parts count alike: each has one unit of variance per image of the training set in all.
        pixels /= np.sqrt(self.components.explained_variance_.sum())
        spectrum = (np.log(radial_power(images) + 1) - self.mean) / self.deviation
        return np.concatenate([pixels, spectrum / np.sqrt(spectrum.shape[1])], 1)

    @staticmethod
    def _pixels(images: Images) -> NDArray[np.float64]:
        # Half the resolution: finer detail is the spectrum's part.
        height, width = images.shape[1] // 2, images.shape[2] // 2
        return np.asarray(images.reshape(-1, height, 2, width, 2, 3).mean((2, 4)).reshape(len(images), -1))
