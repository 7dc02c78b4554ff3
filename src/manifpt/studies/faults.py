"""What each fault of the code that the paper's authors released does to the figures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.attributors.attributor import Attributor
from manifpt.cache import Cache
from manifpt.embeddings.embedding import Embedding
from manifpt.errors import DataError
from manifpt.extractors.released import Released
from manifpt.images import REAL, ImageSet
from manifpt.methods.method import Method
from manifpt.metrics.accuracy import balanced_accuracy_gain, balanced_accuracy_interval
from manifpt.metrics.interval import Interval
from manifpt.progress import tracked
from manifpt.registry import built
from manifpt.studies.answers import Answers
from manifpt.studies.evaluation import cross_validated

NONE = "none"
FAULTS: dict[str, tuple[str, ...]] = {
    NONE: (),
    "reals in reference": ("reals_in_reference",),
    "neighbors in rgb": ("neighbors_in_rgb",),
    "clipped": ("clipped",),
    "all": ("reals_in_reference", "neighbors_in_rgb", "clipped"),
}


def faults(
    space: str | Embedding,
    attributor: str | Attributor,
    images: ImageSet,
    *,
    splits: int = 5,
    repeats: int = 1,
    seed: int = 0,
    cache: Cache | None = None,
) -> dict[str, Answers]:
    """Return the answers without a fault, with each fault of ``Released`` alone, and with all of them.

    The folds and the seeds of training are the same for all, so that nothing but the fault differs.

    Args:
        space: A name of the registry or an embedding.
        attributor: A name of the registry or an attributor; only its settings are used.
        images: Images with generators and references.
        splits: Folds of each repetition.
        repeats: Repetitions, each with other folds.
        seed: Seed of the folds and, where the attributor is given by name, of its training.
        cache: Where projections and costly points are kept; None for nowhere.

    Raises:
        DataError: As of ``cross_validated``.
    """
    named: Attributor = built("attributors", attributor, seed=seed) if isinstance(attributor, str) else attributor
    found = {}
    for name, switches in tracked(list(FAULTS.items()), "faults"):
        extractor = Released(space, cache=cache, **dict.fromkeys(switches, True))
        found[name] = cross_validated(Method(extractor, named), images, splits=splits, repeats=repeats, seed=seed)
    return found


@dataclass(frozen=True, slots=True)
class Change:
    """A figure of merit with a fault, and what the fault changed.

    Args:
        figure: With its 95 % interval.
        gain: The same less the figure without a fault, with its paired 95 % interval.
    """

    figure: Interval
    gain: Interval


@dataclass(frozen=True, slots=True)
class Effect:
    """What one fault does.

    Args:
        fault: A key of ``FAULTS``.
        balanced_accuracy: Mean recall over the generators and ``real``.
        real_recall: Share of the reals that are called ``real``; None without reals.
        among_generators: Mean recall over the k generators alone: no real image counts, and calling an image ``real``
            is wrong. Where reals are given away no image is called so, and chance rises from 1 / (k + 1) to 1 / k.
    """

    fault: str
    balanced_accuracy: Change
    real_recall: Change | None
    among_generators: Change

    def record(self) -> dict[str, Any]:
        """Return everything as JSON-able values."""
        return asdict(self)


def effects(answers: Mapping[str, Answers], *, resamples: int = 1000, seed: int = 0) -> tuple[Effect, ...]:
    """Return a row for each fault, with 95 % intervals.

    The bootstrap draws groups of images within each generator and, where several runs answered, the runs too; figures
    and gains are counted on the same draws.

    Args:
        answers: What ``faults`` returned, or some of it; ``none`` is what gains are counted from.
        resamples: How many times to draw.
        seed: Decides the draw.

    Raises:
        DataError: ``none`` is absent, there is no generated image, or the answers are not about the same images in the
            same order.

    Example:
        >>> truth = np.repeat(["gan", "real"], 20)
        >>> asked = (truth, np.arange(40), np.zeros(40, np.int64))  # generators, groups, runs
        >>> honest, given_away = (Answers(np.array(["gan", "real"]), np.arange(40).astype(str), *asked, table)
        ...                       for table in (np.tile([0.9, 0.1], (40, 1)), np.repeat(np.eye(2), 20, axis=0)))
        >>> rows = effects({"none": honest, "reals in reference": given_away}, resamples=100)
        >>> print(rows[1].real_recall.gain, rows[1].among_generators.gain)
        1.000 [1.000, 1.000] 0.000 [0.000, 0.000]
    """
    honest = _honest(answers)
    reals = honest.truth == REAL
    drawn = {"resamples": resamples, "seed": seed}
    return tuple(
        Effect(
            fault=name,
            balanced_accuracy=_change(faulty, honest, np.ones(len(reals), bool), **drawn),
            real_recall=_change(faulty, honest, reals, **drawn) if reals.any() else None,
            among_generators=_change(faulty, honest, ~reals, **drawn),
        )
        for name, faulty in answers.items()
    )


def _honest(answers: Mapping[str, Answers]) -> Answers:
    if NONE not in answers:
        raise DataError(
            f"there are answers for {', '.join(answers) or 'no fault'}",
            expected=f"answers for {NONE!r} among them, which gains are counted from",
            remedy="pass what faults returned",
        )
    honest = answers[NONE]
    if (honest.truth == REAL).all():
        raise DataError("no answer is about a generated image", expected="one at least", remedy="add a generator")
    for name, other in answers.items():
        asked = ("paths", "truth", "groups", "runs")
        if not all(np.array_equal(getattr(other, field), getattr(honest, field)) for field in asked):
            raise DataError(
                f"the answers for {name!r} are not about the same images as those for {NONE!r}, in the same order",
                expected="one set of images, with the same folds",
                remedy="pass what faults returned",
            )
    return honest


def _change(faulty: Answers, honest: Answers, rows: NDArray[np.bool_], **drawn: Any) -> Change:
    given = {"truth": honest.truth[rows], "answers": faulty.answered[rows], "clusters": honest.groups[rows], **drawn}
    if len(np.unique(honest.runs)) > 1:
        given["runs"] = honest.runs[rows]
    return Change(
        figure=balanced_accuracy_interval(**given),
        gain=balanced_accuracy_gain(baseline=honest.answered[rows], **given),
    )
