from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from manifpt.errors import DataError, LeakError
from manifpt.images import ImageSet
from manifpt.images.record import ImageRecord, Pixels
from manifpt.images.roles import refuse_leaks, with_reference

Noise = Callable[..., NDArray[np.uint8]]
Tree = Callable[[Path, Mapping[str, int]], Path]
NOWHERE = Pixels(np.zeros((1, 1, 1, 3), np.uint8), 0)


def _alien(count: int) -> NDArray[np.uint8]:
    """Thumbnails of which no two are alike."""
    return np.random.default_rng(0).integers(0, 256, (count, 768), np.uint8)


def _records(generators: Mapping[str, int]) -> list[ImageRecord]:
    return [
        ImageRecord(f"{name}/{index}.png", NOWHERE, name, digest=f"{hash((name, index)) % 2**64:064x}")
        for name, count in generators.items()
        for index in range(count)
    ]


@given(
    reals=st.integers(1, 60),
    counts=st.lists(st.integers(1, 40), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_one_pool_gives_at_most_half_and_at_most_the_median_count_by_content_alone(
    reals: int, counts: list[int], seed: int
) -> None:
    records = _records({"real": reals, **{f"gan{index}": count for index, count in enumerate(counts)}})
    divided, _ = with_reference(records, _alien(len(records)))
    scored = {record.digest for record in divided if record.generator == "real" and record.role is None}
    assert len(scored) == min(reals // 2, int(np.median(counts)))
    assert {record.role for record in divided if record.generator != "real"} == {None}
    # Another order and other names: the same contents are the reference.
    order = np.random.default_rng(seed).permutation(len(records))
    renamed = [
        ImageRecord(f"{place}.png", NOWHERE, records[old].generator, digest=records[old].digest)
        for place, old in enumerate(order)
    ]
    again, _ = with_reference(renamed, _alien(len(records)))
    assert {(record.digest, record.role) for record in again} == {(record.digest, record.role) for record in divided}


def test_copies_in_the_pool_do_not_make_the_real_class_larger_than_half() -> None:
    pool = _records({"real": 4})
    first = min(pool, key=lambda record: record.digest)
    alike = _alien(64)
    alike[4:14] = alike[pool.index(first)]
    divided, _ = with_reference([*pool, *[first] * 10, *_records({"gan": 50})], alike)
    assert len({record.role for record in divided if record.digest == first.digest}) == 1
    roles = Counter(record.role for record in divided if record.generator == "real")
    assert roles[None] <= roles["reference"]


def test_the_division_of_one_pool_and_a_coarse_manifold_are_noted() -> None:
    _, notes = with_reference(_records({"real": 30, "gan": 10}), _alien(40))
    assert notes == (
        "one pool of 30 reals: 10 form the class real, 20 the reference",
        "only 20 references: a manifold from fewer than 200 is coarse",
    )
    assert len(with_reference(_records({"real": 400, "gan": 200}), _alien(600))[1]) == 1


def test_references_that_were_named_leave_all_other_reals_in_their_class(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan": 2, "data/real": 3, "ref": 4})
    images = ImageSet.open(root / "data", reference=root / "ref")
    assert Counter(images.scored.generators.tolist()) == {"gan": 2, "real": 3}
    assert len(images.reference) == 4
    assert images.notes == ("only 4 references: a manifold from fewer than 200 is coarse",)


def test_reals_that_a_manifest_gave_a_role_keep_it() -> None:
    records = [
        *_records({"real": 10, "gan": 4}),
        *[ImageRecord(f"t{index}", NOWHERE, "real", role="test", digest=f"t{index}") for index in range(3)],
    ]
    divided, _ = with_reference(records, _alien(len(records)))
    assert [record.role for record in divided[-3:]] == ["test"] * 3


def test_without_reals_the_error_says_how_to_give_them(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 2, "two": 2})
    with pytest.raises(DataError) as caught:
        ImageSet.open(root)
    assert str(caught.value) == (
        "no real image was given; expected reals that estimate the manifold; "
        "give a folder of them with --reference (reference= in Python)"
    )
    assert len(ImageSet.open(root, reference_needed=False)) == 4


def _leak(*arguments: object, **settings: object) -> str:
    with pytest.raises(LeakError) as caught:
        ImageSet.open(*arguments, **settings)  # type: ignore[arg-type]
    return str(caught.value)


def test_the_same_file_among_references_and_scored_is_refused_with_both_names(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan": 2, "data/real": 2, "ref": 2})
    shutil.copy(root / "data/real/0001.png", root / "ref/copy.png")
    assert _leak(root / "data", reference=root / "ref") == (
        f"{root}/data/real/0001.png (real, scored) and {root}/ref/copy.png (reference) have the same pixels; "
        "expected every image in one role and under one generator; remove one of each pair"
    )


@pytest.mark.parametrize(
    ("suffix", "settings"), [("bmp", {}), ("webp", {"lossless": True}), ("tiff", {}), ("ppm", {}), ("png", {})]
)
def test_the_same_pixels_in_another_format_are_refused_with_both_names(
    tree: Tree, tmp_path: Path, suffix: str, settings: dict[str, Any]
) -> None:
    root = tree(tmp_path, {"data/gan": 2, "data/real": 2, "ref": 2})
    Image.open(root / "data/real/0000.png").save(root / f"ref/same.{suffix}", **settings)
    text = _leak(root / "data", reference=root / "ref")
    assert f"{root}/data/real/0000.png" in text
    assert f"{root}/ref/same.{suffix}" in text


def test_the_same_pixels_after_the_crop_are_a_leak_too(noise: Noise, tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan": 2, "data/real": 2, "ref": 2})
    inner = np.asarray(Image.open(root / "data/real/0000.png"))
    wide = np.pad(inner, ((4, 4), (4, 4), (0, 0)), constant_values=9)
    Image.fromarray(wide).save(root / "ref/wide.png")
    assert f"{root}/ref/wide.png" in _leak(root / "data", reference=root / "ref", crop=16)


def test_a_generated_image_among_the_references_is_refused(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan": 2, "ref": 2})
    shutil.copy(root / "data/gan/0000.png", root / "ref/copy.png")
    text = _leak(root / "data", reference=root / "ref")
    assert f"{root}/data/gan/0000.png (gan, scored) and {root}/ref/copy.png (reference)" in text


def test_one_folder_as_reference_and_as_real_class_is_refused(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"data/gan": 2, "reals": 2})
    assert "(2 such pairs)" in _leak(root / "data", reference=root / "reals", real=root / "reals")


def test_one_image_under_two_generators_is_refused(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 2, "two": 2})
    shutil.copy(root / "one/0000.png", root / "two/copy.png")
    assert f"{root}/one/0000.png (one, scored) and {root}/two/copy.png (two, scored) have the same pixels" in _leak(
        root, reference_needed=False
    )


def test_one_image_in_two_roles_of_a_manifest_is_refused(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": 2})
    shutil.copy(root / "a/0000.png", root / "a/copy.png")
    (root / "manifest.csv").write_text("path,generator,role\na/0000.png,gan,train\na/copy.png,gan,test\n")
    assert f"{root}/a/0000.png (gan, train) and {root}/a/copy.png (gan, test)" in _leak(root, reference_needed=False)


def test_copies_in_one_role_under_one_generator_are_no_leak(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"one": 2, "two": 1})
    shutil.copy(root / "one/0000.png", root / "one/copy.png")
    images = ImageSet.open(root, reference_needed=False)
    assert len(images) == 4
    assert len(np.unique(images.groups)) == 3


def test_two_different_images_are_no_leak() -> None:
    refuse_leaks(_records({"real": 5, "gan": 5}))


def _near(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.clip(images.astype(int) + np.random.default_rng(7).integers(-1, 2, images.shape), 0, 255).astype(np.uint8)


def _saved(folder: Path, images: NDArray[np.uint8], mark: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for index, pixels in enumerate(images):
        Image.fromarray(pixels).save(folder / f"{index:03d}-{mark}.png")


def test_near_duplicates_in_one_pool_of_reals_are_all_reference_or_all_real_class(
    noise: Noise, tree: Tree, tmp_path: Path
) -> None:
    _saved(tmp_path / "real", noise(40), "a")
    _saved(tmp_path / "real", _near(noise(40)), "b")
    images = ImageSet.open(tree(tmp_path, {"dcgan": 40}))
    role = {Path(path).name: role for path, role in zip(images.paths, images.roles.tolist(), strict=True)}
    assert [index for index in range(40) if role[f"{index:03d}-a.png"] != role[f"{index:03d}-b.png"]] == []
    assert Counter(images.scored.generators.tolist()) == {"dcgan": 40, "real": 40}
    assert not any("near-duplicates" in note for note in images.notes)


def test_a_group_of_near_duplicates_that_is_too_large_for_the_class_is_reference() -> None:
    records = _records({"real": 9, "gan": 9})
    alike = _alien(18)
    alike[:5] = alike[0]
    divided, _ = with_reference(records, alike)
    assert [record.role for record in divided[:5]] == ["reference"] * 5
    assert sum(record.role is None for record in divided[:9]) == 4


def test_near_duplicates_of_named_references_among_the_scored_reals_are_noted(
    noise: Noise, tree: Tree, tmp_path: Path
) -> None:
    root = tree(tmp_path, {"data/gan": 3})
    _saved(root / "ref", noise(5), "a")
    _saved(root / "data/real", _near(noise(2)), "b")
    _saved(root / "data/real", noise(2, seed=1), "c")
    notes = ImageSet.open(root / "data", reference=root / "ref").notes
    assert notes[1:] == ("2 of 4 scored reals are near-duplicates of references, which makes them look too real",)


def test_reals_that_all_have_another_part_cannot_be_references() -> None:
    records = [ImageRecord(f"t{index}", NOWHERE, "real", role="train", digest=f"t{index}") for index in range(3)]
    with pytest.raises(DataError, match="every real image is marked train, validation or test; expected reals"):
        with_reference(records, _alien(3))


def test_an_open_role_and_train_are_one_side_but_two_generators_are_not(tree: Tree, tmp_path: Path) -> None:
    root = tree(tmp_path, {"a": 2})
    shutil.copy(root / "a/0000.png", root / "a/copy.png")
    rows = "path,generator,role\na/0000.png,gan,\na/copy.png,{},train\n"
    (root / "manifest.csv").write_text(rows.format("gan"))
    assert len(ImageSet.open(root, reference_needed=False)) == 2
    (root / "manifest.csv").write_text(rows.format("vae"))
    assert f"{root}/a/0000.png (gan, scored) and {root}/a/copy.png (vae, train)" in _leak(root, reference_needed=False)
