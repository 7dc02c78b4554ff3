"""Which examples an epoch of training sees: every class equally often."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def balanced(labels: NDArray[np.int64], rng: np.random.Generator) -> NDArray[np.int64]:
    """Return as many places as there are labels, in random order, of which every class has the same share.

    Shares differ by one at most, where classes do not divide the epoch. An example is seen again only when all others
    of its class have been; where classes are equally large, an epoch sees every example once. Losses weighted by class
    ask for the same mean, but a step then leans on the few rare examples in it; `benchmarks/stable_training.py`
    compares both.

    Args:
        labels: Class indices, (n,).
        rng: It is drawn from.

    Example:
        >>> labels = np.array([0, 0, 0, 0, 1, 1, 1, 2])
        >>> sorted(labels[balanced(labels, np.random.default_rng(0))].tolist())
        [0, 0, 0, 1, 1, 2, 2, 2]
    """
    classes, counts = np.unique(labels, return_counts=True)
    shares = np.full(len(classes), len(labels) // len(classes))
    shares[rng.permutation(len(classes))[: len(labels) % len(classes)]] += 1
    drawn = []
    for one, count, share in zip(classes, counts, shares, strict=True):
        places = np.flatnonzero(labels == one)
        drawn += [np.tile(places, share // count), rng.permutation(places)[: share % count]]
    return rng.permutation(np.concatenate(drawn))
