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
    assert found.failures == ()


def test_copies_of_the_training_images_are_flagged() -> None:
    training = scenes(300, 1)
    found = card(training[::2], family="gan", training=training, real=scenes(150, 2))
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


def test_a_few_copies_are_flagged_and_an_accident_is_not() -> None:
    training, real = scenes(300, 1), scenes(200, 2)
    few = np.concatenate([training[:6], scenes(194, 0)])
    assert any("1 % quantile" in text for text in card(few, family="vae", training=training, real=real).failures)
    for seed in range(3, 9):
        found = card(scenes(200, seed), family="vae", training=training, real=real)
        assert not any("quantile" in text for text in found.failures)
        assert all(0 < error < 1 for error in found.nearest_errors)


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


def test_reals_without_the_ten_classes_are_not_asked_for_them(monkeypatch: pytest.MonkeyPatch) -> None:
    from manifpt.embeddings.small import CIFAR10
    from manifpt.zoo import card as module

    space = module._space
    monkeypatch.setattr(module, "_space", lambda images: (space(images)[0], dict.fromkeys(CIFAR10, 0.0)))
    sets = {"training": scenes(60, 1), "real": scenes(50, 2)}
    found = card(scenes(50, 0), family="gan", classes=False, **sets)
    assert found.classes is None
    assert not any("look like" in text for text in found.failures)
    assert any("look like" in text for text in card(scenes(50, 0), family="gan", **sets).failures)


def test_reals_in_the_order_of_their_classes_are_compared_as_if_they_were_mixed() -> None:
    dark, light = (
        np.clip(scenes(200, seed) // 3 + shift, 0, 255).astype(np.uint8) for seed, shift in ((1, 0), (2, 160))
    )
    mixed = np.stack([dark[:60], light[:60]], axis=1).reshape(120, 32, 32, 3)
    found = card(mixed, family="gan", training=np.concatenate([dark, light]), real=np.concatenate([dark, light]))
    assert found.frechet < 0.3 * card(mixed, family="gan", training=dark, real=dark).frechet


def test_a_real_that_is_near_to_everything_is_no_sign_of_copies() -> None:
    training, real = scenes(100, 1), scenes(100, 2)
    flat = np.full((32, 32, 3), 127, np.uint8)
    training[0] = flat
    smooth = np.clip(flat + np.random.default_rng(0).normal(0, 2, (100, 32, 32, 3)), 0, 255).astype(np.uint8)
    found = card(smooth, family="vae", training=training, real=real)
    assert found.nearer == 1.0
    assert found.nearer_error == pytest.approx(0.5, abs=0.01)
    assert not any("lie nearer" in text for text in found.failures)
    assert any("coverage" in text for text in found.failures)


def test_the_error_by_chance_is_that_of_dividing_the_reals_at_random() -> None:
    from manifpt.zoo.card import _nearer

    images, pool = scenes(150, 3) // 2 + 60, scenes(120, 4)
    rng = np.random.default_rng(0)
    orders = [rng.permutation(120) for _ in range(150)]
    found = np.array([_nearer(images, pool[order[:60]], pool[order[60:]]) for order in orders])
    assert found[:, 0].mean() == pytest.approx(0.5, abs=0.02)
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.2)
