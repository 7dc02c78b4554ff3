"""Methods by their names, as models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifpt.cache import Cache
from manifpt.errors import UnknownNameError, WeightsError
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.methods.named import Fusion, named
from manifpt.methods.presets import PRESETS
from manifpt.studies.evaluation import cross_validated


@pytest.mark.parametrize("name", [name for name, made in PRESETS.items() if not made.fusion])
def test_every_method_that_is_no_fusion_has_its_own_settings(name: str) -> None:
    made = PRESETS[name]
    try:
        method = named(name, seed=5)
    except WeightsError:
        assert name == "univfd"  # the only one whose weights are not shipped
        return
    settings = method.attributor.settings()
    assert method.attributor.name == made.attributor
    if "seed" in settings:
        assert settings["seed"] == 5 + made.settings.get("seed", 0)
    assert made.settings.items() - {("seed", 1)} <= settings.items()
    for key, value in made.trials[0].items():
        assert settings[key] == value or set(value) <= set(settings[key])


def stripes() -> ImageSet:
    """Return images of two generators, each with stripes of its own, and reals."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 190, (60, 16, 16, 3))
    pixels[:20] += 20 * (np.arange(16) % 2)[None, :, None, None]
    pixels[20:40] += 20 * (np.arange(16) % 2)[None, None, :, None]
    names = np.repeat(["rows", "columns", "real"], 20).tolist()
    roles = [""] * 50 + ["reference"] * 10
    return ImageSet.from_arrays(pixels.astype(np.uint8), names, roles=roles)


def test_a_named_method_is_fitted_saved_and_loaded(tmp_path: Path) -> None:
    images = stripes()
    method = named("frank20", cache=Cache(tmp_path / "cache")).fit(images)
    assert (
        method.classes_[method.predict_proba(images.scored).argmax(axis=1)] == images.scored.generators
    ).mean() > 0.9
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(images.scored), method.predict_proba(images.scored))


@pytest.mark.parametrize("name", [name for name, made in PRESETS.items() if made.fusion])
def test_a_fusion_is_one_model_of_its_members(name: str) -> None:
    method = named(name, seed=5, device="cpu")
    parts = method.attributor.settings()["parts"]
    for member, part, extractor in zip(PRESETS[name].fusion, parts, method.extractor.settings()["parts"], strict=True):
        alone = named(member, seed=5, device="cpu")
        assert extractor == alone.extractor.settings()
        settings = {"name": alone.attributor.name, **alone.attributor.settings()}
        # The fusion calibrates its networks itself.
        assert part == settings | ({"calibration_folds": 0} if "epochs" in settings else {})


def test_a_fusion_is_fitted_saved_and_loaded(tmp_path: Path) -> None:
    images = stripes()
    members = [named("frank20"), named("patches")]
    method = Fusion(members, seed=1).fit(images)
    assert method.attributor.settings()["shapes"] == [[3, 16, 16], [1644]]
    probabilities = method.predict_proba(images.scored)
    assert (method.classes_[probabilities.argmax(axis=1)] == images.scored.generators).mean() > 0.9
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(images.scored), probabilities)
    first = loaded.attribute(images.scored.pixels()[0])
    assert first.probability == pytest.approx(probabilities[0].max(), abs=1e-6)
    assert len(cross_validated(Fusion(members), images, splits=2).paths) == len(images.scored)


def test_what_is_no_method_is_told() -> None:
    with pytest.raises(
        UnknownNameError, match=r"^'patch' is not one of the methods; expected one of .*did you mean patches or auto\?$"
    ):
        named("patch")
