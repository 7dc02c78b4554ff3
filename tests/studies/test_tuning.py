"""Every method is tuned alike, on images that it is not fitted on."""

from __future__ import annotations

from typing import Any, ClassVar, Self

import numpy as np
import pytest
from numpy.typing import NDArray

from manifpt.errors import DataError, NumbersError
from manifpt.methods.presets import Preset
from manifpt.registry import TABLES
from manifpt.studies.tuning import PARTS, tuned


class Watched:
    """Answers what column 1 of the features says with confidence ``sure``, and remembers what column 0 named."""

    name = "watched"
    log: ClassVar[list[tuple[dict[str, Any], set[int]]]] = []

    def __init__(
        self, *, calibration_folds: int, seed: int, sure: float = 0.9, epochs: int = 10, fails: tuple[int, ...] = ()
    ) -> None:
        self.given = {"calibration_folds": calibration_folds, "seed": seed, "sure": sure, "epochs": epochs}
        self.sure, self.fails = sure, epochs in fails

    def fit(self, features: NDArray[np.float32], generators: NDArray[np.str_], *, groups: Any = None) -> Self:
        if self.fails:
            raise NumbersError("the loss is nan", expected="a finite loss", remedy="lower the learning rate")
        assert len(features) == len(generators) == len(groups)
        self.classes_ = np.unique(generators)
        self.log.append((self.given, set(features[:, 0].astype(int).tolist())))
        return self

    def predict_proba(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        count = len(self.classes_)
        table = np.full((len(features), count), (1 - self.sure) / (count - 1))
        table[np.arange(len(features)), features[:, 1].astype(int)] = self.sure
        return table


@pytest.fixture(autouse=True)
def watched(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TABLES["attributors"], "watched", f"{__name__}:Watched")
    monkeypatch.setattr(Watched, "log", [])


def features(count: int = 96, *, right: float = 1.0, seed: int = 0) -> tuple[NDArray[np.float32], NDArray[np.str_]]:
    labels = np.arange(count) % 3
    wrong = np.random.default_rng(seed).random(count) >= right
    return np.stack([np.arange(count), (labels + wrong) % 3], axis=1).astype(np.float32), np.array(["c", "a", "b"])[
        np.array([1, 2, 0])
    ][labels]


def preset(*trials: dict[str, Any], **others: Any) -> Preset:
    return Preset("points", "watched", trials=trials, **others)


def test_the_trial_with_the_least_loss_wins() -> None:
    points, names = features()
    # No temperature makes what is told with even confidence say more.
    found = tuned(preset({"sure": 1 / 3}, {"sure": 0.9}, {"sure": 0.34}), points, names, groups=np.arange(96))
    losses = [trial.loss for trial in found.trials]
    assert found.chosen == 1
    assert losses[1] == min(losses)
    assert losses[0] == pytest.approx(np.log(3))
    assert found.attributor.given["sure"] == 0.9
    assert [trial.setting for trial in found.trials] == [{"sure": 1 / 3}, {"sure": 0.9}, {"sure": 0.34}]


def test_of_equal_trials_the_first_wins() -> None:
    points, names = features()
    assert tuned(preset({}, {}, {}), points, names, groups=np.arange(96)).chosen == 0


def test_validation_images_are_never_fitted_on_and_groups_stay_together() -> None:
    points, names = features()
    groups = np.arange(96) // 6  # each of two images of every class
    found = tuned(preset({"sure": 0.5}, {"sure": 0.9}, brief={"epochs": 1}), points, names, groups=groups)
    seen = [ids for _, ids in Watched.log]
    assert len(seen) == 3
    assert seen[0] == seen[1] == seen[2]
    held_out = set(range(96)) - seen[0]
    assert found.validation == len(held_out) == 96 // PARTS
    assert not {groups[one] for one in held_out} & {groups[one] for one in seen[0]}


def test_the_validation_part_is_the_same_for_every_method_and_another_for_another_seed() -> None:
    points, names = features()
    for made, seed in ((preset({}), 0), (preset({"sure": 0.5}, settings={"seed": 9}), 0), (preset({}), 1)):
        tuned(made, points, names, groups=np.arange(96), seed=seed)
    one, other, third = (ids for _, ids in Watched.log)
    assert one == other != third


def test_the_brief_is_for_trials_only_and_seeds_add_up() -> None:
    points, names = features()
    made = preset({"sure": 1 / 3}, {"sure": 0.9}, settings={"seed": 5}, brief={"epochs": 1})
    found = tuned(made, points, names, groups=np.arange(96), seed=2)
    assert [(given["epochs"], given["sure"]) for given, _ in Watched.log] == [(1, 1 / 3), (1, 0.9), (10, 0.9)]
    assert {given["seed"] for given, _ in Watched.log} == {7}
    assert {given["calibration_folds"] for given, _ in Watched.log} == {0}
    assert found.attributor.given["epochs"] == 10


def test_without_a_brief_the_winner_is_not_fitted_again() -> None:
    points, names = features()
    tuned(preset({"sure": 0.5}, {"sure": 0.9}), points, names, groups=np.arange(96))
    assert len(Watched.log) == 2


def test_a_trial_that_diverges_loses_and_costs_the_method_nothing_else() -> None:
    points, names = features()
    found = tuned(preset({"fails": (10,)}, {"sure": 0.9}), points, names, groups=np.arange(96))
    assert found.chosen == 1
    assert found.trials[0].loss is None
    with pytest.raises(NumbersError, match="the loss is nan"):
        tuned(preset({"fails": (10,)}, {"fails": (10,)}), points, names, groups=np.arange(96))


def test_the_temperature_makes_a_boaster_honest() -> None:
    points, names = features(960, right=0.75)
    found = tuned(preset({"sure": 0.9999}), points, names, groups=np.arange(960))
    assert found.heat > 1
    unseen, truth = features(960, right=0.75, seed=1)
    tempered, raw = found.predict_proba(unseen), found.attributor.predict_proba(unseen)
    assert tempered.sum(axis=1) == pytest.approx(np.ones(960))
    # 120 validation images tell a share of 0.75 to 0.04.
    assert tempered.max(axis=1).mean() == pytest.approx(0.75, abs=0.1)
    column = np.searchsorted(found.attributor.classes_, truth)
    rows = np.arange(960)
    assert -np.log(tempered[rows, column]).mean() < -np.log(raw[rows, column]).mean()


def test_the_same_seed_gives_the_same_bits() -> None:
    rng = np.random.default_rng(0)
    names = np.array(["a", "b", "c"])[np.arange(60) % 3]
    points = (rng.normal(size=(60, 5)) + (np.arange(60) % 3)[:, None]).astype(np.float32)
    made = Preset("points", "linear", trials=({"strengths": (0.01,)}, {"strengths": (0.1,)}))
    one, two = (tuned(made, points, names, groups=np.arange(60), seed=3) for _ in range(2))
    assert one.predict_proba(points).tobytes() == two.predict_proba(points).tobytes()
    assert (one.heat, one.trials) == (two.heat, two.trials)


@pytest.mark.parametrize("count", [0, 3])
def test_images_of_which_none_can_be_held_out_are_refused(count: int) -> None:
    points, names = features(count)
    with pytest.raises(DataError, match="no generator has two images that can be told apart; expected two or more"):
        tuned(preset({}), points, names, groups=np.arange(count))


def test_one_group_cannot_be_divided() -> None:
    points, names = features(30)
    with pytest.raises(DataError, match="no generator has two images"):
        tuned(preset({}), points, names, groups=np.zeros(30, np.int64))
