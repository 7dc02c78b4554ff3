"""Many references are kept on disk, and no answer depends on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Points
from manifpt.errors import NumbersError
from manifpt.extractors import reference_points as module
from manifpt.extractors.artifacts import Artifacts, digest
from manifpt.extractors.reference_points import reference_points
from manifpt.images import ImageSet
from manifpt.manifolds import forms
from manifpt.manifolds.folders import KEPT, writer
from manifpt.manifolds.references import References
from manifpt.registry import built

COUNT = 1500


@pytest.fixture(scope="module")
def images() -> ImageSet:
    pixels = np.random.default_rng(0).integers(0, 256, (COUNT + 40, 8, 8, 3), np.uint8)
    return ImageSet.from_arrays(
        pixels, ["real"] * COUNT + ["gan"] * 20 + ["real"] * 20, roles=["reference"] * COUNT + [""] * 40
    )


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cache:
    """A cache that keeps any references, in shards of 512 pixel points."""
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 0)
    monkeypatch.setattr(forms, "SHARD_BYTES", 512 * 192)
    return Cache(tmp_path / "c")


def folder(cache: Cache) -> Path:
    (found,) = (cache.folder / KEPT).iterdir()
    return found


@pytest.mark.parametrize("space", ["rgb", "freq"])
def test_answers_are_those_of_references_in_memory(space: str, images: ImageSet, cache: Cache) -> None:
    whole = Artifacts(space).fit(images).measured(images.scored)
    for _ in range(2):
        found = Artifacts(space, cache=cache).fit(images).measured(images.scored)
        np.testing.assert_array_equal(found.artifacts, whole.artifacts)
        np.testing.assert_array_equal(found.distances, whole.distances)
    assert len(References(folder(cache))) == COUNT
    assert References(folder(cache)).settings == {
        "space": built("embeddings", space).settings(),
        "size": [8, 8],
        "reference": digest(images.reference),
    }


def test_blocks_are_maps_of_the_files(images: ImageSet, cache: Cache) -> None:
    blocks = list(reference_points(images.reference, built("embeddings", "rgb"), digest="ab", cache=cache))
    assert [len(block) for block in blocks] == [512, 512, 476]
    assert all(isinstance(block.values, np.memmap) for block in blocks)


def test_few_references_are_not_kept_on_disk_nor_any_without_a_cache(
    images: ImageSet, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Artifacts("rgb", cache=Cache(tmp_path)).fit(images)
    monkeypatch.setattr(module, "IN_MEMORY_BYTES", 0)
    Artifacts("rgb").fit(images)
    assert not (tmp_path / KEPT).exists()


class Counted:
    """Pixels that count the images, and stop before one of them."""

    def __init__(self, stop: int | None = None) -> None:
        self.pixels, self.stop, self.seen = built("embeddings", "rgb"), stop, 0
        self.name, self.costly, self.mirrors = self.pixels.name, self.pixels.costly, self.pixels.mirrors
        self.settings, self.shape = self.pixels.settings, self.pixels.shape

    def __call__(self, images: Any) -> Points:
        self.seen += len(images)
        if self.stop is not None and self.seen > self.stop:
            raise KeyboardInterrupt
        return self.pixels(images)  # type: ignore[no-any-return]


def test_a_build_that_was_stopped_goes_on_from_its_last_shard(images: ImageSet, cache: Cache) -> None:
    whole = Artifacts("rgb").fit(images).measured(images.scored)
    with pytest.raises(KeyboardInterrupt):
        Artifacts(Counted(stop=1300), cache=cache).fit(images)
    assert len(References(folder(cache))) == 1024
    rest = Counted()
    found = Artifacts(rest, cache=cache).fit(images)
    assert rest.seen == COUNT - 1024
    again = Counted()
    Artifacts(again, cache=cache).fit(images)
    assert again.seen == 0
    np.testing.assert_array_equal(found.measured(images.scored).artifacts, whole.artifacts)


def test_other_references_have_another_folder(images: ImageSet, cache: Cache) -> None:
    Artifacts("rgb", cache=cache).fit(images)
    rest = images.subset(np.arange(1, len(images)))
    fresh = Artifacts("rgb").fit(rest).extract(rest.scored)
    np.testing.assert_array_equal(Artifacts("rgb", cache=cache).fit(rest).extract(rest.scored), fresh)
    assert len(list((cache.folder / KEPT).iterdir())) == 2


@pytest.mark.parametrize("place", [-1, 20], ids=["a point", "the header"])
def test_damaged_references_are_reported_and_made_again(
    place: int, images: ImageSet, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Artifacts("rgb", cache=cache).fit(images)
    path = folder(cache) / "00001.safetensors"
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    found = Artifacts("rgb", cache=cache).fit(images)
    assert caplog.text.count("damaged references are made again") == 1
    assert References(folder(cache)).damaged() == []
    np.testing.assert_array_equal(found.extract(images.scored), whole.extract(images.scored))


def test_references_that_were_added_by_somebody_are_made_again(
    images: ImageSet, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    Artifacts("rgb", cache=cache).fit(images)
    References(folder(cache)).append([built("embeddings", "rgb")(np.zeros((3, 8, 8, 3), np.uint8))])
    Artifacts("rgb", cache=cache).fit(images)
    assert f"holds {COUNT + 3} references; expected {COUNT}, one for each image" in caplog.text
    assert len(References(folder(cache))) == COUNT


def test_a_second_process_goes_on_without_the_folder(
    images: ImageSet, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    whole = Artifacts("rgb").fit(images).extract(images.scored)
    with pytest.raises(KeyboardInterrupt):
        Artifacts(Counted(stop=600), cache=cache).fit(images)
    with writer(folder(cache)):
        found = Artifacts("rgb", cache=cache).fit(images)
    assert "the references are not kept on disk, going on without (another process is writing" in caplog.text
    np.testing.assert_array_equal(found.extract(images.scored), whole)


def test_a_place_that_cannot_be_written_is_reported_and_the_fit_goes_on(
    images: ImageSet, cache: Cache, caplog: pytest.LogCaptureFixture
) -> None:
    cache.folder.mkdir()
    (cache.folder / KEPT).write_text("in the way")
    Artifacts("rgb", cache=cache).fit(images)
    assert caplog.text.count("the references are not kept on disk, going on without") == 1


def test_an_error_of_the_images_is_not_taken_for_one_of_the_folder(images: ImageSet, cache: Cache) -> None:
    class Broken(Counted):
        def __call__(self, images: Any) -> Points:
            return Points(np.full((len(images), 3, 8, 8), np.nan, np.float32))

    with pytest.raises(NumbersError, match=r"the point of .* in rgb holds NaN or infinity"):
        Artifacts(Broken(), cache=cache).fit(images)


def test_no_network_is_loaded_to_know_how_large_points_are(images: ImageSet, monkeypatch: pytest.MonkeyPatch) -> None:
    space = built("embeddings", "ssl-cifar")
    monkeypatch.setattr(type(space), "__call__", lambda *_: pytest.fail("embedded"))
    assert module._size(images, space) == len(images) * 4 * int(np.prod(space.shape(8, 8)))
