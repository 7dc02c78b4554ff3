from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.images.parquet import ImageColumn

datasets = pytest.importorskip("datasets")
Noise = Callable[..., NDArray[np.uint8]]


@pytest.fixture(autouse=True)
def own_datasets_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    cache = tmp_path_factory.mktemp("datasets")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", cache)
    yield


def _cells(images: NDArray[np.uint8]) -> list[dict[str, Any]]:
    cells = []
    for pixels in images:
        file = io.BytesIO()
        Image.fromarray(pixels).save(file, "PNG")
        cells.append({"bytes": file.getvalue(), "path": None})
    return cells


def _dataset(images: NDArray[np.uint8], labels: list[int]) -> Any:
    features = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["wgan", "real"])})
    return datasets.Dataset.from_dict({"image": _cells(images), "label": labels}, features=features)


def _opened(path: Path) -> ImageSet:
    return ImageSet.open(path, reference_needed=False)


def test_a_saved_data_set_gives_pixels_and_the_names_of_its_labels(noise: Noise, tmp_path: Path) -> None:
    _dataset(noise(4), [0, 1, 1, 0]).save_to_disk(tmp_path / "set")
    images = _opened(tmp_path / "set")
    np.testing.assert_array_equal(images.pixels(), noise(4))
    assert images.generators.tolist() == ["wgan", "real", "real", "wgan"]
    assert images.layout == "a Hugging Face data set"
    assert images.paths[3] == f"{tmp_path}/set[3]"


def test_the_parts_of_a_saved_data_set_are_pooled(noise: Noise, tmp_path: Path) -> None:
    parts = {"train": _dataset(noise(2), [0, 1]), "test": _dataset(noise(2, seed=1), [1, 0])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    images = _opened(tmp_path / "set")
    np.testing.assert_array_equal(images.pixels(), np.concatenate([noise(2), noise(2, seed=1)]))
    assert images.generators.tolist() == ["wgan", "real", "real", "wgan"]
    assert images.paths == [f"{tmp_path}/set/{part}[{row}]" for part in ("train", "test") for row in (0, 1)]


@pytest.mark.parametrize("place", ["part.parquet", "data/part.parquet"])
def test_parquet_with_embedded_images_is_a_data_set(noise: Noise, tmp_path: Path, place: str) -> None:
    (tmp_path / "set" / "data").mkdir(parents=True)
    table = {
        "image": _cells(noise(3)),
        "generator": ["wgan", "real", "glow"],
        "family": ["gan", None, "flow"],
        "role": ["train", None, "test"],
        "latent": [5, None, 6],
    }
    pq.write_table(pa.table(table), tmp_path / "set" / place)
    for path in (tmp_path / "set", tmp_path / "set" / place):
        images = _opened(path)
        np.testing.assert_array_equal(images.pixels(), noise(3))
        assert images.generators.tolist() == ["wgan", "real", "glow"]
        assert images.families.tolist() == ["gan", "real", "flow"]
        assert images.roles.tolist() == ["train", "", "test"]
        assert [record.latent for record in images.records] == ["5", None, "6"]


def test_parquet_written_by_datasets_keeps_the_names_of_its_labels(noise: Noise, tmp_path: Path) -> None:
    _dataset(noise(2), [1, 0]).to_parquet(tmp_path / "set.parquet")
    assert _opened(tmp_path / "set.parquet").generators.tolist() == ["real", "wgan"]


def test_a_file_that_was_written_anew_is_read_anew(noise: Noise, tmp_path: Path) -> None:
    for seed in (1, 2):
        table = {"image": _cells(noise(2, seed=seed)), "generator": ["a", "b"]}
        pq.write_table(pa.table(table), tmp_path / "set.parquet")
        np.testing.assert_array_equal(_opened(tmp_path / "set.parquet").pixels(), noise(2, seed=seed))


def test_a_missing_column_is_told_with_those_that_are_there(noise: Noise, tmp_path: Path) -> None:
    pq.write_table(pa.table({"image": _cells(noise(1)), "name": ["a"]}), tmp_path / "set.parquet")
    with pytest.raises(DataError) as caught:
        _opened(tmp_path / "set.parquet")
    assert str(caught.value) == (
        f"{tmp_path}/set.parquet has the columns image, name; expected an image column and a column generator or "
        "label; rename the columns"
    )


def test_a_row_without_an_image_is_skipped_with_a_reason(noise: Noise, tmp_path: Path) -> None:
    cells = [*_cells(noise(2)), {"bytes": None, "path": None}, None]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    table = pa.table({"image": pa.array(cells, kind), "generator": ["a", "b", "a", "b"]})
    pq.write_table(table, tmp_path / "set.parquet")
    images = _opened(tmp_path / "set.parquet")
    assert len(images) == 2
    assert [skip.path for skip in images.skipped] == [f"{tmp_path}/set.parquet[{row}]" for row in (2, 3)]


@pytest.mark.parametrize("label", ["names", "classes"])
def test_a_row_without_a_label_is_an_error_and_not_a_class_called_none(
    noise: Noise, tmp_path: Path, label: str
) -> None:
    if label == "names":
        pq.write_table(pa.table({"image": _cells(noise(2)), "generator": ["a", None]}), tmp_path / "set.parquet")
    else:
        _dataset(noise(2), [1, -1]).to_parquet(tmp_path / "set.parquet")
    with pytest.raises(DataError, match=r"set\.parquet"):
        _opened(tmp_path / "set.parquet")


def test_an_unknown_role_is_refused(noise: Noise, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"image": _cells(noise(1)), "generator": ["a"], "role": ["held"]}), tmp_path / "set.parquet"
    )
    with pytest.raises(DataError, match="has the role 'held'; expected reference, train, validation, test or nothing"):
        _opened(tmp_path / "set.parquet")


def test_a_damaged_data_set_is_an_error_that_names_it(noise: Noise, tmp_path: Path) -> None:
    _dataset(noise(2), [0, 1]).save_to_disk(tmp_path / "set")
    for file in (tmp_path / "set").glob("*.arrow"):
        file.write_bytes(b"nothing")
    with pytest.raises(DataError, match="cannot be read as a data set"):
        _opened(tmp_path / "set")


def _parquet(path: Path, count: int, group: int, side: int = 16) -> NDArray[np.uint8]:
    images = np.random.default_rng(0).integers(0, 256, (count, side, side, 3), np.uint8)
    table = {"image": _cells(images), "generator": ["a", "b"] * (count // 2)}
    pq.write_table(pa.table(table), path, row_group_size=group)
    return images


def test_parquet_says_nothing_and_leaves_the_cache_of_data_sets_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    _parquet(tmp_path / "set.parquet", 60, 10)
    _opened(tmp_path / "set.parquet").pixels()
    assert capfd.readouterr() == ("", "")
    assert list(Path(datasets.config.HF_DATASETS_CACHE).iterdir()) == []


@pytest.mark.parametrize("group", [1, 7, 100])
def test_any_row_of_any_row_group_is_read_in_any_order(tmp_path: Path, group: int) -> None:
    pixels = _parquet(tmp_path / "set.parquet", 50, group)
    order = np.random.default_rng(1).permutation(50)
    np.testing.assert_array_equal(_opened(tmp_path / "set.parquet").subset(order).pixels(), pixels[order])


def test_a_row_group_of_any_size_is_read_in_little_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cells = [{"bytes": np.random.default_rng(row).bytes(4096), "path": None} for row in range(10_000)]
    pq.write_table(pa.table({"image": cells}), tmp_path / "set.parquet", row_group_size=10_000)
    column = ImageColumn(tmp_path / "set.parquet", "image")
    copied, before, allocated = column._place, pa.total_allocated_bytes(), []

    def watched(cell: dict[str, Any]) -> Any:
        allocated.append(pa.total_allocated_bytes() - before)
        return copied(cell)

    monkeypatch.setattr(column, "_place", watched)
    assert column.cell(9_999) == (cells[9_999]["bytes"], None)
    assert len(allocated) == 10_000
    assert max(allocated) < 20 * 2**20  # of 40


def test_a_damaged_row_group_skips_its_images_with_a_reason(tmp_path: Path) -> None:
    _parquet(tmp_path / "set.parquet", 20, 10, side=64)
    content = bytearray((tmp_path / "set.parquet").read_bytes())
    content[200:260] = bytes(60)
    content[4:60] = b"\xff" * 56
    (tmp_path / "set.parquet").write_bytes(content)
    images = _opened(tmp_path / "set.parquet")
    assert len(images) == 10
    assert len(images.skipped) == 10
    assert all("set.parquet cannot be read (" in skip.reason and "\n" not in skip.reason for skip in images.skipped)


def test_what_is_real_and_generated_at_once_is_refused_by_its_row(noise: Noise, tmp_path: Path) -> None:
    table = {"image": _cells(noise(2)), "generator": ["a", "b"], "family": ["gan", "real"]}
    pq.write_table(pa.table(table), tmp_path / "set.parquet")
    with pytest.raises(DataError, match=r"set\.parquet\[1\] has generator 'b' and family 'real'; expected both real"):
        _opened(tmp_path / "set.parquet")
