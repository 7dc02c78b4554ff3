from __future__ import annotations

import io

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import zoom

from manifpt import ImageSet
from manifpt.audits import crops
from manifpt.audits.borders import borders
from manifpt.audits.finding import Check
from manifpt.audits.grids import grid
from manifpt.audits.measuring import BORDER, GRID
from manifpt.studies.audit import audit


def smooth(count: int, *, seed: int = 0, side: int = 32, about: NDArray[np.float64] | None = None) -> NDArray[np.uint8]:
    """Images of coarse waves, about a common one if given."""
    coarse = np.random.default_rng(seed).normal(scale=25, size=(count, 6, 6, 3))
    waves = zoom(coarse, (1, side / 6, side / 6, 1), order=1)
    return np.clip(waves + (128 if about is None else about), 0, 255).astype(np.uint8)


def found(one: NDArray[np.uint8], two: NDArray[np.uint8]) -> dict[str, Check]:
    images = ImageSet.from_arrays(np.concatenate([one, two]), ["one"] * len(one) + ["two"] * len(two))
    return {check.name: check for check in audit(images, permutations=499).findings}


def jpeg(pixels: NDArray[np.uint8], quality: int) -> NDArray[np.uint8]:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def test_the_blocks_of_an_earlier_jpeg_are_found_and_placed() -> None:
    one, two = smooth(30, seed=1), smooth(30, seed=2)
    checks = found(np.stack([jpeg(pixels, 10) for pixels in one]), np.concatenate([two, smooth(30, seed=3)]))
    assert checks[GRID].effect.startswith("one: step after")
    assert "4 of 8 less that after 8" in checks[GRID].effect
    assert all(int(path[6:-1]) < 30 for path in checks[GRID].files)


def test_a_darker_border_is_found_and_its_side_is_told() -> None:
    one, two = smooth(30, seed=200), smooth(30, seed=201)
    two[:, :, -1] = two[:, :, -1] * 0.9
    checks = found(one, two)
    assert BORDER in checks
    assert GRID not in checks
    assert "right" in checks[BORDER].effect


def face(closer: float, side: int = 32) -> NDArray[np.float64]:
    """A bright oval with two dark spots."""
    rows, columns = (np.indices((side, side)) - (side - 1) / 2) / (side / 2) / closer
    oval = 170.0 * (rows**2 / 0.5 + columns**2 / 0.3 < 1)
    spots = sum((rows + 0.2) ** 2 + (columns - at) ** 2 < 0.015 for at in (-0.25, 0.25))
    return np.repeat((oval * (1 - spots) + 40)[..., None], 3, axis=2)


def test_a_closer_cutting_of_the_same_kind_of_content_is_found_and_named() -> None:
    one = smooth(40, seed=1, about=face(1.0))
    checks = found(one, smooth(40, seed=2, about=face(1.25)))
    assert {crops.CROP, crops.MEAN_IMAGE} <= set(checks)
    assert crops.CROP not in found(one, smooth(40, seed=2, about=face(1.0)))
    # The mean image of all lies between the two, and 1.07 / 0.87 = 1.23 is the step of the search next to 1.25.
    assert checks[crops.CROP].effect.endswith("one: zoom 0.87; two: zoom 1.07")


def test_a_shift_is_told_with_its_direction() -> None:
    lower = np.roll(face(0.8), 4, axis=0)
    checks = found(smooth(80, seed=1, about=face(0.8)), smooth(40, seed=2, about=lower))
    assert "two: " in checks[crops.CROP].effect
    assert "lower" in checks[crops.CROP].effect.partition("two: ")[2].partition(";")[0]


def test_a_mean_image_that_depends_on_the_class_is_found_where_it_does() -> None:
    ramp = np.linspace(-12, 12, 32)[:, None, None]
    checks = found(smooth(60, seed=1), smooth(60, seed=2, about=128 + ramp))
    assert crops.MEAN_IMAGE in checks
    assert any(word in checks[crops.MEAN_IMAGE].effect for word in ("top", "bottom"))


def test_brightness_and_contrast_are_no_layout() -> None:
    thumbnails = np.random.default_rng(0).integers(50, 100, (5, 768), np.uint8)
    assert crops.layouts(thumbnails * 2 + 20) == pytest.approx(crops.layouts(thumbnails))
    assert not crops.layouts(np.full((1, 768), 9, np.uint8)).any()


def test_the_grid_sees_eight_pixels_and_neither_two_nor_four() -> None:
    flat = np.full((32, 32, 3), 100)
    for period in (2, 4):
        striped = (flat + 50 * (np.arange(32) % period < period // 2)[None, :, None]).astype(np.uint8)
        assert grid(striped) == pytest.approx(np.zeros(8), abs=1e-12)
    blocks = (flat + 50 * (np.arange(32) // 8 % 2)[None, :, None]).astype(np.uint8)
    # Of the 25 steps from the fourth to the fourth from the last, those after pixels 7, 15 and 23 are 50.
    mean = 3 * 50 / 25
    assert grid(blocks)[:4] * mean == pytest.approx([0.0, 0.0, 0.0, -50.0])
    assert not grid(blocks)[4:].any()


def test_the_border_is_measured_on_the_side_where_it_is() -> None:
    image = np.full((16, 16, 3), 100, np.uint8)
    image[0], image[:, 0] = 110, 90
    numbers = borders(image).reshape(4, 3)
    # The corner is of the left: the top row is 15 of 110 and one of 90, the fourth 15 of 100 and one of 90, and the
    # fourth column 15 of 100 and one of 110.
    assert numbers[0, 0] == pytest.approx(15 * 10 / 16)
    assert numbers[3, 0] == pytest.approx(90 - (15 * 100 + 110) / 16)
    assert numbers[1, 0] == numbers[2, 0] == pytest.approx(0.0)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("side", [1, 7, 8, 15, 16, 33])
def test_patterns_are_finite_or_absent_as_a_whole(value: int, side: int) -> None:
    image = np.full((side, side, 3), value, np.uint8)
    assert np.isnan(grid(image)).all() if side < 16 else not grid(image).any()
    assert np.isnan(borders(image)).all() if side < 8 else not borders(image).any()


def test_images_too_small_for_a_pattern_are_audited_without_it() -> None:
    images = ImageSet.from_arrays(smooth(20, side=12), ["one", "two"] * 10)
    names = {check.name for check in audit(images, permutations=199).checks}
    assert GRID not in names
    assert BORDER in names


def test_constant_images_leave_nothing_to_test() -> None:
    flat = np.repeat(np.arange(0, 240, 12, np.uint8), 16 * 16 * 3).reshape(20, 16, 16, 3)
    assert not audit(ImageSet.from_arrays(flat, ["one", "two"] * 10), permutations=99).findings
