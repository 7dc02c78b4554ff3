"""How well clusters go with labels: normalised and adjusted mutual information, and the adjusted Rand index."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import xlogy
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from manifpt.errors import NumbersError
from manifpt.metrics.labels import labels as checked
from manifpt.metrics.relabelling import Shuffles, p_value


@dataclass(frozen=True, slots=True)
class Alignment:
    """How well clusters go with labels.

    Args:
        nmi: Normalised mutual information, 0 to 1, over the mean of both entropies. With few items it is far above 0
            by chance, the more so the more clusters there are.
        ami: The same adjusted for chance: 0 is what shuffled labels reach on average, 1 equal partitions (Vinh, Epps
            and Bailey, JMLR 11, 2010).
        ari: Adjusted Rand index, 1 for equal partitions, 0 on average for shuffled labels (Hubert and Arabie 1985).
    """

    nmi: float
    ami: float
    ari: float


def alignment(*, clusters: ArrayLike, labels: ArrayLike) -> Alignment:
    """Return how well clusters go with labels.

    Args:
        clusters: (n,).
        labels: (n,).

    Raises:
        NumbersError: They are empty, or of different lengths.

    Example:
        >>> alignment(clusters=[0, 0, 1, 1], labels=[5, 5, 3, 3])
        Alignment(nmi=1.0, ami=1.0, ari=1.0)
    """
    found, truth = _codes(clusters, labels)
    return Alignment(
        nmi=float(normalized_mutual_info_score(truth, found)),
        ami=float(adjusted_mutual_info_score(truth, found)),
        ari=float(adjusted_rand_score(truth, found)),
    )


def alignment_p(*, clusters: ArrayLike, labels: ArrayLike, shuffled: Shuffles) -> float:
    """Return the p-value of `Alignment.ami` by shuffled labels; that of `Alignment.nmi` is the same.

    Shuffling changes neither the sizes of the clusters nor those of the labels, on which the entropies and the expected
    information depend alone: AMI and NMI then grow with the mutual information, and that is what is compared.

    Args:
        clusters: (n,).
        labels: (n,).
        shuffled: Orders of the labels, (permutations, n).

    Raises:
        NumbersError: They are empty, or of different lengths.
    """
    one, other = _codes(clusters, labels)
    observed = _information(one, other[None])
    return p_value(float(observed[0]), _information(one, other[shuffled]))


def _codes(clusters: ArrayLike, labels: ArrayLike) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    one, other = (
        np.unique(checked(values, name=name), return_inverse=True)[1]
        for name, values in (("clusters", clusters), ("labels", labels))
    )
    if len(one) != len(other):
        raise NumbersError(
            f"there are {len(one)} clusters and {len(other)} labels",
            expected="one of each for every item",
            remedy="pass both in the same order",
        )
    return np.asarray(one), np.asarray(other)


def _information(clusters: NDArray[np.intp], labels: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return Σ c ln c over the table of clusters and labels, for each row of labels (turns, n).

    It is the mutual information but for a factor and an addend that the sizes decide.
    """
    turns, items = labels.shape
    kinds = (int(clusters.max()) + 1) * (int(labels.max()) + 1)
    cells = clusters * (int(labels.max()) + 1) + labels + np.arange(turns)[:, None] * kinds
    counts = np.bincount(cells.ravel(), minlength=turns * kinds).reshape(turns, kinds)
    return np.asarray(xlogy(counts, counts).sum(axis=1) / items)
