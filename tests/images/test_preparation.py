from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from manifpt.errors import ImageError, ManifptError
from manifpt.images import Preparation


def test_nothing_to_do_gives_the_same_pixels() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    np.testing.assert_array_equal(Preparation().applied(pixels, name="x"), pixels)


def test_a_crop_is_the_middle_and_changes_no_value() -> None:
    pixels = np.arange(6 * 8 * 3, dtype=np.uint8).reshape(6, 8, 3)
    np.testing.assert_array_equal(Preparation(crop=4).applied(pixels, name="x"), pixels[1:5, 2:6])


def test_resizing_to_the_size_that_it_has_changes_no_value() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 16, 3), np.uint8)
    np.testing.assert_array_equal(Preparation(resize=16).applied(pixels, name="x"), pixels)


def test_resizing_keeps_a_flat_image_flat_and_its_aspect_before_cutting() -> None:
    flat = np.full((40, 20, 3), (9, 99, 199), np.uint8)
    small = Preparation(resize=10).applied(flat, name="x")
    assert small.shape == (10, 10, 3)
    assert (small == (9, 99, 199)).all()
    # Upper half black, lower half white: the middle square of the scaled image is split in the middle.
    split = np.zeros((40, 20, 3), np.uint8)
    split[20:] = 255
    small = Preparation(resize=10).applied(split, name="x")
    assert (small[:3] < 20).all()
    assert (small[-3:] > 235).all()


def test_a_crop_after_resizing_has_the_size_of_the_crop() -> None:
    pixels = np.zeros((30, 50, 3), np.uint8)
    assert Preparation(resize=20, crop=8).applied(pixels, name="x").shape == (8, 8, 3)


def test_an_image_smaller_than_the_crop_names_itself_its_size_and_a_way_out() -> None:
    with pytest.raises(ImageError) as caught:
        Preparation(crop=8).applied(np.zeros((4, 9, 3), np.uint8), name="x.png")
    assert str(caught.value) == (
        "x.png is 9 \u00d7 4 pixels; expected at least 8 \u00d7 8 for --crop 8; use a smaller crop, or --resize 8"
    )


@pytest.mark.parametrize("sizes", [{"resize": 0}, {"crop": 0}, {"resize": -3}, {"crop": -3}])
def test_a_size_that_is_not_positive_is_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(ManifptError):
        Preparation(**sizes).applied(np.zeros((9, 9, 3), np.uint8), name="x")


@given(height=st.integers(1, 40), width=st.integers(1, 40), side=st.integers(1, 40))
def test_a_resized_image_is_always_the_asked_square(height: int, width: int, side: int) -> None:
    assert Preparation(resize=side).applied(np.zeros((height, width, 3), np.uint8), name="x").shape == (side, side, 3)
