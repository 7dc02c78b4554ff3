"""Baselines that are fixed transforms of one image: laws of all, and answers known by hand."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import fft

from manifpt.attributors.linear import Linear
from manifpt.embeddings.spectrum import Frequency
from manifpt.errors import ImageError, UnknownNameError
from manifpt.extractors.corvi23 import autocorrelation
from manifpt.extractors.extractor import Extractor
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.registry import built

ROWS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("frank20", {}),
    *(("ricker22", {"transform": name}) for name in ("pixels", "dct", "log-dct", "fft", "log-fft")),
    *((name, {"denoiser": denoiser}) for name in ("corvi23", "residuals") for denoiser in ("wavelet", "nl-means")),
    ("npr", {}),
)
SIDES = [(16, 16), (17, 19), (32, 32), (45, 40)]
CHANCE, TESTED = 1 / 4, 240


def noise(count: int, height: int = 32, width: int = 32, *, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def as_set(pixels: NDArray[np.uint8]) -> ImageSet:
    return ImageSet.from_arrays(pixels, [f"gan-{index}" for index in range(len(pixels))])


@cache
def planted(count: int, seed: int) -> tuple[ImageSet, NDArray[np.str_]]:
    """Random content, flat to rough, to which each of four generators adds the same faint waves of two frequencies."""
    marks = np.random.default_rng(4321)
    waves = np.stack([_waves(marks) for _ in range(4)])
    rng = np.random.default_rng(seed)
    labels = np.tile(np.arange(4), count // 4)
    frequencies = np.hypot(fft.fftfreq(32)[:, None], fft.fftfreq(32)) + 1 / 32
    content = fft.ifft2(fft.fft2(rng.normal(size=(len(labels), 3, 32, 32))) / frequencies).real
    contrast = rng.uniform(2, 60, (len(labels), 1, 1, 1)) / content.std()
    content = 128 + contrast * content + rng.normal(scale=2, size=content.shape) + waves[labels]
    pixels = content.round().clip(0, 255).astype(np.uint8).transpose(0, 2, 3, 1)
    generators = np.array([f"gan-{'abcd'[label]}" for label in labels])
    return ImageSet.from_arrays(pixels, generators), generators


def _waves(marks: np.random.Generator) -> NDArray[np.float64]:
    spectrum = np.zeros((3, 32, 32), complex)
    for down, across in marks.integers(6, 17, (2, 2)):
        spectrum[:, down, across] = np.exp(2j * np.pi * marks.random(3))
    waves = fft.ifft2(spectrum).real
    return np.asarray(AMPLITUDE * waves / waves.std())


AMPLITUDE = 1.0


@cache
def features(name: str, settings: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    extractor = built("extractors", name, **json.loads(settings))
    return extractor.extract(planted(480, 0)[0]), extractor.extract(planted(TESTED, 1)[0])


@cache
def accuracy(name: str, settings: str, attributor: str = "linear") -> float:
    training, test = features(name, settings)
    fitted = built("attributors", attributor, calibration_folds=0).fit(training, planted(480, 0)[1])
    return float((fitted.classes_[fitted.predict_proba(test).argmax(axis=1)] == planted(TESTED, 1)[1]).mean())


@pytest.fixture(params=ROWS, ids=lambda row: "-".join([row[0], *map(str, row[1].values())]))
def extractor(request: pytest.FixtureRequest) -> Any:
    name, settings = request.param
    return built("extractors", name, **settings)


@pytest.mark.parametrize("sides", SIDES)
def test_features_are_finite_float32_of_the_shape_that_is_promised(extractor: Any, sides: tuple[int, int]) -> None:
    found = extractor.extract(as_set(noise(3, *sides)))
    assert found.dtype == np.float32
    assert found.shape == (3, *extractor.shape(*sides))
    assert np.isfinite(found).all()


def test_it_keeps_the_contract_and_learns_nothing(extractor: Any) -> None:
    assert isinstance(extractor, Extractor)
    assert not extractor.learns
    assert extractor.fit(as_set(noise(2))) is extractor
    assert extractor.state() == {}


@pytest.mark.parametrize("sides", [(32, 32), (17, 19)])
def test_an_image_alone_has_the_features_that_it_has_in_a_batch(extractor: Any, sides: tuple[int, int]) -> None:
    images = as_set(noise(9, *sides))
    alone = np.concatenate([extractor.extract(images.subset([index])) for index in range(9)])
    np.testing.assert_array_equal(alone, extractor.extract(images))


@pytest.mark.parametrize("level", [0, 128, 255])
def test_an_image_of_one_colour_has_finite_features(extractor: Any, level: int) -> None:
    assert np.isfinite(extractor.measured(np.full((1, 32, 33, 3), level, np.uint8))).all()


def test_no_images_have_no_features(extractor: Any) -> None:
    assert extractor.extract(as_set(noise(2)).subset([])).shape == (0, *extractor.shape(32, 32))


def test_images_that_are_too_small_are_refused(extractor: Any) -> None:
    with pytest.raises(ImageError, match=r"^images of 40 by 15 px; expected at least 16 px on each side for "):
        extractor.extract(as_set(noise(2, 15, 40)))


def test_settings_build_an_equal_extractor(extractor: Any) -> None:
    settings = json.loads(json.dumps(extractor.settings()))
    again = built("extractors", settings.pop("name"), **settings).restore({}, as_set(noise(2)))
    assert again.settings() == extractor.settings()
    np.testing.assert_array_equal(again.measured(noise(2)), extractor.measured(noise(2)))


def test_a_method_with_it_answers_after_loading_as_before_saving(extractor: Any, tmp_path: Path) -> None:
    images = ImageSet.from_arrays(noise(14), ["gan"] * 5 + ["real"] * 9, roles=[""] * 10 + ["reference"] * 4)
    method = Method(extractor, Linear(calibration_folds=0)).fit(images)
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(images), method.predict_proba(images))


@pytest.mark.parametrize(
    ("name", "settings", "attributor"),
    [
        *((*row, "linear") for row in ROWS),
        ("residuals", {"denoiser": "wavelet"}, "fingerprints"),
        ("residuals", {"denoiser": "nl-means"}, "fingerprints"),
        ("points", {"space": "rgb+freq"}, "linear"),
    ],
)
def test_a_planted_fingerprint_is_found_where_raw_pixels_find_it_in_half_of_the_images(
    name: str, settings: dict[str, Any], attributor: str
) -> None:
    assert 0.4 < accuracy("points", "{}") < 0.6
    assert accuracy(name, json.dumps(settings), attributor) > CHANCE + 3 * np.sqrt(CHANCE * (1 - CHANCE) / TESTED)


def cosine(down: int, across: int, *, height: int = 32, width: int = 32) -> NDArray[np.uint8]:
    """A basis function of the DCT, in grey levels around 128, in the green channel only."""
    rows = np.cos(np.pi * (np.arange(height) + 0.5) * down / height)
    columns = np.cos(np.pi * (np.arange(width) + 0.5) * across / width)
    image = np.full((1, height, width, 3), 128, np.uint8)
    image[0, ..., 1] = (128 + 100 * np.outer(rows, columns)).round()
    return image


def test_a_cosine_is_one_coefficient_of_the_dct() -> None:
    found = built("extractors", "ricker22", transform="dct").measured(cosine(3, 7))[0]
    # Its norm is 100 · √(16 · 16): over each side, the squares of a cosine add up to half of the side.
    assert found[1, 3, 7] == pytest.approx(1600 / 255, abs=0.05)
    found[:, 0, 0] = found[1, 3, 7] = 0
    assert np.abs(found).max() < 0.02
    logs = built("extractors", "frank20").measured(cosine(3, 7))[0]
    assert logs[1, 3, 7] == pytest.approx(np.log(1600 / 255), abs=0.01)
    assert logs[0, 3, 7] < -25


def test_black_is_the_logarithm_of_the_floor_and_grey_is_its_mean_alone() -> None:
    black, grey = (
        built("extractors", "frank20").measured(np.full((1, 16, 16, 3), level, np.uint8)) for level in (0, 51)
    )
    np.testing.assert_allclose(black, np.log(1e-12), rtol=1e-6)
    np.testing.assert_allclose(grey[0, :, 0, 0], np.log(16 * 0.2), rtol=1e-6)
    np.testing.assert_allclose(np.delete(grey.reshape(3, -1), 0, axis=1), np.log(1e-12), rtol=1e-4)


def test_a_wave_has_two_magnitudes_opposite_each_other() -> None:
    image = np.full((1, 32, 32, 3), 128, np.uint8)
    image[..., 0] = (128 + 100 * np.cos(2 * np.pi * 4 * np.arange(32) / 32)).round()
    found = built("extractors", "ricker22", transform="fft").measured(image)[0, 0]
    # Half of the amplitude times the number of pixels.
    assert found[16, 12] == pytest.approx(50 * 1024 / 255, rel=0.01)
    assert found[16, 20] == pytest.approx(found[16, 12], rel=1e-6)
    found[16, [12, 16, 20]] = 0
    assert found.max() < 2


def test_the_logarithms_of_ricker_are_the_space_of_frequencies_and_franks_coefficients() -> None:
    images = noise(3, 17, 20)
    for transform, known in [
        ("log-fft", Frequency()(images).coordinates()),
        ("log-dct", built("extractors", "frank20").measured(images)),
        ("pixels", images.transpose(0, 3, 1, 2) / np.float32(255)),
    ]:
        np.testing.assert_allclose(
            built("extractors", "ricker22", transform=transform).measured(images), known, rtol=1e-6
        )
    fft = built("extractors", "ricker22", transform="fft").measured(images)
    np.testing.assert_allclose(np.log(fft), Frequency()(images).coordinates(), atol=1e-4)


def test_an_unknown_transform_is_answered_with_those_there_are() -> None:
    with pytest.raises(UnknownNameError, match=r"^'log-dft' is not one of the transforms; expected one of pixels, dct"):
        built("extractors", "ricker22", transform="log-dft")


def test_a_wave_correlates_with_itself_as_a_wave_whose_period_is_its_own() -> None:
    wave = np.cos(2 * np.pi * 3 * np.arange(24) / 24 + 0.7)[None] * np.ones((20, 1))
    lags = np.arange(24) - 12
    np.testing.assert_allclose(autocorrelation(wave), np.cos(2 * np.pi * 3 * lags / 24) * np.ones((20, 1)), atol=1e-12)
    assert not autocorrelation(np.zeros((3, 5))).any()


def test_autocorrelation_is_the_sum_of_products_over_the_energy() -> None:
    values = np.random.default_rng(0).normal(size=(5, 7))
    known = [
        [(values * np.roll(values, (down, across), (0, 1))).sum() / (values**2).sum() for across in range(-3, 4)]
        for down in range(-2, 3)
    ]
    np.testing.assert_allclose(autocorrelation(values), known, atol=1e-12)


@pytest.mark.parametrize("denoiser", ["wavelet", "nl-means"])
def test_spectrum_and_autocorrelation_are_those_of_the_residual(denoiser: str) -> None:
    images = planted(480, 0)[0].pixels()[:4]
    residuals = built("extractors", "residuals", denoiser=denoiser).measured(images).astype(float)
    found = built("extractors", "corvi23", denoiser=denoiser).measured(images)
    power = np.abs(fft.fftshift(fft.fft2(residuals), axes=(-2, -1))) ** 2
    loud = power > 1e-6
    np.testing.assert_allclose(found[:, :3][loud], np.log(power[loud]), atol=1e-3)
    np.testing.assert_allclose(found[:, 3:], autocorrelation(residuals), atol=1e-5)
    assert np.isin(found[:, 3:, 16, 16].round(5), [0, 1]).all()


def test_an_image_of_one_colour_leaves_no_residual_and_its_spectrum_is_the_floor() -> None:
    grey = np.full((1, 17, 16, 3), 90, np.uint8)
    for denoiser in ("wavelet", "nl-means"):
        assert not built("extractors", "residuals", denoiser=denoiser).measured(grey).any()
        found = built("extractors", "corvi23", denoiser=denoiser).measured(grey)
        np.testing.assert_allclose(found[:, :3], 2 * np.log(1e-12), rtol=1e-6)
        assert not found[:, 3:].any()


def test_pixels_are_compared_with_the_first_of_their_cell_also_at_odd_borders() -> None:
    image = np.arange(17 * 19 * 3, dtype=np.uint8).reshape(1, 17, 19, 3)
    found = built("extractors", "npr").measured(image)[0] * 255
    for row, column in [(0, 0), (0, 1), (1, 0), (5, 8), (16, 18), (16, 17), (15, 18)]:
        known = image[0, row, column].astype(int) - image[0, row - row % 2, column - column % 2]
        np.testing.assert_allclose(found[:, row, column], known, atol=1e-4)


def test_what_was_enlarged_by_repeating_pixels_has_no_differences_within_cells() -> None:
    small = noise(2, 16, 16)
    large = small.repeat(2, axis=1).repeat(2, axis=2)
    npr = built("extractors", "npr")
    assert not npr.measured(large).any()
    assert npr.measured(small).any()
