from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from manifpt import ImageSet
from manifpt.audits import copies
from manifpt.audits.finding import Check
from manifpt.audits.suspects import suspects
from manifpt.studies.audit import audit

Noise = Callable[..., NDArray[np.uint8]]


def findings(images: ImageSet) -> dict[str, Check]:
    return {check.name: check for check in audit(images, permutations=999).findings}


def near(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """The same images a little brighter."""
    return images + np.uint8(3)


def test_a_class_of_few_distinct_images_is_found_and_counted(noise: Noise) -> None:
    one, two = noise(40, seed=1), noise(4, seed=2)
    pool = np.concatenate([one, *(two + np.uint8(step) for step in range(10))])
    found = findings(ImageSet.from_arrays(pool, ["one"] * 40 + ["two"] * 40))
    assert set(found) == {copies.FEW, copies.WITHIN}
    assert found[copies.FEW].effect == "two: 40 images that are worth 4 distinct ones"
    assert found[copies.FEW].statistic == 1 - 4 / 40
    assert found[copies.WITHIN].statistic == 1
    assert all(int(path[6:-1]) >= 40 for path in found[copies.FEW].files)


def test_contents_that_stand_once_in_each_class_are_found(noise: Noise) -> None:
    one = noise(30, seed=1)
    found = findings(ImageSet.from_arrays(np.concatenate([one, near(one)]), ["one"] * 30 + ["two"] * 30))
    assert set(found) == {copies.ACROSS}
    assert found[copies.ACROSS].statistic == 1
    assert found[copies.ACROSS].effect.endswith("30 of 30 images have a near-duplicate in another class")


def test_near_duplicates_that_classes_share_by_chance_are_none(noise: Noise) -> None:
    one = noise(60)
    labels = np.random.default_rng(0).permutation(["one", "two"] * 60)
    assert not findings(ImageSet.from_arrays(np.concatenate([one, near(one)]), labels))


def test_the_same_pixels_in_two_classes_are_a_fact_with_both_files(tmp_path: Path, noise: Noise) -> None:
    for seed, name in enumerate(("one", "two")):
        (tmp_path / name).mkdir()
        for index, pixels in enumerate(noise(12, seed=seed)):
            Image.fromarray(pixels).save(tmp_path / name / f"{index:02d}.png")
    Image.open(tmp_path / "one" / "03.png").save(tmp_path / "two" / "copy.bmp")
    same = findings(suspects(tmp_path))[copies.SAME]
    assert same.statistic == 1
    assert same.p is None
    assert same.found
    assert [Path(path).name for path in same.files] == ["03.png", "copy.bmp"]


def test_the_same_content_in_two_roles_is_a_fact(noise: Noise) -> None:
    real, one = noise(20, seed=1), noise(20, seed=2)
    pool = np.concatenate([real, near(real[:2]), one, near(one[:5])])
    roles = ["reference"] * 20 + ["train"] * 2 + ["train"] * 20 + ["test"] * 5
    images = ImageSet.from_arrays(pool, ["real"] * 22 + ["one"] * 25, roles=roles)
    overlaps = {check.question: check for check in audit(images, permutations=999).findings if check.p is None}
    assert {question: check.statistic for question, check in overlaps.items()} == {
        "reference or scored": 2,
        "train or test": 5,
    }
    assert overlaps["train or test"].effect == "5 of 5 test images are near-duplicates of train images"


def test_copies_count_once_in_all_other_tests(noise: Noise) -> None:
    # One bright-bordered image 30 times: no more than one of 31 distinct images.
    odd, rest = noise(1, seed=1), noise(30, seed=2)
    odd[:, 0] = 250
    pool = np.concatenate([np.repeat(odd, 30, axis=0), rest])
    found = audit(ImageSet.from_arrays(pool, ["one"] * 30 + ["one"] * 10 + ["two"] * 20), permutations=999)
    assert found.distinct == 31
    assert {check.name for check in found.findings} <= {copies.FEW, copies.WITHIN}
