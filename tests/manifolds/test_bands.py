"""Laws of large images' bands: no bound exceeds a distance, and no neighbour is lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.embeddings.embedding import Points
from manifpt.manifolds import index, nearest, pairs
from manifpt.manifolds.bands import Banded, Bands
from manifpt.manifolds.nearest import Nearest
from manifpt.manifolds.pyramid import pyramid

SHAPE = (1, 204, 172)  # 51 × 43 sums: the last tiles of a row and of a column stand out over the border


def photographs(count: int, *shape: int, seed: int, fall: float = 1.0) -> NDArray[np.uint8]:
    """Random images whose amplitudes fall with the frequency, as those of photographs do."""
    rng = np.random.default_rng(seed)
    down, across = np.fft.fftfreq(shape[1]), np.fft.rfftfreq(shape[2])
    amplitude = 1 / np.maximum(np.hypot(down[:, None], across), 1 / shape[2]) ** fall
    images = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((count, *shape))) * amplitude, s=shape[1:])
    return np.clip(128 + 40 * images / images.std(), 0, 255).astype(np.uint8)


def noise(count: int, *shape: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), np.uint8)


def extremes(count: int, *shape: int, seed: int) -> NDArray[np.uint8]:
    """Black, white, and checks of both."""
    return (255 * np.random.default_rng(seed).integers(0, 2, (count, *shape))).astype(np.uint8)


def squares(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int64]:
    # float64 holds all of these integers.
    flat, others = (images.reshape(len(images), -1).astype(np.float64) for images in (one, other))
    return ((flat**2).sum(1)[:, None] + (others**2).sum(1) - 2 * flat @ others.T).astype(np.int64)


def brute(queries: NDArray[np.uint8], references: NDArray[np.uint8], neighbors: int) -> NDArray[np.int64]:
    return np.argsort(squares(queries, references), axis=1, kind="stable")[:, :neighbors]


@pytest.mark.parametrize("tile", [1, 2, 3])
@pytest.mark.parametrize(("height", "width", "side"), [(16, 24, 2), (20, 12, 4), (24, 40, 8), (8, 8, 8), (6, 10, 1)])
def test_sums_and_details_are_those_of_plain_integers(height: int, width: int, side: int, tile: int) -> None:
    images = noise(40, 2, height, width, seed=0)
    known = pyramid(images, side)
    sums, details = known.sums, known.tiled(tile)
    squares = images.astype(np.int64).reshape(40, 2, height // side, side, width // side, side)
    np.testing.assert_array_equal(sums, squares.sum((3, 5)))
    energies = side**2 * (squares**2).sum((3, 5)) - squares.sum((3, 5)) ** 2
    padded = np.zeros((40, 2, tile * details.shape[2], tile * details.shape[3]), np.int64)
    padded[:, :, : height // side, : width // side] = energies
    np.testing.assert_array_equal(details, padded.reshape(40, 2, details.shape[2], tile, -1, tile).sum((3, 5)))


@pytest.mark.parametrize("images", [photographs, noise, extremes])
@pytest.mark.parametrize(("height", "width", "side"), [(16, 24, 2), (20, 12, 4), (24, 40, 8), (40, 24, 8)])
def test_no_band_and_no_image_is_nearer_than_its_bound(images, height: int, width: int, side: int) -> None:  # type: ignore[no-untyped-def]
    shape = (2, height, width)
    own, others = images(30, *shape, seed=1), images(30, *shape, seed=2)
    others[:10] = own[:10]  # equal, and hardly different
    others[5:10, 0, 3, 3] ^= 1
    layout = Bands(*shape, side)
    count, terms, pixels, plane, scale = layout.layout
    flat = [each.reshape(30, -1) for each in (own, others)]
    one, other = (layout.rows(layout.pyramid(each)) for each in flat)
    some = layout.rows_of(flat[0], np.arange(30)[::-1])
    np.testing.assert_array_equal(some.values, one.values[::-1])
    np.testing.assert_allclose(some.errors, one.errors[::-1])
    slack, bounds = one.errors[:, None] + other.errors, np.zeros((30, 30), np.int64)
    for band in range(count):
        low = band // (count // 2) * plane + band % (count // 2) * pixels
        high = min(low + pixels, (band // (count // 2) + 1) * plane)
        places = np.r_[band * terms : (band + 1) * terms, (count + band) * terms : (count + band + 1) * terms]
        bound = np.array([[pairs.between(x[places], y[places], np.inf) for y in other.values] for x in one.values])
        true = np.sqrt(squares(flat[0][:, low:high], flat[1][:, low:high]) / scale)
        assert (np.sqrt(bound) <= true + slack).all()
        bounds += bound
    whole = np.array([[pairs.between(x, y, np.inf) for y in other.values] for x in one.values])
    np.testing.assert_array_equal(whole, bounds)
    np.testing.assert_array_equal(
        whole, ((one.values[:, None].astype(np.int64) - other.values.astype(np.int64)) ** 2).sum(2)
    )
    true = squares(own, others)
    assert (np.sqrt(bounds) <= np.sqrt(true / scale) + slack).all()
    assert bounds.sum() * scale > 0.1 * true.sum() or images is not photographs


def test_the_error_of_a_row_is_how_far_it_lies_from_the_exact_one() -> None:
    images = noise(20, 2, 24, 40, seed=0)
    layout = Bands(2, 24, 40, 8)
    rows = layout.rows(layout.pyramid(images.reshape(20, -1)))
    tiles = images.reshape(20, 2, 3, 8, 5, 8).astype(np.float64)
    exact = 8 * np.stack([tiles.mean((3, 5)), tiles.std((3, 5))], axis=1)
    padded = np.zeros((20, 2, 2, 4, 5))
    padded[:, :, :, :3] = exact
    kept = np.floor(padded + 0.5)
    np.testing.assert_array_equal(rows.values, kept.reshape(20, -1))
    np.testing.assert_allclose(rows.errors, np.linalg.norm((padded - kept).reshape(20, -1), axis=1) + 1e-4, atol=1e-6)


def test_no_sum_of_squares_overflows_however_wide_the_image() -> None:
    """Black beside white, in which every mean differs by all that it can."""
    layout = Bands(1, 8, 16_384, 8)
    images = np.zeros((2, 8 * 16_384), np.uint8)
    images[1] = 255
    rows = layout.rows(layout.pyramid(images)).values
    assert pairs.between(rows[0], rows[1], np.inf) == 2048 * 2040**2


@pytest.mark.parametrize("images", [photographs, noise, extremes])
@pytest.mark.parametrize("neighbors", [1, 3])
def test_large_images_have_the_neighbours_of_brute_force(images, neighbors: int, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(nearest, "WORK", 0)
    references, queries = images(260, *SHAPE, seed=3), images(70, *SHAPE, seed=4)
    references[200:230] = references[:30]  # ties go to the lower index
    references[230:240] = references[30:40]
    references[230:240, 0, 100, 100] ^= 1
    references[240:] = 77  # constant, twenty times
    queries[:20] = references[20:40]
    queries[:20, 0, 5, 5] ^= 3
    queries[20:25] = 78
    manifold = Nearest(neighbors=neighbors, block=64).fit([Points(references)])
    found = manifold.search(Points(queries))
    np.testing.assert_array_equal(found.numbers, brute(queries, references, neighbors))
    true = np.take_along_axis(squares(queries, references), found.numbers, axis=1)
    np.testing.assert_array_equal(found.squares, true)
    part = manifold.parts_[0]
    assert part.index is not None
    assert part.index.cells.banded is not None


@pytest.mark.parametrize("shape", [(3, 140, 132), (2, 264, 256), (3, 512, 288), (1, 544, 512)])
@pytest.mark.parametrize("neighbors", [1, 30])
def test_every_plane_and_the_last_rows_count(
    shape: tuple[int, ...], neighbors: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Means of 4, 8 and 8 pixels, and 8 beside a prefix of 16; rows that fill no band; many neighbours."""
    monkeypatch.setattr(nearest, "WORK", 0)
    monkeypatch.setattr(index, "LOOKS", 1)
    monkeypatch.setattr(index, "MOST", 1.0)
    references, queries = photographs(70, *shape, seed=3), photographs(12, *shape, seed=4)
    # Copies of one image that differ in one plane, and there in its last rows, by their textures.
    rng = np.random.default_rng(5)
    references[:40] = references[0]
    for row, image in enumerate(references[:40]):
        image[row % shape[0], -8:] = rng.integers(100, 156, (8, shape[2]))
    queries[:6] = references[10:16]
    queries[:6, :, -4:] ^= 1
    manifold = Nearest(neighbors=neighbors, block=20).fit([Points(references)])
    found = manifold.search(Points(queries))
    np.testing.assert_array_equal(found.numbers, brute(queries, references, neighbors))
    np.testing.assert_array_equal(
        found.squares, np.take_along_axis(squares(queries, references), found.numbers, axis=1)
    )
    built = manifold.parts_[0].index
    assert built is not None
    assert built.cells.banded is not None


def test_a_bound_may_be_off_by_the_errors_of_both_rows() -> None:
    images = noise(30, 2, 24, 40, seed=0).reshape(30, -1)
    layout = Bands(2, 24, 40, 8)
    own, others = layout.rows(layout.pyramid(images[:10])), layout.rows_of(images, np.arange(10, 30))
    banded = Banded(layout, others.values, float(others.errors.max()))
    slack = pairs.Pairs(banded, own, ()).bands[2]
    assert (slack >= own.errors + others.errors[:, None]).all()
    assert pairs._allowed(9.0, 1.0, 2.0) == pytest.approx(25)


def test_no_images_have_no_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    images = photographs(50, *SHAPE, seed=3)
    manifold = Nearest(neighbors=2).fit([Points(images)])
    manifold.search(Points(images[:3]))
    assert manifold.search(Points(images[:0])).numbers.shape == (0, 2)


def test_the_nearest_of_wide_images_that_differ_by_all_they_can_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A band of more squares than 32 bits can add up, black beside white."""
    monkeypatch.setattr(nearest, "WORK", 0)
    monkeypatch.setattr(index, "LOOKS", 1)
    monkeypatch.setattr(index, "MOST", 1.0)
    references, queries = np.zeros((40, 1, 256, 1536), np.uint8), np.full((3, 1, 256, 1536), 255, np.uint8)
    for row, image in enumerate(references):
        image[0, 8 * (row % 32) : 8 * (row % 32) + 4] = row % 7 + row // 8
    references[30:, 0, 200:] = 1
    queries[1:, 0, :32] = 250
    manifold = Nearest(neighbors=12, block=10).fit([Points(references)])
    found = manifold.search(Points(queries))
    np.testing.assert_array_equal(found.numbers, brute(queries, references, 12))
    built = manifold.parts_[0].index
    assert built is not None
    assert built.cells.banded is not None
    assert built.cells.banded.bands.layout[1] > pairs.LOOK


def test_bands_are_left_out_where_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    references, queries = photographs(60, *SHAPE, seed=3), photographs(10, *SHAPE, seed=4)
    for free in (0, 10**6):
        monkeypatch.setattr(index, "available", lambda free=free: free)
        manifold = Nearest(neighbors=2).fit([Points(references)])
        np.testing.assert_array_equal(manifold.search(Points(queries)).numbers, brute(queries, references, 2))
        built = manifold.parts_[0].index
        assert built is not None
        assert built.cells.banded is None


def test_pairs_that_are_settled_in_portions_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    references, queries = photographs(300, *SHAPE, seed=3), photographs(40, *SHAPE, seed=4)
    whole = Nearest(neighbors=2, block=50).fit([Points(references)]).search(Points(queries))
    monkeypatch.setattr(pairs, "MOST", 5)
    portions = Nearest(neighbors=2, block=50).fit([Points(references)]).search(Points(queries))
    np.testing.assert_array_equal(whole.numbers, portions.numbers)
    np.testing.assert_array_equal(whole.squares, portions.squares)


def test_large_images_in_several_files_are_searched_with_one_prefix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(nearest, "WORK", 0)
    references, queries = photographs(120, *SHAPE, seed=3), photographs(30, *SHAPE, seed=4)
    mapped = []
    for part, (start, stop) in enumerate([(0, 70), (70, 71), (71, 120)]):
        values = np.memmap(tmp_path / str(part), np.uint8, "w+", shape=(stop - start, *SHAPE))
        values[:] = references[start:stop]
        mapped.append(Points(values))
    manifold = Nearest(neighbors=2).fit(mapped)
    np.testing.assert_array_equal(manifold.search(Points(queries)).numbers, brute(queries, references, 2))
    built = [part.index for part in manifold.parts_]
    assert all(each is not None and each.cells.banded is not None for each in built)


def test_a_look_at_bands_leaves_few_of_the_pairs_to_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where sums and tiles tell images apart, hardly any pixels are read; otherwise bands would be of no use."""
    read: list[int] = []
    settle = pairs.refined

    def counted(*given) -> None:  # type: ignore[no-untyped-def]
        read.append(given[-3])
        settle(*given)

    monkeypatch.setattr(nearest, "WORK", 0)
    monkeypatch.setattr(pairs, "refined", counted)
    # A product of few coordinates, which leaves many pairs.
    monkeypatch.setattr(index, "LOOKS", 1)
    monkeypatch.setattr(index, "MOST", 1.0)
    references, queries = (photographs(count, *SHAPE, seed=count, fall=1.5) for count in (400, 50))
    Nearest().fit([Points(references)]).search(Points(queries))
    assert 50 <= sum(read) < 0.02 * 400 * 50
