"""Extractors side by side: every part is as it is alone."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from manifpt.attributors.linear import Linear
from manifpt.errors import ManifptError, NumbersError, UnknownNameError
from manifpt.extractors import joined
from manifpt.extractors.artifacts import Artifacts
from manifpt.extractors.extractor import Extractor
from manifpt.extractors.joined import Joined
from manifpt.extractors.patch_statistics import PatchStatistics
from manifpt.extractors.points import EmbeddedPoints
from manifpt.images import ImageSet
from manifpt.methods.method import Method
from manifpt.registry import built

from .planted import planted

IMAGES = planted(6)
SCORED = IMAGES.scored


def fitted(parts: Any = ("points", "patch-statistics", "durall20")) -> Joined:
    return Joined(parts).fit(IMAGES)


def test_features_are_those_of_the_parts_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joined, "BLOCK", 5)
    found = fitted()
    features = found.extract(SCORED)
    assert isinstance(found, Extractor)
    assert features.dtype == np.float32
    assert found.shapes_ == ((3, 32, 32), (PatchStatistics().length,), (20,))
    parts = [EmbeddedPoints("rgb"), PatchStatistics().fit(IMAGES), built("extractors", "durall20")]
    expected = np.concatenate([part.extract(SCORED).reshape(len(SCORED), -1) for part in parts], axis=1)
    np.testing.assert_array_equal(features, expected)
    np.testing.assert_array_equal(found.extract(SCORED.subset([3])), features[3:4])


def test_it_learns_where_a_part_does() -> None:
    assert not Joined().learns

    class Learning(PatchStatistics):
        learns = True

    assert Joined(["points", Learning()]).learns


def test_a_restored_one_gives_the_same_features() -> None:
    found = fitted(["points", Artifacts("freq"), PatchStatistics(sides=(3,))])
    settings = json.loads(json.dumps(found.settings()))
    assert [part["name"] for part in settings["parts"]] == ["points", "artifacts", "patch-statistics"]
    other = Joined(["points", Artifacts("freq"), PatchStatistics(sides=(3,))])
    other.restore(load(save(found.state())), IMAGES.reference)
    assert other.settings() == found.settings()
    assert other.shapes_ == found.shapes_
    np.testing.assert_array_equal(other.extract(SCORED), found.extract(SCORED))


def test_a_method_with_artifacts_among_the_parts_is_saved_and_loaded(tmp_path: Any) -> None:
    method = Method(Joined([Artifacts("rgb"), "durall20"]), Linear(calibration_folds=0)).fit(IMAGES)
    loaded = Method.load(method.save(tmp_path / "model"))
    np.testing.assert_array_equal(loaded.predict_proba(SCORED), method.predict_proba(SCORED))


def test_what_cannot_be_joined_is_told() -> None:
    with pytest.raises(NumbersError, match=r"^no extractor to join; expected at least one"):
        Joined([])
    with pytest.raises(UnknownNameError, match=r"^'point' is not one of the extractors"):
        Joined(["point"])
    small = ImageSet.from_arrays(np.zeros((3, 8, 8, 3), np.uint8), ["a", "b", "real"], roles=["", "", "reference"])
    with pytest.raises(ManifptError, match=r"images of 8 by 8 px; expected at least 12 px"):
        Joined().fit(small)
