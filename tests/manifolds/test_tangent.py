"""Laws of projections onto hulls of references; those of every manifold are in test_contract."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, NumbersError
from manifpt.manifolds import combining, patches
from manifpt.manifolds.hulls import projected
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.tangent import Tangent

SHAPE = (3, 6, 6)


def points(count: int, seed: int, dtype: type = np.float32, shape: tuple[int, ...] = SHAPE) -> Points:
    values = np.random.default_rng(seed).integers(0, 256, (count, *shape)).astype(dtype)
    return Points(values, 1 / 255 if dtype == np.uint8 else 1.0)


def flat(given: Points) -> NDArray[np.float64]:
    return given.values.reshape(len(given), -1).astype(np.float64)


def by_least_squares(point: NDArray[np.float64], corners: NDArray[np.float64]) -> NDArray[np.float64]:
    origin = corners[0]
    found: NDArray[np.float64] = np.linalg.lstsq((corners[1:] - origin).T, point - origin, rcond=None)[0]
    return origin + found @ (corners[1:] - origin)


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(1, 12),
    st.integers(1, 40),
    st.sampled_from([1e-20, 1.0, 1e20]),
    st.sampled_from([0.0, 1.0, 1e4]),
)
def test_a_projection_is_that_of_least_squares(
    seed: int, count: int, dimensions: int, unit: float, away: float
) -> None:
    rng = np.random.default_rng(seed)
    corners = (rng.standard_normal((3, count, dimensions)) + away) * unit
    own = (rng.standard_normal((3, dimensions)) + away) * unit
    found = projected(own, corners)
    for row in range(3):
        np.testing.assert_allclose(found[row], by_least_squares(own[row], corners[row]), atol=1e-7 * unit, rtol=1e-9)


def test_what_remains_is_orthogonal_to_the_hull() -> None:
    references, queries = points(200, 0), points(30, 1)
    found = Tangent(neighbors=8).fit([references]).project(queries)
    corners = flat(references)[found.neighbors]
    spokes = corners[:, 1:] - corners[:, :1]
    rest = flat(queries) - flat(found.points)
    cosines = np.einsum("nkd,nd->nk", spokes, rest)
    cosines /= np.linalg.norm(spokes, axis=2) * np.linalg.norm(rest, axis=1)[:, None]
    assert abs(cosines).max() < 1e-6
    nearest = Nearest().fit([references]).project(queries)
    assert (found.distances < nearest.distances).all()


@pytest.mark.parametrize("options", [{}, {"patch": 3}], ids=["whole", "patches"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_reference_is_its_own_counterpart_with_distance_zero(dtype: type, options: dict[str, Any]) -> None:
    references = points(100, 0, dtype)
    found = Tangent(neighbors=6, **options).fit([references]).project(references)
    assert found.neighbors[:, 0].tolist() == list(range(100))
    assert found.distances.tolist() == [0.0] * 100
    np.testing.assert_array_equal(found.points.values, references.coordinates())


def test_a_point_in_the_hull_of_its_neighbours_is_unchanged() -> None:
    corners = points(4, 0).values
    weights = np.random.default_rng(1).dirichlet([2] * 4, 20)
    weights = weights * 1.2 - 0.05  # some beyond the corners: the sum stays 1
    queries = np.einsum("nk,kchw->nchw", weights, corners.astype(np.float64)).astype(np.float32)
    far = corners + np.float32(1e5)
    found = Tangent(neighbors=4).fit([Points(np.concatenate([far, corners]))]).project(Points(queries))
    assert np.sort(found.neighbors, axis=1).tolist() == [[4, 5, 6, 7]] * 20
    np.testing.assert_allclose(found.points.values, queries, atol=1e-4)
    assert found.distances.max() < 1e-4


def test_a_ridge_draws_the_projection_towards_the_mean_and_at_last_onto_it() -> None:
    references, queries = points(100, 0), points(10, 1)
    lengths = []
    for ridge in (0.0, 0.1, 1.0, 10.0, 2e9):
        found = Tangent(neighbors=5, ridge=ridge).fit([references]).project(queries)
        mean = flat(references)[found.neighbors].mean(axis=1)
        lengths.append(np.linalg.norm(flat(found.points) - mean, axis=1))
    assert (np.diff(lengths, axis=0) < 0).all()
    assert lengths[-1].max() < 1e-4


def test_the_ridge_has_no_unit_and_its_figure_is_known() -> None:
    """Corners ± 1 about their mean: their mean squared distance to it is 1 and the direction has 2, so that a ridge
    of 2 halves what the point is off the mean."""
    references = np.array([[-1.0, 0.0], [1.0, 0.0]], np.float32)
    for unit in (1e-3, 1.0, 1e6):
        given, query = references * np.float32(unit), np.array([[0.5, 7.0]], np.float32) * np.float32(unit)
        found = Tangent(neighbors=2, ridge=2).fit([Points(given)]).project(Points(query))
        np.testing.assert_allclose(found.points.values, [[0.25 * unit, 0]], rtol=1e-6)


def test_a_rank_keeps_the_directions_along_which_neighbours_vary_most() -> None:
    # About their mean (0, 0, 0) the corners vary by 4 along the first axis, by 1 along the second.
    references = np.array([[2, 0, 0], [-2, 0, 0], [0, 1, 0], [0, -1, 0]], np.float32)
    query = Points(np.array([[0.7, 0.4, 5.0]], np.float32))
    expected = {1: [0.7, 0, 0], 2: [0.7, 0.4, 0], None: [0.7, 0.4, 0]}
    for rank, point in expected.items():
        found = Tangent(neighbors=4, rank=rank).fit([Points(references)]).project(query)
        np.testing.assert_allclose(found.points.values, [point], atol=1e-6)
    # Then a reference is no longer its own counterpart.
    found = Tangent(neighbors=4, rank=1).fit([Points(references)]).project(Points(references))
    np.testing.assert_allclose(found.distances, [0, 0, 1, 1], atol=1e-6)


def test_the_highest_rank_is_no_rank() -> None:
    references, queries = points(100, 0), points(10, 1)
    all_, none = (Tangent(neighbors=5, rank=rank).fit([references]) for rank in (4, None))
    np.testing.assert_array_equal(all_.project(queries).points.values, none.project(queries).points.values)
    assert all_.project(references).distances.max() == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_copies_among_the_neighbours_only_leave_the_hull_fewer_directions(dtype: type) -> None:
    once, queries = points(3, 0, dtype), points(10, 1, dtype)
    references = Points(np.repeat(once.values, 4, axis=0), once.scale)
    found = Tangent(neighbors=12).fit([references]).project(queries)
    expected = Tangent(neighbors=3).fit([once]).project(queries)
    np.testing.assert_allclose(found.points.values, expected.points.values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(found.distances, expected.distances, rtol=1e-9)


def test_neighbours_that_float32_hardly_tells_apart_give_no_far_projection() -> None:
    rng = np.random.default_rng(0)
    base = rng.standard_normal((1, 500))
    references = (base + 1e-7 * rng.standard_normal((50, 500))).astype(np.float32)
    queries = (base + rng.standard_normal((5, 500))).astype(np.float32)
    found = Tangent(neighbors=10).fit([Points(references)]).project(Points(queries))
    assert np.isfinite(found.points.values).all()
    assert (found.distances <= Nearest().fit([Points(references)]).project(Points(queries)).distances).all()


@pytest.mark.parametrize("options", [{}, {"ridge": 0.3, "rank": 2}], ids=["plain", "ridge and rank"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_one_patch_as_large_as_the_image_is_the_whole_image(dtype: type, options: dict[str, Any]) -> None:
    references, queries = points(300, 0, dtype), points(40, 1, dtype)
    whole = Tangent(neighbors=5, **options).fit([references]).project(queries)
    found = Tangent(neighbors=5, patch=6, shift=0, **options).fit([references]).project(queries)
    np.testing.assert_array_equal(found.points.values, whole.points.values)
    np.testing.assert_array_equal(found.distances, whole.distances)
    np.testing.assert_array_equal(found.neighbors, whole.neighbors)


@pytest.mark.parametrize(("side", "stride", "shift"), [(3, 1, 0), (3, 2, 1), (4, None, 1), (2, 2, 9)])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
@pytest.mark.parametrize("small", [False, True])
def test_patches_are_projected_onto_the_nearest_at_their_place_and_averaged(
    dtype: type, side: int, stride: int | None, shift: int, small: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every patch by brute force, one after the other."""
    if small:  # few patches at a time, so that blocks are merged
        monkeypatch.setattr(patches, "BLOCK", 500)
        monkeypatch.setattr(patches, "SCORES", 20)
        monkeypatch.setattr(combining, "ROOM", 500)
    height, width = 6, 7
    references, queries = (points(count, seed, dtype, (2, height, width)) for count, seed in ((50, 0), (4, 1)))
    total, counts = np.zeros(queries.values.shape), np.zeros((height, width))
    step = stride or side // 2
    for top in sorted({*range(0, height - side, step), height - side}):
        for left in sorted({*range(0, width - side, step), width - side}):
            near = np.concatenate(
                [
                    references.values[:, :, up : up + side, along : along + side]
                    for up in range(max(0, top - shift), min(height - side, top + shift) + 1)
                    for along in range(max(0, left - shift), min(width - side, left + shift) + 1)
                ]
            )
            near = near.reshape(len(near), -1).astype(np.float64)
            counts[top : top + side, left : left + side] += 1
            for row, whole in enumerate(queries.values):
                own = whole[:, top : top + side, left : left + side].reshape(-1).astype(np.float64)
                chosen = np.argsort(((near - own) ** 2).sum(axis=1), kind="stable")[:4]
                patch = by_least_squares(own, near[chosen]).reshape(2, side, side)
                total[row, :, top : top + side, left : left + side] += patch
    assert (counts > 0).all()
    manifold = Tangent(neighbors=4, patch=side, stride=stride, shift=shift).fit([references])
    found = manifold.project(queries)
    np.testing.assert_allclose(found.points.values, total / counts * references.scale, rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(found.neighbors, Nearest(neighbors=4).fit([references]).project(queries).neighbors)


def test_a_shifted_copy_is_found_only_within_the_shift() -> None:
    references = points(60, 0, np.uint8, (3, 12, 12))
    moved = Points(np.roll(references.values[:5], 1, axis=3), references.scale)
    for shift, found in ((0, False), (1, True)):
        projection = Tangent(neighbors=3, patch=4, shift=shift).fit([references]).project(moved)
        inner = moved.coordinates()[..., 4:8] - projection.points.values[..., 4:8]
        assert (abs(inner).max() < 1e-6) == found


@pytest.mark.parametrize("scale", [1e-30, 1e30])
def test_patches_of_any_unit_are_told_apart(scale: float) -> None:
    rng = np.random.default_rng(0)
    references, queries = (rng.standard_normal((count, 2, 6, 6)).astype(np.float32) for count in (80, 5))
    expected = Tangent(neighbors=3, patch=3).fit([Points(references)]).project(Points(queries))
    given, asked = (Points(array * np.float32(scale)) for array in (references, queries))
    found = Tangent(neighbors=3, patch=3).fit([given]).project(asked)
    np.testing.assert_allclose(found.points.values / scale, expected.points.values, rtol=1e-4, atol=1e-6)


def test_neither_rooms_nor_threads_change_a_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    references, queries = points(100, 0), points(17, 1)
    made = [Tangent(neighbors=6, **options).fit([references]) for options in ({}, {"patch": 3})]
    expected = [one.project(queries).points.values for one in made]
    for threads, room in (("1", 1), ("3", 3000)):
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        monkeypatch.setattr(combining, "ROOM", room)
        for one, values in zip(made, expected, strict=True):
            np.testing.assert_array_equal(one.project(queries).points.values, values)


def test_references_of_eight_bits_are_kept_as_they_are() -> None:
    references = points(100, 0, np.uint8)
    for options in ({}, {"patch": 3}):
        manifold = Tangent(neighbors=3, **options).fit([references])
        assert all(np.shares_memory(flat, references.values) for flat in manifold.nearest_.stored_.flat)
        manifold.project(points(3, 1, np.uint8))


def test_fewer_references_than_neighbours_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        Tangent(patch=3).fit([points(19, 0)])
    assert str(caught.value) == (
        "19 reference images; expected at least 20; give a folder of real images as the reference"
    )


@pytest.mark.parametrize(("shape", "patch"), [((40,), 4), ((3, 6, 6), 7), ((3, 9, 6), 8)])
def test_points_that_have_no_such_patches_are_refused(shape: tuple[int, ...], patch: int) -> None:
    with pytest.raises(NumbersError) as caught:
        Tangent(neighbors=2, patch=patch).fit([points(9, 0, np.float32, shape)])
    assert str(caught.value) == (
        f"points of shape {shape} for patches of {patch} × {patch}; expected maps (channels, height, width) of "
        f"{patch} × {patch} or more; take another space or a smaller patch, or leave patch out"
    )


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"rank": 0}, "rank = 0; expected a whole number from 1 to 19"),
        ({"rank": 20}, "rank = 20; expected a whole number from 1 to 19"),
        ({"rank": 2.0}, "rank = 2.0; expected a whole number from 1 to 19"),
        ({"ridge": -1e-9}, "ridge = -1e-09; expected a number from 0 and up to 2147483647"),
        ({"ridge": float("nan")}, "ridge = nan; expected a number from 0 and up to 2147483647"),
        ({"ridge": float("inf")}, "ridge = inf; expected a number from 0 and up to 2147483647"),
        ({"ridge": 10**400}, f"ridge = {10**400}; expected a number from 0 and up to 2147483647"),
        ({"ridge": "1"}, "ridge = '1'; expected a number from 0 and up to 2147483647"),
        ({"ridge": None}, "ridge = None; expected a number from 0 and up to 2147483647"),
        ({"ridge": True}, "ridge = True; expected a number from 0 and up to 2147483647"),
        ({"patch": 0}, "patch = 0; expected a whole number from 1 to 2147483647"),
        ({"patch": 4.0}, "patch = 4.0; expected a whole number from 1 to 2147483647"),
        ({"patch": 4, "stride": 0}, "stride = 0; expected a whole number from 1 to 4"),
        ({"patch": 4, "stride": 5}, "stride = 5; expected a whole number from 1 to 4"),
        ({"patch": 4, "shift": -1}, "shift = -1; expected a whole number from 0 to 2147483647"),
    ],
)
def test_numbers_out_of_their_range_are_refused(options: dict[str, Any], text: str) -> None:
    with pytest.raises(NumbersError) as caught:
        Tangent(**options)
    assert str(caught.value) == f"{text}; give a number in this range"


def test_settings_are_those_that_decide() -> None:
    whole = {"name": "tangent", "neighbors": 20, "rank": None, "ridge": 0.0, "patch": None}
    assert Tangent(shift=5, ridge=np.float32(0)).settings() == whole
    assert Tangent(patch=8, neighbors=5, rank=2, ridge=1).settings() == {
        "name": "tangent",
        "neighbors": 5,
        "rank": 2,
        "ridge": 1.0,
        "patch": 8,
        "stride": None,
        "shift": 1,
    }
