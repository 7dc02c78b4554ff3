"""The images of a paper set are found in the release's layout, and every mistake is told before anything is written."""

from __future__ import annotations

import shutil
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from manifpt.errors import DataError, ImageError, LeakError
from manifpt.images import ImageSet
from manifpt.zoo import collected as collecting
from manifpt.zoo.collected import Collection, arranged, collected
from manifpt.zoo.output import samples, write_folder, write_parquet
from manifpt.zoo.published import paper_set

SIDE = 16
# The set's images are small here.
CHOSEN = replace(paper_set("GM-FFHQ"), size=SIDE)
FOLDERS = [one.folder for one in CHOSEN.models]
NAMES = [one.name for one in CHOSEN.models]


@pytest.fixture(autouse=True)
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(collecting, "TRAINING", 6)
    monkeypatch.setattr(collecting, "TESTING", 3)


def drawn(seed: int, side: int = SIDE) -> Image.Image:
    return Image.fromarray(np.random.default_rng(seed).integers(0, 256, (side, side, 3), np.uint8))


def stacked(first: int) -> np.ndarray:
    return np.stack([np.asarray(drawn(first + index)) for index in range(5)])


def fill(place: Path, first: int, count: int = 5, side: int = SIDE) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for index in range(count):
        drawn(first + index, side).save(place / f"{index:03d}.png")


@pytest.fixture
def release(tmp_path: Path) -> Path:
    for place, name in enumerate(FOLDERS):
        fill(tmp_path / "release" / name, 1000 * place)
    return tmp_path / "release"


def pixels(images: Collection, name: str) -> np.ndarray:
    place = [source.name for source in images.sources].index(name)
    return np.concatenate(list(images.sources[place].draw(images.counts[place])))


def test_a_source_gives_the_images_of_its_folder_in_the_order_of_the_listing(release: Path) -> None:
    images = collected(CHOSEN, release)
    assert [source.name for source in images.sources] == NAMES
    assert [source.family for source in images.sources] == [one.family for one in CHOSEN.models]
    assert images.counts == (5,) * 8
    assert (images.missing, images.notes) == ((), ())
    for place, name in enumerate(NAMES):
        np.testing.assert_array_equal(pixels(images, name), stacked(1000 * place))


@pytest.mark.parametrize(("count", "training", "testing"), [(3, 2, 1), (5, 3, 2), (8, 5, 3), (9, 6, 3), (20, 6, 3)])
def test_two_thirds_of_few_images_train_and_of_many_the_first(
    release: Path, count: int, training: int, testing: int
) -> None:
    shutil.rmtree(release / "vae-nvae")
    fill(release / "vae-nvae", 9000, count)
    rows = [sample.row for sample in collected(CHOSEN, release).samples() if sample.row["generator"] == "nvae"]
    assert [row["role"] for row in rows] == ["train"] * training + ["test"] * testing
    assert [row["index"] for row in rows] == list(range(training + testing))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("gan-vq-gan", "GAN-VQGAN"),
        ("score-ncsnpp", "score-NCSN++"),
        ("vae-eff-vdvae", "Vae-Eff_VDVAE"),
    ],
)
def test_spelling_of_a_folder_does_not_matter(release: Path, before: str, after: str) -> None:
    (release / before).rename(release / after)
    assert collected(CHOSEN, release).counts == (5,) * 8


def test_a_greek_letter_stands_for_its_name(tmp_path: Path) -> None:
    chosen = paper_set("GM-CelebA")
    fill(tmp_path / "vae-β-VAE", 0, side=64)
    images = collected(chosen, tmp_path, partial=True)
    assert [source.name for source in images.sources] == ["beta-vae"]
    assert len(images.missing) == 14


def test_what_sample_writes_is_read_as_folder_and_as_parquet(release: Path, tmp_path: Path) -> None:
    whole = collected(CHOSEN, release)
    for name, write in (("vae-nvae", write_folder), ("score-ldm", write_parquet)):
        place = release / name if write is write_folder else release / f"{name}.parquet"
        write(tmp_path / place.name, samples(whole.sources[FOLDERS.index(name)], 5))
        shutil.rmtree(release / name)
        (tmp_path / place.name).rename(place)
    again = collected(CHOSEN, release)
    assert again.counts == whole.counts
    for name in ("nvae", "ldm"):
        np.testing.assert_array_equal(pixels(again, name), stacked(1000 * NAMES.index(name)))


def test_sub_folders_take_turns_so_that_roles_by_place_see_every_class(release: Path) -> None:
    shutil.rmtree(release / "gan-stylegan2")
    for place, name in enumerate(("0", "1", "2")):
        fill(release / "gan-stylegan2" / name, 77_000 + 100 * place, 4)
    found = pixels(collected(CHOSEN, release), "stylegan2")
    expected = [np.asarray(drawn(77_000 + 100 * place + index)) for index in range(3) for place in range(3)]
    np.testing.assert_array_equal(found, np.stack(expected))


def test_only_as_many_images_are_read_as_are_used(release: Path) -> None:
    fill(release / "vae-nvae", 9000, 40)
    (release / "vae-nvae" / "039.png").write_bytes(b"no image")
    images = collected(CHOSEN, release)
    assert images.counts[FOLDERS.index("vae-nvae")] == 9
    assert images.notes == ()


def test_unreadable_images_and_copies_are_left_out_and_said(release: Path) -> None:
    (release / "vae-nvae" / "001.png").write_bytes(b"no image")
    shutil.copy(release / "score-ldm" / "000.png", release / "score-ldm" / "copy.png")
    images = collected(CHOSEN, release)
    assert images.counts[FOLDERS.index("vae-nvae")] == 4
    assert images.counts[FOLDERS.index("score-ldm")] == 5
    assert any(note.startswith("NVAE: 1 unreadable images are left out: ") for note in images.notes)
    assert "LDM: 1 images are left out, whose pixels others have" in images.notes


def test_reals_beside_the_models_are_left_out_and_said(release: Path) -> None:
    fill(release / "real-ffhq", 8000)
    fill(release / "0_real", 8100)
    images = collected(CHOSEN, release)
    assert len(images.sources) == 8
    assert [note for note in images.notes if "reals are what --reference and --real name" in note] == list(images.notes)
    assert len(images.notes) == 2


def test_missing_models_are_one_error_that_says_where_they_come_from(release: Path) -> None:
    for name in ("gan-stylegan3", "score-ldm"):
        shutil.rmtree(release / name)
    with pytest.raises(DataError) as told:
        collected(CHOSEN, release)
    text = str(told.value)
    assert "lacks 2 of the 8 models of GM-FFHQ: StyleGAN3, LDM; " in text
    assert "docs/datasets.md and `manifpt zoo recipes GM-FFHQ` say where they come from; or give --partial" in text
    images = collected(CHOSEN, release, partial=True)
    assert images.missing == ("StyleGAN3", "LDM")
    assert len(images.sources) == 6


def test_a_set_of_no_model_at_all_is_an_error_even_if_partial(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="lacks 8 of the 8 models"):
        collected(CHOSEN, tmp_path, partial=True)
    with pytest.raises(DataError, match=r"nowhere is no folder; expected a folder with a sub-folder for each model"):
        collected(CHOSEN, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("name", "suggested"),
    [("gan-stylegan4", "gan-stylegan3"), ("stylegan2", "gan-stylegan2"), ("score-nvae", "vae-nvae")],
)
def test_an_unknown_sub_folder_suggests_the_nearest(release: Path, name: str, suggested: str) -> None:
    fill(release / name, 8000)
    with pytest.raises(DataError) as told:
        collected(CHOSEN, release, partial=True)
    assert f"{name} stands for none of the models of GM-FFHQ; " in str(told.value)
    assert suggested in str(told.value).rpartition("did you mean")[2]


def test_two_folders_of_one_model_are_an_error(release: Path) -> None:
    fill(release / "gan-vqgan", 8000)
    with pytest.raises(DataError, match=r"gan-vq-gan and .*gan-vqgan are both VQ-GAN; expected one of them"):
        collected(CHOSEN, release)


@pytest.mark.parametrize(
    ("side", "remedy"),
    [
        (20, f"give --crop {SIDE} (keeps the trace) or --resize {SIDE} (changes it)"),
        (12, f"give --resize {SIDE} (changes the trace)"),
    ],
)
def test_another_size_than_the_sets_proposes_what_helps(release: Path, side: int, remedy: str) -> None:
    shutil.rmtree(release / "vae-nvae")
    fill(release / "vae-nvae", 9000, side=side)
    with pytest.raises(DataError) as told:
        collected(CHOSEN, release)
    assert f"NVAE: images of {side} × {side} pixels (" in str(told.value)
    assert str(told.value).endswith(remedy)
    resized = collected(CHOSEN, release, resize=SIDE)
    assert pixels(resized, "nvae").shape == (5, SIDE, SIDE, 3)
    np.testing.assert_array_equal(pixels(resized, "ldm"), pixels(collected_without_nvae(release), "ldm"))


def collected_without_nvae(release: Path) -> Collection:
    shutil.rmtree(release / "vae-nvae")
    return collected(CHOSEN, release, partial=True)


def test_a_crop_keeps_the_middle(release: Path) -> None:
    shutil.rmtree(release / "vae-nvae")
    fill(release / "vae-nvae", 9000, side=SIDE + 4)
    found = pixels(collected(CHOSEN, release, crop=SIDE), "nvae")
    np.testing.assert_array_equal(found[1], np.asarray(drawn(9001, SIDE + 4))[2:-2, 2:-2])


def test_several_sizes_in_one_folder_are_an_error(release: Path) -> None:
    drawn(1, SIDE + 1).save(release / "vae-nvae" / "002.png")
    with pytest.raises(ImageError, match="the images have 2 sizes"):
        collected(CHOSEN, release)


def test_one_folder_copied_under_two_names_is_an_error(release: Path) -> None:
    shutil.rmtree(release / "score-ldm")
    shutil.copytree(release / "score-ncsnpp", release / "score-ldm")
    with pytest.raises(LeakError, match="have the same pixels"):
        collected(CHOSEN, release)


def test_too_few_images_and_an_empty_folder_are_errors(release: Path) -> None:
    shutil.rmtree(release / "vae-nvae")
    fill(release / "vae-nvae", 9000, 2)
    with pytest.raises(DataError, match=r"holds 2 images of different content; expected at least 3"):
        collected(CHOSEN, release)
    shutil.rmtree(release / "vae-nvae")
    (release / "vae-nvae").mkdir()
    with pytest.raises(DataError, match=r"vae-nvae holds no image"):
        collected(CHOSEN, release)


def test_images_labelled_real_are_refused(release: Path) -> None:
    (release / "vae-nvae" / "manifest.csv").write_text("path,generator\n000.png,real\n001.png,nvae\n")
    with pytest.raises(DataError, match=r"vae-nvae holds images labelled real; expected images of NVAE alone"):
        collected(CHOSEN, release)


def test_reals_and_generators_are_disjoint_by_content(release: Path, tmp_path: Path) -> None:
    fill(tmp_path / "reference", 20_000)
    fill(tmp_path / "real", 30_000)
    images = collected(CHOSEN, release)
    reference, real = (ImageSet.photographs(tmp_path / name) for name in ("reference", "real"))
    whole = list(arranged(CHOSEN, images, reference=reference, real=real))
    assert len(whole) == 5 + 5 + 8 * 5
    with pytest.raises(DataError, match=r"is a reference too; expected reals that no generator has seen"):
        next(arranged(CHOSEN, images, reference=reference, real=reference))
    shutil.copy(release / "score-ldm" / "000.png", tmp_path / "real" / "stolen.png")
    stolen = ImageSet.photographs(tmp_path / "real")
    with pytest.raises(LeakError, match="have the same pixels"):
        next(arranged(CHOSEN, images, reference=reference, real=stolen))
    fill(tmp_path / "large", 40_000, side=SIDE * 2)
    with pytest.raises(DataError, match="the reals: images of 32 × 32 pixels"):
        next(arranged(CHOSEN, images, reference=reference, real=ImageSet.photographs(tmp_path / "large")))


def test_samples_carry_what_identifies_them(release: Path) -> None:
    images = collected(CHOSEN, release)
    one, two = islice(images.samples(), 2)
    assert one.row["path"] == "biggan-deep/000000.png"
    assert one.row["family"] == "gan"
    assert one.row["weights"] == two.row["weights"] == images.sources[0].digest
    assert one.row["latent"] != two.row["latent"]
    assert len({source.digest for source in images.sources}) == 8
