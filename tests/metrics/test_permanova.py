"""PERMANOVA against analyses of variance worked out by hand and by least squares."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.distance import cdist
from scipy.stats import f_oneway

from manifpt.errors import NumbersError
from manifpt.metrics.permanova import Term, permanova
from manifpt.metrics.relabelling import shuffles


def apart(points: object) -> np.ndarray:
    values = np.asarray(points, float)
    values = values[:, None] if values.ndim == 1 else values
    return cdist(values, values)


def test_one_way_is_the_classical_pseudo_f() -> None:
    # Around 0.5 and 5.5 lie ½ + ½, around 3 lie 26: (26 − 1) / 1 over 1 / 2.
    found = permanova(apart([0.0, 1.0, 5.0, 6.0]), {"side": ["l", "l", "r", "r"]}, shuffles(4, permutations=99))["side"]
    assert isinstance(found, Term)
    assert (found.statistic, found.share) == pytest.approx((50, 25 / 26))
    assert (found.degrees, found.residual) == (1, 2)
    # Of the 3 ways to pair them up, one is as far apart.
    assert found.p_value == pytest.approx(1 / 3, abs=0.15)


def test_in_one_dimension_it_is_the_f_of_the_analysis_of_variance() -> None:
    rng = np.random.default_rng(0)
    values, labels = rng.normal(size=15), np.repeat([0, 1, 2], [4, 5, 6])
    found = permanova(apart(values), {"group": labels}, shuffles(15, permutations=1999))["group"]
    assert isinstance(found, Term)
    known = f_oneway(*(values[labels == group] for group in range(3)))
    assert found.statistic == pytest.approx(known.statistic)
    assert found.p_value == pytest.approx(known.pvalue, abs=0.04)


def test_two_balanced_ways_are_those_worked_out_by_hand() -> None:
    # Rows have means 1 and 7, columns 2 and 6, all 4: sums of squares 36 and 16 of 56, and 4 are left.
    terms = {"row": ["a", "a", "b", "b"], "column": ["x", "y", "x", "y"]}
    found = permanova(apart([0.0, 2.0, 4.0, 10.0]), terms, shuffles(4, permutations=99))
    row, column = found["row"], found["column"]
    assert isinstance(row, Term)
    assert isinstance(column, Term)
    assert (row.statistic, column.statistic) == pytest.approx((9, 4))
    assert (row.share, column.share) == pytest.approx((36 / 56, 16 / 56))
    assert (row.degrees, row.residual) == (1, 1)


def test_a_marginal_term_is_what_least_squares_gains_by_it() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(14, 3))
    terms = {"a": rng.integers(3, size=14), "b": rng.integers(2, size=14), "c": rng.integers(3, size=14)}

    def left(names: list[str]) -> tuple[float, int]:
        design = np.hstack([np.ones((14, 1)), *((terms[name][:, None] == np.unique(terms[name])) for name in names)])
        fitted = design @ np.linalg.lstsq(design, points, rcond=None)[0]
        return float(((points - fitted) ** 2).sum()), int(np.linalg.matrix_rank(design))

    rest, rank = left(["a", "b", "c"])
    found = permanova(apart(points), terms, shuffles(14, permutations=19))
    for name in terms:
        more, less = left([other for other in terms if other != name])
        term = found[name]
        assert isinstance(term, Term)
        assert term.statistic == pytest.approx((more - rest) / (rank - less) / (rest / (14 - rank)))


def test_a_term_beside_a_strong_one_is_found_only_given_it() -> None:
    rng = np.random.default_rng(2)
    strong, weak = np.arange(24) % 4, np.arange(24) // 4 % 2
    points = rng.normal(size=(24, 2)) * 0.3 + 30.0 * strong[:, None] + 1.0 * weak[:, None]
    drawn = shuffles(24, permutations=199)
    alone, together = permanova(apart(points), {"w": weak}, drawn), permanova(
        apart(points), {"s": strong, "w": weak}, drawn
    )  # fmt: skip
    assert isinstance(alone["w"], Term)
    assert alone["w"].p_value > 0.5
    assert isinstance(together["w"], Term)
    assert together["w"].p_value == pytest.approx(1 / 200)


def test_what_cannot_be_told_apart_is_said_in_words() -> None:
    points = apart(np.random.default_rng(3).normal(size=6))
    drawn = shuffles(6, permutations=9)
    same = {"a": [0, 0, 1, 1, 2, 2], "b": [5, 5, 7, 7, 9, 9]}
    assert permanova(points, same, drawn) == {"a": "the others determine it", "b": "the others determine it"}
    assert permanova(points, {"a": [0] * 6}, drawn) == {"a": "all have one value"}
    assert permanova(points, {"a": range(6)}, drawn) == {"a": "as many parameters as generators"}


def test_what_is_given_stands_in_the_model_and_is_not_tested() -> None:
    rng = np.random.default_rng(4)
    points, a, b = apart(rng.normal(size=(12, 2))), np.arange(12) % 3, rng.integers(2, size=12)
    drawn = shuffles(12, permutations=19, strata=b)
    assert permanova(points, {"a": a}, drawn, given=b) == {"a": permanova(points, {"a": a, "b": b}, drawn)["a"]}


@pytest.mark.parametrize(
    "wrong", [np.zeros((2, 3)), np.full((3, 3), np.nan), np.ones((3, 3)), np.triu(np.ones((3, 3)), 1)]
)
def test_what_are_no_distances_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(NumbersError, match="not all finite, symmetric and 0 on the diagonal"):
        permanova(wrong, {"a": [0, 1, 1]}, shuffles(3, permutations=3))


def test_equal_items_and_missing_labels_are_refused() -> None:
    with pytest.raises(NumbersError, match="all distances are 0"):
        permanova(np.zeros((3, 3)), {"a": [0, 1, 1]}, shuffles(3, permutations=3))
    with pytest.raises(NumbersError, match="a has 2 labels for 3 items"):
        permanova(apart([0.0, 1.0, 3.0]), {"a": [0, 1]}, shuffles(3, permutations=3))
    with pytest.raises(NumbersError, match="there is no term"):
        permanova(apart([0.0, 1.0, 3.0]), {}, shuffles(3, permutations=3))
