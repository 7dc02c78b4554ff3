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
ERRORS = 3  # standard errors that are no accident
RESAMPLINGS = 500
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
        nearest_errors: Standard errors of the differences between the two (bootstrap).
        nearest_rgb: Quantiles of the distances in RGB, where smooth images lie nearer to everything, copied or not.
        nearest_reals_rgb: Those of the held-out reals.
        nearer: Share of images that lie nearer to a training image than to any of as many held-out reals; one half,
            where nothing was learned by heart, however smooth the images are.
        nearer_error: Its standard error, were training and held-out reals interchangeable.
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
    nearest_errors: tuple[float, ...]
    nearest_rgb: tuple[float, ...]
    nearest_reals_rgb: tuple[float, ...]
    nearer: float
    nearer_error: float
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
        real: Held-out reals. As many reals as images are compared, which are spread over all: their order may be that
            of their classes.
        classes: Whether the reals have CIFAR-10's ten classes; where not, their shares are neither told nor asked for.

    Raises:
        NumbersError: There are too few images.
    """
    count = min(len(images), len(real), len(training))
    images, held_out, some = images[:count], _spread(real, count), _spread(training, count)
    space, answers = _space(images)
    shares = answers if classes else None
    points, others, learned = (space(part).coordinates() for part in (images, held_out, some))
    found = neighbourhoods(generated=points, real=others)
    nearest = _to_training(SelfSupervisedCIFAR(), training, images, held_out)
    nearest_rgb = _to_training(RGB(), training, images, held_out)
    nearer, nearer_error = _nearer(images, some, held_out)
    return Card(
        space=space.name,
        images=count,
        frechet=frechet_distance(Gaussian.of(points), Gaussian.of(others)),
        frechet_reals=frechet_distance(Gaussian.of(learned), Gaussian.of(others)),
        **asdict(found),
        nearest=nearest.ours,
        nearest_reals=nearest.theirs,
        nearest_errors=nearest.errors,
        nearest_rgb=nearest_rgb.ours,
        nearest_reals_rgb=nearest_rgb.theirs,
        nearer=nearer,
        nearer_error=nearer_error,
        classes=shares,
        failures=(
            *_misses(family, found, shares),
            *_copies(nearest, nearer=nearer, nearer_error=nearer_error),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Distances:
    """Quantiles of distances to the nearest training image, of both kinds, and the errors of their differences."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    errors: tuple[float, ...]


def _to_training(space: Embedding, training: Images, images: Images, held_out: Images) -> _Distances:
    manifold = Nearest().fit([space(training)])
    parts = [manifold.project(space(part)).distances for part in (images, held_out)]
    rng = np.random.default_rng(0)
    drawn = (
        np.percentile(part[rng.integers(len(part), size=(RESAMPLINGS, len(part)))], QUANTILES, axis=1) for part in parts
    )
    errors = np.subtract(*drawn).std(axis=1)
    ours, theirs = (np.percentile(part, QUANTILES) for part in parts)
    return _Distances(*(tuple(map(float, values)) for values in (ours, theirs, errors)))


def _spread(images: Images, count: int) -> Images:
    return images[np.arange(count) * len(images) // count]


def _nearer(images: Images, training: Images, held_out: Images) -> tuple[float, float]:
    """Return the share of images whose nearest real is a training image, and its standard error by chance.

    A few smooth reals are the nearest of many images. Which part such a one falls into moves the share more than which
    images were drawn, so that the error is that of dividing the same reals at random, or binomial if that is more.
    """
    # A tie goes to the held-out ones, which stand first.
    manifold = Nearest().fit([RGB()(np.concatenate([held_out, training]))])
    found = manifold.project(RGB()(images)).neighbors
    assert found is not None
    followers = np.bincount(found[:, 0], minlength=2 * len(training))
    by_division = followers.std(ddof=1) * len(followers) ** 0.5 / (2 * len(images))
    return float(followers[len(held_out) :].sum() / len(images)), float(max(by_division, 0.5 / len(images) ** 0.5))


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


def _copies(nearest: _Distances, *, nearer: float, nearer_error: float) -> list[str]:
    found = [
        f"the {share} % quantile of nearest-training distances is {ours:.2f}, that of held-out reals {theirs:.2f}"
        for share, ours, theirs, error in zip(QUANTILES, nearest.ours, nearest.theirs, nearest.errors, strict=True)
        if ours < theirs - ERRORS * error
    ]
    if nearer > 0.5 + ERRORS * nearer_error:
        found.append(f"{nearer:.0%} lie nearer to a training image than to any of as many held-out reals")
    return found
