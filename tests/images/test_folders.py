from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from manifpt.errors import DataError
from manifpt.images import ImageSet

Tree = Callable[[Path, Mapping[str, int]], Path]


def _counts(root: Path, layout: str = "auto") -> dict[str, int]:
    return dict(Counter(ImageSet.open(root, layout=layout, reference_needed=False).generators.tolist()))


def test_one_folder_per_generator_is_found_and_named(tree: Tree, tmp_path: Path) -> None:
    images = ImageSet.open(tree(tmp_path, {"stylegan": 3, "real": 4, "ddpm": 2}), reference_needed=False)
    assert Counter(images.generators.tolist()) == {"stylegan": 3, "real": 4, "ddpm": 2}
    assert images.layout == "one folder per generator"
    assert images.paths == sorted(images.paths)
    assert set(images.families[images.generators == "real"]) == {"real"}


def test_images_deeper_in_a_generators_folder_are_its_own(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path, {"gan/cats/a": 1, "gan/dogs": 1, "vae": 2})) == {"gan": 2, "vae": 2}


def test_hidden_files_and_folders_and_other_files_are_left_out(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 1, "two": 1, ".cache": 2, "one/.thumbs": 3})
    (root / "one" / "._0000.png").write_bytes(b"")
    (root / "one" / "notes.txt").write_text("no image")
    (root / "empty").mkdir()
    images = ImageSet.open(root, reference_needed=False)
    assert Counter(images.generators.tolist()) == {"one": 1, "two": 1}
    assert images.skipped == ()


def test_a_linked_generator_folder_is_followed(tree: Tree, tmp_path: Path) -> None:
    tree(tmp_path / "elsewhere", {"x": 2})
    root = tree(tmp_path / "data", {"one": 1})
    (root / "linked").symlink_to(tmp_path / "elsewhere" / "x")
    assert _counts(root) == {"one": 1, "linked": 2}


def test_links_in_a_circle_end(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path / "data", {"one": 1, "two": 1})
    (root / "one" / "again").symlink_to(root)
    assert _counts(root)["two"] == 1


def test_family_model_folders_give_both(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"gan-wgan": 2, "vae-beta-vae": 1, "real-celeba": 3, "score-ddpm": 1})
    images = ImageSet.open(root, reference_needed=False)
    found = Counter(zip(images.families.tolist(), images.generators.tolist(), strict=True))
    assert found == {("gan", "wgan"): 2, ("vae", "beta-vae"): 1, ("real", "real"): 3, ("score", "ddpm"): 1}
    assert images.layout == "family-model folders"


def test_a_model_of_two_families_is_two_generators_and_others_keep_their_short_names(
    tree: Tree, tmp_path: Path
) -> None:
    assert _counts(tree(tmp_path, {"gan-glow": 2, "flow-glow": 1, "vae-nvae": 1})) == {
        "gan-glow": 2,
        "flow-glow": 1,
        "nvae": 1,
    }


def test_several_folders_of_reals_are_one_class(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path, {"gan-a": 1, "real-x": 1, "real-y": 1})) == {"a": 1, "real": 2}


def test_one_folder_of_another_name_makes_them_plain_folders(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path, {"gan-wgan": 1, "mine": 1})) == {"gan-wgan": 1, "mine": 1}


def test_release_asked_of_other_names_says_which(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"gan-wgan": 1, "mine": 1})
    with pytest.raises(DataError) as caught:
        ImageSet.open(root, layout="release")
    assert str(caught.value) == (
        f"{root}/mine is not named family-model; expected a name that begins with "
        "gan-, vae-, flow-, score-, ar-, real-; rename it, or give --layout folders"
    )


@pytest.mark.parametrize(
    ("folders", "expected"),
    [
        ({"progan/0_real": 2, "progan/1_fake": 3}, {"real": 2, "progan": 3}),
        (
            {"progan/car/0_real": 2, "progan/car/1_fake": 3, "progan/cat/1_fake": 1, "crn/1_fake": 2},
            {"real": 2, "progan": 4, "crn": 2},
        ),
        ({"0_real": 2, "1_fake": 3}, {"real": 2, "fake": 3}),
    ],
)
def test_real_fake_trees_at_any_depth(
    tree: Tree, tmp_path: Path, folders: dict[str, int], expected: dict[str, int]
) -> None:
    assert _counts(tree(tmp_path, folders)) == expected
    assert ImageSet.open(tmp_path, reference_needed=False).layout == "0_real/1_fake trees"


def test_a_layout_named_by_the_user_wins_over_the_detected_one(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"gan-wgan": 1, "flow-glow": 1})
    assert _counts(root, "folders") == {"gan-wgan": 1, "flow-glow": 1}


@pytest.mark.parametrize("layout", ["folders", "release", "real-fake", "manifest", "arrays", "datasets"])
def test_a_file_that_does_not_have_the_layout_is_an_error(tree: Tree, tmp_path: Path, layout: str) -> None:
    file = tree(tmp_path, {"one": 1}) / "one" / "0000.png"
    with pytest.raises(DataError):
        ImageSet.open(file, layout=layout)


def test_a_generators_name_may_be_any_bytes(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 1, "two": 2})
    os.rename(root / "two", os.path.join(os.fsencode(root), b"\xff[red]"))
    assert sorted(_counts(root).values()) == [1, 2]


@pytest.mark.parametrize("name", ["Real", "REAL", "0_real", "0_Real", "real"])
def test_a_folder_of_reals_is_known_in_every_spelling(tree: Tree, tmp_path: Path, name: str) -> None:
    images = ImageSet.open(tree(tmp_path, {name: 4, "gan": 4}))
    assert images.classes == ("gan", "real")
    assert images.layout == "one folder per generator"


def test_a_name_that_begins_like_real_is_a_generator(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path, {"realnvp": 1, "real": 2})) == {"realnvp": 1, "real": 2}


def test_families_and_sides_are_known_in_every_spelling(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path / "release", {"GAN-a": 1, "Real-x": 2})) == {"a": 1, "real": 2}
    assert _counts(tree(tmp_path / "trees", {"progan/0_Real": 2, "progan/1_FAKE": 1})) == {"progan": 1, "real": 2}


def test_trees_of_reals_only_are_reals(tree: Tree, tmp_path: Path) -> None:
    assert _counts(tree(tmp_path, {"progan/0_real": 2, "stylegan/cat/0_real": 1})) == {"real": 3}


@pytest.mark.parametrize("folders", [{"gan": 1, "real": 2}, {"gan-a": 1, "real-x": 2}, {"a/1_fake": 1, "a/0_real": 2}])
def test_images_beside_the_folders_of_generators_are_noted_with_their_count(
    tree: Tree, tmp_path: Path, folders: dict[str, int]
) -> None:
    root = tree(tmp_path, {**folders, ".": 3, ".hidden": 1})
    images = ImageSet.open(root, reference_needed=False)
    assert len(images) == 3
    assert images.notes == (f"3 images beside the generators' folders are left out: {root}/0000.png, …",)
    assert f"note: {images.notes[0]}" in images.describe()


def test_images_outside_of_the_sides_of_a_tree_are_noted_too(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a/1_fake": 1, "a/0_real": 2, "a/extra": 2, "b": 1})
    notes = ImageSet.open(root, reference_needed=False).notes
    assert notes == (f"3 images beside the generators' folders are left out: {root}/a/extra/0000.png, …",)
