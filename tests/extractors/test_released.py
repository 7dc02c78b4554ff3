"""Each fault of the released code does what it is known for, and nothing is wrong without one."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from safetensors.numpy import load, save

from manifpt.attributors.linear import Linear
from manifpt.cache import Cache
from manifpt.errors import DataError
from manifpt.extractors.artifacts import Artifacts
from manifpt.extractors.extractor import Extractor
from manifpt.extractors.released import Released, eight_bits
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.registry import built

SPACES = ("rgb", "freq", "freq-grey", "rgb+freq")
SWITCHES = ("reals_in_reference", "neighbors_in_rgb", "clipped")
COMBINED = [dict(zip(SWITCHES, states, strict=True)) for states in product((False, True), repeat=3)]


def pixels(count: int, seed: int) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (count, 16, 16, 3), np.uint8)


@pytest.fixture(scope="module")
def images() -> ImageSet:
    """30 references among which 12 generated images stand, then 8 scored reals of which 3 are test images."""
    return ImageSet.from_arrays(
        np.concatenate([pixels(10, 0), pixels(12, 1), pixels(20, 2), pixels(8, 3)]),
        ["real"] * 10 + ["gan"] * 12 + ["real"] * 28,
        roles=["reference"] * 10 + [""] * 12 + ["reference"] * 20 + [""] * 5 + ["test"] * 3,
    )


def named(switches: dict[str, bool]) -> str:
    return "+".join(name for name, state in switches.items() if state) or "none"


@pytest.fixture(params=SPACES)
def space(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def test_without_a_fault_it_gives_the_artifacts_to_the_bit(space: str, images: ImageSet) -> None:
    plain = Artifacts(space).fit(images).extract(images)
    np.testing.assert_array_equal(Released(space).fit(images).extract(images), plain)


def test_reals_in_the_reference_have_the_artifact_zero_and_only_they(space: str, images: ImageSet) -> None:
    scored, real = images.scored, images.scored.generators == "real"
    faulty = Released(space, reals_in_reference=True).fit(images).extract(scored)
    assert not faulty[real].any()
    assert faulty[~real].reshape(12, -1).any(axis=1).all()
    assert Released(space).fit(images).extract(scored)[real].reshape(8, -1).any(axis=1).all()


def test_reals_in_the_reference_bring_generated_images_no_farther_away(images: ImageSet) -> None:
    generated = images.subset(images.generators == "gan")
    lengths = [
        np.linalg.norm(Released("rgb", reals_in_reference=fault).fit(images).extract(generated).reshape(12, -1), axis=1)
        for fault in (False, True)
    ]
    assert (lengths[1] <= lengths[0]).all()
    assert (lengths[1] < lengths[0]).any()


def test_a_real_that_the_extractor_was_not_fitted_on_has_an_artifact(images: ImageSet) -> None:
    new = ImageSet.from_arrays(pixels(3, 9), ["real"] * 3)
    assert Released("rgb", reals_in_reference=True).fit(images).extract(new).reshape(3, -1).any(axis=1).all()


def test_the_neighbour_in_rgb_gives_the_artifact_in_the_space(space: str, images: ImageSet) -> None:
    embedding = built("embeddings", space)
    points, references = (embedding(part.pixels()).coordinates() for part in (images.scored, images.reference))
    raw, real = (part.pixels().reshape(len(part), -1).astype(int) for part in (images.scored, images.reference))
    nearest = ((raw[:, None] - real) ** 2).sum(axis=2).argmin(axis=1)
    faulty = Released(space, neighbors_in_rgb=True).fit(images).extract(images.scored)
    np.testing.assert_allclose(faulty, points - references[nearest], atol=1e-6)


@pytest.mark.parametrize("others", [others for others in COMBINED if not others["neighbors_in_rgb"]], ids=named)
def test_searching_in_rgb_changes_nothing_in_rgb(others: dict[str, bool], images: ImageSet) -> None:
    one, other = (
        Released("rgb", **(others | {"neighbors_in_rgb": fault})).fit(images).extract(images) for fault in (False, True)
    )
    np.testing.assert_array_equal(one, other)


def test_searching_in_rgb_changes_the_neighbours_of_another_space(images: ImageSet) -> None:
    one, other = (
        Released("freq", neighbors_in_rgb=fault).fit(images).extract(images.scored) for fault in (False, True)
    )
    assert (one != other).any()


def test_eight_bits_lose_what_is_negative_and_what_exceeds_one() -> None:
    given = np.array([[-1.5, -0.4 / 255, 0.0, 0.4 / 255], [0.6 / 255, 254.4 / 255, 1.0, 7.0]], np.float32)
    levels = [[0, 0, 0, 0], [1, 254, 255, 255]]
    np.testing.assert_array_equal(eight_bits(given), np.float32(levels) * np.float32(1 / 255))


def test_clipping_keeps_the_positive_pixels_to_the_bit(images: ImageSet) -> None:
    plain, faulty = (Released("rgb", clipped=fault).fit(images).extract(images.scored) for fault in (False, True))
    assert (plain < 0).any()
    np.testing.assert_array_equal(faulty, np.maximum(plain, 0))


def test_clipping_reaches_every_batch() -> None:
    many = ImageSet.from_arrays(pixels(600, 5), ["real"] * 600, roles=["reference"] + [""] * 599)
    faulty = Released("rgb", clipped=True).fit(many).extract(many)
    assert (faulty >= 0).all()
    assert faulty.reshape(600, -1)[1:].any(axis=1).all()


@pytest.mark.parametrize("switches", COMBINED, ids=named)
def test_it_keeps_the_contract(switches: dict[str, bool], space: str, images: ImageSet) -> None:
    extractor = Released(space, **switches)
    assert isinstance(extractor, Extractor)
    assert not extractor.learns
    assert extractor.settings() == {"name": "released", "space": {"name": space}, **switches}
    features = extractor.fit(images).extract(images)
    assert features.dtype == np.float32
    assert np.isfinite(features).all()
    alone = np.concatenate([extractor.extract(images.subset([row])) for row in range(len(images))])
    np.testing.assert_array_equal(alone, features)
    assert extractor.extract(images.subset([])).shape == (0, *features.shape[1:])


@pytest.mark.parametrize("switches", COMBINED, ids=named)
def test_a_restored_extractor_gives_the_features_of_the_saved_one(
    switches: dict[str, bool], space: str, images: ImageSet
) -> None:
    fitted = Released(space, **switches).fit(images)
    restored = Released(space, **switches).restore(load(save(fitted.state())), images.reference)
    assert json.loads(json.dumps(restored.settings())) == fitted.settings()
    np.testing.assert_array_equal(restored.extract(images), fitted.extract(images))
    assert restored.state().keys() == fitted.state().keys()


@pytest.mark.parametrize("switches", [COMBINED[0], COMBINED[-1]], ids=named)
def test_a_saved_method_answers_as_before(switches: dict[str, bool], images: ImageSet, tmp_path: Path) -> None:
    method = Method(Released("freq", **switches), Linear(calibration_folds=0)).fit(images)
    loaded = Method.load(method.save(tmp_path / "model"))
    assert loaded.extractor.settings() == method.extractor.settings()
    np.testing.assert_array_equal(loaded.predict_proba(images), method.predict_proba(images))


@pytest.mark.parametrize("switches", COMBINED, ids=named)
def test_the_cache_changes_nothing(switches: dict[str, bool], images: ImageSet, tmp_path: Path) -> None:
    plain = Released("freq", **switches).fit(images).extract(images.scored)
    for _ in range(2):
        kept: Any = Released("freq", cache=Cache(tmp_path), **switches).fit(images).extract(images.scored)
        np.testing.assert_array_equal(kept, plain)


@pytest.mark.parametrize("switches", COMBINED, ids=named)
def test_no_reference_is_an_error(switches: dict[str, bool], images: ImageSet) -> None:
    with pytest.raises(DataError, match=r"^no image is a reference; "):
        Released("rgb", **switches).fit(images.scored)
