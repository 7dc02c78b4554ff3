from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import zoom
from scipy.stats import binom

from manifpt import ImageSet
from manifpt.audits.crops import CROP
from manifpt.audits.files import FORMAT, SIZE
from manifpt.audits.measuring import measurements
from manifpt.audits.suspects import suspects
from manifpt.errors import DataError, NumbersError
from manifpt.images.record import REAL
from manifpt.studies.audit import audit

RUNS = 200
# If 5 % of audits raise a false alarm, 24 or more of 200 do so once in 13,900 times.
MOST = 23


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> ImageSet:
    """Images that differ in all that is checked: formats, sizes, settings, borders, layouts, near-duplicates."""
    folder = tmp_path_factory.mktemp("mixed") / "any"
    folder.mkdir()
    rng = np.random.default_rng(0)
    coarse = rng.normal(128, 40, (90, 5, 5, 3))
    coarse[60:70] = coarse[50:60]  # pairs
    coarse[70:80] = coarse[70]  # a group of ten
    ways = ("png", {}), ("bmp", {}), ("jpg", {"quality": 60}), ("jpg", {"quality": 90, "subsampling": 0})
    for index, image in enumerate(coarse):
        side = 24 if index % 3 else 30
        pixels = zoom(image, (side / 5, side / 5, 1), order=1) + rng.normal(0, 2, (side, side, 3))
        suffix, options = ways[rng.integers(len(ways))]
        place = folder / f"{index:02d}.{suffix}"
        Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(place, **options)
    return suspects(folder.parent, resize=24)


@pytest.mark.slow
def test_shuffled_labels_raise_an_alarm_in_at_most_five_of_a_hundred_audits(mixed: ImageSet) -> None:
    assert binom.sf(MOST, RUNS, 0.05) < 1e-4
    measured = measurements(mixed)
    rng = np.random.default_rng(1)
    labels = np.array(["real"] * 30 + ["one"] * 35 + ["two"] * (len(mixed) - 65))
    alarms, tests = 0, set()
    for seed in range(RUNS):
        found = audit(mixed, permutations=499, seed=seed, measured=measured, generators=rng.permutation(labels))
        alarms += bool(found.findings)
        tests |= {check.name for check in found.checks}
    assert len(tests) >= 10
    # None at all would say that the tests cannot find anything.
    assert 1 <= alarms <= MOST, alarms


def test_the_same_seed_gives_the_same_audit_and_another_order_of_images_the_same_statistics(mixed: ImageSet) -> None:
    labels = np.array([f"g{index % 3}" for index in range(len(mixed))])
    named = replace(mixed, records=tuple(replace(r, generator=g) for r, g in zip(mixed.records, labels, strict=True)))
    first, again = audit(named, permutations=499, seed=3), audit(named, permutations=499, seed=3)
    assert first == again
    turned = audit(named.subset(np.arange(len(named))[::-1]), permutations=499, seed=3)
    one, two = ({(c.name, c.question): c.statistic for c in found.checks} for found in (first, turned))
    assert one == pytest.approx(two)


def test_references_are_compared_with_scored_reals_and_count_among_reals() -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 190, (90, 16, 16, 3), np.uint8)
    pixels[:30, 0] = 20  # the references have a frame
    roles = ["reference"] * 30 + [""] * 60
    images = ImageSet.from_arrays(pixels, [REAL] * 60 + ["one"] * 30, roles=roles)
    found = {check.question for check in audit(images, permutations=499).findings}
    assert found == {"reference or scored real", "real or generated"}


def test_one_class_alone_and_too_few_permutations_are_errors(mixed: ImageSet) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (8, 16, 16, 3), np.uint8)
    with pytest.raises(DataError, match="only one is there to be told"):
        audit(ImageSet.from_arrays(pixels, ["one"] * 8))
    with pytest.raises(NumbersError, match="19 permutations cannot find anything"):
        audit(ImageSet.from_arrays(pixels, ["one", "two"] * 4), permutations=19)


def test_the_crops_of_published_faces_are_found_across_sources(shared_data: Path) -> None:
    found = audit(suspects(shared_data / "gm-celeba64-wild"), permutations=499).findings
    words = {check.question: check.effect for check in found if check.name == CROP}
    assert "dcgan-carpedm20: zoom 1.32" in words["generator"]
    assert "joeylitalien: zoom 0.76" in words["generator"]
    assert "real: zoom 0.87" in words["real or generated"]


def test_a_set_whose_files_went_through_other_hands_is_told_apart_by_them(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for name, suffix, side in (("real", "jpg", 20), ("one", "png", 16), ("two", "png", 16)):
        (tmp_path / name).mkdir()
        for index in range(12):
            image = Image.fromarray(rng.integers(0, 256, (side, side, 3), np.uint8))
            image.save(tmp_path / name / f"{index}.{suffix}")
    found = {(check.name, check.question) for check in audit(suspects(tmp_path, crop=16), permutations=999).findings}
    assert {(name, asked) for name in (FORMAT, SIZE) for asked in ("generator", "real or generated")} <= found
