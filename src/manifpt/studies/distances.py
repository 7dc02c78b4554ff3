"""How far apart the fingerprints of generators lie: between their means, or between whole distributions.

Every generator counts with as many images as the smallest has. A mean of few images is further from all others than a
mean of many, and generators would else be grouped by how many images there are of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist, pdist, squareform
from sklearn.decomposition import PCA

from manifpt.cache import Cache
from manifpt.errors import DataError, NumbersError, UnknownNameError
from manifpt.extractors.extractor import Features
from manifpt.images import REAL, ImageSet
from manifpt.methods.presets import preset
from manifpt.metrics.fdr import FEWEST_IMAGES, MOST_DIMENSIONS
from manifpt.metrics.frechet import Gaussian, frechet_distances
from manifpt.registry import suggestion

Kind = Literal["euclidean", "cosine", "energy", "frechet"]
KINDS: tuple[Kind, ...] = get_args(Kind)
FEWEST = 4  # generators that can be grouped in more than one way worth testing
FEWEST_EACH = 2
SHARE_OF_IMAGES = 4  # images of a generator for each principal component


@dataclass(frozen=True, slots=True, eq=False)
class Distances:
    """Distances between the fingerprints of generators.

    Args:
        generators: Their names, sorted.
        matrix: (n, n), symmetric with a zero diagonal.
        kind: What was measured.
        images: With how many images each generator counts.
    """

    generators: tuple[str, ...]
    matrix: NDArray[np.float64]
    kind: str
    images: int


def equally_many(images: ImageSet, *, seed: int = 0) -> ImageSet:
    """Return the generated images, drawn so that every generator has as many as the smallest; reals are left out.

    Args:
        images: Images with generators.
        seed: Decides the draw.

    Raises:
        DataError: There are fewer than 4 generators, or one with a single image.
    """
    names, counts = np.unique(images.scored.generators[images.scored.generators != REAL], return_counts=True)
    if len(names) < FEWEST or counts.min() < FEWEST_EACH:
        few = len(names) < FEWEST
        raise DataError(
            f"there are {len(names)} generators" if few else f"{names[counts.argmin()]} has 1 image",
            expected=f"{FEWEST} or more generators, of {FEWEST_EACH} or more images each",
            remedy="give more generators" if few else "leave it out with --generators (generators= in Python)",
        )
    scored = images.scored
    rng = np.random.default_rng(seed)
    drawn = [rng.choice(np.flatnonzero(scored.generators == name), counts.min(), replace=False) for name in names]
    return scored.subset(np.sort(np.concatenate(drawn)))


def extracted(method: str, images: ImageSet, chosen: ImageSet, *, cache: Cache | None = None) -> Features:
    """Return the features that a method starts from, float32 (n, *shape).

    Those of a fusion are its members' side by side, (n, d), each less its mean and divided by the root mean square
    distance from it, so that every member counts the same.

    Args:
        method: Name of a preset, such as ``paper-rgb``: its artifacts.
        images: All images, with references.
        chosen: Those to take features of.
        cache: Where projections and costly points are kept; None for nowhere.

    Raises:
        UnknownNameError: There is no such method.
        DataError: Its extractor learns from generated images.
    """
    made = preset(method)
    if made.fusion:
        parts = (extracted(member, images, chosen, cache=cache) for member in made.fusion)
        return np.concatenate([_alike(part.reshape(len(part), -1)) for part in parts], axis=1)
    extractor = made.extracting(cache=cache)
    if extractor.learns:
        raise DataError(
            f"{method} learns its features from images, and would be looked at on those it learned from",
            expected="features that are given before",
            remedy="name a method such as paper-rgb or spectrum",
        )
    return extractor.fit(images).extract(chosen)


def _alike(points: Features) -> Features:
    apart = points - points.mean(axis=0, dtype=np.float64)
    size = np.sqrt(np.square(apart).sum(axis=1).mean())
    return np.asarray(apart / (size or 1.0), np.float32)


def generator_distances(features: ArrayLike, generators: ArrayLike, *, kind: str = "euclidean") -> Distances:
    """Return how far apart generators' features lie.

    ``euclidean`` is the distance of mean features; ``cosine`` that of their directions, √(2 − 2 cos); ``energy`` the
    energy distance of whole sets (Székely and Rizzo 2013); ``frechet`` the Fréchet distance of Gaussians, of principal
    components, a quarter as many as images of a generator and at most 50. All are lengths: what is squared
    elsewhere is not here.

    Args:
        features: (n, …), flattened.
        generators: Name of each, (n,).
        kind: euclidean, cosine, energy or frechet.

    Raises:
        UnknownNameError: There is no such kind.
        NumbersError: Features are not finite, or Fréchet distances are asked for of fewer than 200 images each.

    Example:
        >>> found = generator_distances([[0.0], [2.0], [5.0]], ["a", "a", "b"])
        >>> found.generators, found.matrix.tolist(), found.images
        (('a', 'b'), [[0.0, 4.0], [4.0, 0.0]], 1)
    """
    if kind not in KINDS:
        raise UnknownNameError(
            f"{kind!r} is not one of the distances",
            expected=f"one of {', '.join(KINDS)}",
            remedy=suggestion(kind, KINDS),
        )
    points = np.asarray(features)
    points = points.reshape(len(points), -1)
    named = np.asarray(generators)
    if len(named) != len(points) or not len(points) or not np.isfinite(points).all():
        raise NumbersError(
            f"{len(named)} generators of features of shape {points.shape}, or some are not finite",
            expected="finite features, and the generator of each",
            remedy="look for broken features",
        )
    names, counts = np.unique(named, return_counts=True)
    sets = [np.asarray(points[named == name], np.float64) for name in names]
    if kind == "energy":
        matrix = _energy(sets)
    elif kind == "frechet":
        matrix = _frechet(sets, int(counts.min()))
    else:
        means = np.stack([one.mean(axis=0) for one in sets])
        matrix = squareform(pdist(_directions(means) if kind == "cosine" else means))
    return Distances(tuple(map(str, names)), matrix, kind, int(counts.min()))


def _directions(means: NDArray[np.float64]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(means, axis=1, keepdims=True)
    return np.asarray(np.divide(means, lengths, out=np.zeros_like(means), where=lengths > 0))


def _energy(sets: list[NDArray[np.float64]]) -> NDArray[np.float64]:
    # As `metrics.energy` has it, but what is within each set is measured once for all pairs.
    within = np.array([cdist(one, one).mean() for one in sets])
    square = np.zeros((len(sets), len(sets)))
    for row, column in zip(*np.triu_indices(len(sets), 1), strict=True):
        apart = 2 * cdist(sets[row], sets[column]).mean() - within[row] - within[column]
        square[row, column] = square[column, row] = max(float(apart), 0.0)
    return np.asarray(np.sqrt(square))


def _frechet(sets: list[NDArray[np.float64]], fewest: int) -> NDArray[np.float64]:
    if fewest < FEWEST_IMAGES:
        raise NumbersError(
            f"a generator has {fewest} images",
            expected=f"{FEWEST_IMAGES} or more of each for Fréchet distances",
            remedy="take energy, which needs no covariances",
        )
    together = np.concatenate(sets)
    kept = min(MOST_DIMENSIONS, fewest // SHARE_OF_IMAGES, together.shape[1])
    reduction = PCA(kept, random_state=0).fit(together)
    gaussians = [Gaussian.of(reduction.transform(one)) for one in sets]
    matrix = np.sqrt(frechet_distances(gaussians, gaussians))
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 0)
    return np.asarray(matrix)
