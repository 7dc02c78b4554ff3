"""Alignments against values worked out by hand, and p-values against all orders."""

from __future__ import annotations

from itertools import permutations
from math import log

import numpy as np
import pytest
from sklearn.metrics import adjusted_mutual_info_score

from manifpt.errors import NumbersError
from manifpt.metrics.alignment import alignment, alignment_p
from manifpt.metrics.relabelling import shuffles


def test_values_are_those_worked_out_by_hand() -> None:
    found = alignment(clusters=[0, 0, 1, 1], labels=["a", "a", "a", "b"])
    # The table is [[2, 0], [1, 1]]: I = ½ ln 4/3 + ¼ ln 2/3 + ¼ ln 2, H = ln 2 and 2 ln 2 − ¾ ln 3.
    information = 0.5 * log(4 / 3) + 0.25 * log(2 / 3) + 0.25 * log(2)
    assert found.nmi == pytest.approx(information / ((log(2) + 2 * log(2) - 0.75 * log(3)) / 2))
    # Pairs together in both: 1; in clusters 2, in labels 3, of 6: (1 − 2·3/6) / (…) = 0.
    assert found.ari == pytest.approx(0)
    # Every placing of the one b gives the same table, so that its information is the expected one.
    assert found.ami == pytest.approx(0)


def test_equal_partitions_reach_one_whatever_they_are_called() -> None:
    found = alignment(clusters=["x", "y", "y", "z"], labels=["1", "0", "0", "7"])
    assert (found.nmi, found.ami, found.ari) == pytest.approx((1, 1, 1))


def test_nmi_rises_with_clusters_by_chance_and_ami_does_not() -> None:
    rng = np.random.default_rng(0)
    pairs = [(rng.integers(10, size=16), rng.integers(8, size=16)) for _ in range(60)]
    found = [alignment(clusters=one, labels=other) for one, other in pairs]
    assert np.mean([one.nmi for one in found]) > 0.5
    assert abs(np.mean([one.ami for one in found])) < 0.06


def test_the_p_value_is_the_share_of_all_orders_that_reach_the_adjusted_information() -> None:
    clusters, labels = np.array([0, 0, 0, 1, 1, 2]), np.array([0, 0, 1, 1, 1, 2])
    orders = np.array(list(permutations(range(6))))
    different, times = np.unique(labels[orders], axis=0, return_counts=True)
    reached = np.array([adjusted_mutual_info_score(order, clusters) for order in different])
    expected = times[reached >= adjusted_mutual_info_score(labels, clusters) - 1e-9].sum()
    # All orders, the true one among them once more.
    found = alignment_p(clusters=clusters, labels=labels, shuffled=orders)
    assert found == pytest.approx((1 + expected) / 721)


def test_renaming_changes_no_p_value() -> None:
    rng = np.random.default_rng(1)
    clusters, labels = rng.integers(3, size=15), rng.integers(4, size=15)
    drawn = shuffles(15, permutations=200)
    named = np.array(["d", "a", "c", "b"])[labels]
    assert alignment_p(clusters=clusters, labels=labels, shuffled=drawn) == alignment_p(
        clusters=np.array(["z", "x", "y"])[clusters], labels=named, shuffled=drawn
    )


def test_labels_of_another_length_are_refused() -> None:
    with pytest.raises(NumbersError, match="there are 2 clusters and 3 labels"):
        alignment(clusters=[0, 1], labels=[0, 1, 1])
