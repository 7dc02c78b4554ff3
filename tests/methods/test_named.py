"""Methods by their names, as models."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manifpt.cache import Cache
from manifpt.errors import UnknownNameError, WeightsError
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.methods.named import named
from manifpt.methods.presets import PRESETS


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


def test_a_named_method_is_fitted_saved_and_loaded(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels = rng.integers(60, 190, (60, 16, 16, 3))
    pixels[:20] += 20 * (np.arange(16) % 2)[None, :, None, None]
    pixels[20:40] += 20 * (np.arange(16) % 2)[None, None, :, None]
    names = np.repeat(["rows", "columns", "real"], 20).tolist()
    roles = [""] * 50 + ["reference"] * 10
    images = ImageSet.from_arrays(pixels.astype(np.uint8), names, roles=roles)
    method = named("frank20", cache=Cache(tmp_path / "cache")).fit(images)
    assert (
        method.classes_[method.predict_proba(images.scored).argmax(axis=1)] == images.scored.generators
    ).mean() > 0.9
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(images.scored), method.predict_proba(images.scored))


def test_what_is_no_method_is_told() -> None:
    with pytest.raises(
        UnknownNameError, match=r"^'patch' is not one of the methods; expected one of raw, .*patches\?$"
    ):
        named("patch")
    with pytest.raises(
        UnknownNameError, match=r"^image\+spectrum is the mean of raw and spectrum, and no model by its"
    ):
        named("image+spectrum")
