"""Shuffles of labels, within strata where something else must not be mixed, and how small a p-value they can give.

Of all relabellings that are as likely as the true one if labels have nothing to do with the items, some are drawn; the
true one counts among them, so that p-values are never 0 and tests hold their level exactly: Phipson & Smyth,
Permutation p-values should never be zero, Statistical Applications in Genetics and Molecular Biology 9(1), 2010.
"""

from __future__ import annotations

from collections import Counter
from math import exp, factorial, lgamma, prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from manifpt.errors import NumbersError
from manifpt.metrics.labels import labels as checked

ROUNDING = 1e-9  # what sums in another order may differ by; what lies so near counts as equal

Shuffles = NDArray[np.int64]


def shuffles(items: int, *, permutations: int, strata: ArrayLike | None = None, seed: int = 0) -> Shuffles:
    """Return random orders of items, (permutations, items): row r puts the label of item ``row[i]`` on item i.

    Args:
        items: How many items there are.
        permutations: How many orders to draw.
        strata: (items,) labels move only among items of one stratum; everywhere if None.
        seed: Decides the draw.

    Raises:
        NumbersError: There is no item or permutation, or not one stratum for each item.

    Example:
        >>> sorted(shuffles(3, permutations=1)[0].tolist())
        [0, 1, 2]
        >>> shuffles(3, permutations=1, strata=["a", "b", "c"]).tolist()
        [[0, 1, 2]]
    """
    if items < 1 or permutations < 1:
        raise NumbersError(
            f"{permutations} permutations of {items} items", expected="one or more of each", remedy="ask for more"
        )
    group = _groups(items, strata)
    rng = np.random.default_rng(seed)
    found = np.tile(np.arange(items), (permutations, 1))
    for stratum in range(int(group.max()) + 1):
        members = np.flatnonzero(group == stratum)
        found[:, members] = rng.permuted(np.tile(members, (permutations, 1)), axis=1)
    return found


def p_value(observed: float, drawn: ArrayLike) -> float:
    """Return the share of relabellings, the true one among them, whose statistic is at least as large.

    Args:
        observed: Statistic of the true labels.
        drawn: Statistics of the shuffled labels, (permutations,).

    Example:
        >>> p_value(2.0, [0.0, 1.0, 2.0])
        0.5
    """
    found = np.asarray(drawn, np.float64)
    least = observed - ROUNDING * max(1.0, abs(observed)) if np.isfinite(observed) else observed
    return float((1 + np.sum(found >= least)) / (1 + len(found)))


def least_p(labels: ArrayLike, *, permutations: int, strata: ArrayLike | None = None, named: bool = False) -> float:
    """Return the smallest p-value that relabelling these items can give, whatever is measured of the partition.

    It is 1 over the number of different partitions that shuffles reach, and at least 1 / (1 + permutations). Shuffles
    that only swap the names of two labels give the same partition.

    Args:
        labels: (n,).
        permutations: How many shuffles are drawn.
        strata: (n,) within which labels move.
        named: Whether labels mean something by their names, so that swapping two names is another labelling.

    Raises:
        NumbersError: The labels are not as described.

    Example:
        >>> least_p(["a", "a", "b", "b"], permutations=999)
        0.3333333333333333
        >>> least_p(["a", "a", "b", "b"], permutations=999, strata=[0, 0, 1, 1])
        1.0
    """
    names, codes = np.unique(checked(labels), return_inverse=True)
    group = _groups(len(codes), strata)
    counts = np.zeros((len(names), int(group.max()) + 1), np.int64)
    np.add.at(counts, (codes, group), 1)
    # Of labels that are equally many in every stratum, each can stand for the other.
    same = 1 if named else prod(factorial(many) for many in Counter(map(tuple, counts.tolist())).values())
    logarithm = sum(lgamma(total + 1) for total in counts.sum(axis=0)) - sum(
        lgamma(count + 1) for count in counts.ravel().tolist()
    )
    reached = round(exp(logarithm)) / same if logarithm < 700 else np.inf  # noqa: PLR2004  (more overflows)
    return max(float(1 / reached), 1 / (1 + permutations))


def _groups(items: int, strata: ArrayLike | None) -> NDArray[np.intp]:
    if strata is None:
        return np.zeros(items, np.intp)
    given = checked(strata, name="strata")
    if len(given) != items:
        raise NumbersError(
            f"there are {len(given)} strata for {items} items", expected="one each", remedy="pass both in one order"
        )
    return np.asarray(np.unique(given, return_inverse=True)[1])
