"""Shuffles stay within strata, and the least p-value is that counted by hand."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from manifpt.errors import NumbersError
from manifpt.metrics.relabelling import least_p, p_value, shuffles


def test_every_row_is_an_order_of_all_items_and_the_seed_decides_it() -> None:
    drawn = shuffles(7, permutations=50, seed=3)
    assert np.all(np.sort(drawn, axis=1) == np.arange(7))
    assert len(np.unique(drawn, axis=0)) > 40
    assert np.array_equal(drawn, shuffles(7, permutations=50, seed=3))
    assert not np.array_equal(drawn, shuffles(7, permutations=50, seed=4))


def test_labels_never_leave_their_stratum() -> None:
    strata = np.array(["a", "b", "a", "c", "b", "a"])
    drawn = shuffles(6, permutations=40, strata=strata)
    assert np.all(strata[drawn] == strata)
    assert len(np.unique(drawn, axis=0)) > 5


@pytest.mark.parametrize(
    ("labels", "strata", "partitions"),
    [
        ("aabb", None, 3),
        ("aaab", None, 4),
        ("abcd", None, 1),
        # 4!/2! arrangements of which those that swap b and c are one partition.
        ("aabc", None, 6),
        ("aabbab", "xxxyyy", 9),
        # All three are as many in each stratum: 3! · 3! arrangements, and 3! names of each partition.
        ("abcabc", "xxxyyy", 6),
    ],
)
def test_the_least_p_counts_the_partitions_that_shuffles_reach(
    labels: str, strata: str | None, partitions: int
) -> None:
    given = None if strata is None else list(strata)
    assert least_p(list(labels), permutations=10**6, strata=given) == pytest.approx(1 / partitions)
    groups = np.zeros(len(labels)) if strata is None else np.array(given)
    reached = {
        frozenset(frozenset(np.flatnonzero(shuffled == name).tolist()) for name in set(labels))
        for order in permutations(range(len(labels)))
        if np.all(groups[list(order)] == groups)
        for shuffled in [np.array(list(labels))[list(order)]]
    }
    assert len(reached) == partitions


def test_named_labels_are_not_swapped() -> None:
    assert least_p(list("aabb"), permutations=999, named=True) == pytest.approx(1 / 6)
    assert least_p(list("abc"), permutations=999, named=True, strata=list("xxy")) == pytest.approx(1 / 2)


def test_the_least_p_of_many_items_is_that_of_the_shuffles() -> None:
    assert least_p(np.arange(600) % 5, permutations=999) == pytest.approx(0.001)


def test_a_p_value_counts_the_true_order_and_takes_rounding_for_equal() -> None:
    assert p_value(1.0, [1.0 - 1e-12, 0.5, 0.4]) == pytest.approx(0.5)
    assert p_value(9.0, [0.0] * 99) == pytest.approx(0.01)
    assert p_value(np.inf, [1.0, np.inf, 2.0]) == pytest.approx(0.5)


def test_no_items_or_too_few_strata_are_refused() -> None:
    with pytest.raises(NumbersError, match="5 permutations of 0 items"):
        shuffles(0, permutations=5)
    with pytest.raises(NumbersError, match="there are 2 strata for 3 items"):
        shuffles(3, permutations=5, strata=["a", "b"])
