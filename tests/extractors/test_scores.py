"""Scores: one group of channels for each deviation, of comparable size, learned from references alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from manifpt.attributors.linear import Linear
from manifpt.cache import Cache
from manifpt.errors import DataError, ModelError, NumbersError, UnknownNameError
from manifpt.extractors.extractor import Extractor
from manifpt.extractors.scores import Scores
from manifpt.images import ImageSet
from manifpt.manifolds import learning
from manifpt.manifolds.denoiser import Denoiser
from manifpt.methods.method import Method
from manifpt.methods.presets import preset

FORMS = ("direct", "averaged")


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "PIXELS", 2**9)


def scores(**more: Any) -> Scores:
    return Scores(**{"manifold": Denoiser(steps=3, width=4), "noises": [0.02, 0.08], "draws": 2, **more})


def images(seed: int = 0, side: int = 12) -> ImageSet:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, side, side, 3)).astype(np.uint8)
    return ImageSet.from_arrays(pixels, ["real"] * 12 + ["gan"] * 8, roles=["reference"] * 8 + [""] * 12)


@pytest.mark.parametrize("form", FORMS)
def test_it_keeps_the_contract(form: str) -> None:
    extractor = scores(form=form)
    assert isinstance(extractor, Extractor)
    assert not extractor.learns
    settings = json.loads(json.dumps(extractor.settings()))
    assert settings == extractor.settings()
    assert settings.pop("name") == "scores"
    manifold = settings.pop("manifold")
    assert Scores(manifold=Denoiser(**{key: value for key, value in manifold.items() if key != "name"}),
                  **settings).settings() == extractor.settings()  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_channels_have_the_root_mean_square_one_on_references(form: str) -> None:
    found = scores(form=form).fit(images()).extract(images().reference)
    assert (found.dtype, found.shape) == (np.float32, (8, 6, 12, 12))
    np.testing.assert_allclose(np.square(found).mean(axis=(0, 2, 3)), 1, rtol=1e-4)


def test_channels_are_the_residuals_of_the_denoiser_on_one_scale() -> None:
    extractor, maps = scores().fit(images()), images(1).pixels().transpose(0, 3, 1, 2).astype(np.float32) / 255
    denoiser = Denoiser(steps=3, width=4).fit([extractor.embedding(images().reference.pixels())])
    found = extractor.extract(images(1))
    for place, noise in enumerate((0.02, 0.08)):
        group = slice(3 * place, 3 * place + 3)
        scale = extractor.spread_[group, None, None]
        np.testing.assert_allclose(found[:, group] * scale, denoiser.residual(maps, noise), atol=1e-6)


def test_the_average_of_a_linear_denoiser_is_what_it_does_directly(monkeypatch: pytest.MonkeyPatch) -> None:
    # Draws come with their opposites, so that of a linear residual nothing of the noise is left.
    monkeypatch.setattr(Denoiser, "residual", lambda self, maps, noise: np.float32(noise) * (maps - np.float32(0.3)))
    direct, averaged = (scores(form=form, draws=4).fit(images()).extract(images(1)) for form in FORMS)
    np.testing.assert_allclose(averaged, direct, atol=1e-4)


@pytest.mark.parametrize("form", FORMS)
def test_neither_the_batch_nor_scored_images_change_a_bit(form: str) -> None:
    one, unseen = images(), images(1)
    pixels = np.concatenate([one.reference.pixels(), images(7).scored.pixels()])
    other = ImageSet.from_arrays(pixels, one.generators, roles=one.roles)
    extractor = scores(form=form).fit(one)
    expected = extractor.extract(unseen)
    np.testing.assert_array_equal(scores(form=form).fit(other).extract(unseen), expected)
    alone = [extractor.extract(unseen.subset([row])) for row in range(len(unseen))]
    np.testing.assert_array_equal(np.concatenate(alone), expected)
    assert extractor.extract(unseen.subset([])).shape == (0, 6, 12, 12)


@pytest.mark.parametrize("form", FORMS)
def test_a_restored_extractor_gives_the_features_of_the_saved_one(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fitted = scores(form=form).fit(images())
    state = load(save(fitted.state()))
    monkeypatch.setattr("manifpt.manifolds.trained.trained", None)
    restored = scores(form=form).restore(state, images().reference)
    np.testing.assert_array_equal(restored.extract(images(1)), fitted.extract(images(1)))
    np.testing.assert_array_equal(restored.state()["weights"], state["weights"])
    for other in ({"draws": 3}, {"noises": [0.02, 0.07]}, {"manifold": Denoiser(steps=4, width=4)}):
        with pytest.raises(ModelError, match="the weights of scores were learned or are used with other settings; "):
            scores(**{"form": form, **other}).restore(state, images().reference)


def test_a_saved_method_answers_as_before(tmp_path: Path) -> None:
    method = Method(scores(), Linear(calibration_folds=0)).fit(images())
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(images(1)), method.predict_proba(images(1)))


def test_artifacts_and_scores_share_one_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from manifpt.extractors.artifacts import Artifacts

    cache = Cache(tmp_path)
    Artifacts("rgb", manifold=Denoiser(steps=3, width=4, noise=0.05), cache=cache).fit(images())
    monkeypatch.setattr("manifpt.manifolds.trained.trained", None)
    expected = scores(cache=cache).fit(images()).extract(images(1))
    assert np.isfinite(expected).all()


def test_the_preset_takes_the_cache(tmp_path: Path) -> None:
    extractor = preset("denoiser").extracting(cache=Cache(tmp_path))
    assert isinstance(extractor, Scores)
    assert extractor.shape(32, 32) == (9, 32, 32)


def test_wrong_settings_and_missing_references_are_refused() -> None:
    with pytest.raises(UnknownNameError, match=r"'mean' is no form of scores; expected one of direct, averaged; "):
        scores(form="mean")
    with pytest.raises(NumbersError, match="no deviation; expected at least one; "):
        scores(noises=[])
    with pytest.raises(NumbersError, match=r"noise = 0.5; expected a deviation from 0.01 to 0.1"):
        scores(noises=[0.5])
    with pytest.raises(NumbersError, match="draws = 0; expected a whole number from 1 to 1024"):
        scores(draws=0)
    with pytest.raises(DataError, match="no image is a reference; expected real images that train the denoiser; "):
        scores().fit(images().scored)
