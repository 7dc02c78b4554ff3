from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError, ImageError, LeakError
from manifpt.images import ImageSet

Noise = Callable[..., NDArray[np.uint8]]
Tree = Callable[[Path, Mapping[str, int]], Path]


@pytest.fixture
def opened(tree: Tree, tmp_path: Path) -> ImageSet:
    root = tree(tmp_path, {"gan": 5, "vae": 4, "real": 6})
    return ImageSet.open(root)


@pytest.mark.parametrize("size", [1, 2, 7, 15, 100])
def test_batches_pixels_and_single_images_are_the_same_in_the_same_order(opened: ImageSet, size: int) -> None:
    pixels = opened.pixels()
    assert pixels.shape == (15, 16, 16, 3)
    assert pixels.dtype == np.uint8
    places = []
    for place, batch in opened.batches(size):
        np.testing.assert_array_equal(batch, pixels[place])
        places += list(range(*place.indices(len(opened))))
    assert places == list(range(15))
    for index, path in enumerate(opened.paths):
        np.testing.assert_array_equal(opened[index], pixels[index])
        np.testing.assert_array_equal(opened[index], np.asarray(Image.open(path)))


def test_a_subset_keeps_the_order_asked_for_and_all_that_is_known(opened: ImageSet) -> None:
    rows = [4, 0, 9]
    part = opened.subset(rows)
    np.testing.assert_array_equal(part.pixels(), opened.pixels()[rows])
    np.testing.assert_array_equal(part.thumbnails, opened.thumbnails[rows])
    assert part.paths == [opened.paths[row] for row in rows]
    assert part.digests == tuple(opened.digests[row] for row in rows)
    assert part.generators.tolist() == opened.generators[rows].tolist()
    assert len(opened.subset(np.array([], np.int64))) == 0


def test_a_mask_is_not_taken_for_indices(opened: ImageSet) -> None:
    mask = opened.generators == "vae"
    try:
        part = opened.subset(mask)
    except (TypeError, ValueError, IndexError):
        return
    assert part.paths == [path for path, wanted in zip(opened.paths, mask, strict=True) if wanted]


def test_the_reference_and_the_scored_are_the_whole(opened: ImageSet) -> None:
    assert sorted(opened.reference.paths + opened.scored.paths) == sorted(opened.paths)
    assert set(opened.reference.roles) == {"reference"}
    assert len(opened.reference) == 3
    assert opened.scored.classes == opened.classes == ("gan", "real", "vae")


def test_an_empty_set_has_everything_and_of_everything_nothing() -> None:
    empty = ImageSet.from_arrays(np.empty((0, 8, 8, 3), np.uint8), [])
    assert len(empty) == 0
    assert empty.pixels().shape == (0, 8, 8, 3)
    assert list(empty.batches()) == []
    assert (empty.classes, empty.paths, empty.digests) == ((), [], ())
    assert empty.groups.shape == empty.generators.shape == empty.roles.shape == (0,)
    assert len(empty.scored) == len(empty.reference) == 0


def test_equal_pixels_have_equal_digests_and_other_shapes_of_the_same_bytes_have_not() -> None:
    row = np.arange(48, dtype=np.uint8)
    wide, tall = (ImageSet.from_arrays(row.reshape(1, *shape, 3), ["a"]) for shape in ((2, 8), (8, 2)))
    assert wide.digests != tall.digests
    assert wide.digests == ImageSet.from_arrays(row.reshape(1, 2, 8, 3).copy(), ["b"]).digests
    assert all(len(digest) == 64 for digest in wide.digests)


@pytest.mark.parametrize("change", ["size", "content", "damage", "removal"])
def test_a_file_that_changes_during_the_run_is_an_error_that_names_it(
    opened: ImageSet, noise: Noise, change: str
) -> None:
    path = Path(opened.paths[3])
    if change == "size":
        Image.fromarray(noise(side=8)[0]).save(path)
    elif change == "content":
        Image.fromarray(noise(seed=99)[0]).save(path)
    elif change == "damage":
        path.write_bytes(path.read_bytes()[:100])
    else:
        path.unlink()
    with pytest.raises(ImageError, match=path.name):
        opened.pixels()
    with pytest.raises(ImageError, match=path.name):
        opened[3]


def test_an_unreadable_image_is_skipped_by_name_and_counted_or_fails_if_strict(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"gan": 3, "real": 4})
    (root / "gan" / "bad.png").write_text("no image")
    (root / "gan" / "folder.png").mkdir()
    (root / "gan" / "link.png").symlink_to(root / "nowhere.png")
    os.mkfifo(root / "gan" / "pipe.png")
    images = ImageSet.open(root)
    assert len(images) == 7
    assert [skip.path for skip in images.skipped] == [
        f"{root}/gan/{name}.png" for name in ("bad", "folder", "link", "pipe")
    ]
    assert all(skip.reason.startswith(skip.path) for skip in images.skipped)
    assert "skipped: " in images.describe()
    with pytest.raises(ImageError, match=r"bad\.png is not an image"):
        ImageSet.open(root, strict=True)


def test_mixed_sizes_are_an_error_that_proposes_crop_and_resize(tree: Tree, noise: Noise, tmp_path: Path) -> None:
    root = tree(tmp_path, {"gan": 3, "real": 4})
    Image.fromarray(noise(side=24)[0]).save(root / "gan" / "large.png")
    with pytest.raises(ImageError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        f"the images have 2 sizes: 7 of 16 \u00d7 16 ({root}/gan/0000.png) and 1 of 24 \u00d7 24 "
        f"({root}/gan/large.png); expected one size; give --crop 16 (keeps the trace) or --resize 16 (changes it)"
    )
    for settings in ({"crop": 16}, {"resize": 12}):
        images = ImageSet.open(root, **settings)  # type: ignore[arg-type]
        assert {(image.shape) for _, batch in images.batches() for image in batch} == {
            (min(settings.values()),) * 2 + (3,)
        }


def test_what_was_found_is_described_in_words(opened: ImageSet) -> None:
    assert opened.describe() == (
        "one folder per generator: 12 images of 3 classes, 16 \u00d7 16 pixels (gan 5, real 3, vae 4)\n"
        "reference: 3 reals\n"
        "note: one pool of 6 reals: 3 form the class real, 3 the reference\n"
        "note: only 3 references: a manifold from fewer than 200 is coarse"
    )


def test_a_set_that_is_open_already_is_given_back(opened: ImageSet) -> None:
    assert ImageSet.open(opened) is opened


def test_several_paths_are_pooled(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"first/gan": 2, "second/vae": 3, "ref": 1})
    images = ImageSet.open([root / "first", root / "second"], reference=root / "ref")
    assert images.scored.generators.tolist() == ["gan"] * 2 + ["vae"] * 3


def test_going_through_a_large_set_holds_a_few_batches_only(tmp_path: Path) -> None:
    # 1,500 files of 12 KiB of pixels each: 18 MB.
    (tmp_path / "gan").mkdir()
    rng = np.random.default_rng(0)
    for index in range(1500):
        Image.fromarray(rng.integers(0, 256, (64, 64, 3), np.uint8)).save(tmp_path / "gan" / f"{index:04d}.bmp")
    images = ImageSet.open(tmp_path, reference_needed=False)
    tracemalloc.start()
    total = sum(len(batch) for _, batch in images.batches(32))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert total == 1500
    assert peak < 5 * 2**20


def test_all_pixels_of_a_large_set_stay_out_of_anonymous_memory() -> None:
    pixels = np.zeros((6000, 64, 64, 3), np.uint8)
    pixels[:, 0, 0, 0] = np.arange(6000) % 256
    images = ImageSet.from_arrays(pixels, ["a"] * 6000)
    tracemalloc.start()
    found = images.pixels()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < pixels.nbytes / 2
    np.testing.assert_array_equal(found[::500], pixels[::500])


@pytest.mark.parametrize(
    "more", [{"reference": "x"}, {"crop": 8}, {"generators": ["gan"]}, {"strict": True}, {"reference_needed": False}]
)
def test_a_set_that_is_open_already_takes_no_other_argument(opened: ImageSet, more: dict[str, Any]) -> None:
    with pytest.raises(DataError) as caught:
        ImageSet.open(opened, **more)
    assert str(caught.value) == (
        "a set that is open already was given together with other arguments; expected the set alone, or paths with "
        "those arguments; open the paths with them, or use subset and with_roles"
    )


def test_latents_of_two_generators_are_two_spaces(noise: Noise) -> None:
    images = ImageSet.from_arrays(noise(4), ["a", "a", "b", "b"], latents=["1", "1", "1", "2"])
    assert images.groups[0] == images.groups[1]
    assert len(np.unique(images.groups)) == 3


def test_a_name_of_any_bytes_is_kept_and_no_control_character_is_described(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 1, "two": 1})
    os.rename(root / "two", os.path.join(os.fsencode(root), b"\xff\x1b[31m\n"))
    (root / "one" / "bad\r.png").write_bytes(b"")
    images = ImageSet.open(root, reference_needed=False)
    assert [os.fsencode(path) for path in images.paths if "one" not in path] == [
        os.fsencode(root) + b"/\xff\x1b[31m\n/0000.png"
    ]
    words = images.describe()
    assert words.encode("utf-8", "backslashreplace").decode().count("\\x1b[31m\\x0a 1") == 1
    assert [letter for letter in words if letter < " " and letter != "\n"] == []
    assert len(words.splitlines()) == 3


def test_a_set_with_other_roles_is_the_same_images(noise: Noise) -> None:
    images = ImageSet.from_arrays(noise(4), ["a", "a", "real", "real"])
    marked = images.with_roles([None, "test", "reference", ""])
    assert marked.roles.tolist() == ["", "test", "reference", ""]
    assert marked.reference.paths == ["array[2]"]
    assert marked.digests == images.digests
    assert images.with_roles(marked.roles).roles.tolist() == marked.roles.tolist()


def test_roles_that_would_be_wrong_are_refused(noise: Noise) -> None:
    images = ImageSet.from_arrays(np.concatenate([noise(2), noise(1)]), ["real", "a", "real"])
    for roles, text in (
        (["held", None, None], "there is the role 'held'; expected reference, train, validation, test or nothing"),
        (["test"], "1 roles for 3 images; expected"),
        ([None, "reference", None], r"array\[1\] is a reference made by 'a'; expected only reals"),
    ):
        with pytest.raises(DataError, match=text):
            images.with_roles(roles)
    with pytest.raises(LeakError, match=r"array\[0\] \(reference\) and array\[2\] \(real, scored\)"):
        images.with_roles(["reference", None, None])


def test_photographs_can_be_divided_and_grouped_like_any_other_images(tmp_path: Path) -> None:
    for index in range(5):
        pixels = np.random.default_rng(index // 2).integers(0, 255, (16, 16, 3), np.uint8)
        Image.fromarray(pixels + np.uint8(index % 2)).save(tmp_path / f"{index}.png")
    found = ImageSet.photographs(tmp_path)
    assert [Path(path).name for path in found.subset(np.array([3, 0])).paths] == ["3.png", "0.png"]
    assert len(set(found.groups[:2])) == len(set(found.groups[2:4])) == 1
    assert len(set(found.groups)) == 3
