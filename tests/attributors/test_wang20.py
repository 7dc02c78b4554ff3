from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.attributors import checkpoints, training, wang20
from manifpt.attributors.wang20 import Degraded, Wang20, blurred, compressed
from manifpt.errors import ManifptError, NumbersError

from .planted import TINY_RESNET50, planted, quick


def pixels(each: int = 20, *, side: int = 16, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    features, generators = planted(each, shape=(3, side, side), seed=seed)
    return np.rint(255 * (0.5 + features / 8)).clip(0, 255).astype(np.float32) / np.float32(255), generators


def smooth() -> NDArray[np.float32]:
    """A photograph's stand-in: two slow waves, one of them coloured."""
    down, across = np.mgrid[:32, :32] / 32
    waves = 0.5 + 0.2 * np.sin(2 * np.pi * down) + 0.2 * np.cos(2 * np.pi * across)
    return np.stack([waves, 0.9 * waves, waves**2]).astype(np.float32)


@pytest.mark.parametrize("sigma", [0.0, 0.4, 3.0])
@pytest.mark.parametrize("level", [0, 1, 127, 255])
def test_a_blurred_constant_is_the_constant(sigma: float, level: int) -> None:
    image = np.full((3, 16, 16), level / 255, np.float32)
    np.testing.assert_array_equal(blurred(image, sigma), image)


def test_a_blurred_point_is_a_gaussian_in_its_own_channel() -> None:
    image = np.zeros((3, 33, 33), np.float32)
    image[1, 16, 16] = 1.0
    found = 255 * blurred(image, 1.0)
    # A normalised Gaussian of deviation 1 is 0.3989 at 0 and 0.2420 at 1.
    assert found[1, 16, 16] == pytest.approx(round(255 * 0.3989**2))
    assert found[1, 16, 17] == found[1, 15, 16] == pytest.approx(round(255 * 0.3989 * 0.2420))
    assert not found[[0, 2]].any()


def test_blur_keeps_the_range_and_whole_levels() -> None:
    image = pixels(1)[0][0]
    for sigma in (0.0, 0.5, 3.0):
        found = blurred(image, sigma)
        assert found.dtype == np.float32
        assert image.min() <= found.min() <= found.max() <= image.max()
        np.testing.assert_allclose(255 * found, np.rint(255 * found), atol=1e-4)
    np.testing.assert_array_equal(blurred(image, 0.0), image)
    assert blurred(image, 3.0).std() < blurred(image, 0.5).std() < image.std()


def test_jpeg_of_quality_100_changes_little_and_of_30_more() -> None:
    image = smooth()
    best, worst = (np.abs(compressed(image, quality) - image).max() for quality in (100, 30))
    assert best < 6 / 255
    assert worst > 2 * best
    found = compressed(image, 30)
    assert found.shape == image.shape
    assert found.dtype == np.float32
    # Red stays red.
    assert np.abs(found - image).mean() < 0.02
    np.testing.assert_array_equal(255 * found, np.rint(255 * found))


def test_degradation_depends_on_its_random_numbers_alone_and_leaves_the_given_images() -> None:
    images = pixels()[0]
    degraded = Degraded(0.5, crops=True, flips=True)
    one, same, other = (degraded(images, np.random.default_rng(seed)) for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, same)
    assert (one != other).any()
    assert one.dtype == np.float32
    assert one.min() >= 0
    assert one.max() <= 1
    np.testing.assert_array_equal(images, pixels()[0])


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_images_are_blurred_and_compressed_with_the_probability_each(
    probability: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    blurs: list[float] = []
    qualities: list[int] = []
    monkeypatch.setattr(wang20, "blurred", lambda image, sigma: blurs.append(sigma) or image)
    monkeypatch.setattr(wang20, "compressed", lambda image, quality: qualities.append(quality) or image)
    images = np.zeros((2000, 3, 8, 8), np.float32)
    Degraded(probability, crops=False, flips=False)(images, np.random.default_rng(0))
    # Four standard deviations of a binomial.
    slack = 4 * np.sqrt(2000 * probability * (1 - probability))
    assert abs(len(blurs) - 2000 * probability) <= slack
    assert abs(len(qualities) - 2000 * probability) <= slack
    if probability == 1:
        assert min(blurs) >= 0
        assert 2.9 < max(blurs) <= 3
        assert (min(qualities), max(qualities)) == (30, 100)


def test_nothing_is_degraded_without_anything_to_do() -> None:
    images = pixels()[0]
    np.testing.assert_array_equal(Degraded(0.0, crops=False, flips=False)(images, np.random.default_rng(0)), images)


def quick_with_degradation(**settings: Any) -> Wang20:
    found: Wang20 = quick("wang20", **{"augmented": 0.5, "crops": True, "flips": True, "epochs": 3, **settings})
    return found


def test_predictions_are_of_the_images_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    images, generators = pixels()
    fitted = quick_with_degradation(epochs=1, calibration_folds=0).fit(images, generators)

    def refused(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(Degraded, "__call__", refused)
    np.testing.assert_array_equal(fitted.predict_proba(images), fitted.predict_proba(images))
    assert fitted.features(images).shape == (60, 32)


def test_a_training_that_degrades_and_is_killed_ends_in_the_bits_of_an_unbroken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images, generators = pixels()
    monkeypatch.setattr(checkpoints, "STEPS", 3)
    unbroken = quick_with_degradation(calibration_folds=0).fit(images, generators)
    stepped, steps = training._stepped, 0

    def dying(*arguments: Any) -> Any:
        nonlocal steps
        steps += 1
        if steps == 8:
            raise KeyboardInterrupt
        return stepped(*arguments)

    # In the middle of the second of three epochs of 4 steps, after a save in the middle of it.
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(training, "_stepped", dying)
        quick_with_degradation(calibration_folds=0).fit(images, generators, checkpoint=tmp_path)
    resumed = quick_with_degradation(calibration_folds=0).fit(images, generators, checkpoint=tmp_path)
    for name, value in unbroken.state().items():
        np.testing.assert_array_equal(resumed.state()[name], value)


def test_degradation_changes_what_is_learned() -> None:
    images, generators = pixels()
    one, other = (
        quick_with_degradation(augmented=augmented, epochs=1, calibration_folds=0).fit(images, generators)
        for augmented in (0.0, 0.5)
    )
    assert (one.predict_proba(images) != other.predict_proba(images)).any()


def test_it_learns_a_pattern_that_crops_flips_blurs_and_jpeg_leave() -> None:
    # Three colours, faint under noise.
    rng = np.random.default_rng(0)
    labels = np.arange(90) % 3
    images = (0.5 + 0.1 * np.eye(3)[labels][:, :, None, None] + rng.normal(0, 0.1, (90, 3, 16, 16))).clip(0, 1)
    names = np.array([f"gan-{label}" for label in labels])
    fitted = quick_with_degradation(epochs=10, calibration_folds=0).fit(images[:60].astype(np.float32), names[:60])
    answers = fitted.classes_[fitted.predict_proba(images[60:].astype(np.float32)).argmax(1)]
    assert (answers == names[60:]).mean() > 0.9


@pytest.mark.parametrize("value", [-0.01, 1.01])
def test_values_that_are_no_pixels_are_refused_with_their_example_where_jpeg_needs_them(value: float) -> None:
    images, generators = pixels()
    images[7, 1, 2, 3] = value
    with pytest.raises(NumbersError, match=r"^the features of example 7 leave \[0, 1\]; expected pixels in \[0, 1\]"):
        quick_with_degradation().fit(images, generators)
    quick_with_degradation(augmented=0.0, epochs=1, calibration_folds=0).fit(images, generators)


def test_other_channels_than_three_are_refused_where_jpeg_needs_them() -> None:
    with pytest.raises(ManifptError, match=r"^the features have the shape \(1, 8, 8\); .*; use the points of rgb, or"):
        quick_with_degradation().fit(np.zeros((4, 1, 8, 8), np.float32), ["a", "b", "a", "b"])


@pytest.mark.parametrize("augmented", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(augmented: float) -> None:
    with pytest.raises(
        NumbersError, match=r"^images are augmented with probability .*; expected a probability; use 0.5"
    ):
        Wang20(augmented=augmented)


def test_by_default_it_is_resnet_50_with_the_published_settings() -> None:
    network = Wang20()
    assert (network.recipe.learning_rate, network.recipe.batch, network.recipe.weight_decay) == (1e-4, 64, 0.0)
    assert network.recipe.augmentation == Degraded(0.5, crops=True, flips=True)
    assert network._built((3, 32, 32), 4).head.in_features == 2048
    assert Wang20(sizes=TINY_RESNET50, augmented=0.1).settings()["augmented"] == 0.1
