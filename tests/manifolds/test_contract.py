"""Laws of every manifold of references that the registry knows."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.manifolds import nearest
from manifpt.manifolds.manifold import Manifold
from manifpt.manifolds.nearest import Nearest
from manifpt.registry import built, names

SETTINGS: dict[str, tuple[dict[str, Any], ...]] = {
    "nearest": ({},),
    "approximate": ({"index": "hnsw"}, {"index": "ivf-pq", "code": 8}),
    "tangent": ({}, {"patch": 3, "stride": 1}, {"rank": 1, "ridge": 0.5}),
    "barycentre": ({},),
}
LEARNED = ("denoiser", "restorer", "autoencoder")  # keep no references: their laws stand in test_trained.py
POINTING = ("nearest", "approximate")  # Their counterparts are references; those of others lie between some.
CASES = {
    name: [
        pytest.param((name, options), id=" ".join([name, *(f"{key}={value}" for key, value in options.items())]))
        for options in SETTINGS[name]
    ]
    for name in names("manifolds")
    if name not in LEARNED
}
Made = Callable[..., Any]


@pytest.fixture(params=[case for cases in CASES.values() for case in cases])
def made(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Makes the manifold of the case; the exact one builds its index at once, as it does for many queries."""
    return maker(request, monkeypatch)


@pytest.fixture(params=[case for name in POINTING for case in CASES[name]])
def pointing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Makes a manifold whose counterparts are references."""
    return maker(request, monkeypatch)


@pytest.fixture(params=[case for name in CASES if name not in POINTING for case in CASES[name]])
def between(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    """Makes a manifold whose counterparts combine references."""
    return maker(request, monkeypatch)


def complete(made: Made) -> dict[str, Any]:
    """Return what lets an index of a few hundred references miss none."""
    return {"candidates": 400, "breadth": 400, "probes": 400} if "candidates" in made().settings() else {}


def maker(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Made:
    name, options = request.param
    monkeypatch.setattr(nearest, "WORK", 0)
    return lambda **more: built("manifolds", name, **options, **more)


def points(count: int, seed: int, dtype: type, scale: float = 1.0) -> Points:
    return Points(np.random.default_rng(seed).integers(0, 256, (count, 3, 4, 4)).astype(dtype), scale)


def test_it_keeps_the_contract_and_its_settings_give_it_again(made: Made) -> None:
    manifold = made(neighbors=2)
    assert isinstance(manifold, Manifold)
    settings = manifold.settings()
    written = json.loads(json.dumps(settings))
    assert built("manifolds", written.pop("name"), **written).settings() == settings


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_references_project_onto_themselves_with_distance_zero(pointing: Made, dtype: type) -> None:
    references = points(400, 0, dtype)
    found = pointing().fit([references]).project(references)
    assert found.neighbors.tolist() == [[index] for index in range(400)]
    assert found.distances.tolist() == [0.0] * 400
    np.testing.assert_array_equal(found.points.values, references.values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_of_one_neighbour_every_manifold_is_the_nearest_reference(made: Made, dtype: type) -> None:
    references = points(400, 0, dtype, 1 / 255 if dtype == np.uint8 else 1)
    others = points(40, 1, dtype, references.scale)
    options, whole = complete(made), made().settings().get("patch") is None
    for queries in (references, others):
        found = made(neighbors=1, **options).fit([references]).project(queries)
        expected = Nearest().fit([references]).project(queries)
        np.testing.assert_array_equal(found.neighbors, expected.neighbors)
        np.testing.assert_array_equal(found.distances[expected.distances == 0], 0)
        if whole:  # Patches have nearest references of their own.
            np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-12)
            np.testing.assert_array_equal(found.points.coordinates(), expected.points.coordinates())


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("neighbors", [1, 3])
def test_a_projection_has_the_types_shapes_and_scale_of_the_points(pointing: Made, dtype: type, neighbors: int) -> None:
    found = pointing(neighbors=neighbors).fit([points(300, 0, dtype, 1 / 255)]).project(points(7, 1, dtype, 1 / 255))
    assert (found.points.values.dtype, found.points.values.shape) == (dtype, (7, 3, 4, 4))
    assert found.points.scale == 1 / 255
    assert (found.distances.dtype, found.distances.shape) == (np.float64, (7,))
    assert (found.neighbors.dtype, found.neighbors.shape) == (np.int64, (7, neighbors))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("neighbors", [2, 7])
def test_what_lies_between_references_is_float32_in_the_unit_of_the_space(
    between: Made, dtype: type, neighbors: int
) -> None:
    scale = 1 / 255 if dtype == np.uint8 else 1.0
    references, queries = points(300, 0, dtype, scale), points(7, 1, dtype, scale)
    found = between(neighbors=neighbors).fit([references]).project(queries)
    assert (found.points.values.dtype, found.points.values.shape) == (np.float32, (7, 3, 4, 4))
    assert found.points.scale == 1
    assert (found.distances.dtype, found.distances.shape) == (np.float64, (7,))
    assert (found.neighbors.dtype, found.neighbors.shape) == (np.int64, (7, neighbors))
    steps = queries.values.reshape(7, -1) * scale - found.points.values.reshape(7, -1).astype(np.float64)
    np.testing.assert_allclose(found.distances, np.linalg.norm(steps, axis=1), rtol=1e-6)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_distance_is_exact_for_the_counterpart_which_is_the_first_neighbour(pointing: Made, dtype: type) -> None:
    references, queries = points(400, 0, dtype, 1 / 255), points(60, 1, dtype, 1 / 255)
    found = pointing(neighbors=3).fit([references]).project(queries)
    np.testing.assert_array_equal(found.points.values, references.values[found.neighbors[:, 0]])
    steps = queries.values.astype(np.float64) - found.points.values
    squares = (steps**2).reshape(60, -1).sum(axis=1)  # integers: no order of adding changes them
    np.testing.assert_array_equal(found.distances, np.sqrt(squares) * (1 / 255))


def test_neighbours_are_different_and_the_nearest_comes_first(made: Made) -> None:
    references, queries = points(400, 0, np.uint8), points(60, 1, np.uint8)
    manifold = made(neighbors=5).fit([references])
    numbers = manifold.project(queries).neighbors
    rows = references.values.reshape(400, -1).astype(np.int64)[numbers]
    squares = ((rows - queries.values.reshape(60, 1, -1)) ** 2).sum(axis=2)
    assert (np.diff(squares, axis=1) >= 0).all()
    assert all(len(set(row)) == 5 for row in numbers.tolist())
    if manifold.settings()["name"] in POINTING:
        found = manifold.search(queries)
        np.testing.assert_array_equal(found.numbers, numbers)
        np.testing.assert_array_equal(found.squares, squares)


def test_no_point_gives_an_empty_projection(made: Made) -> None:
    found = made(neighbors=2).fit([points(300, 0, np.float32)]).project(points(0, 1, np.float32))
    assert found.points.values.shape == (0, 3, 4, 4)
    assert (found.distances.shape, found.neighbors.shape) == ((0,), (0, 2))


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_neither_the_batch_nor_the_blocks_nor_a_second_fit_change_a_bit(made: Made, dtype: type) -> None:
    references, queries = points(500, 0, dtype), points(80, 1, dtype)
    once = made(neighbors=3).fit([references])
    expected = once.project(queries)
    alone = [once.project(Points(queries.values[row : row + 1])) for row in range(80)]
    blocks = [Points(references.values[start : start + 33]) for start in range(0, 500, 33)]
    again = made(neighbors=3).fit(iter([*blocks, Points(references.values[:0])])).project(queries)
    np.testing.assert_array_equal(expected.neighbors, np.concatenate([one.neighbors for one in alone]))
    np.testing.assert_array_equal(expected.distances, np.concatenate([one.distances for one in alone]))
    np.testing.assert_array_equal(expected.points.values, np.concatenate([one.points.values for one in alone]))
    np.testing.assert_array_equal(expected.neighbors, again.neighbors)
    np.testing.assert_array_equal(expected.distances, again.distances)
    np.testing.assert_array_equal(expected.points.values, again.points.values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_the_order_of_the_references_changes_no_counterpart(made: Made, dtype: type) -> None:
    references, queries = points(500, 0, dtype), points(40, 1, dtype)
    order = np.random.default_rng(2).permutation(500)
    expected = made(neighbors=3).fit([references]).project(queries)
    found = made(neighbors=3).fit([Points(references.values[order])]).project(queries)
    np.testing.assert_array_equal(order[found.neighbors], expected.neighbors)
    np.testing.assert_array_equal(found.distances, expected.distances)
    np.testing.assert_array_equal(found.points.values, expected.points.values)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_counterparts_move_with_the_points(made: Made, dtype: type) -> None:
    references, queries = (points(count, seed, dtype).values // 2 for count, seed in ((400, 0), (40, 1)))
    move = np.random.default_rng(3).integers(0, 128, (3, 4, 4)).astype(dtype)
    if made().settings().get("patch"):
        move = np.full_like(move, 77)  # Patches of other places are compared, so that all have to move alike.
    options = complete(made)
    expected = made(neighbors=3, **options).fit([Points(references)]).project(Points(queries))
    found = made(neighbors=3, **options).fit([Points(references + move)]).project(Points(queries + move))
    np.testing.assert_array_equal(found.neighbors, expected.neighbors)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-9)
    np.testing.assert_allclose(found.points.values, expected.points.values + move.astype(float), rtol=1e-6)


def test_references_in_several_files_are_mapped_and_found_like_those_in_memory(made: Made, tmp_path: Any) -> None:
    references, queries = points(500, 0, np.uint8), points(40, 1, np.uint8)
    for part, start in enumerate((0, 130, 400)):
        np.save(tmp_path / f"{part}.npy", references.values[start : (130, 400, 500)[part]])
    blocks = [Points(np.load(tmp_path / f"{part}.npy", mmap_mode="r")) for part in range(3)]
    expected = made(neighbors=3).fit([references]).project(queries)
    found = made(neighbors=3).fit(blocks).project(queries)
    np.testing.assert_array_equal(found.neighbors, expected.neighbors)
    np.testing.assert_array_equal(found.distances, expected.distances)
    np.testing.assert_array_equal(found.points.values, expected.points.values)


def test_references_come_back_by_their_indices(made: Made, tmp_path: Any) -> None:
    references = points(300, 0, np.uint8, 1 / 255)
    np.save(tmp_path / "0.npy", references.values[:120])
    np.save(tmp_path / "1.npy", references.values[120:])
    blocks = [Points(np.load(tmp_path / f"{part}.npy", mmap_mode="r"), 1 / 255) for part in range(2)]
    manifold = made().fit(blocks)
    assert manifold.references == 300
    found = manifold.reference_points(np.array([200, 3, 3]))
    assert found.scale == 1 / 255
    np.testing.assert_array_equal(found.values, references.values[[200, 3, 3]])


def test_copies_of_a_reference_count_as_neighbours_the_lower_index_first(made: Made) -> None:
    once = points(300, 0, np.uint8).values
    order = np.random.default_rng(2).permutation(np.arange(1200) % 300)
    references, queries = once[order], once[:20].copy()
    queries[:, 0, 0, 0] ^= 1
    for given, square in ((once[:20], 0.0), (queries, 1.0)):
        manifold = made(neighbors=4).fit([Points(references)])
        found = manifold.project(Points(given))
        if manifold.settings()["name"] in POINTING:
            searched = manifold.search(Points(given))
            np.testing.assert_array_equal(searched.numbers, found.neighbors)
            assert (searched.squares == square).all()
        assert found.neighbors.tolist() == [np.flatnonzero(order == row).tolist() for row in range(20)]
        # Where all neighbours are copies there is nothing between them.
        if manifold.settings().get("patch") is None:
            assert (found.distances == square).all()
            np.testing.assert_array_equal(found.points.values, once[:20])


def test_more_neighbours_begin_with_the_fewer(made: Made) -> None:
    references, queries = points(400, 0, np.uint8), points(50, 1, np.uint8)
    few = made(neighbors=1).fit([references]).project(queries).neighbors
    many = made(neighbors=10).fit([references]).project(queries).neighbors
    np.testing.assert_array_equal(many[:, :1], few)


def test_all_references_are_neighbours_where_so_many_are_asked_for(made: Made) -> None:
    options: dict[str, Any] = {} if "index" not in made().settings() else {"candidates": 300}
    found = made(neighbors=300, **options).fit([points(300, 0, np.uint8)]).project(points(5, 1, np.uint8))
    assert np.sort(found.neighbors, axis=1).tolist() == [list(range(300))] * 5


def holed(values: NDArray[np.float32], *rows: int) -> Points:
    """Return the points with NaN and infinity, in turn, in some rows."""
    changed = values.copy()
    for place, row in enumerate(rows):
        changed[row, 1, 2, 3] = (np.nan, np.inf, -np.inf)[place % 3]
    return Points(changed)


def test_nan_and_infinity_are_refused_by_count_and_index(made: Made, tmp_path: Any) -> None:
    whole = points(300, 0, np.float32)
    with pytest.raises(NumbersError) as caught:
        made().fit([whole]).project(holed(whole.values, 17, 33))
    assert str(caught.value) == (
        "2 of the points hold NaN or infinity (first: index 17); expected finite coordinates; "
        "check the embedding's output for these images"
    )
    broken = holed(whole.values, 140, 260, 290).values
    np.save(tmp_path / "0.npy", broken[:100])
    np.save(tmp_path / "1.npy", broken[100:])
    mapped = [Points(np.load(tmp_path / name, mmap_mode="r")) for name in ("0.npy", "1.npy")]
    for blocks in ([Points(broken)], mapped):
        with pytest.raises(NumbersError) as caught:
            made().fit(blocks)
        assert str(caught.value) == (
            "3 of the reference points hold NaN or infinity (first: index 140); expected finite coordinates; "
            "check the embedding's output for these images"
        )


def test_too_few_references_are_refused(made: Made) -> None:
    for neighbors, count in ((1, 0), (3, 2)):
        with pytest.raises(DataError) as caught:
            made(neighbors=neighbors).fit([points(count, 0, np.uint8)])
        assert str(caught.value) == (
            f"{count} reference images; expected at least {neighbors}; give a folder of real images as the reference"
        )


def test_points_of_another_shape_or_type_are_refused(made: Made) -> None:
    manifold = made().fit([points(300, 0, np.uint8)])
    others = {
        "(5,) and type uint8": Points(np.zeros((2, 5), np.uint8)),
        "(3, 4, 4) and type float32": points(2, 1, np.float32),
    }
    for shown, other in others.items():
        with pytest.raises(NumbersError) as caught:
            manifold.project(other)
        assert str(caught.value) == (
            f"points of shape {shown}; expected (3, 4, 4) and uint8, as the references have; "
            "embed both with the same space at the same image size"
        )


@pytest.mark.parametrize("neighbors", [0, -1, 1.5, 2.0, float("nan"), "2", None])
def test_what_is_no_number_of_neighbours_is_refused(made: Made, neighbors: Any) -> None:
    with pytest.raises(NumbersError) as caught:
        made(neighbors=neighbors)
    assert str(caught.value) == (
        f"neighbors = {neighbors!r}; expected a whole number from 1 to 2147483647; give a number in this range"
    )


def test_whole_numbers_of_numpy_are_taken_and_can_be_saved(made: Made) -> None:
    assert json.loads(json.dumps(made(neighbors=np.int64(3)).settings()))["neighbors"] == 3
