"""What a denoiser takes away from an image: the residual in which the traces of cameras and generators are sought."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from manifpt.embeddings.embedding import Images
from manifpt.errors import NumbersError, UnknownNameError
from manifpt.extractors.daubechies import responses
from manifpt.extractors.frank20 import planes
from manifpt.registry import suggestion

LEVELS = 3
WINDOWS = (3, 5, 7, 9)
PATCH, DISTANCE = 5, 6
LEAST, MOST = 0.1, 100.0  # grey levels
# Where a denoiser takes nothing away, what differs is the rounding of float64.
ROUNDING = 1e-12
Planes = NDArray[np.float64]  # (n, 3, height, width)


class Denoiser:
    """A denoiser that assumes white noise of one deviation.

    Args:
        name: ``wavelet`` (local Wiener filter of the details of Daubechies' wavelet) or ``nl-means``.
        noise: Assumed deviation of the noise, grey levels of 255.

    Raises:
        UnknownNameError: The denoiser is neither.
        NumbersError: The deviation is not between 0.1 and 100.

    Example:
        >>> Denoiser("wavelet").residuals(np.full((1, 16, 16, 3), 77, np.uint8)).any()
        np.False_
    """

    def __init__(self, name: str = "wavelet", *, noise: float = 5.0) -> None:
        if name not in DENOISERS:
            raise UnknownNameError(
                f"{name!r} is not one of the denoisers",
                expected=f"one of {', '.join(DENOISERS)}",
                remedy=suggestion(name, tuple(DENOISERS)),
            )
        if not LEAST <= noise <= MOST:
            raise NumbersError(
                f"a noise of {noise} grey levels",
                expected=f"a deviation between {LEAST} and {MOST:g}",
                remedy="use 5, or what the images' noise is",
            )
        self.name = name
        self.noise = float(noise)

    def settings(self) -> dict[str, Any]:
        """Return the constructor arguments, the name as ``denoiser``."""
        return {"denoiser": self.name, "noise": self.noise}

    def residuals(self, images: Images) -> Planes:
        """Return image − denoised image of uint8 images (n, height, width, 3), (n, 3, height, width) in units of 255.

        An image of one colour has the residual 0, exactly.
        """
        values = planes(images)
        # Denoisers commute with adding a constant. Without it, an image of one colour leaves no rounding behind.
        found = DENOISERS[self.name](values - values[..., :1, :1], self.noise / 255)
        found[np.abs(found) < ROUNDING] = 0
        return found


def wavelet_residuals(values: Planes, noise: float) -> Planes:
    """Return what a local Wiener filter of wavelet details takes away.

    Mihçak, Kozintsev and Ramchandran, *Spatially adaptive statistical modeling of wavelet image coefficients*, ICASSP
    1999, as in camera fingerprints (Lukáš, Fridrich and Goljan 2006): the variance of the image's own details is the
    least, over four windows, of the mean square less the variance of the noise, and of each detail the share
    noise² / (own + noise²) is taken away. Undecimated, so that no size is odd; mirrored at the borders.

    Args:
        values: (n, channels, height, width).
        noise: Deviation of the noise in the same unit.
    """
    height, width = values.shape[-2:]
    mirrored = np.pad(values, [(0, 0), (0, 0), (0, height), (0, width)], mode="symmetric")
    spectrum = fft.rfft2(mirrored)
    removed = np.zeros_like(spectrum)
    for band in _bands(2 * height, 2 * width):
        details = fft.irfft2(spectrum * band, s=mirrored.shape[-2:])
        variance = noise**2 * _gain(band, 2 * width)
        removed += np.conj(band) * fft.rfft2(details * (variance / (_own(details, variance) + variance)))
    return np.asarray(fft.irfft2(removed, s=mirrored.shape[-2:])[..., :height, :width], np.float64)


def _bands(height: int, width: int) -> Iterator[NDArray[np.complex128]]:
    """Yield the responses of the details of all levels, (height, width // 2 + 1)."""
    smooth = np.ones((height, width // 2 + 1), complex)
    for level in range(1, LEVELS + 1):
        down, across = responses(height, level), responses(width, level)
        for row, column in list(product((0, 1), repeat=2))[1:]:
            yield smooth * np.outer(down[row], across[column][: width // 2 + 1])
        smooth = smooth * np.outer(down[0], across[0][: width // 2 + 1])


def _gain(band: NDArray[np.complex128], width: int) -> float:
    """Return the variance that white noise of variance 1 has in a band."""
    power = np.abs(band) ** 2
    # Columns between zero and the highest frequency stand for two.
    return float(2 * power.sum() - power[:, 0].sum() - power[:, -1].sum()) / (len(band) * width)


def _own(details: Planes, variance: float) -> Planes:
    """Return the variance of the image's own details around each place."""
    squares = details**2
    least = np.full_like(squares, np.inf)
    for window in WINDOWS:
        np.minimum(least, ndimage.uniform_filter(squares, (1, 1, window, window), mode="wrap"), out=least)
    return np.maximum(least - variance, 0)


def mean_residuals(values: Planes, noise: float) -> Planes:
    """Return what non-local means take away (Buades, Coll and Morel, CVPR 2005), by scikit-image.

    Patches of 5 px are compared within 6 px, in colour; distances are reduced by what noise adds to them.

    Args:
        values: (n, channels, height, width).
        noise: Deviation of the noise in the same unit.
    """
    from skimage.restoration import denoise_nl_means  # noqa: PLC0415  (loads for this denoiser alone)

    found = np.empty_like(values)
    for image, place in zip(values, found, strict=True):
        smooth = denoise_nl_means(
            image, patch_size=PATCH, patch_distance=DISTANCE, h=0.8 * noise, sigma=noise, channel_axis=0
        )
        place[...] = image - smooth
    return found


DENOISERS: dict[str, Callable[[Planes, float], Planes]] = {"wavelet": wavelet_residuals, "nl-means": mean_residuals}
