"""What the faults of the released code do, where it is known beforehand."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from manifpt.attributors.linear import Linear
from manifpt.attributors.svm import SVM
from manifpt.errors import DataError
from manifpt.images import ImageSet
from manifpt.studies.answers import Answers
from manifpt.studies.faults import FAULTS, Effect, effects, faults

EACH = 40
MACHINE = Linear(calibration_folds=0)


def planted(strength: int = 0) -> ImageSet:
    """Noise, the same for reals and two generators, of which ``two`` may carry a checkerboard."""
    rng = np.random.default_rng(0)
    grey = rng.integers(64, 192, (6 * EACH, 8, 8, 3))
    generators = ["real"] * (4 * EACH) + ["one"] * EACH + ["two"] * EACH
    board = strength * (2 * (np.indices((8, 8)).sum(axis=0) % 2) - 1)
    grey[5 * EACH :] += board[..., None]
    return ImageSet.from_arrays(grey.astype(np.uint8), generators, roles=["reference"] * (3 * EACH) + [""] * (3 * EACH))


def by_fault(found: dict[str, Answers]) -> dict[str, Effect]:
    return {effect.fault: effect for effect in effects(found, resamples=200)}


@pytest.fixture(scope="module")
def noise() -> dict[str, Answers]:
    return faults("rgb", SVM(calibration_folds=0), planted())


def test_every_fault_is_asked_about_the_same_images_by_the_same_folds(noise: dict[str, Answers]) -> None:
    assert list(noise) == list(FAULTS) == ["none", "reals in reference", "neighbors in rgb", "clipped", "all"]
    for answers in noise.values():
        for name in ("paths", "truth", "groups", "runs"):
            np.testing.assert_array_equal(getattr(answers, name), getattr(noise["none"], name))
        assert len(answers.truth) == 3 * EACH


@pytest.mark.parametrize("fault", ["reals in reference", "all"])
def test_reals_in_the_reference_are_all_called_real_where_they_are_like_all_else(
    noise: dict[str, Answers], fault: str
) -> None:
    found = by_fault(noise)
    honest, given_away = found["none"].real_recall, found[fault].real_recall
    assert honest is not None
    assert given_away is not None
    assert honest.figure.low < 0.5
    assert given_away.figure.value == given_away.figure.low == 1
    assert given_away.gain.low > 0.3


def test_what_is_given_away_tells_no_generator_from_another(noise: dict[str, Answers]) -> None:
    found = by_fault(noise)
    honest, given_away = (found[name].among_generators.figure for name in ("none", "reals in reference"))
    # Chance is one of three as long as generated images are called real, and one of two once none is.
    assert honest.low < 1 / 3 < honest.high
    assert given_away.low < 1 / 2 < given_away.high


def test_searching_in_rgb_changes_no_answer_in_rgb(noise: dict[str, Answers]) -> None:
    np.testing.assert_array_equal(noise["neighbors in rgb"].probabilities, noise["none"].probabilities)
    gain = by_fault(noise)["neighbors in rgb"].balanced_accuracy.gain
    assert (gain.value, gain.low, gain.high) == (0, 0, 0)


def test_each_switch_reaches_the_answers_in_another_space() -> None:
    found = faults("freq", MACHINE, planted(20), splits=2)
    for name in set(FAULTS) - {"none"}:
        assert (found[name].probabilities != found["none"].probabilities).any(), name


def test_an_attributor_by_name_gets_the_seed_and_repetitions_are_runs() -> None:
    found = faults("rgb", "linear", planted(), splits=2, repeats=2, seed=3)
    assert {len(np.unique(answers.runs)) for answers in found.values()} == {4}
    assert len(found["none"].truth) == 2 * 3 * EACH


def answers(called: str, truth: str) -> Answers:
    """Answers given by initials: r is real, a and b are generators; two images are one group."""
    classes = np.array(["a", "b", "real"])
    table = np.eye(3)[["abr".index(letter) for letter in called]]
    names = np.array([{"a": "a", "b": "b", "r": "real"}[letter] for letter in truth])
    rows = np.arange(len(truth))
    return Answers(classes, rows.astype(np.str_), names, rows // 2, np.zeros(len(rows), np.int64), table)


def test_figures_are_those_counted_by_hand() -> None:
    truth = "aaaabbrrrrrr"
    found = by_fault({"none": answers("aaabbrrrraab", truth), "clipped": answers("aaaabarrrrrr", truth)})
    honest, clipped = found["none"], found["clipped"]
    assert honest.balanced_accuracy.figure.value == pytest.approx((3 / 4 + 1 / 2 + 3 / 6) / 3)
    assert clipped.balanced_accuracy.figure.value == pytest.approx((1 + 1 / 2 + 1) / 3)
    assert clipped.balanced_accuracy.gain.value == pytest.approx((1 / 4 + 0 + 1 / 2) / 3)
    assert honest.among_generators.figure.value == pytest.approx((3 / 4 + 1 / 2) / 2)
    assert clipped.among_generators.gain.value == pytest.approx(1 / 8)
    assert honest.real_recall is not None
    assert clipped.real_recall is not None
    assert honest.real_recall.figure.value == pytest.approx(1 / 2)
    assert clipped.real_recall.gain.value == pytest.approx(1 / 2)
    # The honest recalls of the three groups of reals are 1, 1/2 and 0: resamples of them reach both ends.
    assert (clipped.real_recall.gain.low, clipped.real_recall.gain.high) == (0, 1)


def test_a_set_without_reals_has_no_recall_of_reals() -> None:
    found = effects({"none": answers("aabb", "aabb")}, resamples=20)[0]
    assert found.real_recall is None
    assert found.among_generators == found.balanced_accuracy


def test_effects_are_json_able_and_the_same_twice(noise: dict[str, Answers]) -> None:
    one, two = (json.dumps([effect.record() for effect in effects(noise, resamples=50)]) for _ in range(2))
    assert one == two


def test_answers_that_cannot_be_compared_are_refused() -> None:
    honest = answers("aabb", "aabb")
    with pytest.raises(DataError, match=r"^there are answers for clipped; expected answers for 'none' among them"):
        effects({"clipped": honest})
    with pytest.raises(DataError, match=r"^the answers for 'clipped' are not about the same images"):
        effects({"none": honest, "clipped": replace(honest, paths=honest.paths[::-1])})
    with pytest.raises(DataError, match=r"^no answer is about a generated image"):
        effects({"none": answers("rr", "rr")})
