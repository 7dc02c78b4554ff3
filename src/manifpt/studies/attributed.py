"""Attributed images shown as evidence, where nobody need know what made them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from manifpt.images.decoding import decoded
from manifpt.images.preparation import AS_IS, Preparation
from manifpt.methods.attribution import Attribution
from manifpt.methods.method import Method
from manifpt.studies.exhibiting import space_of
from manifpt.studies.exhibits import Exhibit, Exhibits
from manifpt.studies.inputs import below

MOST = 24  # images that are shown
MOST_CLASSES = MOST // 2


def chosen(answers: Sequence[Attribution]) -> tuple[list[int], str]:
    """Return which answers are shown, and the rule in words.

    All of up to 24; of more, the most and the least certain answer for each generator that was named, at most 12
    generators, those that were named most often first.
    """
    if len(answers) <= MOST:
        return list(range(len(answers))), "all images"
    by_class: dict[str, list[int]] = {}
    for row, answer in enumerate(answers):
        by_class.setdefault(answer.generator, []).append(row)
    often = sorted(by_class, key=lambda name: (-len(by_class[name]), name))[:MOST_CLASSES]
    found: dict[int, None] = {}
    for name in often:
        rows = sorted(by_class[name], key=lambda row: -answers[row].probability)
        found |= dict.fromkeys((rows[0], rows[-1]))
    most = f", for the {MOST_CLASSES} that were named most often" if len(by_class) > MOST_CLASSES else ""
    return list(found), f"the most and the least certain answer for each generator that was named{most}"


def attributed(
    method: Method,
    answers: Sequence[Attribution],
    *,
    why: str = "",
    truth: str | None = None,
    rule: str = "",
    preparation: Preparation = AS_IS,
) -> Exhibits:
    """Return answers about files with the files' pixels and their nearest references.

    Args:
        method: What answered.
        answers: About files, which are read again.
        why: Why they are shown.
        truth: What made all of them; None where nobody knows.
        rule: How they were chosen.
        preparation: What was done to them.

    Raises:
        ImageError: A file can no longer be read.
    """
    training, known = method.training_, method.evidence_
    prepared = training.preparation if preparation == AS_IS else preparation
    pixels = [decoded(answer.path, preparation=prepared).pixels for answer in answers]
    indices = [known.digests_.index(answer.nearest.digest) for answer in answers]
    names = below(known.paths_)
    shown = below([answer.path for answer in answers]) if answers else ()
    entries = tuple(
        Exhibit(
            path=str(path),
            why=why,
            truth=truth,
            answer=answer.generator,
            probability=answer.probability,
            runner_up=answer.runner_up,
            runner_up_probability=None if answer.runner_up is None else answer.probabilities[answer.runner_up],
            distance=answer.distance,
            closer_reals=answer.real_percentile,
            reals=len(training.real_distances),
            nearest=str(names[index]),
            nearest_distance=answer.nearest.distance,
            warnings=answer.warnings,
        )
        for path, answer, index in zip(shown, answers, indices, strict=True)
    )
    return Exhibits(
        entries, _stacked(pixels, training.height, training.width), known.pixels_[indices], rule, space_of(method)
    )


def _stacked(pixels: Sequence[NDArray[np.uint8]], height: int, width: int) -> NDArray[np.uint8]:
    return np.stack(pixels) if pixels else np.empty((0, height, width, 3), np.uint8)
