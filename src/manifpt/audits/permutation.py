"""Tests by permutation: how often shuffled labels go with a property as closely as the true ones do.

Of all labellings that are as likely as the true one if labels have nothing to do with images, some are drawn. The true
one counts among them, so that the p-value is never 0 and the test holds its level exactly: Phipson & Smyth, Permutation
p-values should never be zero, Statistical Applications in Genetics and Molecular Biology 9(1), 2010.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array

BLOCK = 2**20  # labels shuffled at a time
ROUNDING = 1e-9  # what sums in another order may differ by; what lies so near counts as equal

Members = NDArray[np.int64]
Statistic = Callable[[Members], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class Partition:
    """Images divided into classes.

    Args:
        labels: Class of each image, (n,).

    Example:
        >>> Partition(np.array(["b", "a", "b"])).sizes.tolist()
        [1, 2]
    """

    labels: NDArray[np.str_]

    @cached_property
    def names(self) -> NDArray[np.str_]:
        """Sorted names of the classes, (classes,)."""
        return np.unique(self.labels)

    @cached_property
    def codes(self) -> NDArray[np.int64]:
        """Place of each image's class among the names, (n,)."""
        return np.searchsorted(self.names, self.labels)

    @cached_property
    def sizes(self) -> NDArray[np.int64]:
        """Images of each class, (classes,)."""
        return np.bincount(self.codes, minlength=len(self.names))

    @cached_property
    def members(self) -> Members:
        """The images in the order of their classes, (1, n)."""
        return np.argsort(self.codes, kind="stable")[None]

    @cached_property
    def seats(self) -> NDArray[np.int64]:
        """Class of each place in ``members``, (n,): shuffling the images over it shuffles the labels."""
        return np.repeat(np.arange(len(self.names)), self.sizes)

    def sums(self, members: Members, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the sum of each class's values, (permutations, classes, d).

        Args:
            members: Images in the order of their classes, (permutations, n).
            values: (n, d).
        """
        turns, count = members.shape
        bounds = np.concatenate([[0], np.cumsum(np.tile(self.sizes, turns))])
        chosen = csr_array((np.ones(members.size), members.ravel(), bounds), shape=(len(bounds) - 1, count))
        return np.asarray(chosen @ values).reshape(turns, len(self.names), -1)

    def counts(self, members: Members, codes: NDArray[np.int64], kinds: int) -> NDArray[np.int64]:
        """Return how many images of each class are of each kind, (permutations, classes, kinds).

        Args:
            members: Images in the order of their classes, (permutations, n).
            codes: Kind of each image, (n,), from 0.
            kinds: How many kinds there are.
        """
        turns = len(members)
        shape = (turns, len(self.names), kinds)
        cells = (np.arange(turns)[:, None] * shape[1] + self.seats) * kinds + codes[members]
        return np.bincount(cells.ravel(), minlength=int(np.prod(shape))).reshape(shape)


def significance(statistic: Statistic, partition: Partition, *, permutations: int, seed: int) -> tuple[float, float]:
    """Return a statistic of the true labels and its p-value, (1 + how many reach it) / (1 + permutations).

    Args:
        statistic: Takes images in the order of their classes, (some, n), and returns a number for each row: the
            larger, the more the labels go with the images.
        partition: The true labels.
        permutations: How many labellings to draw.
        seed: Decides which.
    """
    observed = float(statistic(partition.members)[0])
    least = observed - ROUNDING * max(1.0, abs(observed))
    count = partition.members.shape[1]
    rng = np.random.default_rng(seed)
    reached, block = 0, max(1, BLOCK // max(1, count * 4))
    for start in range(0, permutations, block):
        turns = min(block, permutations - start)
        members = rng.permuted(np.tile(np.arange(count), (turns, 1)), axis=1)
        reached += int(np.sum(statistic(members) >= least))
    return observed, (1 + reached) / (1 + permutations)


def association(partition: Partition, codes: ArrayLike, kinds: int) -> Statistic:
    """Return Cramér's V between class and kind, from 0 (independent) to 1 (one tells the other).

    Cramér, Mathematical Methods of Statistics, 1946, chapter 21.

    Args:
        partition: The classes.
        codes: Kind of each image, (n,), from 0.
        kinds: How many kinds there are, 2 or more.
    """
    given = np.asarray(codes, np.int64)
    shares = np.bincount(given, minlength=kinds) / len(given)
    expected = partition.sizes[:, None] * shares
    most = len(given) * (min(len(partition.names), kinds) - 1)

    def statistic(members: Members) -> NDArray[np.float64]:
        found = partition.counts(members, given, kinds)
        return np.asarray(np.sqrt(((found - expected) ** 2 / expected).sum(axis=(1, 2)) / most))

    return statistic


def share_between(partition: Partition, values: NDArray[np.float64]) -> Statistic:
    """Return the share of the variance of vectors that lies between the classes' means, from 0 to 1.

    Args:
        partition: The classes.
        values: (n, d), not all equal.
    """
    centred = values - values.mean(axis=0)
    whole = float(np.sum(centred**2))

    def statistic(members: Members) -> NDArray[np.float64]:
        sums = partition.sums(members, centred)
        return np.asarray(np.sum(sums**2 / partition.sizes[:, None], axis=(1, 2)) / whole)

    return statistic
