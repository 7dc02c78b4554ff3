"""A generator's card: how its images compare with reals, and whether it may be shipped."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Embedding
from manifpt.embeddings.pixels import RGB
from manifpt.embeddings.small import CIFAR10, SelfSupervisedCIFAR, SupervisedCIFAR
from manifpt.errors import WeightsError
from manifpt.manifolds.nearest import Nearest
from manifpt.metrics.frechet import Gaussian, frechet_distance
from manifpt.metrics.neighbourhoods import Neighbourhoods, neighbourhoods

LEAST_PRECISION, LEAST_COVERAGE, LEAST_SHARE = 0.3, 0.2, 0.02
# VAEs draw what is common, and decoders what they are given: neither has to show every class.
ALL_CLASSES = ("gan", "score", "flow")
QUANTILES = (1, 50)
ERRORS = 3  # standard errors above one half that are no accident
Images = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Card:
    """What is measured of a generator's images.

    Args:
        space: Where distances between distributions are taken: ``sl-cifar`` (ResNet-56), or ``ssl-cifar`` without its
            weights.
        images: How many images of each kind were compared.
        frechet: Fréchet distance to the held-out reals.
        frechet_reals: That of as many training reals to them: what no generator can be expected to fall below.
        precision: Share of images inside the reals' neighbourhoods.
        recall: Share of reals inside the images' neighbourhoods.
        density: Real neighbourhoods that hold an image, over the expected number.
        coverage: Share of reals whose neighbourhood holds an image.
        nearest: 1 % and 50 % quantile of the distances to the nearest training image, in ``ssl-cifar``.
        nearest_reals: Those of the held-out reals, which a generator that copies falls below.
        nearest_rgb: Quantiles of the distances in RGB, where smooth images lie nearer to everything, copied or not.
        nearest_reals_rgb: Those of the held-out reals.
        nearer: Share of images that lie nearer to a training image than to any of as many held-out reals; one half,
            where nothing was learned by heart, however smooth the images are.
        classes: Share of images that ResNet-56 takes for each class; None without its weights, and where the reals
            have other classes.
        failures: Why the generator must not be shipped; empty where it may.
    """

    space: str
    images: int
    frechet: float
    frechet_reals: float
    precision: float
    recall: float
    density: float
    coverage: float
    nearest: tuple[float, ...]
    nearest_reals: tuple[float, ...]
    nearest_rgb: tuple[float, ...]
    nearest_reals_rgb: tuple[float, ...]
    nearer: float
    classes: dict[str, float] | None
    failures: tuple[str, ...]

    def record(self) -> dict[str, Any]:
        """Return the card, JSON-able."""
        return asdict(self)


def card(images: Images, *, family: str, training: Images, real: Images, classes: bool = True) -> Card:
    """Return the card of generated images.

    Args:
        images: Generated ones, uint8 (n, 32 or more, 32 or more, 3), n at least 6.
        family: The generator's; GANs, flows and score models have to show all ten classes.
        training: The reals that it learned from.
        real: Held-out reals; as many as ``images`` are compared.
        classes: Whether the reals have CIFAR-10's ten classes; where not, their shares are neither told nor asked for.

    Raises:
        NumbersError: There are too few images.
    """
    count = min(len(images), len(real), len(training))
    images, held_out = images[:count], real[:count]
    space, answers = _space(images)
    shares = answers if classes else None
    points, others, learned = (space(part).coordinates() for part in (images, held_out, training[:count]))
    found = neighbourhoods(generated=points, real=others)
    nearest, nearest_reals = _to_training(SelfSupervisedCIFAR(), training, images, held_out)
    nearest_rgb, nearest_reals_rgb = _to_training(RGB(), training, images, held_out)
    seen, unseen = (
        Nearest().fit([RGB()(part)]).project(RGB()(images)).distances for part in (training[:count], held_out)
    )
    nearer = float((seen < unseen).mean())
    return Card(
        space=space.name,
        images=count,
        frechet=frechet_distance(Gaussian.of(points), Gaussian.of(others)),
        frechet_reals=frechet_distance(Gaussian.of(learned), Gaussian.of(others)),
        **asdict(found),
        nearest=nearest,
        nearest_reals=nearest_reals,
        nearest_rgb=nearest_rgb,
        nearest_reals_rgb=nearest_reals_rgb,
        nearer=nearer,
        classes=shares,
        failures=(
            *_misses(family, found, shares),
            *_copies(count, nearest=nearest, nearest_reals=nearest_reals, nearer=nearer),
        ),
    )


def _to_training(space: Embedding, training: Images, *parts: Images) -> list[tuple[float, ...]]:
    """Return the quantiles of each part's distances to the nearest training image."""
    manifold = Nearest().fit([space(training)])
    distances = (manifold.project(space(part)).distances for part in parts)
    return [tuple(float(value) for value in np.percentile(part, QUANTILES)) for part in distances]


def _space(images: Images) -> tuple[SupervisedCIFAR | SelfSupervisedCIFAR, dict[str, float] | None]:
    """Return the space to compare in, and the share of each class where there is a classifier."""
    try:
        supervised = SupervisedCIFAR(depth=56)
        answers = supervised.logits(images).argmax(axis=1)
    except WeightsError:
        return SelfSupervisedCIFAR(), None
    shares = np.bincount(answers, minlength=len(CIFAR10)) / len(answers)
    return supervised, {name: float(share) for name, share in zip(CIFAR10, shares, strict=True)}


def _misses(family: str, among: Neighbourhoods, classes: dict[str, float] | None) -> list[str]:
    found = []
    if among.precision < LEAST_PRECISION:
        found.append(f"precision {among.precision:.2f} is below {LEAST_PRECISION}")
    if among.coverage < LEAST_COVERAGE:
        found.append(f"coverage {among.coverage:.2f} is below {LEAST_COVERAGE}")
    rare = [name for name, share in (classes or {}).items() if share < LEAST_SHARE]
    if rare and family in ALL_CLASSES:
        found.append(f"fewer than {LEAST_SHARE:.0%} look like {', '.join(rare)}")
    return found


def _copies(count: int, *, nearest: tuple[float, ...], nearest_reals: tuple[float, ...], nearer: float) -> list[str]:
    found = [
        f"the {share} % quantile of nearest-training distances is {ours:.2f}, that of held-out reals {theirs:.2f}"
        for share, ours, theirs in zip(QUANTILES, nearest, nearest_reals, strict=True)
        if ours < theirs
    ]
    if nearer > 0.5 + ERRORS * (0.25 / count) ** 0.5:
        found.append(f"{nearer:.0%} lie nearer to a training image than to any of as many held-out reals")
    return found
