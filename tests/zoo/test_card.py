"""A card tells a sound generator from one that collapsed, copies or makes noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from manifpt.images import ImageSet
from manifpt.zoo.card import card


def scenes(count: int, seed: int) -> NDArray[np.uint8]:
    """Smooth random images with a little noise: stand-ins for photographs."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (count, 4, 4, 3)).repeat(8, 1).repeat(8, 2)
    return np.clip(coarse + rng.normal(0, 4, coarse.shape), 0, 255).astype(np.uint8)


def photographs(folder: Path) -> NDArray[np.uint8]:
    return ImageSet.photographs([str(folder)]).pixels()


@pytest.fixture(autouse=True)
def no_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANIFPT_WEIGHTS", raising=False)


def test_other_images_of_the_reals_distribution_are_sound() -> None:
    found = card(scenes(150, 0), family="gan", training=scenes(300, 1), real=scenes(150, 2))
    assert found.precision > 0.6
    assert found.coverage > 0.6
    assert found.frechet < 3 * found.frechet_reals + 1
    assert found.nearer == pytest.approx(0.5, abs=0.13)
    assert not [failure for failure in found.failures if "quantile" not in failure]


def test_copies_of_the_training_images_are_flagged() -> None:
    training = scenes(300, 1)
    found = card(training[:150], family="gan", training=training, real=scenes(150, 2))
    assert found.nearest_rgb == (0.0, 0.0)
    assert max(found.nearest) < 0.01
    assert found.nearer == 1.0
    assert [text.split(" of ")[0] for text in found.failures if "%" in text] == [
        "the 1 % quantile",
        "the 50 % quantile",
        "100% lie nearer to a training image than to any",
    ]


def test_smooth_images_that_nobody_copied_are_nearer_in_pixels_alone(shared_data: Path) -> None:
    training = photographs(shared_data / "reals" / "cifar10-train")
    real = photographs(shared_data / "reals" / "cifar10-test")[:600]
    smooth = np.stack([gaussian_filter(image, (1.5, 1.5, 0)) for image in real])
    found = card(smooth, family="vae", training=training, real=real)
    assert found.nearest_rgb[1] < found.nearest_reals_rgb[1]
    assert not any("quantile" in failure for failure in found.failures)
    mirrored = card(training[:600, :, ::-1].copy(), family="vae", training=training, real=real)
    assert any("1 % quantile" in failure for failure in mirrored.failures)


def test_a_collapse_and_noise_are_flagged() -> None:
    real, training = scenes(150, 2), scenes(300, 1)
    collapsed = np.repeat(scenes(1, 5), 150, axis=0)
    assert any(
        "coverage" in failure for failure in card(collapsed, family="gan", training=training, real=real).failures
    )
    noise = np.random.default_rng(0).integers(0, 256, (150, 32, 32, 3), np.uint8)
    failures = card(noise, family="gan", training=training, real=real).failures
    assert any("precision" in failure for failure in failures)


def test_classes_are_asked_of_families_that_should_show_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from manifpt.embeddings.small import CIFAR10
    from manifpt.zoo import card as module

    shares = {name: 0.0 if name == "frog" else 1 / 9 for name in CIFAR10}
    space = module._space
    monkeypatch.setattr(module, "_space", lambda images: (space(images)[0], shares))
    sets = {"training": scenes(60, 1), "real": scenes(50, 2)}
    assert any("fewer than 2% look like frog" in text for text in card(scenes(50, 0), family="score", **sets).failures)
    assert not any("frog" in text for text in card(scenes(50, 0), family="vae", **sets).failures)
