from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.images.arrays import by_arrays

Noise = Callable[..., NDArray[np.uint8]]
NAMES = np.array(["wgan", "wgan", "real", "glow"])


def _opened(path: Path) -> ImageSet:
    return ImageSet.open(path, reference_needed=False)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("labels", ["generators", "labels"])
def test_an_npz_gives_back_its_pixels_and_labels(
    noise: Noise, tmp_path: Path, save: Callable[..., None], labels: str
) -> None:
    save(tmp_path / "set.npz", images=noise(4), **{labels: NAMES}, role=np.array(["", "test", "train", ""]))
    images = _opened(tmp_path / "set.npz")
    np.testing.assert_array_equal(images.pixels(), noise(4))
    assert images.generators.tolist() == NAMES.tolist()
    assert images.roles.tolist() == ["", "test", "train", ""]
    assert images.paths[2] == f"{tmp_path}/set.npz[2]"
    assert images.layout == "arrays with labels"


def test_the_suffix_may_be_in_capitals(noise: Noise, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=noise(4), generators=NAMES)
    (tmp_path / "set.npz").rename(tmp_path / "SET.NPZ")
    assert len(_opened(tmp_path / "SET.NPZ")) == 4


@pytest.mark.parametrize("name", ["set.labels.npy", "labels.npy", "generators.npy"])
def test_an_npy_finds_its_labels_beside_it(noise: Noise, tmp_path: Path, name: str) -> None:
    np.save(tmp_path / "set.npy", noise(4))
    np.save(tmp_path / name, NAMES)
    images = _opened(tmp_path / "set.npy")
    np.testing.assert_array_equal(images.pixels(), noise(4))
    assert images.generators.tolist() == NAMES.tolist()


def test_an_npy_without_labels_says_where_they_belong(noise: Noise, tmp_path: Path) -> None:
    np.save(tmp_path / "set.npy", noise(4))
    with pytest.raises(DataError) as caught:
        _opened(tmp_path / "set.npy")
    assert str(caught.value) == (
        f"{tmp_path}/set.npy has no labels beside it; expected set.labels.npy with one generator per image; "
        "write it with numpy.save"
    )


def test_grey_arrays_become_three_equal_channels(noise: Noise) -> None:
    grey = noise(3)[..., 0]
    pixels = ImageSet.from_arrays(grey, ["a", "b", "c"]).pixels()
    np.testing.assert_array_equal(pixels, np.repeat(grey[..., None], 3, axis=3))


@pytest.mark.parametrize(
    "images",
    [
        np.zeros((2, 4, 4, 3)),
        np.zeros((2, 4, 4, 3), np.uint16),
        np.zeros((2, 3, 4, 4), np.uint8),
        np.zeros((2, 4, 4, 4), np.uint8),
        np.zeros((2, 4), np.uint8),
    ],
)
def test_what_is_not_8_bit_rgb_or_grey_is_refused_with_its_type_and_shape(images: NDArray[Any]) -> None:
    with pytest.raises(DataError) as caught:
        ImageSet.from_arrays(images, ["a", "b"])
    assert str(caught.value) == (
        f"the images of array have type {images.dtype} and shape {images.shape}; expected uint8 (n, height, width, 3) "
        "or (n, height, width); scale floats to 0\u2013255, round them and convert to uint8; move channels last"
    )


def test_labels_of_another_count_are_refused(noise: Noise) -> None:
    with pytest.raises(DataError, match=r"array has 3 images and \{'generators': 2\} labels; expected one label per"):
        ImageSet.from_arrays(noise(3), ["a", "b"])


def test_an_unknown_role_is_refused(noise: Noise) -> None:
    with pytest.raises(DataError) as caught:
        ImageSet.from_arrays(noise(2), ["a", "b"], roles=["", "held"])
    assert str(caught.value) == (
        "array has the role 'held'; expected reference, train, validation, test or nothing; correct it"
    )


def test_numbers_and_bytes_are_names_and_nothing_is_no_name(noise: Noise) -> None:
    assert ImageSet.from_arrays(noise(2), [7, 8]).generators.tolist() == ["7", "8"]
    assert ImageSet.from_arrays(noise(2), np.array([b"a", b"b"])).generators.tolist() == ["a", "b"]
    images = ImageSet.from_arrays(
        noise(2), ["a", "b"], families=["gan", None], latents=[None, "z"], roles=[None, "test"]
    )
    assert images.families.tolist() == ["gan", ""]
    assert [record.latent for record in images.records] == [None, "z"]
    assert images.roles.tolist() == ["", "test"]


def test_a_family_of_reals_makes_the_class_real_where_nothing_contradicts(noise: Noise) -> None:
    assert ImageSet.from_arrays(noise(2), ["", "b"], families=["real", "gan"]).generators.tolist() == ["real", "b"]
    assert ImageSet.from_arrays(noise(2), ["REAL", "b"]).generators.tolist() == ["real", "b"]


@pytest.mark.parametrize(("generator", "family"), [("a", "real"), ("real", "gan")])
def test_what_is_real_and_generated_at_once_is_refused_by_its_index(noise: Noise, generator: str, family: str) -> None:
    with pytest.raises(DataError) as caught:
        ImageSet.from_arrays(noise(2), ["b", generator], families=["gan", family])
    assert str(caught.value) == (
        f"array[1] has generator {generator!r} and family {family!r}; expected both real, or neither; "
        "correct one of them"
    )


def test_a_generated_image_is_no_reference(noise: Noise) -> None:
    with pytest.raises(DataError, match=r"array\[1\] is a reference made by 'a'; expected only reals"):
        ImageSet.from_arrays(noise(2), ["real", "a"], roles=["reference", "reference"])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_images_of_an_npz_stay_out_of_anonymous_memory(tmp_path: Path, save: Callable[..., None]) -> None:
    images = np.zeros((6000, 64, 64, 3), np.uint8)
    images[:, 0, 0, 0], images[:, 0, 0, 1] = np.arange(6000) % 256, np.arange(6000) // 256
    save(tmp_path / "set.npz", images=images, generators=np.array(["a", "b"] * 3000))
    tracemalloc.start()
    found = by_arrays(tmp_path / "set.npz")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < images.nbytes / 3
    np.testing.assert_array_equal(found[4321].source.read("x").pixels, images[4321])


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_the_order_of_an_array_in_its_file_changes_nothing(
    noise: Noise, tmp_path: Path, save: Callable[..., None]
) -> None:
    save(tmp_path / "set.npz", images=np.asfortranarray(noise(4)), generators=NAMES)
    np.testing.assert_array_equal(_opened(tmp_path / "set.npz").pixels(), noise(4))


def test_pickled_labels_are_refused_and_not_run(noise: Noise, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", images=noise(1), generators=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="cannot be read without pickle"):
        _opened(tmp_path / "set.npz")


def test_an_archive_without_images_says_what_it_should_hold(noise: Noise, tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", pictures=noise(1), generators=NAMES[:1])
    with pytest.raises(DataError, match="images"):
        _opened(tmp_path / "set.npz")


def test_a_damaged_archive_is_an_error_in_one_line(noise: Noise, tmp_path: Path) -> None:
    whole = io.BytesIO()
    np.savez_compressed(whole, images=noise(4), generators=NAMES)
    content = whole.getvalue()
    place = content.index(b"images.npy") + 60
    array = io.BytesIO()
    np.save(array, noise(1))
    flat = io.BytesIO()
    with zipfile.ZipFile(flat, "w") as archive:
        archive.writestr("images.npy", b"no array")
    for damaged in (
        content[:100],
        content[:-40],
        content[:place] + b"\xff" * 40 + content[place + 40 :],
        b"",
        b"text",
        array.getvalue(),
        flat.getvalue(),
    ):
        (tmp_path / "set.npz").write_bytes(damaged)
        with pytest.raises(DataError) as caught:
            _opened(tmp_path / "set.npz")
        assert "\n" not in str(caught.value)
