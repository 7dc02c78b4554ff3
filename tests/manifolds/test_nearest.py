"""Laws of the exact nearest reference."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.manifolds import index, nearest
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.reduction import pooled


@pytest.fixture(autouse=True, params=["settled", "plain", "indexed"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Few pairs are settled at once, more by products, many by an index; all have to be the same."""
    if request.param == "plain":
        monkeypatch.setattr(nearest, "PLAIN", 0)
    if request.param == "indexed":
        monkeypatch.setattr(nearest, "WORK", 0)
    return str(request.param)


def pixels(count: int, *shape: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def brute(queries: NDArray, references: NDArray, neighbors: int) -> tuple[NDArray, NDArray]:
    """Every difference in float64, added coordinate by coordinate; ties to the lower index."""
    squares = np.zeros((len(queries), len(references)))
    for one, other in zip(queries.reshape(len(queries), -1).T, references.reshape(len(references), -1).T, strict=True):
        squares += (one[:, None].astype(np.float64) - other.astype(np.float64)) ** 2
    order = np.argsort(squares, axis=1, kind="stable")[:, :neighbors]
    return order, np.sqrt(np.take_along_axis(squares, order, axis=1)[:, 0])


def near_duplicates(count: int, copies: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """References that differ by ± 1 grey level, and queries among them: float32 norms cannot tell them apart."""
    rng = np.random.default_rng(5)
    base = rng.integers(2, 254, (count, 3072))
    references = np.repeat(base, copies, axis=0)
    for row in references:
        row[rng.choice(3072, 8, replace=False)] += rng.choice([-1, 1], 8)
    queries = references[::2].copy()
    for row in queries:
        row[rng.integers(3072)] += 1
    return (array.astype(np.uint8).reshape(-1, 3, 32, 32) for array in (queries, references))  # type: ignore[return-value]


def test_near_duplicates_where_the_float32_shortcut_fails_are_told_apart() -> None:
    queries, references = near_duplicates(20, 15)
    expected, distances = brute(queries, references, 1)
    q, r = (array.reshape(len(array), -1).astype(np.float32) / 255 for array in (queries, references))
    shortcut = ((q**2).sum(1)[:, None] + (r**2).sum(1) - 2 * q @ r.T).argmin(axis=1)
    assert (shortcut != expected[:, 0]).mean() > 0.1, "the case is too easy to show anything"
    found = Nearest().fit([Points(references, 1 / 255)]).project(Points(queries, 1 / 255))
    np.testing.assert_array_equal(found.neighbors, expected)
    np.testing.assert_allclose(found.distances, distances / 255, rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_references_project_onto_themselves_with_distance_zero(dtype: type) -> None:
    references = pixels(300, 3, 8, 8).astype(dtype)
    found = Nearest().fit([Points(references)]).project(Points(references))
    np.testing.assert_array_equal(found.distances, np.zeros(300))
    np.testing.assert_array_equal(found.points.values, references)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("neighbors", [1, 3])
def test_the_answer_is_bitwise_the_same_whatever_the_batch_and_block(
    dtype: type, neighbors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    references, queries = pixels(500, 3, 8, 8).astype(dtype), pixels(100, 3, 8, 8, seed=1).astype(dtype)
    whole = Nearest(neighbors=neighbors).fit([Points(references)])
    expected = whole.project(Points(queries))
    alone = [whole.project(Points(queries[row : row + 1])) for row in range(100)]
    np.testing.assert_array_equal(expected.neighbors, np.concatenate([one.neighbors for one in alone]))
    np.testing.assert_array_equal(expected.distances, np.concatenate([one.distances for one in alone]))
    monkeypatch.setattr(nearest, "WORK", 0)
    blocks = [Points(references[start : start + 33]) for start in range(0, 500, 33)]
    again = Nearest(neighbors=neighbors, block=7).fit(blocks).project(Points(queries))
    np.testing.assert_array_equal(expected.neighbors, again.neighbors)
    np.testing.assert_array_equal(expected.distances, again.distances)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 40),
    st.integers(1, 6),
    st.sampled_from([1e-30, 1e-6, 1.0, 1e6, 1e18, 1e37]),
    st.sampled_from([0.0, 1e-7, 1e-3, 1.0]),
)
def test_it_equals_brute_force_at_any_scale_and_for_near_ties(
    seed: int, count: int, dimensions: int, scale: float, spread: float
) -> None:
    rng = np.random.default_rng(seed)
    center = rng.standard_normal(dimensions)
    references = ((center + spread * rng.standard_normal((count, dimensions))) * scale).astype(np.float32)
    references = np.concatenate([references, references[: count // 2]])  # duplicates: ties go to the lower index
    queries = ((center + spread * rng.standard_normal((5, dimensions))) * scale).astype(np.float32)
    neighbors = min(2, len(references))
    expected, distances = brute(queries, references, neighbors)
    found = Nearest(neighbors=neighbors).fit([Points(references)]).project(Points(queries))
    np.testing.assert_array_equal(found.neighbors, expected)
    np.testing.assert_array_equal(found.distances, distances)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=20, deadline=None)
def test_more_references_never_lengthen_an_artifact(seed: int) -> None:
    rng = np.random.default_rng(seed)
    references, queries = (
        rng.standard_normal((60, 10)).astype(np.float32),
        rng.standard_normal((9, 10)).astype(np.float32),
    )
    few = Nearest().fit([Points(references[:20])]).project(Points(queries))
    many = Nearest().fit([Points(references)]).project(Points(queries))
    assert (many.distances <= few.distances).all()


def test_squared_distances_beyond_32_bits_are_exact() -> None:
    black = np.zeros((1, 3, 256, 256), np.uint8)
    references = np.concatenate([black + 255, black + 254])
    found = Nearest().fit([Points(references)]).project(Points(black))
    assert found.neighbors.tolist() == [[1]]
    assert found.distances[0] == pytest.approx(254 * np.sqrt(3 * 256 * 256), rel=1e-15)


def test_constant_images_and_all_equal_references_give_the_lowest_index() -> None:
    flat = np.full((50, 12), 7, np.uint8)
    assert Nearest().fit([Points(flat)]).project(Points(flat[:3])).neighbors.tolist() == [[0], [0], [0]]


def test_no_point_gives_an_empty_projection() -> None:
    found = Nearest().fit([Points(pixels(5, 3, 4, 4))]).project(Points(pixels(0, 3, 4, 4)))
    assert found.points.values.shape == (0, 3, 4, 4)
    assert found.neighbors.shape == (0, 1)


def test_the_mean_artifact_is_no_longer_than_the_wasserstein_distance_of_the_two_sets() -> None:
    from scipy.optimize import linear_sum_assignment
    from scipy.spatial.distance import cdist

    rng = np.random.default_rng(8)
    reals, fakes = (
        rng.standard_normal((40, 6)).astype(np.float32),
        (rng.standard_normal((40, 6)) + 1).astype(np.float32),
    )
    costs = cdist(fakes, reals)
    wasserstein = costs[linear_sum_assignment(costs)].mean()
    assert Nearest().fit([Points(reals)]).project(Points(fakes)).distances.mean() <= wasserstein + 1e-9


def test_textures_are_told_apart_by_the_lengths_of_details_and_no_distance_grows() -> None:
    """Checks of one pixel have no coarse part at all; where they lie, the details of each tile tell."""
    rng = np.random.default_rng(0)
    places = rng.random((80, 3, 8, 8)) < 0.5
    checks = 60 * (-1) ** np.add.outer(np.arange(32), np.arange(32))
    images = (128 + places.repeat(4, axis=2).repeat(4, axis=3) * checks).astype(np.uint8)
    reduction = pooled((3, 32, 32))
    assert reduction is not None
    for points, least in ((images, 0.99), (pixels(80, 3, 32, 32), 0.1)):
        flat = points.reshape(80, -1)
        reduced, squares, _ = reduction.rows(flat, 2.0**-8, np.full(3072, 0.5))
        np.testing.assert_allclose(squares, ((flat / 256 - 0.5) ** 2).sum(axis=1), rtol=1e-12)
        np.testing.assert_allclose((reduced**2).sum(axis=1), squares, rtol=1e-12)
        bounds = ((reduced[:, None] - reduced) ** 2).sum(axis=2)
        true = ((flat[:, None] / 256 - flat / 256) ** 2).sum(axis=2)
        assert (bounds <= true * (1 + 1e-9)).all()
        apart = ~np.eye(80, dtype=bool)
        assert (bounds[apart] / true[apart]).min() > least


def test_nan_and_infinity_are_refused_by_count_and_index() -> None:
    points = np.ones((4, 3), np.float32)
    points[2, 1] = np.nan
    expected = (
        "1 of the points hold NaN or infinity (first: index 2); expected finite coordinates; "
        "check the embedding's output for these images"
    )
    with pytest.raises(NumbersError) as caught:
        Nearest().fit([Points(np.ones((2, 3), np.float32))]).project(Points(points))
    assert str(caught.value) == expected
    with pytest.raises(NumbersError, match="1 of the reference points hold NaN"):
        Nearest().fit([Points(points)])


def test_too_few_references_and_other_shapes_are_refused() -> None:
    with pytest.raises(DataError, match="0 reference images; expected at least 1"):
        Nearest().fit([])
    with pytest.raises(DataError, match="2 reference images; expected at least 3"):
        Nearest(neighbors=3).fit([Points(pixels(2, 4))])
    with pytest.raises(NumbersError, match=r"points of shape \(5,\) and type uint8; expected \(4,\) and uint8"):
        Nearest().fit([Points(pixels(2, 4))]).project(Points(pixels(2, 5)))


def test_a_block_for_which_there_is_no_memory_gives_way_to_a_smaller_one_and_says_so(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    monkeypatch.setattr(nearest, "threads", lambda: 2)
    rng = np.random.default_rng(0)
    references, queries = (Points(rng.integers(0, 256, (count, 12), np.uint8)) for count in (500, 40))
    expected = Nearest().fit([references]).project(queries)
    monkeypatch.setattr(nearest, "available", lambda: 2 * 100 * (8 * 12 + 4 * nearest.BATCH * 2))
    small = Nearest(block=10_000).fit([references])
    for _ in range(2):
        found = small.project(queries)
        np.testing.assert_array_equal(found.neighbors, expected.neighbors)
        np.testing.assert_array_equal(found.distances, expected.distances)
    assert caplog.messages == [
        "there is no memory for a block of 500 references (0.0 GiB); 100 are compared at once",
    ]
    assert "block" not in small.settings()


@pytest.mark.parametrize("neighbors", [1, 4])
@pytest.mark.parametrize("kind", ["smooth", "noise", "constant", "duplicates", "tiny", "far"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_no_bound_drops_a_neighbour(
    kind: str, dtype: type, neighbors: int, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index, "SHORT", (16, 64, 128))
    rng = np.random.default_rng(3)
    images = rng.standard_normal((450, 3, 12, 12))
    if kind == "smooth":
        images = images.cumsum(axis=2).cumsum(axis=3) / 9
    if kind == "constant":
        images = np.broadcast_to(images[..., :1, :1], images.shape)
    images = np.clip(128 + 40 * images, 0, 255).astype(np.uint8)
    if kind == "duplicates":
        images[225:] = images[:225]
        images[300:, 0, 0, 0] += 1
    points = images.astype(dtype)
    if dtype == np.float32:
        points *= {"tiny": 1e-30, "far": 1e30}.get(kind, 1)
        points += 1e6 if kind == "far" else 0
    queries, references = points[::9], np.delete(points, np.s_[::9], axis=0)
    expected, distances = brute(queries, references, neighbors)
    # Every length of a product, up to all coordinates.
    lengths = [16, 64, 128, 10**6] if way == "indexed" else [10**6]
    for length in lengths:
        monkeypatch.setattr(index, "_left", lambda *given, enough=length: float(given[-1] < enough))
        found = Nearest(neighbors=neighbors, block=128).fit([Points(references)]).project(Points(queries))
        np.testing.assert_array_equal(found.neighbors, expected)
        np.testing.assert_array_equal(found.distances, distances)


@pytest.mark.parametrize("small", [1e-18, 1e-20, 1e-22, 1e-30])
def test_what_is_too_small_for_a_product_of_float32_is_told_apart(small: float) -> None:
    rng = np.random.default_rng(0)
    references, queries = (
        rng.standard_normal((count, 40)).astype(np.float32) * np.float32(small) for count in (300, 60)
    )
    # One coordinate gives the scale, and is the same in all.
    references[:, 0] = queries[:, 0] = 1
    expected, distances = brute(queries, references, 1)
    found = Nearest(block=64).fit([Points(references)]).project(Points(queries))
    np.testing.assert_array_equal(found.neighbors, expected)
    np.testing.assert_array_equal(found.distances, distances)


def test_an_index_settles_few_of_the_pairs_where_images_are_smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    images = rng.standard_normal((2100, 3, 32, 32)).cumsum(axis=2).cumsum(axis=3)
    images = np.clip(128 + 4 * images, 0, 255).astype(np.uint8).reshape(2100, -1)
    built = index.indexed(images[100:], (3, 32, 32), cell=256)
    squares, numbers = np.full((100, 1), np.inf), np.full((100, 1), -1)
    queries = images[:100]
    settled = built.search(queries, built.prepared(queries), images[100:], first=0, squares=squares, nearest=numbers)
    assert 0 < settled < 0.02 * 100 * 2000


def test_a_better_index_takes_the_place_of_products_once_it_pays(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    references, queries = (rng.standard_normal((count, 40)).astype(np.float32) for count in (500, 30))
    expected, _ = brute(queries, references, 2)
    monkeypatch.setattr(nearest, "PLAIN", 0)
    each = 30 * 500 * (40 + nearest.OVERHEAD)
    monkeypatch.setattr(nearest, "WORK", 3 * each)
    manifold, kinds = Nearest(neighbors=2).fit([Points(references)]), []
    for _ in range(4):
        np.testing.assert_array_equal(manifold.search(Points(queries)).numbers, expected)
        kinds.append((manifold.parts_[0].plain, manifold.parts_[0].index))
    assert [plain for plain, _ in kinds] == [True, True, False, False]
    assert kinds[0][1] is kinds[1][1]
    assert kinds[2][1] is kinds[3][1]


def test_two_first_searches_at_once_build_one_index(way: str, monkeypatch: pytest.MonkeyPatch) -> None:
    references, queries = pixels(400, 3, 8, 8).astype(np.float32), pixels(60, 3, 8, 8, seed=1).astype(np.float32)
    expected, _ = brute(queries, references, 1)
    built, build = [], nearest.indexed

    def slow(*given, **options):  # type: ignore[no-untyped-def]
        built.append(threading.get_ident())
        time.sleep(0.2)  # long enough for the other thread to come here as well
        return build(*given, **options)

    monkeypatch.setattr(nearest, "indexed", slow)
    manifold = Nearest().fit([Points(references)])
    with ThreadPoolExecutor(2) as pool:
        for found in list(pool.map(manifold.search, [Points(queries)] * 2)):
            np.testing.assert_array_equal(found.numbers, expected)
    assert len(built) == (way != "settled")


def test_a_first_file_of_few_references_does_not_decide_for_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    rng = np.random.default_rng(0)
    images = rng.standard_normal((900, 3, 32, 32)).cumsum(axis=2).cumsum(axis=3)
    images = np.clip(128 + 4 * images, 0, 255).astype(np.uint8)
    mapped = []
    for part, (start, stop) in enumerate([(0, 1), (1, 800)]):
        values = np.memmap(tmp_path / str(part), np.uint8, "w+", shape=(stop - start, 3, 32, 32))
        values[:] = images[start:stop]
        mapped.append(Points(values))
    manifold = Nearest().fit(mapped)
    found = manifold.search(Points(images[800:]))
    expected, _ = brute(images[800:], images[:800], 1)
    np.testing.assert_array_equal(found.numbers, expected)
    assert manifold.parts_[0].index is not None
    assert manifold.parts_[0].index.prefix.width < 800


def test_blocks_in_files_are_searched_where_they_lie(tmp_path: Path) -> None:
    references, queries = pixels(700, 3, 8, 8), pixels(50, 3, 8, 8, seed=1)
    references[650] = references[3]  # of equally near ones in two files the lower index comes first
    queries[0] = references[3]
    mapped = []
    for part, (start, stop) in enumerate([(0, 300), (300, 301), (301, 700)]):
        values = np.memmap(tmp_path / str(part), np.uint8, "w+", shape=(stop - start, 3, 8, 8))
        values[:] = references[start:stop]
        mapped.append(Points(values))
    whole = Nearest(neighbors=3).fit([Points(references)]).project(Points(queries))
    parts = Nearest(neighbors=3).fit(mapped)
    found = parts.project(Points(queries))
    np.testing.assert_array_equal(found.neighbors, whole.neighbors)
    np.testing.assert_array_equal(found.distances, whole.distances)
    np.testing.assert_array_equal(found.points.values, whole.points.values)
    assert parts.references == 700
    assert all(np.shares_memory(part.values, block.values) for part, block in zip(parts.parts_, mapped, strict=True))


@pytest.mark.parametrize("block", [0, -5, 1.5])
def test_blocks_of_less_than_one_or_of_parts_of_references_are_refused(block: float) -> None:
    with pytest.raises(NumbersError, match=rf"^block = {block}; expected a whole number from 1 to"):
        Nearest(block=block)  # type: ignore[arg-type]
