from __future__ import annotations

import io
import os
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from odd_files import encoded, interlaced, png
from odd_files import picture as noisy
from PIL import Image, ImageCms

from manifpt.errors import ImageError
from manifpt.images import decoded, file_sha256

Noise = Callable[..., NDArray[np.uint8]]
tifffile = pytest.importorskip("tifffile")


@pytest.fixture
def picture(noise: Noise) -> NDArray[np.uint8]:
    [image] = noise(seed=3)
    return np.asarray(image, np.uint8)


@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("PNG", {}),
        ("BMP", {}),
        ("TIFF", {"compression": "tiff_lzw"}),
        ("WEBP", {"lossless": True}),
        ("PPM", {}),
    ],
)
def test_a_lossless_file_gives_back_its_pixels_without_a_warning(
    picture: NDArray[np.uint8], kind: str, settings: dict[str, Any]
) -> None:
    found = decoded(encoded(Image.fromarray(picture), kind, **settings))
    np.testing.assert_array_equal(found.pixels, picture)
    assert found.pixels.dtype == np.uint8
    assert found.format == kind
    assert found.warnings == ()


@pytest.mark.parametrize("kind", ["JPEG", "WEBP", "AVIF"])
def test_lossy_compression_is_reported(picture: NDArray[np.uint8], kind: str) -> None:
    found = decoded(encoded(Image.fromarray(picture), kind))
    assert found.warnings == (f"{kind}: lossy compression may hide or change the trace",)


def test_grey_and_one_bit_images_have_three_equal_channels(picture: NDArray[np.uint8]) -> None:
    grey = Image.fromarray(picture).convert("L")
    one_bit = Image.fromarray((picture[..., 0] > 127).astype(np.uint8) * 255).convert("1")
    for image in (grey, one_bit):
        expected = np.repeat(np.asarray(image.convert("L"))[..., None], 3, axis=2)
        np.testing.assert_array_equal(decoded(encoded(image, "PNG")).pixels, expected)


def test_a_palette_gives_the_colours_it_names(picture: NDArray[np.uint8]) -> None:
    image = Image.fromarray(picture).quantize(16)
    found = decoded(encoded(image, "PNG"))
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGB")))
    assert found.warnings == ("palette: expanded to RGB",)


def test_alpha_is_dropped_and_the_stored_colours_stay(picture: NDArray[np.uint8]) -> None:
    alpha = np.concatenate([picture, np.full((16, 16, 1), 7, np.uint8)], axis=2)
    found = decoded(encoded(Image.fromarray(alpha, "RGBA"), "PNG"))
    np.testing.assert_array_equal(found.pixels, picture)
    assert found.warnings == ("transparency: dropped",)


def test_a_palette_with_transparency_says_both(picture: NDArray[np.uint8]) -> None:
    image = Image.fromarray(picture).quantize(16)
    found = decoded(encoded(image, "PNG", transparency=bytes([0, 128] * 8)))
    np.testing.assert_array_equal(found.pixels, np.asarray(image.convert("RGB")))
    assert found.warnings == ("transparency: dropped", "palette: expanded to RGB")


@pytest.mark.parametrize("top", [65535, 300, 200, 1])
def test_16_bit_grey_is_scaled_by_its_depth_and_never_by_its_content(top: int) -> None:
    values = np.linspace(0, top, 256).astype(np.uint16).reshape(16, 16)
    found = decoded(encoded(Image.fromarray(values), "PNG"))
    np.testing.assert_allclose(found.pixels[..., 0], values / 257, atol=1)
    assert found.warnings == ("more than 8 bits: reduced to 8",)


def test_16_bit_colour_is_reduced_and_says_so() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (8, 8, 3)).astype(">u2")
    raw = b"".join(b"\0" + row.tobytes() for row in values)
    found = decoded(png(8, 8, 16, 2, raw))
    np.testing.assert_allclose(found.pixels, values / 257, atol=1)
    assert found.warnings == ("more than 8 bits: reduced to 8",)


def test_16_bit_grey_and_the_same_grey_in_colour_have_the_same_pixels() -> None:
    values = np.random.default_rng(0).integers(0, 65536, (8, 8)).astype(">u2")
    grey = png(8, 8, 16, 0, b"".join(b"\0" + row.tobytes() for row in values))
    colour = png(8, 8, 16, 2, b"".join(b"\0" + np.repeat(row, 3).tobytes() for row in values))
    np.testing.assert_array_equal(decoded(grey).pixels, decoded(colour).pixels)


def test_a_16_bit_tiff_is_reduced_and_says_so(tmp_path: Path) -> None:
    values = np.linspace(0, 65535, 256).astype(np.uint16).reshape(16, 16)
    tifffile.imwrite(tmp_path / "deep.tif", values)
    found = decoded(tmp_path / "deep.tif")
    np.testing.assert_allclose(found.pixels[..., 0], values / 257, atol=1)
    assert found.warnings == ("more than 8 bits: reduced to 8",)


def test_a_16_bit_colour_tiff_is_reduced_or_refused_in_one_line(tmp_path: Path) -> None:
    values = np.random.default_rng(0).integers(0, 65536, (8, 8, 3)).astype(np.uint16)
    tifffile.imwrite(tmp_path / "deep.tif", values, photometric="rgb")
    try:
        found = decoded(tmp_path / "deep.tif")
    except ImageError as error:
        assert "\n" not in str(error)
        return
    np.testing.assert_allclose(found.pixels, values / 257, atol=1)
    assert "more than 8 bits: reduced to 8" in found.warnings


def test_cmyk_is_converted_and_says_so(picture: NDArray[np.uint8]) -> None:
    image = Image.fromarray(picture).convert("CMYK")
    found = decoded(encoded(image, "JPEG"))
    assert found.pixels.shape == picture.shape
    assert "CMYK: converted to RGB" in found.warnings


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_several_frames_the_first_is_used(noise: Noise, kind: str) -> None:
    frames = [Image.fromarray(pixels).quantize(64).convert("RGB") for pixels in noise(3)]
    settings = {"lossless": True} if kind == "WEBP" else {}
    found = decoded(encoded(frames[0], kind, save_all=True, append_images=frames[1:], **settings))
    single = decoded(encoded(frames[0], kind, **settings))
    np.testing.assert_array_equal(found.pixels, single.pixels)
    assert "animated: only the first frame is used" in found.warnings
    assert "animated: only the first frame is used" not in single.warnings


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 3), (8, 1)])
def test_exif_orientation_is_applied(picture: NDArray[np.uint8], orientation: int, turns: int) -> None:
    picture = picture[:, :9]
    exif = Image.Exif()
    exif[0x0112] = orientation
    found = decoded(encoded(Image.fromarray(picture), "PNG", exif=exif))
    np.testing.assert_array_equal(found.pixels, np.rot90(picture, turns))
    assert found.warnings == (() if orientation == 1 else ("EXIF orientation: turned upright",))


def test_an_orientation_that_exif_does_not_define_changes_nothing(picture: NDArray[np.uint8]) -> None:
    exif = Image.Exif()
    exif[0x0112] = 99
    found = decoded(encoded(Image.fromarray(picture), "PNG", exif=exif))
    np.testing.assert_array_equal(found.pixels, picture)
    assert found.warnings == ()


def test_progressive_and_baseline_jpeg_decode_alike(picture: NDArray[np.uint8]) -> None:
    image = Image.fromarray(picture)
    np.testing.assert_array_equal(
        decoded(encoded(image, "JPEG", progressive=True)).pixels, decoded(encoded(image, "JPEG")).pixels
    )


def test_an_interlaced_png_decodes_like_a_plain_one() -> None:
    np.testing.assert_array_equal(decoded(interlaced()).pixels, np.asarray(noisy()))


def test_a_colour_profile_is_reported_and_not_applied(picture: NDArray[np.uint8]) -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    found = decoded(encoded(Image.fromarray(picture), "PNG", icc_profile=lab))
    np.testing.assert_array_equal(found.pixels, picture)
    assert found.warnings == ("colour profile: not applied",)
    assert decoded(encoded(Image.fromarray(picture), "PNG", icc_profile=srgb)).warnings == ()


def test_a_lossless_webp_with_a_profile_is_not_called_lossy(picture: NDArray[np.uint8]) -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert decoded(encoded(Image.fromarray(picture), "WEBP", lossless=True, icc_profile=srgb)).warnings == ()


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.05, 0.5, 0.9])
def test_a_truncated_file_is_an_error_in_one_line_that_names_it(noise: Noise, kind: str, part: float) -> None:
    content = encoded(Image.fromarray(noise(side=64)[0]), kind)
    with pytest.raises(ImageError) as caught:
        decoded(content[: int(len(content) * part)], name="cut.img")
    assert str(caught.value).startswith("cut.img ")
    assert "\n" not in str(caught.value)


def test_random_damage_gives_pixels_or_an_image_error_and_nothing_else(noise: Noise) -> None:
    rng = np.random.default_rng(0)
    for kind in ("PNG", "JPEG", "GIF", "WEBP", "BMP", "TIFF"):
        whole = np.frombuffer(encoded(Image.fromarray(noise(side=32)[0]), kind), np.uint8)
        for _ in range(60):
            damaged = whole.copy()
            damaged[rng.integers(0, min(200, len(whole)), 3)] = rng.integers(0, 256, 3)
            try:
                assert decoded(damaged.tobytes()).pixels.ndim == 3
            except ImageError as error:
                assert "\n" not in str(error)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1)])
def test_any_aspect_is_decoded(size: tuple[int, int]) -> None:
    found = decoded(encoded(Image.new("RGB", size, (1, 2, 3)), "PNG"))
    assert found.pixels.shape == (size[1], size[0], 3)
    assert (found.pixels == (1, 2, 3)).all()


@pytest.mark.parametrize(("width", "height"), [(60000, 60000), (13000, 13000), (8001, 8000)])
def test_more_than_64_megapixels_are_refused_before_decoding(width: int, height: int) -> None:
    started = time.monotonic()
    with pytest.raises(ImageError) as caught:
        decoded(png(width, height, 8, 2, b"\0" * 100), name="bomb.png")
    assert time.monotonic() - started < 5
    assert str(caught.value) == (
        "bomb.png has more than 64 megapixels; expected an image that fits in memory; crop or scale it first"
    )


def test_what_is_no_regular_file_is_refused_at_once_and_leaves_nothing_open(tmp_path: Path) -> None:
    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "dangling.png").symlink_to(tmp_path / "nowhere.png")
    before = len(os.listdir("/proc/self/fd"))
    for name in ("folder", "pipe", "dangling", "absent"):
        with pytest.raises(ImageError, match=rf"{name}\.png"):
            decoded(tmp_path / f"{name}.png")
    assert len(os.listdir("/proc/self/fd")) == before


def test_an_absent_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ImageError) as caught:
        decoded(tmp_path / "no.png")
    assert str(caught.value) == (
        f"{tmp_path}/no.png cannot be read (No such file or directory); expected a readable image file; "
        "check the path and permissions"
    )


def test_a_name_that_is_not_utf8_is_read(tmp_path: Path, picture: NDArray[np.uint8]) -> None:
    name = os.path.join(os.fsencode(tmp_path), b"\xff\xfe.png")
    with open(name, "wb") as file:
        file.write(encoded(Image.fromarray(picture), "PNG"))
    np.testing.assert_array_equal(decoded(Path(os.fsdecode(name))).pixels, picture)


def test_the_digest_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    assert file_sha256(tmp_path / "abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_many_threads_read_one_file_and_leave_the_warning_filters_alone(
    tmp_path: Path, picture: NDArray[np.uint8]
) -> None:
    # Overlapping catch_warnings restore each other's filters in the wrong order, and lose the user's.
    Image.fromarray(picture).save(tmp_path / "one.png")
    filters = list(warnings.filters)
    ready = threading.Barrier(8)

    def read(_: int) -> bool:
        ready.wait()
        return all(np.array_equal(decoded(tmp_path / "one.png").pixels, picture) for _ in range(100))

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(read, range(8)))
    assert list(warnings.filters) == filters
    with pytest.warns(UserWarning, match="still heard"):
        warnings.warn("still heard", UserWarning, stacklevel=1)


def test_no_warning_of_the_decoder_reaches_the_user(picture: NDArray[np.uint8]) -> None:
    # Above Pillow's own limit (89 megapixels), Pillow warns.
    with pytest.raises(ImageError, match="megapixels"):
        decoded(png(9500, 9500, 8, 0, b"\0" * 100))
    palette = Image.fromarray(picture).quantize(4)
    decoded(encoded(palette, "PNG", transparency=bytes([0, 1, 2, 3])))


@pytest.mark.parametrize("kind", ["TIFF", "PNG", "WEBP"])
@pytest.mark.parametrize("orientation", [1, 2, 6, 8])
def test_whatever_turns_an_image_by_its_exif_data_says_so(
    picture: NDArray[np.uint8], kind: str, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    file = io.BytesIO()
    settings = {"lossless": True} if kind == "WEBP" else {}
    Image.fromarray(picture[:10]).save(file, kind, exif=exif, **settings)
    turned = {1: picture[:10], 2: picture[:10, ::-1], 6: np.rot90(picture[:10], -1), 8: np.rot90(picture[:10])}
    found = decoded(file.getvalue())
    np.testing.assert_array_equal(found.pixels, turned[orientation])
    assert found.warnings == (() if orientation == 1 else ("EXIF orientation: turned upright",))
