"""Arrays and files as pictures that a page carries in itself."""

from __future__ import annotations

import base64
import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt.embeddings.spectrum import log_spectrum
from manifpt.errors import DataError
from manifpt.reports import style
from manifpt.reports.sections import Picture

LARGEST = 128  # pixels of a side beyond which images are shown smaller
EXTREMES = 99.5  # percentile at which shades saturate, so that one bright pixel does not blank the rest
MOST_PIXELS = 50_000_000  # of a figure


def shown(pixels: NDArray[np.uint8], *, alt: str, caption: str) -> Picture:
    """Return an image (height, width, 3) as a picture; one of more than 128 pixels is shown smaller."""
    image = Image.fromarray(pixels)
    if max(image.size) > LARGEST:
        image.thumbnail((LARGEST, LARGEST), Image.Resampling.BOX)
    return _picture(image, alt=alt, caption=caption)


def artifacts(images: NDArray[np.uint8], nearest: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Return image − nearest reference, pixels in [0, 1], as (n, channels, height, width)."""
    difference = images.astype(np.int16) - nearest
    return np.moveaxis(difference.astype(np.float64) / 255, 3, 1)


def coloured_artifacts(found: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return artifacts as colours, the mean of their channels around a neutral zero, all on one scale."""
    means = found.mean(axis=1)
    reach = float(np.percentile(np.abs(means), EXTREMES)) if means.size else 0.0
    return _coloured(means, -(reach or 1.0), reach or 1.0, style.DIVERGING)


def coloured_spectra(found: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Return the log-spectra of artifacts as colours, the mean of their channels, all on one scale."""
    means = log_spectrum(found).mean(axis=1).astype(np.float64)
    # An artifact of zeros has a spectrum far below all others, which would all look alike beside it.
    counted = means[found.any(axis=(1, 2, 3))]
    low, high = np.percentile(counted, [100 - EXTREMES, EXTREMES]) if counted.size else (0.0, 1.0)
    return _coloured(means, float(low), float(high) if high > low else float(low) + 1, style.SPECTRAL)


def figure(path: Path, *, alt: str, caption: str) -> Picture | None:
    """Return a figure that a run wrote; None where it is absent.

    Raises:
        DataError: It is no PNG, or an enormous one.
    """
    if not path.is_file():
        return None
    content = path.read_bytes()
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            width, height = image.size
            if width * height > MOST_PIXELS:
                raise ValueError("too many pixels")
            image.verify()
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{path} is no figure ({type(error).__name__})",
            expected="the PNG that the run wrote",
            remedy="run it again",
        ) from error
    return Picture(_uri(content), alt, caption, width, height)


def _coloured(values: NDArray[np.float64], low: float, high: float, colours: str) -> NDArray[np.uint8]:
    from matplotlib import colormaps  # noqa: PLC0415  (loads only where something is drawn)

    shades = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray((colormaps[colours](shades)[..., :3] * 255).round(), np.uint8)


def _picture(image: Image.Image, *, alt: str, caption: str) -> Picture:
    content = io.BytesIO()
    image.save(content, "PNG", optimize=True)
    return Picture(_uri(content.getvalue()), alt, caption, *image.size)


def _uri(content: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
