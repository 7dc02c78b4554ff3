"""The photographs' patches and their roles."""

from __future__ import annotations

from collections import Counter
from itertools import combinations

import numpy as np
import pytest

from manifpt.errors import DataError, ImageError
from manifpt.zoo.photographs import FLATTEST_DEVIATION, PICTURES, blocks, patches, photograph
from manifpt.zoo.quality import nearest_distance


def rectangle(item, height, width):
    return item.row, item.column, item.row + height, item.column + width


def intersect(first, second):
    return first[0] < second[2] and second[0] < first[2] and first[1] < second[3] and second[1] < first[3]


@pytest.mark.parametrize("size", [32, 64, 100, 256])
def test_no_two_patches_share_a_pixel_so_neither_do_two_roles(size):
    of_picture = {name: [patch for patch in patches(size) if patch.picture == name] for name in PICTURES}
    for cut in of_picture.values():
        rectangles = [rectangle(patch, size, size) for patch in cut]
        assert not any(intersect(first, second) for first, second in combinations(rectangles, 2))


@pytest.mark.parametrize("size", [32, 64, 256])
def test_every_patch_lies_inside_one_block_of_its_role(size):
    homes = [(block.picture, block.role, rectangle(block, block.height, block.width)) for block in blocks(size)]
    for patch in patches(size):
        top, left, bottom, right = rectangle(patch, size, size)
        assert any(
            picture == patch.picture
            and role == patch.role
            and home[0] <= top
            and home[1] <= left
            and bottom <= home[2]
            and right <= home[3]
            for picture, role, home in homes
        )


def test_a_patch_is_what_its_place_in_the_photograph_shows():
    for patch in patches()[::37]:
        there = photograph(patch.picture)[patch.row : patch.row + 32, patch.column : patch.column + 32]
        np.testing.assert_array_equal(patch.pixels, there)


def test_patches_are_the_same_every_time():
    first, second = patches(), patches()
    assert [(p.picture, p.row, p.column, p.role) for p in first] == [
        (p.picture, p.row, p.column, p.role) for p in second
    ]
    assert all(np.array_equal(one.pixels, other.pixels) for one, other in zip(first, second, strict=True))


def test_the_roles_have_the_documented_counts_and_shares():
    counts = Counter(patch.role for patch in patches())
    assert counts == {"reference": 742, "real": 421}
    assert 0.6 <= counts["reference"] / counts.total() <= 0.65


def test_every_photograph_contributes_to_both_roles():
    assert {(patch.picture, patch.role) for patch in patches()} == {
        (picture, role) for picture in PICTURES for role in ("reference", "real")
    }


def test_patches_without_contrast_are_left_out_of_both_roles():
    assert min(patch.pixels.std((0, 1)).max() for patch in patches()) >= FLATTEST_DEVIATION


def test_no_real_patch_is_nearly_equal_to_a_reference_patch():
    real, reference = (
        np.stack([patch.pixels for patch in patches() if patch.role == role]) for role in ("real", "reference")
    )
    assert nearest_distance(real, reference).min() > 2.0


def test_an_unknown_photograph_is_refused_with_the_known_names():
    with pytest.raises(DataError, match=r"^there is no photograph 'cat'; expected one of astronaut, chelsea"):
        photograph("cat")


@pytest.mark.parametrize("size", [0, 500])
def test_a_size_that_no_photograph_can_hold_is_refused(size):
    with pytest.raises(ImageError, match=rf"^patches of {size} pixels cannot be cut"):
        patches(size)
