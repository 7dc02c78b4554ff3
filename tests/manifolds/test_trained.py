"""Laws of every manifold that is a network trained on the references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from manifpt.cache import Cache
from manifpt.embeddings.embedding import Points
from manifpt.errors import DataError, ModelError, NumbersError
from manifpt.extractors.artifacts import Artifacts
from manifpt.images import ImageSet
from manifpt.manifolds import learning
from manifpt.manifolds.learned import KEPT, Learned, learned
from manifpt.manifolds.manifold import Manifold
from manifpt.methods.manifpt import ManiFPT
from manifpt.methods.method import Method
from manifpt.registry import built

NAMES = ("denoiser", "restorer", "autoencoder")
SPACE = {"name": "rgb"}


@pytest.fixture(autouse=True)
def few_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "PIXELS", 2**9)


def made(name: str, **more: Any) -> Any:
    return built("manifolds", name, **{"steps": 3, "width": 4, **more})


def points(count: int = 6, seed: int = 0, side: int = 12) -> Points:
    return Points(np.random.default_rng(seed).integers(0, 256, (count, 3, side, side)).astype(np.uint8), 1 / 255)


def images(seed: int = 0) -> ImageSet:
    pixels = np.random.default_rng(seed).integers(0, 256, (20, 12, 12, 3)).astype(np.uint8)
    return ImageSet.from_arrays(pixels, ["real"] * 12 + ["gan"] * 8, roles=["reference"] * 8 + [""] * 12)


@pytest.mark.parametrize("name", NAMES)
def test_it_keeps_the_contract_and_its_settings_give_it_again(name: str) -> None:
    manifold = made(name, seed=7)
    assert isinstance(manifold, Manifold)
    assert isinstance(manifold, Learned)
    written = json.loads(json.dumps(manifold.settings()))
    assert built("manifolds", written.pop("name"), **written).settings() == manifold.settings()


@pytest.mark.parametrize("name", NAMES)
def test_a_projection_is_a_map_of_the_points_shape_and_distances_are_to_it(name: str) -> None:
    manifold, queries = made(name).fit([points()]), points(5, 1)
    found = manifold.project(queries)
    assert (found.points.values.dtype, found.points.values.shape, found.points.scale) == (np.float32, (5, 3, 12, 12), 1)
    assert found.neighbors is None
    apart = (queries.coordinates() - found.points.values).astype(np.float64).reshape(5, -1)
    np.testing.assert_allclose(found.distances, np.linalg.norm(apart, axis=1), rtol=1e-12)
    assert (found.distances > 0).all()
    assert manifold.project(points(3, 1, side=20)).points.values.shape == (3, 3, 20, 20)
    assert manifold.project(points(0)).distances.shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_neither_the_batch_nor_the_blocks_nor_a_second_fit_change_a_bit(name: str) -> None:
    references, queries = points(), points(4, 1)
    once = made(name).fit([references])
    expected = once.project(queries).points.values
    blocks = [Points(references.values[start : start + 4], references.scale) for start in (0, 4)]
    np.testing.assert_array_equal(made(name).fit(iter(blocks)).project(queries).points.values, expected)
    alone = [once.project(Points(queries.values[row : row + 1], queries.scale)).points.values for row in range(4)]
    np.testing.assert_array_equal(np.concatenate(alone), expected)
    assert np.abs(made(name, seed=1).fit([references]).project(queries).points.values - expected).max() > 0


@pytest.mark.parametrize("name", NAMES)
def test_no_global_random_state_is_touched(name: str) -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].tolist()
    made(name).fit([points()])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.random.get_state()[1].tolist() == before[1]


@pytest.mark.parametrize("name", NAMES)
def test_weights_taken_over_project_as_the_trained_ones(name: str) -> None:
    fitted, queries = made(name).fit([points()]), points(3, 1)
    again = made(name).weighted(fitted.weights())
    np.testing.assert_array_equal(again.project(queries).points.values, fitted.project(queries).points.values)
    for other in ({"width": 5}, {"width": 2}):
        with pytest.raises(ModelError, match=f"the weights do not fit the settings of {name}; "):
            made(name, **other).weighted(fitted.weights())


@pytest.mark.parametrize("name", NAMES)
def test_a_training_that_was_killed_goes_on_to_the_same_bits(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file, whole = tmp_path / "sub" / "training.safetensors", made(name, steps=5).fit([points()]).weights()
    monkeypatch.setattr(learning, "SAVED_AFTER", 0.0)
    stepped = learning._stepped

    def killed(run: Any, loss: Any, steps: int) -> None:
        if run.step == 3:
            raise KeyboardInterrupt
        stepped(run, loss, steps)

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(learning, "_stepped", killed)
        made(name, steps=5).fit([points()], checkpoint=file)
    taken: list[int] = []
    monkeypatch.setattr(learning, "_stepped", lambda run, *more: (taken.append(run.step), stepped(run, *more)))
    resumed = made(name, steps=5).fit([points()], checkpoint=file).weights()
    assert taken == [3, 4]
    np.testing.assert_array_equal(resumed["weights"], whole["weights"])


@pytest.mark.parametrize("name", NAMES)
def test_a_cache_spares_the_second_training_of_the_same_kind_alone(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, trainings = Cache(tmp_path), list[str]()
    plain = learning.trained
    monkeypatch.setattr("manifpt.manifolds.trained.trained", lambda *given, **more: (
        trainings.append(more["description"]), plain(*given, **more))[1])  # fmt: skip

    def weights(reference: str = "ab" * 32, **more: Any) -> Any:
        manifold = made(name, **more)
        learned(manifold, iter([points()]), space=SPACE, reference=reference, cache=cache)
        return manifold.weights()["weights"]

    first = weights()
    np.testing.assert_array_equal(weights(), first)
    assert trainings == [f"training {name}"]
    for other in ({"seed": 1}, {"steps": 2}, {"reference": "cd" * 32}):
        weights(**other)
    assert len(trainings) == 4
    assert not list((tmp_path / KEPT).glob("*"))


def test_the_noise_of_the_projection_needs_no_other_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = Cache(tmp_path)
    one, other = (made("denoiser", noise=noise) for noise in (0.01, 0.05))
    learned(one, [points()], space=SPACE, reference="ab" * 32, cache=cache)
    monkeypatch.setattr("manifpt.manifolds.trained.trained", None)
    learned(other, [points()], space=SPACE, reference="ab" * 32, cache=cache)
    assert other.settings()["noise"] == 0.05


@pytest.mark.parametrize("name", NAMES)
def test_artifacts_are_points_less_projections_and_see_references_alone(name: str) -> None:
    one, queries = images(), images(1).scored
    other = ImageSet.from_arrays(
        np.concatenate([one.reference.pixels(), images(5).scored.pixels()]), one.generators, roles=one.roles
    )
    found = [Artifacts("rgb", manifold=made(name)).fit(each).extract(queries) for each in (one, other)]
    np.testing.assert_array_equal(*found)
    projection = made(name).fit([points_of(one.reference)]).project(points_of(queries)).points.values
    np.testing.assert_array_equal(found[0], points_of(queries).coordinates() - projection)


def points_of(some: ImageSet) -> Points:
    return built("embeddings", "rgb")(some.pixels())


@pytest.mark.parametrize("name", NAMES)
def test_a_saved_method_holds_the_weights_and_trains_nothing_when_it_is_loaded(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = images()
    method = ManiFPT("rgb", manifold=made(name), attributor="linear", calibration_folds=0).fit(data)
    method.save(tmp_path / "model")
    monkeypatch.setattr("manifpt.manifolds.trained.trained", None)
    loaded = Method.load(tmp_path / "model")
    np.testing.assert_array_equal(loaded.predict_proba(data.scored), method.predict_proba(data.scored))
    assert loaded.extractor.settings() == method.extractor.settings()


@pytest.mark.parametrize("name", NAMES)
def test_weights_saved_with_other_settings_are_refused(name: str) -> None:
    data = images()
    state = Artifacts("rgb", manifold=made(name)).fit(data).state()
    with pytest.raises(ModelError, match="were learned or are used with other settings; "):
        Artifacts("rgb", manifold=made(name, seed=1)).restore(state, data.reference)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    ("given", "text"),
    [
        (np.zeros((4, 9), np.float32), r"points of shape \(9,\); expected maps \(channels, height, width\) of pixels"),
        (np.full((4, 3, 8, 8), -27, np.float32), r"coordinates from -27 to -27; expected maps .* use the space rgb"),
        (np.full((4, 3, 8, 8), np.nan, np.float32), "4 of the reference points hold NaN or infinity"),
    ],
)
def test_what_are_no_pixels_is_refused(name: str, given: Any, text: str) -> None:
    with pytest.raises(NumbersError, match=text):
        made(name).fit([Points(given)])


@pytest.mark.parametrize("name", NAMES)
def test_other_channels_and_nan_are_refused(name: str) -> None:
    manifold = made(name).fit([points()])
    with pytest.raises(NumbersError, match=r"points of shape \(1, 8, 8\); expected maps of 3 channels"):
        manifold.project(Points(np.zeros((1, 1, 8, 8), np.float32)))
    with pytest.raises(NumbersError, match=r"1 of the points hold NaN or infinity \(first: index 0\)"):
        manifold.project(Points(np.full((1, 3, 8, 8), np.inf, np.float32)))
    with pytest.raises(DataError, match="0 reference images; expected at least 1; "):
        made(name).fit([])


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("wrong", [{"steps": 0}, {"width": 1}, {"width": 2**40}, {"seed": -1}, {"steps": 2.5}])
def test_settings_out_of_range_are_refused(name: str, wrong: dict[str, Any]) -> None:
    with pytest.raises(NumbersError, match=f"{next(iter(wrong))} = .*; expected a whole number from "):
        made(name, **wrong)


@pytest.mark.parametrize("name", NAMES)
def test_a_loss_that_is_nan_ends_the_training(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"manifpt.manifolds.{name}.mse_loss", lambda one, other: (one - other).mean() * np.nan)
    with pytest.raises(NumbersError, match="the loss is nan at step 1 of 3; expected a finite loss; "):
        made(name).fit([points()])
