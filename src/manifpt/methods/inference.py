"""From inputs to answers: decoding, checking the size, extracting, attributing, gathering evidence."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import ImageError, ManifptError
from manifpt.images import ImageSet, Preparation, decoded, file_content
from manifpt.methods.attribution import Attribution, Failure, rounded
from manifpt.methods.provenance import version
from manifpt.methods.training import Training

if TYPE_CHECKING:
    from manifpt.methods.method import Method

BATCH = 64
Image = str | Path | bytes | NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Input:
    """One decoded input."""

    path: str
    sha256: str | None
    pixels: NDArray[np.uint8]
    warnings: tuple[str, ...]


def attributions(method: Method, images: Iterable[Image], preparation: Preparation) -> Iterator[Attribution | Failure]:
    """Yield one answer for each image, in order.

    Args:
        method: A fitted method.
        images: Files, the bytes of files, or pixels uint8 (height, width, 3).
        preparation: How to bring other sizes to the size of the training images.
    """
    pending = iter(images)
    with ThreadPoolExecutor() as pool:
        while batch := list(islice(pending, BATCH)):
            yield from _answers(
                method, list(pool.map(lambda image: _opened(image, method.training_, preparation), batch))
            )


def answered(answer: Attribution | Failure) -> Attribution:
    """Return an attribution, or raise the error that a failure stands for."""
    if isinstance(answer, Failure):
        raise answer.cause
    return answer


def _opened(image: Image, training: Training, preparation: Preparation) -> Input | Failure:
    path = "array" if isinstance(image, np.ndarray) else "-" if isinstance(image, bytes) else str(image)
    try:
        if isinstance(image, np.ndarray):
            return _fitting(Input(path, None, image, ()), training, preparation)
        # Read once, so that the digest is that of the bytes that were decoded.
        content = image if isinstance(image, bytes) else file_content(image)
        sha256 = hashlib.sha256(content).hexdigest()
        found = decoded(content, name=path)
        return _fitting(Input(path, sha256, found.pixels, found.warnings), training, preparation)
    except ManifptError as error:
        return Failure(path, error)


def _fitting(found: Input, training: Training, preparation: Preparation) -> Input:
    if found.pixels.dtype != np.uint8 or found.pixels.ndim != 3 or found.pixels.shape[2] != 3:  # noqa: PLR2004
        raise ImageError(
            f"{found.path} has shape {found.pixels.shape} and type {found.pixels.dtype}",
            expected="uint8 (height, width, 3)",
            remedy="convert it to 8-bit RGB",
        )
    height, width = found.pixels.shape[:2]
    wanted = (training.height, training.width)
    # What was done to the training images is done to every input; anything else is for the user to decide.
    prepared = (training.preparation if preparation == Preparation() else preparation).applied(
        found.pixels, name=found.path
    )
    if prepared.shape[:2] != wanted:
        raise ImageError(
            f"{found.path} is {width} × {height} pixels",
            expected=f"{wanted[1]} × {wanted[0]}, as the model was trained on",
            remedy=f"give --crop {min(wanted)} or --resize {min(wanted)} (resizing changes the trace)",
        )
    if (height, width) == wanted:
        return found
    note = f"size: {width} × {height} was brought to {wanted[1]} × {wanted[0]}, which may weaken the trace"
    return Input(found.path, found.sha256, prepared, (*found.warnings, note))


def _answers(method: Method, inputs: list[Input | Failure]) -> Iterator[Attribution | Failure]:
    sound = [found for found in inputs if isinstance(found, Input)]
    answers = iter(_attributed(method, sound) if sound else [])
    yield from (found if isinstance(found, Failure) else next(answers) for found in inputs)


def _attributed(method: Method, inputs: list[Input]) -> list[Attribution]:
    pixels = np.stack([found.pixels for found in inputs])
    images = ImageSet.from_arrays(pixels, [""] * len(pixels))
    features, distances = method.measured(images)
    table = method.attributor.predict_proba(features)
    reals = method.training_.real_distances
    nearest = method.evidence_.nearest(pixels)
    classes = [str(name) for name in method.classes_]
    answers = []
    for row, found in enumerate(inputs):
        ranked = np.argsort(-table[row], kind="stable")
        percentile = 100 * np.searchsorted(reals, distances[row], side="right") / len(reals) if len(reals) else None
        answers.append(
            Attribution(
                path=found.path,
                sha256=found.sha256,
                generator=classes[ranked[0]],
                probability=rounded(table[row, ranked[0]]),
                probabilities={name: rounded(value) for name, value in zip(classes, table[row], strict=True)},
                runner_up=classes[ranked[1]] if len(classes) > 1 else None,
                distance=rounded(distances[row]),
                real_percentile=None if percentile is None else round(float(percentile), 1),
                nearest=nearest[row],
                model=method.folder.name if method.folder else None,
                version=version(),
                warnings=found.warnings,
                features=features[row],
            )
        )
    return answers
