"""The known displacement: what a decoder did to a real x, and how well that can be told from decoder(encoder(x)) alone.

An artifact is the difference of a generated image to its real counterpart, and nobody knows that counterpart. For a
reconstruction it is at hand: x itself is a point of the data manifold, and x̂ − x is what was done to it. It is not the
only truth: x need not be the point of the manifold that is nearest to x̂, and a part of x̂ − x is detail that the code
lost, which no manifold can know. Errors are therefore given per band of spatial frequency, beside estimates that know
nothing of the data: no displacement at all, the decoder's mean one, and an unsharp mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from manifpt.errors import DataError

Pixels = NDArray[np.float64]
Estimate = Callable[[Pixels], Pixels]
"""Of reconstructions (n, h, w, 3) in [0, 1]: the displacement of each, the same shape."""

# Cycles per pixel; the last band holds the corners of the spectrum too.
EDGES = (0.0, 1 / 16, 1 / 8, 1 / 4, 1.0)
BANDS = ("0–1/16", "1/16–1/8", "1/8–1/4", "above 1/4")
# Deviations, in pixels, among which the unsharp mask is chosen.
WIDTHS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0)
RESAMPLINGS = 1000


def energies(displacement: Pixels) -> Pixels:
    """Return the energy of each image's displacement in each band, (n, bands); their sum is that of the squares.

    Args:
        displacement: (n, h, w, channels).

    Example:
        >>> flat = np.ones((1, 8, 8, 1))
        >>> energies(flat).round(6).tolist()
        [[64.0, 0.0, 0.0, 0.0]]
    """
    height, width = displacement.shape[1:3]
    spectrum = np.abs(np.fft.fft2(displacement, axes=(1, 2))) ** 2 / (height * width)
    radius = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    inside = [(radius >= low) & (radius < high) for low, high in pairwise(EDGES)]
    return np.stack([spectrum[:, one].sum(axis=(1, 2)) for one in inside], axis=1)


@dataclass(frozen=True, slots=True)
class Errors:
    """How far estimates are from known displacements.

    Args:
        of_estimate: Energy of each image's error in each band, (n, bands).
        of_truth: Energy of each image's known displacement, (n, bands).
        images: Which real each row shows, (n,): rows of one real are no independent observations.
    """

    of_estimate: Pixels
    of_truth: Pixels
    images: NDArray[np.int64]

    def shares(self, seed: int = 0) -> dict[str, tuple[float, float, float]]:
        """Return the error's share of the displacement's energy per band and in ``all``, each with a 95 % interval.

        0 is a perfect estimate, and 1 is as good as none. Intervals resample the reals (percentile bootstrap).

        Args:
            seed: Of the bootstrap.
        """
        sums = [_summed(part, self.images) for part in (self.of_estimate, self.of_truth)]
        parts = [np.column_stack([part, part.sum(1)]) for part in sums]
        rng = np.random.default_rng(seed)
        count = len(parts[0])
        draws = rng.multinomial(count, np.full(count, 1 / count), RESAMPLINGS).astype(np.float64)
        resampled = (draws @ parts[0]) / (draws @ parts[1])
        low, high = np.percentile(resampled, (2.5, 97.5), axis=0)
        mean = parts[0].sum(0) / parts[1].sum(0)
        return {
            name: (float(mean[index]), float(low[index]), float(high[index]))
            for index, name in enumerate((*BANDS, "all"))
        }


def errors(truth: Pixels, estimated: Pixels, images: Iterable[int]) -> Errors:
    """Return the errors of estimated displacements, (n, h, w, 3) as the true ones.

    Args:
        truth: Known displacements x̂ − x.
        estimated: What an estimate says of them.
        images: Which real each one shows.

    Raises:
        DataError: The shapes differ.
    """
    if truth.shape != estimated.shape:
        raise DataError(
            f"displacements of shape {estimated.shape}", expected=str(truth.shape), remedy="estimate one per image"
        )
    return Errors(energies(estimated - truth), energies(truth), np.fromiter(images, np.int64))


def joined(parts: Sequence[Errors]) -> Errors:
    """Return the errors of several decoders together."""
    return Errors(
        np.concatenate([part.of_estimate for part in parts]),
        np.concatenate([part.of_truth for part in parts]),
        np.concatenate([part.images for part in parts]),
    )


def none(reconstructions: Pixels) -> Pixels:
    """Return no displacement: the estimate whose error is the displacement itself."""
    return np.zeros_like(reconstructions)


def mean(reconstructions: Pixels, originals: Pixels) -> Estimate:
    """Return the estimate that says of every image what is true of these on average.

    Args:
        reconstructions: Those of other reals than will be asked about, (n, h, w, 3).
        originals: These reals.
    """
    average = (reconstructions - originals).mean(axis=0)
    return lambda asked: np.broadcast_to(average, asked.shape).astype(np.float64)


def unsharp_mask(reconstructions: Pixels, originals: Pixels) -> tuple[Estimate, dict[str, Any]]:
    """Return the estimate that takes the real for the sharpened image, and the mask's settings.

    The displacement is −amount · (x̂ − blurred x̂); amount (by least squares) and width are those that fit best.

    Args:
        reconstructions: Those of other reals than will be asked about, (n, h, w, 3).
        originals: These reals.
    """
    truth = reconstructions - originals
    best: tuple[float, float, float] = (np.inf, 0.0, 0.0)
    for width in WIDTHS:
        detail = _detail(reconstructions, width)
        amount = float((detail * truth).sum() / max(float((detail * detail).sum()), 1e-12))
        best = min(best, (float(np.square(amount * detail - truth).sum()), width, amount))
    _, width, amount = best
    return lambda asked: amount * _detail(asked, width), {"width": width, "amount": -amount}


def _detail(images: Pixels, width: float) -> Pixels:
    detail: Pixels = images - gaussian_filter(images, (0, width, width, 0), mode="reflect")
    return detail


def _summed(values: Pixels, groups: NDArray[np.int64]) -> Pixels:
    names, places = np.unique(groups, return_inverse=True)
    total = np.zeros((len(names), values.shape[1]))
    np.add.at(total, places, values)
    return total
