from __future__ import annotations

from itertools import permutations as orders

import numpy as np
import pytest
from scipy.stats import binom
from scipy.stats.contingency import association as cramer

from manifpt.audits.permutation import Partition, association, share_between, significance


def test_cramers_v_is_that_of_scipy_and_counts_add_up() -> None:
    rng = np.random.default_rng(0)
    labels, codes = rng.choice(["a", "b", "c"], 200), rng.integers(0, 4, 200)
    partition = Partition(labels)
    table = partition.counts(partition.members, codes, 4)[0]
    assert table.tolist() == [[int(np.sum((labels == a) & (codes == k))) for k in range(4)] for a in "abc"]
    assert association(partition, codes, 4)(partition.members)[0] == pytest.approx(cramer(table, method="cramer"))


def test_the_share_between_classes_is_the_one_worked_out_by_hand() -> None:
    # Classes 0, 2 and 4, 6: means 1 and 5 about 3, so 4 · 2² = 16 between; 9 + 1 + 1 + 9 = 20 in all.
    partition = Partition(np.array(["a", "b", "a", "b"]))
    values = np.array([[0.0], [4.0], [2.0], [6.0]])
    assert share_between(partition, values)(partition.members)[0] == pytest.approx(0.8)
    assert share_between(partition, values * 7 - 3)(partition.members)[0] == pytest.approx(0.8)


def test_the_p_value_is_the_share_of_labellings_that_reach_the_true_one_itself_among_them() -> None:
    partition = Partition(np.array(["a"] * 3 + ["b"] * 3))
    values = np.array([[1.0], [2.0], [4.0], [8.0], [16.0], [32.0]])
    statistic = share_between(partition, values)
    every = np.array(list(orders(range(6))))
    exact = np.mean(statistic(every) >= statistic(partition.members)[0] - 1e-12)
    observed, p = significance(statistic, partition, permutations=20_000, seed=0)
    assert observed == pytest.approx(float(statistic(partition.members)[0]))
    assert p == pytest.approx(exact, abs=4 * np.sqrt(exact / 20_000))


def test_a_statistic_that_is_never_or_always_reached_gives_the_extremes() -> None:
    partition = Partition(np.array(["a"] * 40 + ["b"] * 40))
    codes = (partition.labels == "b").astype(int)
    assert significance(association(partition, codes, 2), partition, permutations=99, seed=0) == (1.0, 1 / 100)
    assert significance(lambda members: np.ones(len(members)), partition, permutations=99, seed=0)[1] == 1.0


@pytest.mark.parametrize("kind", ["codes", "vectors"])
def test_without_association_p_values_are_below_a_level_as_often_as_it_says(kind: str) -> None:
    rng = np.random.default_rng(1)
    codes, vectors = rng.integers(0, 3, 60), rng.normal(size=(60, 4))
    below, runs = 0, 400
    for seed in range(runs):
        partition = Partition(rng.permutation(np.repeat(["a", "b", "c"], [10, 20, 30])))
        statistic = association(partition, codes, 3) if kind == "codes" else share_between(partition, vectors)
        below += significance(statistic, partition, permutations=99, seed=seed)[1] <= 0.2
    # Ties of a table can only make it rarer.
    low, high = binom.interval(0.999, runs, 0.2)
    assert (low if kind == "vectors" else 0.8 * low) <= below <= high


def test_the_order_of_images_and_the_names_of_classes_do_not_matter_to_the_statistic() -> None:
    rng = np.random.default_rng(2)
    labels, values = rng.choice(["a", "b", "c"], 50), rng.normal(size=(50, 3))
    order = rng.permutation(50)
    renamed = np.array([{"a": "z", "b": "y", "c": "x"}[name] for name in labels])
    one, two = Partition(labels), Partition(renamed[order])
    assert share_between(one, values)(one.members) == pytest.approx(share_between(two, values[order])(two.members))
