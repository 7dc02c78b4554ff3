"""What the commands write about themselves: the words they were given, and how they measured."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manifpt.images import ImageSet
    from manifpt.methods.method import Method
    from manifpt.studies.answers import Scores


def command() -> list[str]:
    """Return the words of the command that runs."""
    return ["manifpt", *sys.argv[1:]]


def name_of(data: str) -> str:
    """Return what a set of images is called: the last part of its path."""
    return Path(data).resolve().name or data


def evaluated(
    data: str, images: ImageSet, method: Method, scores: Scores, *, seed: int, model: str | None = None
) -> dict[str, Any]:
    """Return what an evaluation was asked for and what it used, JSON-able.

    Args:
        data: Where the images are.
        images: The images.
        method: What answered.
        scores: How well.
        seed: Of everything random.
        model: The fitted model that was tested; None where the method was fitted in every split.
    """
    from manifpt.studies.provenance import provenance  # noqa: PLC0415  (commands load what they need when they run)

    attributor = method.attributor if model else method.fresh(images)
    settings = {
        "extractor": method.extractor.settings(),
        "attributor": {"name": attributor.name, **attributor.settings()},
    }
    return provenance(
        command(), seed=seed, data={name_of(data): images}, method=settings, protocol=_protocol(images, scores, model)
    )


def _protocol(images: ImageSet, scores: Scores, model: str | None) -> list[str]:
    """Return how it was measured, a sentence each."""
    if model:
        return [
            "A model that was fitted before was asked about images that it had never seen: none of "
            "them is, by content, "
            "among those that trained it or among its references.",
        ]
    if "test" in images.roles:
        divided = "The manifest says which images are tested; the attributor learned from the others."
    else:
        divided = (
            "The images were divided by content into folds, near-duplicates on one side; "
            f"{scores.runs} attributors were "
            "fitted, each tested on the fold that it had not seen."
        )
    return [
        divided,
        "The references, which estimate the manifold of real images, are none of the images that were trained on or "
        "tested, by content.",
    ]
