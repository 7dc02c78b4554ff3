"""Features as a map: t-SNE in two dimensions."""

from __future__ import annotations

import hashlib
import json

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

from manifpt.cache import Cache
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import Fold, ImageSet
from manifpt.studies.inputs import below
from manifpt.studies.rows import Key, Rows, Run

PIXELS = "rgb"
MOST_DIMENSIONS = 50
FEWEST = 10
PERPLEXITY = 30.0


def mapped(features: ArrayLike, *, seed: int = 0) -> NDArray[np.float64] | None:
    """Return where each image lies on a map of its features (n, 2), or None for fewer than 10 images or equal features.

    t-SNE (van der Maaten and Hinton, JMLR 2008) by openTSNE, of at most 50 principal components, each as it is: their
    scales stay those of the features. The perplexity is 30, or a third of the images where they are few.

    Args:
        features: (n, …), flattened.
        seed: Of the components; the map itself starts from them.

    Example:
        >>> mapped(np.random.default_rng(0).normal(size=(40, 5))).shape
        (40, 2)
    """
    from openTSNE import TSNE  # noqa: PLC0415  (loads only where a map is drawn)

    given = np.asarray(features, np.float64)
    if len(given) < FEWEST:
        return None
    points = given.reshape(len(given), -1)
    if not np.ptp(points, axis=0).any():
        return None
    kept = min(MOST_DIMENSIONS, points.shape[1], len(points) - 1)
    reduced = PCA(kept, random_state=seed).fit_transform(points)
    # A map starts from two components, and one feature has one.
    reduced = np.pad(reduced, ((0, 0), (0, max(0, 2 - kept))))
    perplexity = min(PERPLEXITY, (len(points) - 1) / 3)
    embedded = TSNE(perplexity=perplexity, initialization="pca", random_state=seed, n_jobs=1).fit(reduced)
    return np.asarray(embedded, np.float64)


def map_name(space: str) -> str:
    """Return how the rows call the map of a space.

    Example:
        >>> map_name("rgb"), map_name("sl-cifar")
        ('pixels', 'features-sl-cifar')
    """
    return "pixels" if space == PIXELS else f"features-{space}"


def mapped_space(
    rows: Rows,
    data: str,
    images: ImageSet,
    fold: Fold,
    space: str = PIXELS,
    *,
    seed: int = 0,
    cache: Cache | None = None,
) -> Key:
    """Keep a map of the tested images of a fold in a space, as what methods learn is to be compared with.

    It is a run that answers nothing: its answers are −1 and its probabilities NaN.

    Args:
        rows: Where it is kept; what they hold already is not made again.
        data: How they call the data set.
        images: The scored images.
        fold: Which of them are tested.
        space: A name of the registry of embeddings.
        seed: Of the map.
        cache: Where costly points are kept; None for nowhere.

    Raises:
        UnknownNameError: There is no such space.
        WeightsError: The weights of its network are absent.
    """
    tested = images.subset(fold.test)
    key = Key(data, map_name(space), 0, 0)
    points = EmbeddedPoints(space, cache=cache)
    given = [list(tested.digests), tested.generators.tolist(), seed, points.settings()]
    inputs = hashlib.sha256(json.dumps(given, sort_keys=True).encode()).hexdigest()[:16]
    if rows.holds(key, inputs):
        return key
    classes, truth = np.unique(tested.generators, return_inverse=True)
    unknown = np.full(len(tested), np.nan)
    rows.add(
        Run(
            key=key,
            inputs=inputs,
            classes=tuple(classes.tolist()),
            paths=below(images.paths)[fold.test],
            groups=np.asarray(tested.groups),
            truth=truth,
            answers=np.full(len(tested), -1),
            of_truth=unknown,
            of_answer=unknown,
            of_real=unknown,
            notes={"map": True, "extractor": points.settings()},
            places=mapped(points.extract(tested), seed=seed),
        )
    )
    return key
