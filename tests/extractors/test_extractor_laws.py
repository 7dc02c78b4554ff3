"""Laws that hold for every extractor of the registry that needs no reference."""

from __future__ import annotations

import json
import math
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from manifpt.attributors.linear import Linear
from manifpt.errors import ImageError
from manifpt.extractors.extractor import Extractor, Features
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.registry import built, names
from manifpt.studies.evaluation import cross_validated

from .planted import planted

# Their laws stand in test_artifacts.py, test_released.py, test_patch_statistics.py, test_scores.py and test_joined.py.
WITH_REFERENCE = {"artifacts", "released", "patch-statistics", "scores", "joined"}
# Row of the registry, settings, and the attributor that its paper gives it.
CASES: dict[str, tuple[str, dict[str, Any], str]] = {
    "points": ("points", {}, "linear"),
    "mccloskey18": ("mccloskey18", {}, "linear-svm"),
    "mccloskey18 with chromaticity": ("mccloskey18", {"chromaticity": True}, "linear-svm"),
    "nataraj19": ("nataraj19", {}, "linear"),  # instead of a network, which would take minutes
    "durall20": ("durall20", {}, "svm"),
    "dzanic20": ("dzanic20", {}, "knn"),
    "giudice21": ("giudice21", {}, "svm"),
    "frank20": ("frank20", {}, "linear"),
    "ricker22": ("ricker22", {}, "linear"),
    "corvi23": ("corvi23", {}, "linear"),
    "residuals": ("residuals", {}, "fingerprints"),
    "npr": ("npr", {}, "linear"),  # instead of a network, too
}
# What cannot see a pattern that is added to an image, and why: docs/methods.md.
BLIND = {"mccloskey18", "mccloskey18 with chromaticity", "giudice21"}
SIZES = [(16, 16), (17, 23), (16, 40), (33, 16), (32, 32), (64, 64)]
CLASSES = 4


def extractor(case: str) -> Any:
    row, settings, _ = CASES[case]
    return built("extractors", row, **settings)


def image_set(pixels: NDArray[np.uint8]) -> ImageSet:
    return ImageSet.from_arrays(pixels, ["gan"] * len(pixels))


def noise(height: int, width: int, count: int = 5, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, height, width, 3), np.uint8)


def plain(height: int, width: int) -> NDArray[np.uint8]:
    """Black, white, grey, pure red, one pixel that differs by one step, a step edge, and a checkerboard."""
    colours = [(0, 0, 0), (255, 255, 255), (128, 128, 128), (255, 0, 0), (128, 128, 128)]
    flat = np.array(colours, np.uint8)[:, None, None] * np.ones((1, height, width, 1), np.uint8)
    flat[4, 5, 7] += 1
    edge = np.zeros((1, height, width, 3), np.uint8)
    edge[:, :, width // 2 :] = 255
    board = 255 * (np.indices((height, width)).sum(0) % 2).astype(np.uint8)[None, ..., None].repeat(3, axis=3)
    return np.concatenate([flat, edge, board])


def of(case: str, pixels: NDArray[np.uint8]) -> Features:
    images = image_set(pixels)
    return np.asarray(extractor(case).fit(images).extract(images))


def test_every_row_is_tested() -> None:
    assert {row for row, _, _ in CASES.values()} | WITH_REFERENCE == set(names("extractors"))


@pytest.mark.parametrize("case", CASES)
def test_it_keeps_the_contract(case: str) -> None:
    assert isinstance(extractor(case), Extractor)
    assert extractor(case).settings()["name"] == CASES[case][0]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("case", CASES)
def test_features_of_any_image_are_finite_float32_rows_of_one_shape(case: str, size: tuple[int, int]) -> None:
    pixels = np.concatenate([noise(*size), plain(*size)])
    features = of(case, pixels)
    assert features.dtype == np.float32
    assert len(features) == len(pixels)
    assert features[0].size
    assert np.isfinite(features).all()
    assert of(case, pixels[:0]).shape == (0, *features.shape[1:])


@pytest.mark.parametrize("size", SIZES[:3])
@pytest.mark.parametrize("case", CASES)
def test_an_image_alone_has_the_features_that_it_has_in_a_batch(case: str, size: tuple[int, int]) -> None:
    pixels = np.concatenate([noise(*size), plain(*size)])
    together = of(case, pixels)
    alone = np.concatenate([of(case, pixels[row : row + 1]) for row in range(len(pixels))])
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(of(case, pixels[::-1]), together[::-1])


@pytest.mark.parametrize("case", CASES)
def test_more_images_than_a_batch_holds_keep_their_order(case: str) -> None:
    pixels = noise(16, 16, 300)
    np.testing.assert_array_equal(of(case, pixels)[250:], of(case, pixels[250:]))


@pytest.mark.parametrize("case", CASES)
def test_what_learns_nothing_gives_the_same_whatever_it_was_fitted_on(case: str) -> None:
    assert not extractor(case).learns
    unseen = image_set(noise(16, 16, 4, seed=2))
    one, other = (extractor(case).fit(image_set(noise(16, 16, 6, seed=seed))).extract(unseen) for seed in (0, 1))
    np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("case", CASES)
def test_a_restored_extractor_gives_the_features_of_the_saved_one(case: str) -> None:
    images = image_set(noise(16, 16))
    fitted = extractor(case).fit(images)
    restored = extractor(case).restore(load(save(fitted.state())), images)
    assert json.loads(json.dumps(restored.settings())) == fitted.settings()
    np.testing.assert_array_equal(restored.extract(images), fitted.extract(images))


@pytest.mark.parametrize("case", CASES)
def test_a_saved_method_answers_as_before(case: str, tmp_path: Path) -> None:
    images = planted(6)
    method = Method(extractor(case), Linear()).fit(images)
    loaded = Method.load(method.save(tmp_path / "model"))
    assert loaded.extractor.settings() == method.extractor.settings()
    np.testing.assert_array_equal(loaded.predict_proba(images), method.predict_proba(images))


@pytest.mark.parametrize("case", [case for case in CASES if getattr(extractor(case), "smallest", 1) > 1])
def test_images_that_are_too_small_are_refused_in_one_line(case: str) -> None:
    smallest = extractor(case).smallest
    assert smallest <= 16
    images = image_set(noise(smallest, smallest - 1))
    message = rf"^images of {smallest - 1} by {smallest} px; expected at least {smallest} px on each side for {case}; "
    with pytest.raises(ImageError, match=message):
        extractor(case).fit(images).extract(images)
    assert np.isfinite(of(case, noise(smallest, smallest))).all()


@cache
def accuracy(case: str) -> float:
    """The share of right answers, each by a method that did not see the image."""
    answers = cross_validated(Method(extractor(case), built("attributors", CASES[case][2])), planted(), splits=4)
    return float((answers.classes[answers.probabilities.argmax(axis=1)] == answers.truth).mean())


def beyond_chance(errors: float) -> float:
    chance = 1 / CLASSES
    return chance + errors * math.sqrt(chance * (1 - chance) / len(planted().scored))


def test_half_of_the_planted_images_are_attributed_from_their_pixels() -> None:
    assert 0.4 < accuracy("points") < 0.6


@pytest.mark.parametrize("case", [case for case in CASES if case not in BLIND])
def test_a_planted_pattern_is_found_by_three_standard_errors(case: str) -> None:
    assert accuracy(case) > beyond_chance(3)


@pytest.mark.parametrize("case", sorted(BLIND))
def test_what_cannot_see_a_planted_pattern_says_so(case: str) -> None:
    assert accuracy(case) < beyond_chance(3)
    page = (Path(__file__).parents[2] / "docs" / "methods.md").read_text(encoding="utf-8")
    row = next(line for line in page.splitlines() if line.startswith(f"| `{CASES[case][0]}`"))
    assert "cannot see" in row
