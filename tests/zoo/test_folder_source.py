"""Published images are one generator's, in their order and bit for bit."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manifpt.errors import DataError, ImageError, NumbersError
from manifpt.images import ImageSet
from manifpt.zoo import folder
from manifpt.zoo.output import samples, write_folder, write_parquet
from manifpt.zoo.source import Images, Source

PIXELS = np.random.default_rng(0).integers(0, 256, (60, 12, 10, 3), np.uint8)


def flat(root: Path) -> Path:
    for place, pixels in enumerate(PIXELS):
        Image.fromarray(pixels).save(root / f"{place:03d}.png")
    return root


def by_class(root: Path) -> Path:
    """Names in the order of the pixels; the last lie beside the folders."""
    for place, pixels in enumerate(PIXELS):
        home = root / ("a" if place < 30 else "b" if place < 55 else "")
        home.mkdir(exist_ok=True)
        Image.fromarray(pixels).save(home / f"z{place:03d}.png")
    return root


def with_manifest(root: Path) -> Path:
    with (root / "manifest.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "generator"])
        for place, pixels in enumerate(PIXELS):
            # Backwards: the manifest's order counts, not the names'.
            Image.fromarray(pixels).save(root / f"{99 - place}.png")
            writer.writerow([f"{99 - place}.png", "other-name"])
    return root


def arrays(root: Path) -> Path:
    np.savez(root / "images.npz", images=PIXELS, generators=np.full(len(PIXELS), "other-name"))
    return root / "images.npz"


def parquet(root: Path) -> Path:
    ours = Source("other-name", "gan", "", lambda count, /, *, seed=0, start=0: iter([PIXELS]))
    write_parquet(root / "images.parquet", samples(ours, len(PIXELS)))
    return root / "images.parquet"


def ours(root: Path) -> Path:
    made = Source("other-name", "gan", "", lambda count, /, *, seed=0, start=0: iter([PIXELS]))
    write_folder(root / "written", samples(made, len(PIXELS)))
    return root / "written"


def joined(source: Source, count: int, **numbers: int) -> Images:
    return np.concatenate(list(source.draw(count, **numbers)))


@pytest.mark.parametrize("layout", [flat, by_class, with_manifest, arrays, parquet, ours])
def test_images_of_any_layout_come_in_order_and_bit_for_bit(layout: object, tmp_path: Path) -> None:
    assert callable(layout)
    source = folder.source(layout(tmp_path), name="mine", family="score")
    assert (source.name, source.family) == ("mine", "score")
    np.testing.assert_array_equal(joined(source, 60), PIXELS)
    np.testing.assert_array_equal(joined(source, 7, start=48), PIXELS[48:55])
    assert list(source.draw(0, start=60)) == []


def test_the_digest_is_that_of_the_pixels_in_their_order(tmp_path: Path) -> None:
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
    one = folder.source(flat(tmp_path / "one"), name="x").digest
    assert folder.source(with_manifest(tmp_path / "other"), name="y").digest == one
    (tmp_path / "one" / "000.png").rename(tmp_path / "one" / "999.png")
    assert folder.source(tmp_path / "one", name="x").digest != one


def test_samples_are_relabelled_and_open_as_a_set(tmp_path: Path) -> None:
    source = folder.source(arrays(tmp_path), name="mine", family="score")
    write_folder(tmp_path / "out", samples(source, 5, start=2))
    images = ImageSet.open(tmp_path / "out", reference_needed=False)
    assert (set(images.generators.tolist()), set(images.families.tolist())) == ({"mine"}, {"score"})
    np.testing.assert_array_equal(images.pixels(), PIXELS[2:7])


def test_sizes_may_be_made_equal(tmp_path: Path) -> None:
    flat(tmp_path)
    Image.fromarray(PIXELS[0, :11]).save(tmp_path / "999.png")
    with pytest.raises(ImageError, match="the images have 2 sizes"):
        folder.source(tmp_path, name="x")
    cut = folder.source(tmp_path, name="x", crop=8)
    np.testing.assert_array_equal(joined(cut, 60), PIXELS[:, 2:10, 1:9])
    assert joined(folder.source(tmp_path, name="x", resize=6), 61).shape == (61, 6, 6, 3)


@pytest.mark.parametrize(
    ("count", "numbers", "text"),
    [
        (61, {}, "holds 60 images, and 61 from 0 on were asked for; .*sum to at most 60; give a smaller --count"),
        (11, {"start": 50}, "holds 60 images, and 11 from 50 on were asked for"),
        (5, {"seed": 1}, "was asked for seed 1, and holds images that are made; expected seed 0; leave --seed out"),
    ],
)
def test_images_that_were_not_published_cannot_be_drawn(
    tmp_path: Path, count: int, numbers: dict[str, int], text: str
) -> None:
    source = folder.source(arrays(tmp_path), name="x")
    with pytest.raises(DataError, match=text):
        joined(source, count, **numbers)


def test_negative_numbers_are_refused(tmp_path: Path) -> None:
    with pytest.raises(NumbersError, match="expected numbers from 0 up"):
        joined(folder.source(arrays(tmp_path), name="x"), 1, start=-1)


def test_reals_are_no_generator_s_images(tmp_path: Path) -> None:
    names = np.array(["gan"] * 59 + ["real"])
    np.savez(tmp_path / "images.npz", images=PIXELS, generators=names)
    with pytest.raises(DataError, match="holds images labelled real; expected images of one generator"):
        folder.source(tmp_path / "images.npz", name="x")
    (tmp_path / "folders").mkdir()
    for name in ("gan", "real"):
        (tmp_path / "folders" / name).mkdir()
        Image.fromarray(PIXELS[0]).save(tmp_path / "folders" / name / "0.png")
    with pytest.raises(DataError, match="holds images labelled real"):
        folder.source(tmp_path / "folders", name="x")


def test_a_listing_of_several_generators_is_not_taken_for_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "images.npz", images=PIXELS, generators=np.array(["gan", "vae", "flow"] * 20))
    with pytest.raises(DataError, match=r"holds images of 3 generators \(gan, vae, …\); expected images of one"):
        folder.source(tmp_path / "images.npz", name="x")


@pytest.mark.parametrize("damage", ["absent", "empty", "torn"])
def test_what_cannot_be_read_is_told(tmp_path: Path, damage: str) -> None:
    if damage == "torn":
        flat(tmp_path)
        (tmp_path / "007.png").write_bytes((tmp_path / "007.png").read_bytes()[:60])
    place = tmp_path / "nowhere" if damage == "absent" else tmp_path
    with pytest.raises((DataError, ImageError), match=r"does not exist|holds no image|007\.png"):
        folder.source(place, name="x")
