"""Ricker et al. 2022: pixels or one of their transforms, for logistic regression."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from manifpt.embeddings.embedding import Images
from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import UnknownNameError
from manifpt.extractors.extractor import Features
from manifpt.extractors.frank20 import cosine_coefficients, log_scaled, planes
from manifpt.extractors.handmade import HandMade
from manifpt.registry import suggestion


def magnitudes(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the magnitudes of the Fourier transform of real values (..., height, width), zero frequency in the middle.

    Example:
        >>> magnitudes(np.ones((4, 4)))[2, 2]
        np.float64(16.0)
    """
    return np.asarray(np.abs(fft.fftshift(fft.fft2(values), axes=(-2, -1))), np.float64)


TRANSFORMS: dict[str, Callable[[NDArray[np.float64]], NDArray[np.floating[Any]]]] = {
    "pixels": lambda values: values,
    "dct": cosine_coefficients,
    "log-dct": lambda values: log_scaled(cosine_coefficients(values)),
    "fft": magnitudes,
    "log-fft": log_spectrum,
}


class Ricker22(HandMade):
    """One transform of each colour channel of the pixels in [0, 1], (3, height, width), for ``linear``.

    Ricker et al., *Towards the Detection of Diffusion Model Deepfakes*, 2022 (VISAPP 2024), where simple classifiers of
    these five are compared. ``log-fft`` is the space ``freq``, and ``log-dct`` is ``frank20``.

    Args:
        transform: ``pixels``, ``dct`` (orthonormal), ``log-dct``, ``fft`` (magnitudes) or ``log-fft``.

    Raises:
        UnknownNameError: The transform is none of these.

    Example:
        >>> Ricker22(transform="dct").measured(np.zeros((2, 16, 20, 3), np.uint8)).shape
        (2, 3, 16, 20)
    """

    name = "ricker22"
    smallest = 16

    def __init__(self, *, transform: str = "log-fft") -> None:
        if transform not in TRANSFORMS:
            raise UnknownNameError(
                f"{transform!r} is not one of the transforms",
                expected=f"one of {', '.join(TRANSFORMS)}",
                remedy=suggestion(transform, tuple(TRANSFORMS)),
            )
        self.transform = transform

    def settings(self) -> dict[str, Any]:
        """Return the name and the transform."""
        return {"name": self.name, "transform": self.transform}

    def shape(self, height: int, width: int) -> tuple[int, ...]:
        """Return (3, height, width)."""
        return (3, height, width)

    def measured(self, images: Images) -> Features:
        """Return the features of uint8 images (n, height, width, 3)."""
        return np.asarray(TRANSFORMS[self.transform](planes(images)), np.float32)
