"""Late fusion: what its parts see, how they answer together, and what it refuses."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax, softmax

from manifpt.attributors import calibration
from manifpt.attributors.late import Late
from manifpt.attributors.lda import LDA
from manifpt.attributors.linear import Linear
from manifpt.errors import ModelError, NumbersError, UnknownNameError

from .planted import planted, quick

FEATURES, GENERATORS = planted()
UNSEEN, TRUTH = planted(seed=1)
PARTS = [{"name": "linear", "calibration_folds": 0}, {"name": "lda", "calibration_folds": 0}]
MLP = {"name": "mlp", "epochs": 2, "least_steps": 0, "batch": 16, "width": 16, "calibration_folds": 0}


def test_the_answer_is_the_mean_log_probability_of_its_parts_at_their_temperatures() -> None:
    late = Late(parts=PARTS).fit(FEATURES, GENERATORS)
    one, other = Linear(calibration_folds=0), LDA(calibration_folds=0)
    logs = [np.log(part.fit(FEATURES, GENERATORS).predict_proba(UNSEEN).clip(2.0**-25)) for part in (one, other)]
    mean = sum(log_softmax(log / heat, axis=1) for log, heat in zip(logs, late.temperatures_, strict=True)) / 2
    np.testing.assert_allclose(late.predict_proba(UNSEEN), softmax(mean / late.temperature_, axis=1), atol=1e-6)
    np.testing.assert_allclose(late.features(UNSEEN), mean, atol=1e-4)


def test_temperatures_come_from_answers_about_images_that_no_part_has_seen() -> None:
    # Labels without a pattern: whoever believes the answers about its own training images is sure of them.
    noise = np.random.default_rng(0).normal(size=(60, 40)).astype(np.float32)
    late = Late(parts=PARTS, calibration_folds=3).fit(noise, GENERATORS)
    fresh = np.random.default_rng(1).normal(size=(300, 40)).astype(np.float32)
    assert late.predict_proba(fresh).max(axis=1).mean() < 0.5
    unsure = Late(parts=PARTS, calibration_folds=0).fit(noise, GENERATORS)
    assert [*unsure.temperatures_, unsure.temperature_] == [1, 1, 1]
    assert unsure.predict_proba(fresh).max(axis=1).mean() > 0.6


def test_groups_stay_together_in_the_inner_folds(monkeypatch: pytest.MonkeyPatch) -> None:
    groups = np.arange(60) // 2
    seen: list[set[int]] = []
    fitted = Linear.fit

    def noted(self: Linear, features: Any, generators: Any, **given: Any) -> Linear:
        seen.append(set(np.asarray(given["groups"]).tolist()))
        return fitted(self, features, generators, **given)

    monkeypatch.setattr(Linear, "fit", noted)
    Late(parts=PARTS[:1]).fit(FEATURES, np.repeat(["x", "y", "z"], 20), groups=groups)
    assert [len(kept) for kept in seen] == [15, 15, 30]
    assert not seen[0] & seen[1]


def test_each_part_sees_its_share_of_joined_features() -> None:
    vectors, names = planted(shape=(6,), seed=2)
    joined = np.concatenate([FEATURES.reshape(60, -1), vectors], axis=1)
    assert names.tolist() == GENERATORS.tolist()
    late = Late(parts=[{"name": "resnet-small", **_quick("resnet-small")}, {"name": "lda"}], shapes=[(3, 8, 8), (6,)])
    late.fit(joined, GENERATORS)
    assert late.parts[0].network_.mean.numel() == 3  # type: ignore[attr-defined]
    alone = LDA().fit(vectors, GENERATORS)
    np.testing.assert_allclose(late.parts[1].predict_proba(vectors), alone.predict_proba(vectors), atol=1e-12)
    with pytest.raises(NumbersError, match=r"^the features have the shape \(192,\); expected \(198,\), as in fit"):
        late.predict_proba(FEATURES.reshape(60, -1))
    with pytest.raises(NumbersError, match=r"^the features have the shape \(6,\); expected \(198,\)"):
        Late(parts=late.settings()["parts"], shapes=late.shapes).fit(vectors, GENERATORS)


def test_a_part_that_knows_nothing_does_not_take_what_another_knows() -> None:
    vectors = np.random.default_rng(3).normal(size=(60, 30)).astype(np.float32)
    joined = np.concatenate([FEATURES.reshape(60, -1), vectors], axis=1)
    asked = np.concatenate([UNSEEN.reshape(60, -1), vectors[::-1]], axis=1)
    late = Late(parts=PARTS, shapes=[(192,), (30,)]).fit(joined, GENERATORS)
    assert late.temperatures_[1] > 3 * late.temperatures_[0]
    assert (late.classes_[late.predict_proba(asked).argmax(axis=1)] == TRUTH).mean() > 0.85


def test_progress_of_each_training_is_kept_apart_and_taken_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    late = Late(parts=[MLP, {"name": "lda"}]).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    files = sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.safetensors"))
    assert files == [f"part-0-{turn}/all.safetensors" for turn in ("all", "fold-0", "fold-1")]
    again = Late(parts=[MLP, {"name": "lda"}]).fit(FEATURES, GENERATORS, checkpoint=tmp_path)
    np.testing.assert_array_equal(again.predict_proba(UNSEEN), late.predict_proba(UNSEEN))
    with pytest.raises(ModelError, match="belongs to a training with other settings"):
        Late(parts=[{**MLP, "width": 32}, {"name": "lda"}]).fit(FEATURES, GENERATORS, checkpoint=tmp_path)


def test_what_cannot_be_fused_is_told() -> None:
    with pytest.raises(NumbersError, match=r"^no attributor to fuse; expected at least one"):
        Late(parts=[])
    with pytest.raises(NumbersError, match=r"^a part of late without a name; expected"):
        Late(parts=[{"seed": 0}])
    with pytest.raises(NumbersError, match=r"^1 shapes for 2 attributors; expected one shape for each"):
        Late(shapes=[(3,)])
    with pytest.raises(UnknownNameError, match=r"^'lineal' is not one of the attributors"):
        Late(parts=[{"name": "lineal"}])


@pytest.mark.parametrize(
    ("changed", "text"),
    [
        ({"temperatures": np.ones(2)}, "2 temperatures for 2 attributors"),
        ({"temperatures": np.array([1.0, np.inf, 1.0])}, "temperature of the attributor cannot be read"),
        ({"shape": np.array([0])}, "shape cannot be read"),
    ],
    ids=["fewer", "infinite", "shape"],
)
def test_a_forged_state_is_refused(changed: dict[str, Any], text: str) -> None:
    late = Late(parts=PARTS).fit(FEATURES, GENERATORS)
    with pytest.raises(ModelError, match=text):
        Late(parts=PARTS).restore({**late.state(), **changed})


def test_parts_that_know_other_generators_are_refused() -> None:
    late, other = (
        Late(parts=PARTS).fit(FEATURES, GENERATORS),
        Late(parts=PARTS).fit(FEATURES, np.char.add(GENERATORS, "2")),
    )
    mixed = {name: value for name, value in other.state().items() if name.startswith("1.")}
    with pytest.raises(ModelError, match=r"^the fused attributors know other generators"):
        Late(parts=PARTS).restore({**late.state(), **mixed})


def test_impossible_for_one_part_is_not_impossible_for_all() -> None:
    assert calibration.COLDEST > 0
    vectors = np.array([[0.0], [1.0]] * 30, np.float32)
    late = Late(parts=PARTS, calibration_folds=0).fit(1e4 * vectors, ["a", "b"] * 30)
    assert np.isfinite(late.features(1e6 * vectors)).all()


def _quick(row: str) -> dict[str, Any]:
    settings: dict[str, Any] = quick(row, calibration_folds=0).settings()
    return settings
