from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from manifpt.errors import DataError
from manifpt.images import ImageSet

Tree = Callable[[Path, Mapping[str, int]], Path]


def _refused(*arguments: object, **settings: object) -> str:
    with pytest.raises(DataError) as caught:
        ImageSet.open(*arguments, **settings)  # type: ignore[arg-type]
    return str(caught.value)


def test_a_path_that_is_not_there_says_so(tmp_path: Path) -> None:
    assert _refused(tmp_path / "no") == (
        f"{tmp_path}/no does not exist; expected a folder, manifest, Parquet or .npz of images; check the path"
    )
    assert _refused(tmp_path / "no", layout="folders") == _refused(tmp_path / "no")


def test_an_unknown_layout_suggests_the_nearest(tree: Tree, tmp_path: Path) -> None:
    assert _refused(tree(tmp_path, {"a": 1}), layout="folder") == (
        "'folder' is not a layout; expected auto or one of manifest, arrays, datasets, real-fake, release, folders, "
        "files; did you mean folders?"
    )


def test_a_flat_folder_has_no_generators_and_the_error_names_the_layouts(tree: Tree, tmp_path: Path) -> None:
    flat = tree(tmp_path, {"flat": 2}) / "flat"
    assert _refused(flat) == (
        f"{flat} holds images without generators; expected one folder per generator, family-model folders, "
        "0_real/1_fake, a manifest, Parquet or .npz; sort the images into folders named after their generators, "
        "or write a manifest.csv (path, generator)"
    )


def test_of_several_paths_the_one_without_generators_is_named(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"good/a": 1, "flat": 2})
    assert _refused([root / "good", root / "flat"]).startswith(f"{root}/flat holds images without generators")


def test_a_single_image_has_no_generator_either(tree: Tree, tmp_path: Path) -> None:
    file = tree(tmp_path, {"a": 1}) / "a" / "0000.png"
    assert _refused(file).startswith(f"{file} holds images without generators")


def test_a_folder_without_images_says_what_is_looked_for(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    assert _refused(tmp_path) == (
        f"{tmp_path} holds no image; expected PNG, JPEG, WebP, TIFF, … files, a manifest, Parquet or arrays; "
        "check the path"
    )


def test_a_layout_that_finds_nothing_says_so(tree: Tree, tmp_path: Path) -> None:
    flat = tree(tmp_path, {"flat": 1}) / "flat"
    assert _refused(flat, layout="folders") == (
        f"{flat} holds no image laid out as one folder per generator; expected at least one; "
        "check the path, or give another --layout"
    )


def test_generators_are_chosen_by_name_glob_family_or_folder(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path / "data", {"gan-wgan": 1, "gan-dcgan": 1, "flow-glow": 1})
    for patterns, expected in (
        (["glow"], {"glow"}),
        (["*gan"], {"wgan", "dcgan"}),
        (["gan-*"], {"wgan", "dcgan"}),
        (["flow-glow", "wgan"], {"glow", "wgan"}),
    ):
        assert set(ImageSet.open(root, generators=patterns, reference_needed=False).classes) == expected


def test_reals_that_were_named_apart_are_kept_when_generators_are_chosen(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/a": 1, "data/b": 2, "ref": 3, "mine": 4})
    images = ImageSet.open(root / "data", generators=["b"], reference=root / "ref", real=root / "mine")
    assert images.scored.classes == ("b", "real")
    assert len(images.reference) == 3


def test_a_generator_that_is_not_there_suggests_a_near_name(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"stylegan": 1, "glow": 1, "ddpm": 1})
    assert _refused(root, generators=["stylgan"]) == (
        "no generator matches 'stylgan'; expected a name or glob of 3 generators; did you mean stylegan?"
    )


@pytest.mark.parametrize("kind", ["folder", "glob", "file", "tree", "list"])
def test_reals_may_be_a_folder_a_glob_a_file_a_tree_or_a_list(tree: Tree, tmp_path: Path, kind: str) -> None:
    root = tree(tmp_path, {"data/a": 1, "data/b": 1, "reals/x": 2, "reals/y": 2})
    place = {
        "folder": root / "reals" / "x",
        "glob": f"{root}/reals/x/*.png",
        "file": root / "reals" / "x" / "0000.png",
        "tree": root / "reals",
        "list": [root / "reals" / "x", root / "reals" / "y"],
    }[kind]
    expected = {"folder": 2, "glob": 2, "file": 1, "tree": 4, "list": 4}[kind]
    images = ImageSet.open(root / "data", reference=place)
    assert len(images.reference) == expected
    assert set(images.reference.generators) == {"real"}


def test_a_reference_that_is_not_there_says_so(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": 1})
    assert _refused(root, reference=tmp_path / "no").startswith(f"{tmp_path}/no does not exist")


@pytest.mark.parametrize("argument", ["reference", "real"])
@pytest.mark.parametrize("layout", ["manifest", "release", "real-fake", "folders", "arrays"])
def test_a_generated_image_is_never_taken_for_a_real_one(
    tree: Tree, tmp_path: Path, argument: str, layout: str
) -> None:
    root = tree(tmp_path, {"data/vae": 2})
    made = {"manifest": "wgan", "release": "wgan", "real-fake": "wgan", "folders": "gan-wgan", "arrays": "wgan"}[layout]
    folders = {"release": ["gan-wgan"], "real-fake": ["wgan/1_fake", "wgan/0_real"], "folders": ["gan-wgan", "real"]}
    place = tree(root / "given", dict.fromkeys(folders.get(layout, ["x"]), 2))
    if layout == "manifest":
        (place / "manifest.csv").write_text("path,generator\nx/0000.png,real\nx/0001.png,wgan\n")
    if layout == "arrays":
        place = place / "set.npz"
        np.savez(place, images=np.zeros((1, 16, 16, 3), np.uint8), generators=np.array(["wgan"]))
    text = _refused(root / "data", **{argument: place}, reference_needed=False)
    assert f" of {place} is labelled {made!r}; expected only reals as reference and real class; give a folder" in text


def test_folders_of_reals_may_have_any_names(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/a": 1, "reals/cats": 2, "reals/dogs": 1})
    assert len(ImageSet.open(root / "data", reference=root / "reals").reference) == 3
    assert len(ImageSet.open(root / "data", reference=f"{root}/reals/*").reference) == 3


def _manifest(root: Path, *rows: str) -> Path:
    (root / "manifest.csv").write_text("path,generator,role\n" + "".join(f"{row}\n" for row in rows))
    return root


def test_choosing_generators_leaves_the_references_of_a_manifest_alone(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"x": 4})
    _manifest(root, "x/0000.png,a,", "x/0001.png,b,", "x/0002.png,real,reference", "x/0003.png,real,")
    images = ImageSet.open(root, generators="a")
    assert images.classes == ("a",)
    assert images.reference.paths == [f"{root}/x/0002.png"]
    assert ImageSet.open(root, generators=["a", "real"]).classes == ("a", "real")
    assert ImageSet.open(root, generators=["a"], reference_needed=False).reference.paths == images.reference.paths


def test_choosing_generators_keeps_the_only_reals_as_pool(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan-a": 4, "data/vae-b": 4, "data/real-x": 4, "data/real-y": 2, "ref": 3})
    images = ImageSet.open(root / "data", generators=["gan-*"])
    assert (images.classes, len(images.reference), len(images)) == (("a", "real"), 3, 10)
    named = ImageSet.open(root / "data", generators=["gan-*", "real-y"])
    assert (named.classes, len(named.reference), len(named)) == (("a", "real"), 1, 6)


def test_choosing_generators_leaves_reals_out_where_others_are_given_or_none_are_needed(
    tree: Tree, tmp_path: Path
) -> None:
    root = tree(tmp_path, {"data/gan-a": 4, "data/real-x": 4, "ref": 3})
    assert ImageSet.open(root / "data", generators=["gan-*"], reference=root / "ref").classes == ("a",)
    assert ImageSet.open(root / "data", generators=["gan-*"], reference_needed=False).classes == ("a",)
    both = ImageSet.open(root / "data", generators=["gan-*", "real"], reference=root / "ref")
    assert both.classes == ("a", "real")
    assert len(ImageSet.open(root / "data", generators=["gan-*"], real=root / "ref")) == 7
