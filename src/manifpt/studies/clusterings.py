"""Groups of generators whose fingerprints lie near each other."""

from __future__ import annotations

import warnings
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.cluster import AgglomerativeClustering, KMeans, SpectralClustering
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import silhouette_score

from manifpt.errors import NumbersError, UnknownNameError
from manifpt.metrics.scaling import principal_coordinates
from manifpt.registry import suggestion

Clustering = Literal["k-means", "agglomerative", "spectral"]
CLUSTERINGS: tuple[Clustering, ...] = get_args(Clustering)
MOST_CLUSTERS = 15  # among which the silhouette chooses
STARTS = 10


def clustered(distances: ArrayLike, clusters: int, method: str = "k-means", *, seed: int = 0) -> NDArray[np.int64]:
    """Return the group of each generator, (n,), by scikit-learn.

    ``k-means`` takes principal coordinates, which for distances of means are the means themselves, turned;
    ``agglomerative`` joins what lies nearest on average; ``spectral`` cuts the graph of similarities
    exp(−d² / 2s²), with s the median distance.

    Args:
        distances: (n, n).
        clusters: How many, from 1 to n.
        method: k-means, agglomerative or spectral.
        seed: Of what starts at random.

    Raises:
        UnknownNameError: There is no such method.
        NumbersError: The number of clusters is out of range, or the distances are no such matrix.

    Example:
        >>> apart = abs(np.subtract.outer([0.0, 1.0, 8.0, 9.0], [0.0, 1.0, 8.0, 9.0]))
        >>> [len(set(clustered(apart, 2, name)[:2].tolist())) for name in CLUSTERINGS]
        [1, 1, 1]
    """
    apart = np.asarray(distances, np.float64)
    if method not in CLUSTERINGS:
        raise UnknownNameError(
            f"{method!r} is not one of the clusterings",
            expected=f"one of {', '.join(CLUSTERINGS)}",
            remedy=suggestion(method, CLUSTERINGS),
        )
    places = principal_coordinates(apart)
    if not 1 <= clusters <= len(apart):
        raise NumbersError(
            f"{clusters} clusters of {len(apart)} generators", expected="1 up to as many", remedy="ask for fewer"
        )
    if clusters in (1, len(apart)):
        return np.arange(len(apart)) if clusters > 1 else np.zeros(len(apart), np.int64)
    if method == "agglomerative":
        fitted = AgglomerativeClustering(clusters, metric="precomputed", linkage="average").fit(apart)
    elif method == "spectral":
        cut = SpectralClustering(clusters, affinity="precomputed", assign_labels="cluster_qr", random_state=seed)
        fitted = cut.fit(_similarities(apart))
    else:
        with warnings.catch_warnings():
            # Equal fingerprints can be fewer than clusters; then some stay empty.
            warnings.simplefilter("ignore", ConvergenceWarning)
            fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(places)
    return np.asarray(fitted.labels_, np.int64)


def by_silhouette(distances: ArrayLike, method: str = "k-means", *, seed: int = 0) -> NDArray[np.int64]:
    """Return the groups, from 2 up to 15 of them, that are the most apart from each other, (n,).

    Rousseeuw, Silhouettes, Journal of Computational and Applied Mathematics 20, 1987; of equal ones, the fewest.

    Arguments and errors as for `clustered`; n is at least 3.
    """
    apart = np.asarray(distances, np.float64)
    found = [clustered(apart, count, method, seed=seed) for count in range(2, min(MOST_CLUSTERS, len(apart) - 1) + 1)]
    split = [groups for groups in found if 1 < len(np.unique(groups)) < len(apart)]
    if not split:
        return np.zeros(len(apart), np.int64)
    return split[int(np.argmax([silhouette_score(apart, groups, metric="precomputed") for groups in split]))]


def _similarities(apart: NDArray[np.float64]) -> NDArray[np.float64]:
    between = apart[np.triu_indices(len(apart), 1)]
    scale = float(np.median(between[between > 0])) if (between > 0).any() else 1.0
    return np.asarray(np.exp(-(apart**2) / (2 * scale**2)))
