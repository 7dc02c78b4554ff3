"""What missed neighbours cost is measured as it is said."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.manifolds.approximate import Approximate
from manifpt.manifolds.manifold import Projection
from manifpt.manifolds.missed import Missed, missed
from manifpt.manifolds.nearest import Nearest


def projection(
    queries: NDArray[Any], references: NDArray[Any], numbers: list[list[int]], scale: float = 1
) -> Projection:
    """Return what a manifold would that finds these neighbours."""
    neighbors = np.array(numbers, np.int64)
    found = references[neighbors[:, 0]]
    distances = np.linalg.norm(queries.astype(np.float64) - found, axis=1) * scale
    return Projection(Points(found, scale), distances, neighbors)


def test_each_figure_is_what_its_definition_gives_by_hand() -> None:
    references = np.array([[0, 0], [6, 8], [3, 4], [100, 0]], np.uint8)
    queries = np.array([[1, 0], [0, 2], [6, 7], [99, 0]], np.uint8)
    exact = projection(queries, references, [[0, 2], [0, 2], [1, 2], [3, 1]], 0.5)
    found = missed(projection(queries, references, [[0, 2], [2, 1], [2, 1], [3, 0]], 0.5), exact)
    assert (found.queries, found.recall_first, found.recall, found.changed) == (4, 0.5, 0.75, 0.5)
    # The counterparts of the second and third query are 5 away from the exact ones; their artifacts are 2 and 1 long.
    assert found.error_mean == pytest.approx((5 / 2 + 5 / 1) / 4)
    assert found.error_95 == pytest.approx(5)
    lengths = np.sqrt(13) / 2 - 1, np.sqrt(18) - 1
    assert found.longer_mean == pytest.approx(sum(lengths) / 4)
    assert found.longer_95 == pytest.approx(max(lengths))


def test_nothing_is_missed_where_both_are_exact() -> None:
    references = Points(np.random.default_rng(0).integers(0, 256, (50, 12), np.uint8), 1 / 255)
    queries = Points(np.random.default_rng(1).integers(0, 256, (20, 12), np.uint8), 1 / 255)
    exact = Nearest(neighbors=3).fit([references]).project(queries)
    assert missed(exact, exact) == Missed(20, 1, 1, 0, 0, 0, 0, 0)


def test_the_order_of_the_neighbours_after_the_first_is_no_miss() -> None:
    references, queries = np.array([[0.0], [1.0], [2.0]]), np.array([[0.0]])
    exact, other = (projection(queries, references, [numbers]) for numbers in ([0, 1, 2], [0, 2, 1]))
    assert missed(other, exact).recall == 1


def test_another_copy_of_the_counterpart_is_another_neighbour_but_no_other_artifact() -> None:
    references, queries = np.array([[1.0], [1.0]]), np.array([[0.0], [3.0]])
    exact, other = (projection(queries, references, [[number], [0]]) for number in (0, 1))
    assert missed(other, exact) == Missed(2, 0.5, 0.5, 0, 0, 0, 0, 0)


def test_an_artifact_that_should_be_zero_and_is_not_has_an_infinite_error() -> None:
    references, queries = np.array([[1.0], [2.0]]), np.array([[1.0]])
    exact, other = (projection(queries, references, [[number]]) for number in (0, 1))
    assert missed(exact, exact).error_mean == 0
    assert missed(other, exact).error_mean == missed(other, exact).longer_95 == np.inf


@given(st.integers(0, 2**32 - 1), st.floats(1e-3, 1e3))
def test_lengths_change_by_no_more_than_artifacts_and_no_scale_changes_a_figure(seed: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    references, queries = rng.normal(size=(9, 3)), rng.normal(size=(12, 3))
    ranked = np.argsort(np.linalg.norm(queries[:, None] - references, axis=2), axis=1)
    exact, other = ranked[:, :2].tolist(), rng.permuted(ranked, axis=1)[:, :2].tolist()
    found, scaled = (
        missed(projection(queries, references, other, unit), projection(queries, references, exact, unit))
        for unit in (1.0, scale)
    )
    assert 0 <= found.longer_mean <= found.error_mean + 1e-12
    assert found.recall_first == pytest.approx(1 - found.changed)
    for name, value in dataclasses.asdict(found).items():
        assert getattr(scaled, name) == pytest.approx(value)


def test_what_an_approximate_manifold_misses_is_measured_against_the_exact_one() -> None:
    rng = np.random.default_rng(0)
    references, queries = (Points(rng.normal(size=(count, 24)).astype(np.float32)) for count in (1500, 200))
    exact = Nearest().fit([references]).project(queries)
    poor = missed(Approximate(candidates=1, breadth=1, links=4).fit([references]).project(queries), exact)
    good = missed(Approximate(breadth=512).fit([references]).project(queries), exact)
    assert 0 < poor.recall_first < good.recall_first
    assert good.error_mean < poor.error_mean
    assert 0 <= good.longer_mean < poor.longer_mean < poor.error_mean


def test_projections_that_are_not_of_the_same_points_are_refused() -> None:
    references, queries = np.array([[0.0], [1.0]]), np.array([[0.0], [1.0]])
    two = projection(queries, references, [[0, 1], [1, 0]])
    one = projection(queries, references, [[0], [1]])
    without = Projection(two.points, two.distances, None)
    nothing = Projection(Points(queries[:0]), np.zeros(0), np.zeros((0, 1), np.int64))
    cases = {
        "(2, 1) and (2, 2)": (one, two),
        "None and (2, 2)": (without, two),
        "(2, 2) and None": (two, without),
        "(0, 1) and (0, 1)": (nothing, nothing),
    }
    for shapes, (found, exact) in cases.items():
        with pytest.raises(NumbersError) as caught:
            missed(found, exact)
        assert str(caught.value) == (
            f"neighbours of shapes {shapes}; expected as many neighbours of the same points, one point at least; "
            "project the same points with the same number of neighbours"
        )
    wide = Projection(Points(np.zeros((2, 3))), np.zeros(2), two.neighbors)
    with pytest.raises(NumbersError) as caught:
        missed(wide, two)
    assert str(caught.value) == (
        "counterparts of shapes (2, 3) and (2, 1); expected points of one space; "
        "project the same points onto the same references"
    )
