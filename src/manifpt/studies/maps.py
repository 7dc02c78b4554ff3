"""Features as a map: t-SNE in two dimensions."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.decomposition import PCA

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
