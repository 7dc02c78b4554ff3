"""Laws of points that the nodes of a cluster make."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from manifpt import ImageSet
from manifpt.cache import Cache
from manifpt.cluster import ClusterError
from manifpt.embeddings import spread
from manifpt.embeddings.embedding import Points
from manifpt.embeddings.pixels import RGB
from manifpt.embeddings.rows import failure_table, images_of, images_table, points_of, points_table
from manifpt.embeddings.spread import Spread
from manifpt.errors import ImageError, NumbersError
from manifpt.extractors import points
from manifpt.extractors.points import embedded
from manifpt.images import Preparation
from manifpt.registry import built

COUNT, PART = 26, 8  # images, and images of a part: the last part is shorter


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(points, "BATCH", PART)


def pictures(count: int = COUNT, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 9, 8, 3)).astype(np.uint8)


def in_memory(pixels: NDArray[np.uint8]) -> ImageSet:
    return ImageSet.from_arrays(pixels, ["gan"] * len(pixels))


def in_files(folder: Path, pixels: NDArray[np.uint8], **options: Any) -> ImageSet:
    (folder / "gan").mkdir(parents=True)
    for index, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / "gan" / f"{index:03}.png")
    return ImageSet.open(folder, reference_needed=False, **options)


def same(found: list[tuple[slice, Points]], expected: list[tuple[slice, Points]]) -> None:
    """Equal to the bit: places, types, shapes, scales and values."""
    assert len(found) == len(expected)
    for (place, one), (other_place, other) in zip(found, expected, strict=True):
        assert (place, one.scale) == (other_place, other.scale)
        assert (one.values.dtype, one.values.shape) == (other.values.dtype, other.values.shape)
        assert one.values.tobytes() == other.values.tobytes()


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many parts each pipeline was given."""
    counts: list[int] = []
    mapped = spread._mapped

    def counted(ray: Any, held: Any, tables: list[Any]) -> Generator[Any]:
        counts.append(len(tables))
        return mapped(ray, held, tables)

    monkeypatch.setattr(spread, "_mapped", counted)
    return counts


def behaving(act: Callable[[NDArray[np.uint8]], object], *, costly: bool = False) -> Any:
    """Return RGB as a space that does something first; its class goes to the nodes by value."""

    class Behaving(RGB):
        name = "behaving"

        def __init__(self) -> None:
            self.costly = costly

        def __call__(self, images: NDArray[np.uint8]) -> Points:
            act(images)
            return Points(super().__call__(images).coordinates()) if self.costly else super().__call__(images)

    return Behaving()


@pytest.mark.parametrize("space", ["rgb", "freq", "rgb+freq"])
def test_points_have_the_bits_of_one_process_in_order(
    two_nodes: Any, tmp_path: Path, space: str, pipelines: list[int]
) -> None:
    for images in (in_memory(pictures()), in_files(tmp_path, pictures(seed=1), resize=6)):
        there, here = Spread(built("embeddings", space)), built("embeddings", space)
        assert there.settings() == here.settings()
        same(list(embedded(images, there)), list(embedded(images, here)))
    assert pipelines == [4, 4]


def test_a_network_travels_with_its_weights_batches_and_threads(
    two_nodes: Any, tmp_path: Path, pipelines: list[int]
) -> None:
    import torch

    from manifpt.embeddings.residual import SmallResNet
    from manifpt.embeddings.small import CHECKPOINTS, SupervisedCIFAR

    with torch.random.fork_rng():
        torch.manual_seed(0)
        torch.save({"state_dict": SmallResNet((3, 3, 3), (16, 32, 64), 10).state_dict()}, tmp_path / CHECKPOINTS[20])
    network = SupervisedCIFAR(weights=tmp_path)
    network.batch = 3
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        expected = list(embedded(in_memory(pictures()), network))
        (tmp_path / CHECKPOINTS[20]).unlink()
        same(list(embedded(in_memory(pictures()), Spread(network))), expected)
    finally:
        torch.set_num_threads(before)
    assert pipelines == [4]


def test_points_in_the_cache_are_not_made_again_and_copies_are_made_once(
    two_nodes: Any, tmp_path: Path, pipelines: list[int]
) -> None:
    images = in_memory(pictures()).subset([*range(10), *range(5), *range(20), 25, 25])
    space = behaving(lambda _: None, costly=True)
    caches = Cache(tmp_path / "here"), Cache(tmp_path / "there")
    for cache in caches:
        list(embedded(images.subset([3, 12]), space, cache=cache))
    here, there = (
        list(embedded(images, one, cache=cache)) for one, cache in zip((space, Spread(space)), caches, strict=True)
    )
    same(there, here)
    assert [shelf.entries for cache in caches for shelf in cache.shelves()] == [21, 21]
    same(list(embedded(images, Spread(space), cache=caches[1])), here)
    assert pipelines == [4]


def test_many_images_go_in_several_pipelines_and_one_part_alone_in_none(
    two_nodes: Any, monkeypatch: pytest.MonkeyPatch, pipelines: list[int]
) -> None:
    monkeypatch.setattr(spread, "WINDOW", 1)
    images = in_memory(pictures(5 * PART))
    same(list(embedded(images, Spread(RGB()))), list(embedded(images, RGB())))
    assert pipelines == [2, 2, 1]
    few = images.subset(range(PART))
    same(list(embedded(few, Spread(RGB(), address="nowhere"))), list(embedded(few, RGB())))
    assert list(embedded(few.subset([]), Spread(RGB()))) == []
    assert pipelines == [2, 2, 1]


def test_a_worker_that_is_killed_in_the_middle_is_replaced_and_nothing_else_is_seen(
    two_nodes: Any, tmp_path: Path
) -> None:
    pixels = pictures()
    sign, mark, here = tmp_path / "died", pixels[PART, 0, 0].tobytes(), os.getpid()

    def die_once(images: NDArray[np.uint8]) -> None:
        if images[0, 0, 0].tobytes() == mark and not sign.exists() and os.getpid() != here:
            sign.touch()
            os.kill(os.getpid(), signal.SIGKILL)

    found = list(embedded(in_memory(pixels), Spread(behaving(die_once))))
    assert sign.exists()
    same(found, list(embedded(in_memory(pixels), RGB())))


def test_a_node_that_is_lost_in_the_middle_leaves_its_parts_to_the_others(two_nodes: Any, tmp_path: Path) -> None:
    third = two_nodes.add_node(num_cpus=1, object_store_memory=100 * 2**20)
    lost, sign, pixels = third.node_id, tmp_path / "reached", pictures(8 * PART)

    def stay(images: NDArray[np.uint8]) -> None:
        import ray

        if ray.get_runtime_context().get_node_id() == lost:
            sign.touch()
            time.sleep(60)
        elif not sign.exists():  # so that the others do not take all
            time.sleep(0.5)

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(lambda: list(embedded(in_memory(pixels), Spread(behaving(stay)))))
        while not sign.exists() and not asked.done():
            time.sleep(0.1)
        two_nodes.remove_node(third, allow_graceful=False)
        found = asked.result(timeout=60)
    assert sign.exists()
    same(found, list(embedded(in_memory(pixels), RGB())))


def test_a_damaged_image_and_a_point_that_is_not_finite_are_told_as_by_one_process(
    two_nodes: Any, tmp_path: Path
) -> None:
    files = in_files(tmp_path, pictures())
    changed = Image.fromarray(pictures(1, seed=5)[0])
    changed.save(files.paths[20])
    Path(files.paths[13]).write_bytes(b"no image")

    def broken(images: NDArray[np.uint8]) -> Points:
        values = RGB()(images).coordinates()
        values[-1, 0, 0, 0] = np.nan
        return Points(values)

    space = behaving(lambda _: None)
    type(space).__call__ = lambda _, images: broken(images)
    for images, one, kind, words in (
        (files, RGB(), ImageError, "013.png is not an image"),
        (files.subset([*range(13), *range(14, 26)]), RGB(), ImageError, "020.png has other pixels than when"),
        (in_memory(pictures()), space, NumbersError, r"array\[7\] in behaving holds NaN"),
    ):
        texts = []
        for either in (one, Spread(one)):
            before = set(threading.enumerate())
            with pytest.raises(kind, match=words) as told:
                list(embedded(images, either))
            # A thread that still asks Ray would end the process when it leaves the cluster. Ray's own are none of ours;
            # those that Python did not start are called Dummy.
            left = {thread.name for thread in set(threading.enumerate()) - before}
            known = ("ThreadPoolExecutor", "ray_", "PythonGC", "Dummy-")
            assert not {name for name in left if not name.startswith(known)}
            assert told.type is kind
            texts.append(str(told.value))
        assert texts[0] == texts[1]


def test_what_only_a_node_cannot_make_is_one_line(two_nodes: Any, capfd: pytest.CaptureFixture[str]) -> None:
    here = os.getpid()

    def refuse(images: NDArray[np.uint8]) -> None:
        if os.getpid() != here:
            raise FileNotFoundError("no such\nfile")

    with pytest.raises(ClusterError, match=r"cannot make points \(FileNotFoundError: no such file; 8 images") as told:
        list(embedded(in_memory(pictures()), Spread(behaving(refuse))))
    assert "\n" not in str(told.value)

    assert capfd.readouterr().err == ""


def test_without_ray_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(ClusterError, match=r"pip install 'manifpt\[ray\]'"):
        Spread(RGB())


def test_images_and_points_come_out_of_tables_as_they_went_in(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow", reason="needs Arrow")
    for images in (in_memory(pictures()), in_files(tmp_path / "\udcff", pictures(), crop=5)):
        table = images_table(3, images)
        back = images_of(table)
        assert (back.pixels() == images.pixels()).all()
        assert back.digests == images.digests
        assert (images_of(table.slice(5, 2)).pixels() == images.pixels()[5:7]).all()
    assert "pixels" not in table.column_names
    assert images.preparation == Preparation(crop=5)
    for space in ("rgb", "freq"):
        whole = built("embeddings", space)(pictures())
        table = points_table(0, whole)
        cut = [table.slice(0, 3), table.slice(3, 20), table.slice(23), failure_table(1, "why"), points_table(2, whole)]
        parts = list(points_of(cut, whole.values.shape[1:]))
        assert [number for number, _ in parts] == [0, 1, 2]
        assert parts[1][1] == "why"
        same([(slice(0), one) for _, one in parts if isinstance(one, Points)], [(slice(0), whole)] * 2)
