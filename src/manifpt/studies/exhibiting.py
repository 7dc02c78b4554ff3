"""Which images of an evaluation are shown as evidence, and what is found about them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.pixels import RGB
from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.manifolds.nearest import Nearest
from manifpt.methods.attribution import rounded
from manifpt.methods.method import REAL, Method
from manifpt.studies.answers import Answers
from manifpt.studies.exhibits import Exhibit, Exhibits
from manifpt.studies.inputs import below

MOST_CLASSES = 12  # of which images are shown
MOST_REALS = 500  # whose distances are measured again
ROOM = 2**28  # bytes of references that are searched at once
RIGHT, WRONG = "the most certain right answer about this class", "the most certain wrong answer about this class"


@dataclass(frozen=True, slots=True)
class Choice:
    """An answer that is shown.

    Args:
        row: Which of the answers.
        why: Why it is.
    """

    row: int
    why: str


def chosen(answers: Answers) -> tuple[list[Choice], str]:
    """Return for each class the most certain right and wrong answer, where there are such, and the rule in words.

    Of more than 12 classes, 12 are taken at equal steps from the one that is answered best to the worst.

    Example:
        >>> answers = Answers(
        ...     classes=np.array(["gan", "real"]),
        ...     paths=np.array(["a", "b", "c"]),
        ...     truth=np.array(["gan", "gan", "real"]),
        ...     groups=np.arange(3),
        ...     runs=np.zeros(3, int),
        ...     probabilities=np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]]),
        ... )
        >>> [choice.row for choice in chosen(answers)[0]]
        [0, 2]
    """
    right = answers.answered == answers.truth
    certain = answers.probabilities.max(axis=1)
    shares = {str(name): float(right[answers.truth == name].mean()) for name in np.unique(answers.truth)}
    ranked = sorted(shares, key=lambda name: (-shares[name], name))
    rule = "for each class, the most certain right answer and the most certain wrong one"
    if len(ranked) > MOST_CLASSES:
        places = np.linspace(0, len(ranked) - 1, MOST_CLASSES).round().astype(int)
        rule = (
            f"{rule}; of the {len(ranked)} classes, {MOST_CLASSES} at equal steps from the one that is answered best "
            "to the worst"
        )
        ranked = [ranked[place] for place in places]
    found = []
    for name in ranked:
        for wanted, why in ((True, RIGHT), (False, WRONG)):
            rows = np.flatnonzero((answers.truth == name) & (right == wanted))
            if len(rows):
                found.append(Choice(int(rows[certain[rows].argmax()]), why))
    return found, rule


def exhibited(method: Method, images: ImageSet, answers: Answers, *, fitted: bool) -> Exhibits:
    """Return the chosen images with their nearest references, distances, and how many reals lie closer.

    Args:
        method: What answered.
        images: What was answered about; with references unless ``fitted``.
        answers: The answers.
        fitted: Whether the method was fitted before: then its own references and held-out reals are taken, otherwise
            those of ``images``, at most 500 of the reals.
    """
    choices, rule = chosen(answers)
    scored = images.scored
    places = {path: place for place, path in enumerate(scored.paths)}
    rows = np.array([places[str(answers.paths[choice.row])] for choice in choices], np.int64)
    pixels = scored.subset(rows).pixels()
    if fitted:
        known = method.evidence_
        nearest = known.nearest(pixels)
        indices = np.array([known.digests_.index(one.digest) for one in nearest], np.int64)
        lengths = np.array([one.distance for one in nearest])
        counterparts, names = known.pixels_[indices], below(known.paths_)[indices]
        _, distances = method.measured(scored.subset(rows))
        reals = method.training_.real_distances
    else:
        reference = images.reference
        indices, lengths = nearest_references(reference, pixels)
        counterparts, names = reference.subset(indices).pixels(), below(reference.paths)[indices]
        distances, reals = _distances(method, images, rows)
    answered, shown = answers.answered, below(scored.paths)
    ranked = np.sort(reals)
    entries = []
    for number, (choice, place) in enumerate(zip(choices, rows.tolist(), strict=True)):
        table = answers.probabilities[choice.row]
        order = np.argsort(-table, kind="stable")
        second = int(order[1]) if len(order) > 1 else None
        closer = 100 * np.searchsorted(ranked, distances[number]) / len(ranked) if len(ranked) else None
        entries.append(
            Exhibit(
                path=str(shown[place]),
                why=choice.why,
                truth=str(answers.truth[choice.row]),
                answer=str(answered[choice.row]),
                probability=rounded(table[order[0]]),
                runner_up=None if second is None else str(answers.classes[second]),
                runner_up_probability=None if second is None else rounded(table[second]),
                distance=rounded(distances[number]),
                closer_reals=None if closer is None else round(float(closer), 1),
                reals=len(ranked),
                nearest=str(names[number]),
                nearest_distance=rounded(lengths[number]),
            )
        )
    return Exhibits(tuple(entries), pixels, counterparts, rule, space_of(method))


def space_of(method: Method) -> str:
    """Return the space that distances of a method are measured in: RGB where it has no artifacts."""
    extractor = method.extractor
    return str(extractor.settings()["space"]["name"]) if isinstance(extractor, Artifacts) else "rgb"


def nearest_references(reference: ImageSet, pixels: NDArray[np.uint8]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return the index of the nearest reference of each image in RGB, and its distance; references need no memory.

    Args:
        reference: What is searched.
        pixels: uint8 (n, height, width, 3).
    """
    points = RGB()(pixels)
    indices, distances = np.zeros(len(pixels), np.int64), np.full(len(pixels), math.inf)
    size = max(1, min(4096, ROOM // (3 * reference.height * reference.width)))
    for rows, block in reference.batches(size):
        found = Nearest().fit([RGB()(block)]).project(points)
        assert found.neighbors is not None
        # Of equally near ones the lower index stays.
        closer = found.distances < distances
        indices[closer] = rows.start + found.neighbors[closer, 0]
        distances[closer] = found.distances[closer]
    return indices, distances


def _distances(
    method: Method, images: ImageSet, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return how far the chosen images and some reals lie from the manifold."""
    scored = images.scored
    reals = np.flatnonzero(scored.generators == REAL)
    reals = reals[np.unique(np.linspace(0, len(reals) - 1, min(len(reals), MOST_REALS)).round().astype(np.int64))]
    both = scored.subset(np.concatenate([rows, reals]))
    if isinstance(method.extractor, Artifacts):
        distances = method.extractor.measured(both).distances
    else:
        _, distances = nearest_references(images.reference, both.pixels())
    return distances[: len(rows)], distances[len(rows) :]
