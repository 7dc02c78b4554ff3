"""Laws of the approximate nearest reference; those of every manifold are in test_contract."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from threading import Barrier
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError, UnknownNameError
from manifpt.manifolds import approximate
from manifpt.manifolds.approximate import Approximate
from manifpt.manifolds.copies import Copies
from manifpt.manifolds.missed import missed
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.proposals import library, one_thread

KINDS = [{"index": "hnsw"}, {"index": "ivf-pq", "code": 16}]


def smooth(count: int, seed: int, *, dimensions: int = 192, rank: int = 12) -> NDArray[np.float32]:
    """Points near to a plane of few directions, as those of photographs are."""
    axes = np.random.default_rng(99).normal(size=(rank, dimensions))
    rng = np.random.default_rng(seed)
    noise = 0.1 * rng.normal(size=(count, dimensions))
    return (rng.normal(size=(count, rank)) @ axes + noise).astype(np.float32)


def wide(count: int, seed: int) -> NDArray[np.float32]:
    """Points of so many coordinates that float32 does not tell those apart that are far from a query."""
    return np.random.default_rng(seed).normal(size=(count, 3072)).astype(np.float32)


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_nine_of_ten_nearest_references_are_found_where_they_can_be_told_apart(options: dict[str, Any]) -> None:
    references, queries = Points(smooth(2000, 0)), Points(smooth(300, 1))
    exact = Nearest(neighbors=5).fit([references]).project(queries)
    found = missed(Approximate(neighbors=5, **options).fit([references]).project(queries), exact)
    assert found.recall_first >= 0.9
    assert found.recall >= 0.9
    assert found.longer_mean <= 0.01


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 60),
    st.integers(1, 6),
    st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e18, 1e37]),
    st.sampled_from([0.0, 1e-7, 1e-3, 1.0]),
    st.sampled_from([1.0, 1e-20, 1e-3, 3.0]),
)
def test_a_distance_is_that_of_the_neighbour_and_never_below_the_exact_at_any_scale(
    seed: int, count: int, dimensions: int, scale: float, spread: float, away: float
) -> None:
    rng = np.random.default_rng(seed)
    center = rng.standard_normal(dimensions)
    references = ((center + spread * rng.standard_normal((count, dimensions))) * scale).astype(np.float32)
    queries = ((center + spread * rng.standard_normal((5, dimensions))) * scale * away).astype(np.float32)
    neighbors = min(2, count)
    exact = Nearest(neighbors=neighbors).fit([Points(references)]).search(Points(queries))
    found = Approximate(neighbors=neighbors).fit([Points(references)]).search(Points(queries))
    squares = np.zeros((5, neighbors))
    for coordinate in range(dimensions):
        step = queries[:, None, coordinate].astype(np.float64) - references[found.numbers, coordinate]
        squares += step**2
    np.testing.assert_array_equal(found.squares, squares)
    assert (found.squares >= exact.squares).all()


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
@pytest.mark.parametrize("unit", [2.0**-80, 2.0**118])
def test_no_unit_costs_a_neighbour(options: dict[str, Any], unit: float) -> None:
    references, queries = (Points(smooth(count, seed) * np.float32(unit)) for count, seed in ((1500, 0), (200, 1)))
    exact = Nearest().fit([references]).project(queries)
    assert missed(Approximate(**options).fit([references]).project(queries), exact).recall_first >= 0.9


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_a_mean_far_from_the_origin_costs_few_neighbours(options: dict[str, Any]) -> None:
    def recall(shift: float) -> float:
        references, queries = (Points(smooth(count, seed) + np.float32(shift)) for count, seed in ((1500, 0), (200, 1)))
        exact = Nearest().fit([references]).search(queries).numbers
        # Few lists are read, so that one that a reference was put into by rounding shows.
        found = Approximate(probes=4, **options).fit([references]).search(queries).numbers
        return float((found == exact).mean())

    assert recall(1e5) >= recall(0) - 0.05


@pytest.mark.parametrize("far", [1e10, 3e38])
def test_points_far_beyond_all_references_get_one_of_them(far: float) -> None:
    references = np.random.default_rng(0).standard_normal((300, 8)).astype(np.float32) * np.float32(1e-20)
    queries = np.full((3, 8), far, np.float32)
    found = Approximate().fit([Points(references)]).project(Points(queries))
    assert ((found.neighbors >= 0) & (found.neighbors < 300)).all()
    assert np.isfinite(found.distances).all()


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_the_order_of_the_references_changes_no_counterpart(options: dict[str, Any]) -> None:
    references, queries = smooth(1500, 0), Points(smooth(100, 1))
    order = np.random.default_rng(5).permutation(1500)
    # Few candidates, so that neighbours are missed and an order could show.
    few = {**options, "candidates": 1, "breadth": 1, "probes": 1}
    one = Approximate(**few).fit([Points(references)]).project(queries)
    other = Approximate(**few).fit([Points(references[order])]).project(queries)
    assert (one.neighbors[:, 0] == order[other.neighbors[:, 0]]).all()
    np.testing.assert_array_equal(one.distances, other.distances)
    exact = Nearest().fit([Points(references)]).project(queries)
    assert (one.distances > exact.distances).any(), "the case is too easy to show anything"


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_neither_threads_nor_the_size_of_a_piece_change_a_bit(
    options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    references, queries = Points(smooth(1500, 0)), Points(smooth(200, 1))
    faiss = library()
    before = faiss.omp_get_max_threads()
    try:
        found = []
        for threads, piece in ((1, 1024), (4, 1024), (4, 37)):
            faiss.omp_set_num_threads(threads)
            monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
            manifold = Approximate(neighbors=3, candidates=4, breadth=4, probes=2, **options).fit([references])
            assert faiss.omp_get_max_threads() == threads
            monkeypatch.setattr(approximate, "ROWS", piece)
            found.append(manifold.search(queries))
            monkeypatch.setattr(approximate, "ROWS", 1024)
    finally:
        faiss.omp_set_num_threads(before)
    for other in found[1:]:
        np.testing.assert_array_equal(other.numbers, found[0].numbers)
        np.testing.assert_array_equal(other.squares, found[0].squares)


def test_the_threads_of_faiss_are_given_back_when_something_fails() -> None:
    faiss = library()
    before = faiss.omp_get_max_threads()
    with pytest.raises(KeyboardInterrupt), one_thread(faiss):
        assert faiss.omp_get_max_threads() == 1
        raise KeyboardInterrupt
    assert faiss.omp_get_max_threads() == before


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_searches_in_two_threads_and_of_any_size_give_what_one_query_at_a_time_does(
    options: dict[str, Any], threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", str(threads))
    references, queries = wide(300, 0), wide(200, 1) * np.float32(1e5)
    manifold = Approximate(candidates=1, breadth=1, probes=1, **options).fit([Points(references)])
    alone = np.concatenate([manifold.search(Points(queries[row : row + 1])).numbers for row in range(200)])
    faiss = library()
    before = faiss.omp_get_max_threads(), faiss.cvar.distance_compute_blas_threshold
    together = Barrier(2)

    def several(size: int) -> NDArray[np.int64]:
        together.wait()
        parts = [Points(queries[start : start + size]) for start in range(0, 200, size)]
        return np.concatenate([manifold.search(part).numbers for part in parts])

    with ThreadPoolExecutor(2) as pool:
        for sizes in ((200, 200), (1, 64), (19, 21)):
            for found in pool.map(several, sizes):
                np.testing.assert_array_equal(found, alone)
    assert (faiss.omp_get_max_threads(), faiss.cvar.distance_compute_blas_threshold) == before


@pytest.mark.parametrize("options", KINDS, ids=lambda options: options["index"])
def test_a_seed_decides_what_is_missed(options: dict[str, Any]) -> None:
    references, queries = Points(smooth(1500, 0)), Points(smooth(200, 1))

    def numbers(seed: int) -> NDArray[np.int64]:
        manifold = Approximate(seed=seed, candidates=1, breadth=1, probes=1, links=4, **options)
        return manifold.fit([references]).search(queries).numbers

    np.testing.assert_array_equal(numbers(0), numbers(0))
    assert (numbers(0) != numbers(1)).any()


def test_settings_reach_the_index() -> None:
    references, queries = Points(smooth(1500, 0)), Points(smooth(200, 1))
    exact = Nearest().fit([references]).search(queries).numbers

    def recall(**options: Any) -> float:
        found = Approximate(candidates=1, **options).fit([references]).search(queries)
        return float((found.numbers == exact).mean())

    assert recall(breadth=1, links=4, construction=4) < recall(breadth=1) < recall(breadth=256)
    assert recall(index="ivf-pq", code=1) < recall(index="ivf-pq", code=64)
    assert recall(index="ivf-pq", probes=1, lists=30) < recall(index="ivf-pq", probes=30, lists=30)
    assert recall(index="ivf-pq", probes=1, lists=2) > recall(index="ivf-pq", probes=1, lists=30)


def test_more_neighbours_than_the_lists_hold_are_found_among_all_references() -> None:
    references, queries = Points(smooth(300, 0)), Points(smooth(20, 1))
    manifold = Approximate(neighbors=200, candidates=200, index="ivf-pq", code=8, probes=1)
    exact = Nearest(neighbors=200).fit([references]).search(queries)
    np.testing.assert_array_equal(manifold.fit([references]).search(queries).numbers, exact.numbers)


def test_thousands_of_copies_of_one_image_do_not_hide_the_others() -> None:
    once = smooth(300, 0)
    references = np.concatenate([np.repeat(once[:1], 3000, axis=0), once])
    queries = Points(once[1:] + np.float32(1e-3))
    found = Approximate(candidates=4, breadth=4).fit([Points(references)]).search(queries)
    assert (found.numbers[:, 0] == 3001 + np.arange(299)).mean() > 0.95


def test_ties_of_different_references_go_to_the_lower_index() -> None:
    corners = np.array([[1, 0], [-1, 0], [0, 1], [0, -1]], np.float32)
    found = Approximate(neighbors=4).fit([Points(corners)]).search(Points(np.zeros((1, 2), np.float32)))
    assert found.numbers.tolist() == [[0, 1, 2, 3]]


def test_a_copy_is_found_by_its_content_even_where_the_index_proposes_another() -> None:
    references = Points(smooth(1500, 0))
    manifold = Approximate().fit([references])
    manifold._propose = lambda queries, count: np.zeros((len(queries), count), np.int64)  # type: ignore[assignment]
    assert manifold.project(references).neighbors[:, 0].tolist() == list(range(1500))


def test_copies_are_told_by_content_in_ascending_order() -> None:
    contents = np.random.default_rng(0).integers(0, 3, 20_000)
    copies = Copies.of(np.array_split(contents[:, None].astype(np.uint8), 7))
    groups = [copies.members[start:stop].tolist() for start, stop in pairwise(copies.starts)]
    assert sorted(groups) == sorted(np.flatnonzero(contents == content).tolist() for content in range(3))
    found = copies.found(np.array([[0], [1], [2], [9]], np.uint8))
    assert [contents[copies.firsts[group]] for group in found[:3]] == [0, 1, 2]
    assert found[3] == -1


def test_the_two_zeros_of_float32_are_one() -> None:
    references = np.array([[-0.0, 1.0], [0.0, 1.0], [5.0, 5.0]], np.float32)
    copies = Copies.of([references])
    assert copies.groups == 2
    assert sorted(copies.firsts.tolist()) == [0, 2]
    assert copies.found(references[:1]) == copies.found(references[1:2]) >= 0
    found = Approximate(neighbors=2).fit([Points(references)]).search(Points(references))
    assert found.numbers[:2].tolist() == [[0, 1], [0, 1]]
    assert found.squares[:2].tolist() == [[0, 0], [0, 0]]


def test_squared_distances_beyond_32_bits_are_exact() -> None:
    black = np.zeros((1, 3, 256, 256), np.uint8)
    found = Approximate().fit([Points(np.concatenate([black + 255, black + 254]))]).search(Points(black))
    assert found.numbers.tolist() == [[1]]
    assert found.squares[0, 0] == 254**2 * 3 * 256 * 256


def test_one_reference_and_constant_points_are_enough_for_the_graph() -> None:
    zeros = Points(np.zeros((5, 3), np.float32))
    assert Approximate().fit([Points(zeros.values[:1])]).project(zeros).neighbors.tolist() == [[0]] * 5
    assert Approximate(neighbors=3).fit([zeros]).project(zeros).neighbors.tolist() == [[0, 1, 2]] * 5


def test_too_few_different_references_to_train_the_quantisers_are_refused() -> None:
    references = np.repeat(smooth(255, 0), 2, axis=0)
    with pytest.raises(DataError) as caught:
        Approximate(index="ivf-pq").fit([Points(references)])
    assert str(caught.value) == (
        "255 different reference images; expected at least 256 to train the quantisers of ivf-pq; "
        "take the index hnsw or the manifold nearest, or give more real images"
    )


@pytest.mark.parametrize("dimensions", [1, 7, 100])
def test_codes_fit_any_number_of_coordinates_and_faiss_writes_nothing(
    dimensions: int, capfd: pytest.CaptureFixture[str]
) -> None:
    references = Points(smooth(256, 0, dimensions=dimensions))
    found = Approximate(index="ivf-pq").fit([references]).project(references)
    assert found.distances.tolist() == [0.0] * 256
    assert capfd.readouterr() == ("", "")


def test_an_unknown_index_is_answered_with_the_nearest_name() -> None:
    with pytest.raises(UnknownNameError) as caught:
        Approximate(index="ivfpq")
    assert str(caught.value) == (
        "'ivfpq' is not one of the indices; expected one of hnsw, ivf-pq; did you mean ivf-pq?"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"neighbors": 65}, "candidates = 64; expected a whole number from 65 to 1048576"),
        ({"candidates": 0}, "candidates = 0; expected a whole number from 1 to 1048576"),
        ({"candidates": 64.0}, "candidates = 64.0; expected a whole number from 1 to 1048576"),
        ({"links": 1}, "links = 1; expected a whole number from 2 to 1024"),
        ({"links": 1025}, "links = 1025; expected a whole number from 2 to 1024"),
        ({"construction": 0}, "construction = 0; expected a whole number from 1 to 2147483647"),
        ({"breadth": 0}, "breadth = 0; expected a whole number from 1 to 2147483647"),
        ({"lists": 0}, "lists = 0; expected a whole number from 1 to 2147483647"),
        ({"lists": 2.5}, "lists = 2.5; expected a whole number from 1 to 2147483647"),
        ({"code": 1025}, "code = 1025; expected a whole number from 1 to 1024"),
        ({"probes": 0}, "probes = 0; expected a whole number from 1 to 2147483647"),
        ({"seed": -1}, "seed = -1; expected a whole number from 0 to 2147483647"),
        ({"seed": 2**31}, "seed = 2147483648; expected a whole number from 0 to 2147483647"),
    ],
)
def test_numbers_out_of_their_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(NumbersError) as caught:
        Approximate(**options)
    assert str(caught.value) == f"{text}; give a number in this range"


def test_settings_are_those_of_the_index_alone() -> None:
    assert Approximate(seed=3).settings() == {
        "name": "approximate",
        "neighbors": 1,
        "index": "hnsw",
        "candidates": 64,
        "links": 32,
        "construction": 80,
        "breadth": 64,
        "seed": 3,
    }
    assert Approximate(index="ivf-pq").settings() == {
        "name": "approximate",
        "neighbors": 1,
        "index": "ivf-pq",
        "candidates": 64,
        "lists": None,
        "code": 64,
        "probes": 32,
        "seed": 0,
    }
