"""From inputs to answers: decoding, checking the size, extracting, attributing, gathering evidence."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from manifpt.errors import ImageError, ManifptError
from manifpt.images import ImageSet, Preparation, decoded
from manifpt.images.preparation import AS_IS
from manifpt.methods.attribution import Attribution, Failure, rounded
from manifpt.methods.provenance import version
from manifpt.methods.training import Training

if TYPE_CHECKING:
    from manifpt.methods.method import Method

BATCH = 64
HELD = 2**23  # pixels of a group, in whose features memory goes
THREADS, AHEAD = 4, 8  # that decode, and inputs decoded before they are asked for
PATIENCE = 2.0  # seconds after which a smaller group is answered
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
    size = max(1, min(BATCH, HELD // (method.training_.height * method.training_.width)))
    for group in _groups(_inputs(method.training_, images, preparation), size):
        yield from _answers(method, group)


def answered(answer: Attribution | Failure) -> Attribution:
    """Return an attribution, or raise the error that a failure stands for."""
    if isinstance(answer, Failure):
        raise answer.cause
    return answer


def _inputs(training: Training, images: Iterable[Image], preparation: Preparation) -> Iterator[Input | Failure]:
    """Yield the decoded inputs in order; threads decode some of them before they are asked for."""
    # What was done to the training images is done to every input; anything else is for the user to decide.
    chosen = training.preparation if preparation == AS_IS else preparation
    pool = ThreadPoolExecutor(THREADS)
    ahead: deque[Future[Input | Failure]] = deque()
    try:
        for image in images:
            ahead.append(pool.submit(_opened, image, training, chosen))
            if len(ahead) > AHEAD:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        # Not waited for: an abandoned generator may be cleared away by one of these very threads.
        pool.shutdown(wait=False, cancel_futures=True)


def _groups(inputs: Iterator[Input | Failure], size: int) -> Iterator[list[Input | Failure]]:
    """Yield so many consecutive inputs, smaller groups where they come slowly, so that answers do not wait."""
    group: list[Input | Failure] = []
    started = time.monotonic()
    for found in inputs:
        group.append(found)
        if len(group) == size or time.monotonic() - started > PATIENCE:
            yield group
            group, started = [], time.monotonic()
    if group:
        yield group


def _opened(image: Image, training: Training, preparation: Preparation) -> Input | Failure:
    path = "array" if isinstance(image, np.ndarray) else "-" if isinstance(image, bytes) else str(image)
    wanted = (training.height, training.width)

    def admitted(width: int, height: int) -> None:
        # Before it is decoded, since it may be large. EXIF data may yet swap height and width.
        if preparation == AS_IS and wanted not in ((height, width), (width, height)):
            raise _other_size(path, (height, width), wanted)

    try:
        if isinstance(image, np.ndarray):
            _refuse_other_arrays(image)
            pixels = preparation.applied(image, name=path)
            return _fitting(Input(path, None, pixels, ()), image.shape[:2], wanted)
        # Read once, so that the digest is that of the bytes that were decoded.
        found = decoded(image, name=path, preparation=preparation, admit=admitted)
        return _fitting(Input(path, found.sha256, found.pixels, found.warnings), found.size, wanted)
    except ManifptError as error:
        return Failure(path, error)


def _refuse_other_arrays(pixels: NDArray[np.uint8]) -> None:
    if pixels.dtype != np.uint8 or pixels.ndim != 3 or pixels.shape[2] != 3 or not pixels.size:  # noqa: PLR2004
        raise ImageError(
            f"array has shape {pixels.shape} and type {pixels.dtype}",
            expected="uint8 (height, width, 3)",
            remedy="convert it to 8-bit RGB",
        )


def _fitting(found: Input, size: tuple[int, ...], wanted: tuple[int, int]) -> Input:
    if found.pixels.shape[:2] != wanted:
        raise _other_size(found.path, size, wanted)
    if size == wanted:
        return found
    height, width = size
    note = f"size: {width} × {height} was brought to {wanted[1]} × {wanted[0]}, which may weaken the trace"
    return replace(found, warnings=(*found.warnings, note))


def _other_size(path: str, size: tuple[int, ...], wanted: tuple[int, int]) -> ImageError:
    return ImageError(
        f"{path} is {size[1]} × {size[0]} pixels",
        expected=f"{wanted[1]} × {wanted[0]}, as the model was trained on",
        remedy=f"give --crop {min(wanted)} or --resize {min(wanted)} (resizing changes the trace)",
    )


def _answers(method: Method, inputs: list[Input | Failure]) -> Iterator[Attribution | Failure]:
    sound = [found for found in inputs if isinstance(found, Input)]
    try:
        answers: Iterator[Attribution | Failure] = iter(_attributed(method, sound) if sound else [])
    except ManifptError:
        # One image without a finite point must not take the others' answers.
        answers = (_alone(method, found) for found in sound)
    yield from (found if isinstance(found, Failure) else next(answers) for found in inputs)


def _alone(method: Method, found: Input) -> Attribution | Failure:
    try:
        return _attributed(method, [found])[0]
    except ManifptError as error:
        return Failure(found.path, error)


def _attributed(method: Method, inputs: list[Input]) -> list[Attribution]:
    pixels = np.stack([found.pixels for found in inputs])
    images = ImageSet.from_arrays(pixels, [""] * len(pixels))
    named = zip(images.records, inputs, strict=True)
    images = replace(images, records=tuple(replace(record, path=found.path) for record, found in named))
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
