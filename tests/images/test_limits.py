"""What one image may take, and that threads together stay within it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from odd_files import chunk, encoded, passes, picture, png, png_with, tiff
from PIL import Image

from manifpt.errors import ImageError
from manifpt.images import ImageSet, Preparation, decoded
from manifpt.images.containers import lossless_webp
from manifpt.images.limits import Room
from manifpt.methods import inference
from manifpt.methods.attribution import Attribution, Failure
from manifpt.methods.manifpt import ManiFPT

WIDTH, HEIGHT = 24, 16


@pytest.fixture(scope="module")
def method() -> ManiFPT:
    """A model of images that are wider than high."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 190, (90, HEIGHT, WIDTH, 3))
    pixels[60:] += 40 * (np.arange(WIDTH) % 2)[None, :, None]
    roles = ["reference"] * 30 + [""] * 60
    images = ImageSet.from_arrays(pixels.astype(np.uint8), ["real"] * 60 + ["columns"] * 30, roles=roles)
    return ManiFPT("rgb", attributor="linear").fit(images)


def test_threads_hold_no_more_than_a_room_has_and_what_is_larger_is_held_alone() -> None:
    room, lock, held, most, alone = Room(10), threading.Lock(), 0, 0, []

    def work(amount: int) -> None:
        nonlocal held, most
        with room.held(amount):
            with lock:
                held += amount
                most = max(most, held if amount <= 10 else 0)
                if amount > 10:
                    alone.append(held == amount)
            time.sleep(0.001)
            with lock:
                held -= amount

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [3, 4, 50, 1, 9, 10, 2, 2, 70, 5] * 10))
    assert most <= 10
    assert alone == [True] * 20


def test_a_room_is_left_also_after_an_error() -> None:
    room = Room(1)
    for _ in range(3):
        with pytest.raises(KeyError), room.held(1):
            raise KeyError
    with room.held(1):
        pass


def test_large_images_that_come_together_stay_below_a_gigabyte(tmp_path: Path, method: ManiFPT) -> None:
    # 60 megapixels each: four at once would take more than two gigabytes.
    method.save(tmp_path / "model")
    (tmp_path / "large").mkdir()
    Image.new("RGB", (7500, 8000)).save(tmp_path / "large" / "0.png", compress_level=1)
    Image.new("RGB", (7500, 8000)).save(tmp_path / "large" / "1.bmp")
    for index in range(2, 6):
        os.link(tmp_path / "large" / ("0.png" if index % 2 else "1.bmp"), tmp_path / "large" / f"{index}.png")
    program = (
        "import sys\nfrom manifpt.methods.method import Method\n"
        "method = Method.load(sys.argv[1])\n"
        "from manifpt.images import inputs\n"
        "for answer in method.attributions(inputs(sys.argv[2]), resize=16): print(answer.record().get('error'))\n"
        "print(next(line for line in open('/proc/self/status') if line.startswith('VmHWM')).split()[1])\n"
    )
    words = [sys.executable, "-c", program, str(tmp_path / "model"), str(tmp_path / "large")]
    *errors, peak = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    # Decoded and scaled to 16 × 16, which is not what this model takes.
    assert len(errors) == 6
    assert all("is 7500 × 8000 pixels" in error for error in errors)
    assert int(peak) < 1_000_000


def test_an_image_of_another_size_is_refused_by_its_header_before_it_is_decoded(method: ManiFPT) -> None:
    # Its pixels are missing, which decoding would tell.
    [answer] = method.attributions([png(7000, 8000, 8, 2, b"")])
    assert isinstance(answer, Failure)
    assert answer.error.startswith(
        "- is 7000 × 8000 pixels; expected 24 × 16, as the model was trained on; give --crop 16"
    )


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_an_image_that_exif_turns_to_the_right_size_is_attributed(method: ManiFPT, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying, standing = (picture(width=width, height=height) for width, height in ((24, 16), (16, 24)))
    right, wrong = method.attributions([encoded(image, "PNG", exif=exif) for image in (standing, lying)])
    assert isinstance(right, Attribution)
    assert isinstance(wrong, Failure)
    assert "is 16 × 24 pixels" in wrong.error


@pytest.mark.parametrize(("patience", "size"), [(0.0, 64), (60.0, 3), (60.0, 1)])
def test_answers_are_the_same_in_groups_of_any_size(
    method: ManiFPT, monkeypatch: pytest.MonkeyPatch, patience: float, size: int
) -> None:
    files = [encoded(picture(seed, WIDTH, HEIGHT), "PNG") for seed in range(10)]
    files.insert(4, b"no image")
    whole = [answer.record() for answer in method.attributions(files)]
    monkeypatch.setattr(inference, "PATIENCE", patience)
    monkeypatch.setattr(inference, "BATCH", size)
    assert [answer.record() for answer in method.attributions(files)] == whole


def test_inputs_are_asked_for_as_they_are_needed_and_no_further(method: ManiFPT) -> None:
    asked = 0

    def files() -> Any:
        nonlocal asked
        for seed in range(500):
            asked += 1
            yield encoded(picture(seed, WIDTH, HEIGHT), "PNG")

    answers = method.attributions(files())
    next(answers)
    assert asked <= 3 * inference.BATCH
    answers.close()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "pixels",
    [np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH), np.uint8), np.zeros((0, WIDTH, 3), np.uint8)],
)
def test_arrays_that_are_no_images_fail_in_one_line(method: ManiFPT, pixels: Any) -> None:
    for settings in ({}, {"resize": 16}, {"crop": 16}):
        [answer] = method.attributions([pixels], **settings)
        assert isinstance(answer, Failure)
        assert answer.error == (
            f"array has shape {pixels.shape} and type {pixels.dtype}; expected uint8 (height, width, 3); "
            "convert it to 8-bit RGB"
        )


@pytest.mark.parametrize("size", [(1, 50_000), (50_000, 1), (2, 900_000)])
def test_a_long_image_is_not_scaled_to_gigapixels(size: tuple[int, int]) -> None:
    content = encoded(Image.new("RGB", size), "PNG")
    with pytest.raises(ImageError) as caught:
        decoded(content, name="long.png", preparation=Preparation(resize=64))
    assert f"long.png is {size[0]} × {size[1]} pixels, and scaled to 64 it would be" in str(caught.value)
    assert decoded(content, preparation=Preparation(crop=1)).pixels.shape == (1, 1, 3)


def test_a_file_that_is_longer_than_it_says_is_refused() -> None:
    if not Path("/proc/self/status").is_file():
        pytest.skip("needs Linux's /proc")
    with pytest.raises(ImageError, match="changes while it is read"):
        decoded("/proc/self/status")


def test_dear_formats_may_have_fewer_pixels() -> None:
    plain = b"P3 2000 1001 255\n"
    with pytest.raises(ImageError, match="more than 2 megapixels; expected an image that decodes in seconds"):
        decoded(plain)
    for kind in ("WEBP", "TIFF"):
        with pytest.raises(ImageError, match="more than 32 megapixels; expected an image that fits in memory"):
            decoded(encoded(Image.new("1" if kind == "TIFF" else "RGB", (8001, 4001)), kind))
    codestream = encoded(Image.new("L", (16, 16)), "JPEG2000", no_jp2=True)
    size = codestream.index(b"\xff\x51") + 6
    large = (5000).to_bytes(4, "big") * 2
    with pytest.raises(ImageError, match="more than 16 megapixels; expected an image that decodes in seconds"):
        decoded(codestream[:size] + large + codestream[size + 8 :])


def test_a_progressive_jpeg_may_have_half_the_pixels_since_all_of_it_is_held() -> None:
    sizes = {True: "is a JPEG of 6 passes; expected at most 1 over 42,250,000 pixels", False: "cannot be decoded"}
    for progressive, text in sizes.items():
        content = encoded(picture().convert("L"), "JPEG", progressive=progressive)
        place = content.index(b"\xff\xc2" if progressive else b"\xff\xc0") + 5
        larger = content[:place] + (6500).to_bytes(2, "big") * 2 + content[place + 4 :]
        with pytest.raises(ImageError, match=text):
            decoded(larger[:-2])


def test_the_usual_passes_of_a_jpeg_are_no_reason_to_refuse_it() -> None:
    np.testing.assert_array_equal(decoded(passes(500)).pixels.shape, (16, 16, 3))


def test_only_the_first_page_of_a_tiff_is_looked_at() -> None:
    tags = [(256, 3, 1, 8), (257, 3, 1, 8), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 400)]
    page = tiff([*tags, (277, 3, 1, 1), (278, 3, 1, 8), (279, 4, 1, 64)], bytes(range(64)))
    end = 8 + 2 + 9 * 12
    broken = page[:end] + (2**31).to_bytes(4, "little") + page[end + 4 :]
    found = decoded(broken)
    assert found.pixels[..., 0].ravel().tolist() == list(range(64))
    assert found.warnings == ("animated: only the first frame is used",)


def test_many_chunks_are_fine_as_long_as_they_are_not_a_million() -> None:
    np.testing.assert_array_equal(decoded(png_with(chunk(b"abCD", b"") * 1000)).pixels, np.asarray(picture()))


def test_the_search_for_a_webps_kind_ends() -> None:
    head = b"RIFF\0\0\0\0WEBP"
    assert lossless_webp(head + b"VP8L\0\0\0\0")
    assert not lossless_webp(head + b"VP8 \0\0\0\0VP8L\0\0\0\0")
    assert not lossless_webp(head + b"JUNK\0\0\0\0" * 5000 + b"VP8L\0\0\0\0")
    assert not lossless_webp(head)


def test_a_pool_that_one_of_its_own_threads_clears_away_does_not_wait_for_itself() -> None:
    # A generator in a cycle is cleared away by whatever thread collects garbage, such as one of its own.
    from manifpt.images.reading import batches

    found: list[Any] = []
    errors: list[BaseException] = []

    def image(index: int) -> Any:
        if index == 5:
            time.sleep(0.05)
            try:
                found[0].close()
            except BaseException as error:
                errors.append(error)
        return np.zeros((2, 2, 3), np.uint8)

    found.append(batches(image, 20, 2))
    next(found[0])
    time.sleep(0.3)
    assert errors == []
